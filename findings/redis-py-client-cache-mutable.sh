#!/usr/bin/env bash
# redis-py 8.1.0: the client-side cache keeps the very list that the miss returned; who changes it changes what others
# read.
#
# Expected: redis-py's documentation: with cache_config the client keeps replies until the server invalidates them. A
#   reply is expected to be the caller's own, as it is without the cache.
# Seen: hits return copies, but the caller of the miss holds the cached object itself. After its reply.append("x") every
#   later read in the process has "x" too, the server doesn't, and nothing corrects it until the key is written.
# Who meets it: reply.pop(), reply.sort(), reply.update(...) on what a command returned, harmless before the cache was
#   switched on.
# Instead: list(reply) and dict(reply) before changing.
source "$(dirname "$0")/lib.bash"

start_redis
python_packages redis==8.1.0
python_run "$port" <<'PYTHON'
import sys
import redis
from redis.cache import CacheConfig

port = int(sys.argv[1])
plain = redis.Redis(port=port, decode_responses=True)
cached = redis.Redis(port=port, decode_responses=True, protocol=3, cache_config=CacheConfig())
plain.rpush("list", "a")
plain.hset("hash", "field", "value")
for client, name in ((plain, "without"), (cached, "with")):
    client.lrange("list", 0, -1).append("x")  # the first read of each: a miss
    client.hgetall("hash")["field"] = "changed"
    seen = client.lrange("list", 0, -1), client.hgetall("hash")
    print(f"{name} the cache, after the caller changed its replies: {seen}")
    assert seen == ((["a", "x"], {"field": "changed"}) if client is cached else (["a"], {"field": "value"})), seen
PYTHON
