#!/usr/bin/env bash
# Redis 8.2.3, Valkey 9.1.2: the volatile-* policies evict no hash whose fields have a TTL: memory is full and writes fail.
#
# Expected: the documentation: volatile-ttl and its sisters evict among what has an expiration set, "ideal when you use one
#   instance for both caching and a set of persistent keys". HSETEX and HEXPIRE set expirations.
# Seen: only a TTL of the whole key counts. A memory full of hashes in which every field expires is full: SET and HSETEX are
#   OOM errors, nothing is evicted, though INFO knows of each of these hashes. One EXPIRE of the key makes it evictable.
# Who meets it: who moves a cache from keys with a TTL to fields with a TTL.
# Instead: an allkeys-* policy, or a TTL on the hash beside those of its fields (at least the longest of them).
source "$(dirname "$0")/lib.bash"

start_valkey
valkey_port=$port
start_redis
python_run "$valkey_port" "$port" <<'PYTHON'
import sys
from resp import Wire

def used(wire):
    wire.call("HELLO", 2)
    return next(int(line.split(":")[1]) for line in wire.call("INFO", "memory").split() if line.startswith("used_memory:"))

for name, port in zip(("Valkey 9.1.2", "Redis 8.2.3"), sys.argv[1:]):
    wire = Wire(port)
    for policy in ("volatile-ttl", "volatile-lru", "volatile-lfu", "volatile-random"):
        wire.call("FLUSHALL")
        wire.call("CONFIG", "SET", "maxmemory", 0, "maxmemory-policy", policy)
        for n in range(300):
            wire.call("HSETEX", f"h{n}", "EX", 1000, "FIELDS", 1, "field", "x" * 5000)
        wire.call("CONFIG", "SET", "maxmemory", used(wire) - 100000)
        plain = wire.call("SET", "new", "x" * 10000), wire.call("HSETEX", "h0", "EX", 10, "FIELDS", 1, "more", "x" * 10000)
        left = wire.call("DBSIZE")
        for n in range(300):
            wire.call("EXPIRE", f"h{n}", 1000)
        again, after = wire.call("SET", "new", "x" * 10000), wire.call("DBSIZE")
        print(f"{name}, {policy}: {plain}, {left} hashes; after EXPIRE: {again}, {after} keys")
        assert all(str(answer).startswith("OOM") for answer in plain) and left == "300"
        assert again == "OK" and int(after) < 300
PYTHON
