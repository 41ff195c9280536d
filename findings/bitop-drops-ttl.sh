#!/usr/bin/env bash
# Redis 8.2.3, Valkey 9.1.2: BITOP into one of its own sources drops the TTL, PFMERGE keeps it.
#
# Expected: the documentation of EXPIRE: a TTL is cleared by commands that delete or overwrite the contents: DEL, SET, GETSET
#   and the *STORE commands; those that alter the value leave it. BITOP isn't named, and `BITOP OR day day hour` looks like an
#   alteration, as `PFMERGE day day hour` does.
# Seen: BITOP stores a new value without a TTL, also where the destination is among its sources. PFMERGE, the same for
#   HyperLogLogs, keeps the destination's, as SETBIT, BITFIELD and SETRANGE do.
# Who meets it: "active today" as a bitmap into which each hour is merged and which was to go after a week: it stays for good.
# Instead: EXPIREAT with the day's own end after each BITOP, both in one MULTI.
source "$(dirname "$0")/lib.bash"

start_valkey
valkey_port=$port
start_redis
python_run "$valkey_port" "$port" <<'PYTHON'
import sys
from resp import Wire

changes = {
    "BITOP OR k k hour": ("SETBIT", "k", 1, 1),
    "BITOP AND k k hour": ("SETBIT", "k", 3, 1),
    "SETBIT k 5 1": ("SETBIT", "k", 1, 1),
    "BITFIELD k SET u8 0 7": ("SETBIT", "k", 1, 1),
    "SETRANGE k 0 x": ("SETBIT", "k", 1, 1),
    "PFMERGE k k users": ("PFADD", "k", "a"),
}
for name, port in zip(("Valkey 9.1.2", "Redis 8.2.3"), sys.argv[1:]):
    wire = Wire(port)
    wire.call("SETBIT", "hour", 3, 1)
    wire.call("PFADD", "users", "b")
    left = {}
    for change, first in changes.items():
        wire.call("DEL", "k")
        wire.call(*first)
        wire.call("EXPIRE", "k", 1000)
        wire.call(*change.split())
        left[change] = int(wire.call("TTL", "k"))
    print(f"{name}, seconds left (-1: no TTL): {left}")
    assert all(left[change] == -1 if change.startswith("BITOP") else left[change] > 900 for change in changes), left
PYTHON
