#!/usr/bin/env bash
# limits 5.8.0, aiocache 0.12.3, fastapi-cache2 0.2.2, @keyv/memcache 2.0.2: over 30 days on memcached is over at once.
#
# Expected: memcached takes an expiry of more than 30 days as a date (of 1970). A library whose TTL is always a duration, on
#   each of its backends, adds the time of day to it, as Django and cachelib do.
# Seen: with limits "2/year" and "2 per 2 months" allow everything on memcached, "2/month" (30 days) and the memory storage
#   don't. aiocache, fastapi-cache2 and Keyv store an entry for 31 days, say it is done, and a read at once is a miss.
# Who meets it: quotas per year or quarter that nobody is ever refused by, and no error tells; the change from Redis or memory
#   to memcached.
# Instead: TTLs of at most 30 days there, by a check of one's own; long quotas on Redis.
source "$(dirname "$0")/lib.bash"

start_memcached
python_packages limits==5.8.0 pymemcache==4.0.0 aiocache==0.12.3 fastapi-cache2==0.2.2 aiomcache==0.8.2 cachelib==0.17.0 \
  python-memcached==1.62 django==5.2.19 fastapi==0.125.0 pendulum==3.1.0
node_packages @keyv/memcache@2.0.2 keyv@5.6.0
python_run "$port" <<'PYTHON'
import asyncio, sys

import aiomcache, limits
from aiocache import Cache
from cachelib import MemcachedCache
from django.core.cache.backends.memcached import PyMemcacheCache
from fastapi_cache.backends.memcached import MemcachedBackend
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

port = int(sys.argv[1])
limited = {}
for storage in ("memory://", f"memcached://127.0.0.1:{port}"):
    limiter = FixedWindowRateLimiter(storage_from_string(storage))
    for limit in ("2 per month", "2 per 2 months", "2 per year"):
        hits = [limiter.hit(limits.parse(limit), "somebody") for _ in range(4)]
        limited[storage.split(":")[0], limit] = hits
        print(f"limits, {storage}, {limit}: allowed {hits}")
for (storage, limit), hits in limited.items():
    assert hits == ([True] * 4 if storage == "memcached" and limit != "2 per month" else [True, True, False, False])

days = 24 * 60 * 60

async def look():
    read = {}
    for lifetime in (30, 31):
        cache = Cache(Cache.MEMCACHED, endpoint="127.0.0.1", port=port)
        assert await cache.set("aiocache", "value", ttl=lifetime * days) is True
        backend = MemcachedBackend(aiomcache.Client("127.0.0.1", port))
        await backend.set("fastapi-cache2", b"value", lifetime * days)
        library = MemcachedCache([f"127.0.0.1:{port}"])
        library.set("cachelib", b"value", lifetime * days)
        django = PyMemcacheCache(f"127.0.0.1:{port}", {})
        django.set("django", b"value", lifetime * days)
        read[lifetime] = {
            "aiocache": await cache.get("aiocache"), "fastapi-cache2": await backend.get("fastapi-cache2"),
            "cachelib": library.get("cachelib"), "Django": django.get("django"),
        }
        print(f"{lifetime} days, read at once:", read[lifetime])
    return read

read = asyncio.run(look())
assert set(read[30].values()) <= {b"value", "value"} and None not in read[30].values()
assert [name for name, value in read[31].items() if value is None] == ["aiocache", "fastapi-cache2"]
PYTHON
node_run "$port" <<'NODE'
import assert from 'node:assert'
import { KeyvMemcache } from '@keyv/memcache'
import Keyv from 'keyv'

const keyv = new Keyv({ store: new KeyvMemcache(`127.0.0.1:${process.argv[2]}`) })
const seen = {}
for (const days of [30, 31]) seen[days] = [await keyv.set('key', 'value', days * 24 * 3600 * 1000), (await keyv.get('key')) ?? null]
console.log('@keyv/memcache, days: set, get', seen)
assert.deepEqual(seen, { 30: [true, 'value'], 31: [true, null] })
process.exit(0)
NODE
