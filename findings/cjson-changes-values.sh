#!/usr/bin/env bash
# Redis 8.2.3, Valkey 9.1.2, cjson in scripts: JSON that is decoded and encoded again has other numbers, and no empty lists.
#
# Expected: the servers' documentation of the Lua API: cjson converts JSON to Lua values and back. One takes what a script
#   doesn't touch for unchanged.
# Seen: numbers are written with 14 digits: the id 1234567890123456 becomes 1.2345678901235e+15, an amount of 1234567890123.45
#   becomes 1234567890123.4, 3.141592653589793 becomes 3.1415926535898, though Lua itself holds all of these. [] becomes {}.
# Who meets it: a script that changes one field of a cached JSON object. Whoever reads an integer there then gets an error
#   (serde_json: invalid type: floating point), or the id of somebody else.
# Instead: ids as text; a hash with a field for each property; or read, change and compare-and-set in the client.
source "$(dirname "$0")/lib.bash"

start_valkey
valkey_port=$port
start_redis
python_run "$valkey_port" "$port" <<'PYTHON'
import json, sys
from resp import Wire

script = """
local entry = cjson.decode(redis.call('GET', KEYS[1]))
entry.visits = entry.visits + 1
redis.call('SET', KEYS[1], cjson.encode(entry))
"""
entry = dict(visits=1, id=1234567890123456, amount=1234567890123.45, ratio=3.141592653589793, tags=[], text="1234567890123456")
for name, port in zip(("Valkey 9.1.2", "Redis 8.2.3"), sys.argv[1:]):
    wire = Wire(port)
    wire.call("SET", "k", json.dumps(entry))
    wire.call("EVAL", script, 1, "k")
    text = wire.call("GET", "k")
    seen = json.loads(text)
    print(f"{name}: {json.dumps(entry)}\n  became {text}")
    changed = dict(visits=2, id=1234567890123500.0, amount=1234567890123.4, ratio=3.1415926535898, tags={})
    assert seen == entry | changed, seen
    assert isinstance(seen["id"], float)
PYTHON
