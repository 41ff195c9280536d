#!/usr/bin/env bash
# aiocache 0.12.3: clear() of a cache with a namespace deletes the whole database; clear(namespace=...) in memory
# deletes other namespaces.
#
# Expected: aiocache's documentation: namespace is a "string to use as default prefix for the key used in all operations
#   of the backend", and clear() takes a namespace too; so clear() of a cache with one is expected to clear that one.
# Seen: Cache(namespace="users").clear() is FLUSHDB on Redis: sessions, locks and other programs' keys are gone. Only
#   clear(namespace="users") is limited, and in memory that takes every key which starts with the text: `users2` as
#   well.
# Who meets it: everybody who gives a namespace so as to share a Redis database.
# Instead: clear(namespace=cache.namespace) on Redis; namespaces that end in a character which no name has.
source "$(dirname "$0")/lib.bash"

start_valkey
python_packages aiocache==0.12.3 redis==6.4.0
python_run "$port" <<'PYTHON'
import asyncio, sys
import redis
from aiocache import RedisCache, SimpleMemoryCache

plain = redis.Redis(port=int(sys.argv[1]), decode_responses=True)

async def main():
    cache = RedisCache(endpoint="127.0.0.1", port=int(sys.argv[1]), namespace="users")
    for clear in (cache.clear, lambda: cache.clear(namespace="users")):
        plain.set("another program's", "value")
        await cache.set("k", 1)
        before = sorted(plain.keys())
        await clear()
        print("Redis, before:", before, "after:", plain.keys())
        assert plain.keys() == ([] if clear == cache.clear else ["another program's"])
    await cache.close()
    memory = SimpleMemoryCache()
    await memory.set("k", 1, namespace="users")
    await memory.set("k", 1, namespace="users2")
    await memory.clear(namespace="users")
    left = await memory.get("k", namespace="users2")
    print("memory, after clear(namespace='users'): users2 has", left)
    assert left is None

asyncio.run(main())
PYTHON
