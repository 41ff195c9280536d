#!/usr/bin/env bash
# Redis 8.2.3, Valkey 9.1.2: with an LFU policy RENAME makes the key that is read most as evictable as one never read.
#
# Expected: the documentation of EXPIRE: a key overwritten by RENAME inherits all the characteristics of the other. SET and
#   GETSET of a hot key, which put another value into it, leave its frequency as it is.
# Seen: after RENAME, COPY and MOVE the counter is 5, that of a new key, whichever of the two keys was read thousands of
#   times. SET, GETSET, SETEX, MSET and *STORE of the same key keep it.
# Who meets it: a new value built under another name and put in place by RENAME: each refresh makes the hottest entries the
#   first to go when memory is full.
# Instead: SET over the old value, or SUNIONSTORE key new and DEL new in one MULTI for what has to be built in parts.
source "$(dirname "$0")/lib.bash"

start_valkey --maxmemory-policy allkeys-lfu --lfu-decay-time 0
valkey_port=$port
start_redis --maxmemory-policy allkeys-lfu --lfu-decay-time 0
python_run "$valkey_port" "$port" <<'PYTHON'
import sys
from resp import Wire

changes = [
    "SET hot new", "SETEX hot 1000 new", "GETSET hot new", "MSET hot new other x", "SUNIONSTORE hot set",
    "RENAME built hot", "RENAME hot other", "COPY hot other", "MOVE hot 1",
]
for name, port in zip(("Valkey 9.1.2", "Redis 8.2.3"), sys.argv[1:]):
    wire = Wire(port)
    seen = {}
    for change in changes:
        wire.call("FLUSHALL")
        wire.call("SADD", "set", "member")
        for key in ("hot", "built"):
            wire.call("SET", key, "old")
        for _ in range(3000):
            wire.call("GET", "hot")
        before = int(wire.call("OBJECT", "FREQ", "hot"))
        assert before > 10, before
        answer = wire.call(*change.split())
        assert not isinstance(answer, Exception), answer
        if change.startswith("MOVE"):
            wire.call("SELECT", 1)
        key = "other" if change in ("RENAME hot other", "COPY hot other") else "hot"
        after = int(wire.call("OBJECT", "FREQ", key))
        wire.call("SELECT", 0)
        seen[change] = f"{before} -> {after}"
        assert after == 5 if change.split()[0] in ("RENAME", "COPY", "MOVE") else after >= before, (change, before, after)
    print(f"{name}, OBJECT FREQ before and after:", seen)
PYTHON
