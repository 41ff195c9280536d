#!/usr/bin/env bash
# Redis 8.2.3, Valkey 9.1.2: fields of a hash that have expired still count for HLEN and EXISTS, and keep SET NX out.
#
# Expected: the documentation of HEXPIRE: a field is deleted when its time to live is over, and a hash without fields doesn't
#   exist. A key that has expired is missing to every command at once, swept or not.
# Seen: until the server's sweep comes by, HGET, HEXISTS and HGETALL don't find the field, and HLEN counts it. A hash whose fields
#   have all expired is empty to HGETALL, and EXISTS says 1, SET NX does nothing. On Redis an HGET of the field deletes it, and of
#   the last one the key; on Valkey a read changes nothing.
# Who meets it: "how many sessions has this user" by HLEN and a limit that goes by it; EXISTS before HGETALL.
# Instead: count what HKEYS returns; a key for each entry where it must be gone in time.
source "$(dirname "$0")/lib.bash"

start_valkey --enable-debug-command yes
valkey_port=$port
start_redis --enable-debug-command yes
python_run "$valkey_port" "$port" <<'PYTHON'
import sys, time
from resp import Wire

def look(port):
    wire = Wire(port)
    wire.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)  # holds the sweep up, so that there is time to look
    wire.call("HSET", "some", "old", 1, "new", 2)
    wire.call("HSET", "all", "old", 1)
    wire.call("SET", "key", 1, "PX", 10)
    for name in ("some", "all"):
        wire.call("HPEXPIRE", name, 10, "FIELDS", 1, "old")
    time.sleep(0.1)
    seen = {
        "HGETALL some": wire.call("HGETALL", "some"), "HLEN some": wire.call("HLEN", "some"),
        "HGETALL all": wire.call("HGETALL", "all"), "EXISTS all": wire.call("EXISTS", "all"),
        "SET all v NX": wire.call("SET", "all", "v", "NX"), "EXISTS key": wire.call("EXISTS", "key"),
    }
    wire.call("HGET", "all", "old")
    seen["EXISTS all after HGET"] = wire.call("EXISTS", "all")
    wire.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)
    until = time.monotonic() + 30
    while wire.call("HLEN", "some") != "1" and time.monotonic() < until:
        time.sleep(0.05)
    seen["HLEN some after the sweep"] = wire.call("HLEN", "some")
    return seen

valkey, redis = look(sys.argv[1]), look(sys.argv[2])
print("Valkey 9.1.2:", valkey)
print("Redis 8.2.3: ", redis)
assert list(valkey.values()) == [{"new": "2"}, "2", {}, "1", None, "0", "1", "1"]
assert list(redis.values()) == [{"new": "2"}, "2", {}, "1", None, "0", "0", "1"]
PYTHON
