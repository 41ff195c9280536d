#!/usr/bin/env bash
# Redis 8.2.3 and Valkey 9.1.2: GETEX, SET ... GET, GETSET and INCR return a value and aren't tracked; STRLEN, TTL and
# OBJECT are.
#
# Expected: the documentation of client-side caching: the server "remembers what keys were requested". A command that
#   returns a key's value is expected to count.
# Seen: only commands without the write flag count. After GETEX k (even bare, which changes nothing) another client's
#   SET pushes nothing; after OBJECT ENCODING k, TTL k or STRLEN k it does.
# Who meets it: a client-side cache with sliding expiry (GETEX k EX 60) or with counters from INCR: their entries are
#   never invalidated.
# Instead: GET and EXPIRE, in one pipeline, on the tracking connection.
source "$(dirname "$0")/lib.bash"

start_valkey
valkey_port=$port
start_redis
python_run "$valkey_port" "$port" <<'PYTHON'
import sys
from resp import Wire

tracked = ["GET k", "OBJECT ENCODING k", "TTL k", "STRLEN k", "TYPE k", "EXISTS k"]
untracked = ["GETEX k", "GETEX k EX 60", "SET k 5 GET", "GETSET k 5", "INCR k", "SCAN 0"]
for name, port in zip(("Valkey 9.1.2", "Redis 8.2.3"), sys.argv[1:]):
    seen = {}
    for command in tracked + untracked:
        a, b = Wire(port), Wire(port)
        b.call("SET", "k", "1")
        a.call("CLIENT", "TRACKING", "ON")
        reply = a.call(*command.split())
        a.told()
        b.call("SET", "k", "2")
        seen[command] = a.told() == [["k"]]
        print(f"{name}: {command} answers {reply!r}; another's SET is pushed: {seen[command]}")
    assert seen == {command: command in tracked for command in tracked + untracked}
PYTHON
