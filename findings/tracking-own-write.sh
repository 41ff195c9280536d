#!/usr/bin/env bash
# Redis 8.2.3 and Valkey 9.1.2, CLIENT TRACKING with NOLOOP: an own SET ends the tracking of the key without a word.
#
# Expected: the documentation of CLIENT TRACKING: NOLOOP means "don't send notifications about keys modified by this
#   connection itself". The connection read the key, so one expects it to be told of the next write by somebody else.
# Seen: A reads k, A sets k (no push, as told), B sets k: no push to A either. The own write took k off the table; A
#   must read it again to be told. It is the same without NOLOOP (one push, for the own write alone).
# Who meets it: a client-side cache that puts what it has just written into its own memory: the entry stays there, old,
#   for good.
# Instead: after an own write drop the local entry, or read the key once more on the tracking connection.
source "$(dirname "$0")/lib.bash"

start_valkey
valkey_port=$port
start_redis
python_run "$valkey_port" "$port" <<'PYTHON'
import sys
from resp import Wire

def told(port, reads_again):
    a, b = Wire(port), Wire(port)
    b.call("SET", "k", "1")
    a.call("CLIENT", "TRACKING", "ON", "NOLOOP")
    a.call("GET", "k")
    a.call("SET", "k", "own")
    if reads_again:
        a.call("GET", "k")
    b.call("SET", "k", "other")
    return a.told()

for name, port in zip(("Valkey 9.1.2", "Redis 8.2.3"), sys.argv[1:]):
    seen = told(port, False), told(port, True)
    print(f"{name}: pushed for B's write after A's own SET: {seen[0]}; after A's own SET and GET: {seen[1]}")
    assert seen == ([], [["k"]]), seen
PYTHON
