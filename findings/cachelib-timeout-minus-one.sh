#!/usr/bin/env bash
# cachelib 0.17.0 (behind Flask-Caching and Flask-Session): timeout=-1 is for ever on Redis and at once gone elsewhere.
#
# Expected: cachelib's documentation: "A timeout of 0 indicates that the cache never expires", the same for each
#   backend; of a negative timeout one expects that the entry is already over, as with Django and memcached.
# Seen: RedisCache keeps the entry without a TTL for ever; SimpleCache and FileSystemCache answer True and have nothing.
# Who meets it: a timeout computed as `expires - now` that has become negative: tests on SimpleCache forget it,
#   production on Redis keeps it for good.
# Instead: don't store when the computed timeout isn't positive.
source "$(dirname "$0")/lib.bash"

start_valkey
python_packages cachelib==0.17.0 redis==6.4.0
python_run "$port" "$tmp/files" <<'PYTHON'
import sys
import cachelib, redis

port, folder = int(sys.argv[1]), sys.argv[2]
caches = {
    "SimpleCache": cachelib.SimpleCache(),
    "FileSystemCache": cachelib.FileSystemCache(folder),
    "RedisCache": cachelib.RedisCache("127.0.0.1", port),
}
for name, cache in caches.items():
    seen = cache.set("k", "v", timeout=-1), cache.get("k")
    print(f"{name}: set(timeout=-1) {seen[0]}, then get {seen[1]!r}")
    assert seen == (True, "v" if name == "RedisCache" else None), seen
ttl = redis.Redis(port=port).ttl("k")
print("TTL on the server:", ttl)
assert ttl == -1
PYTHON
