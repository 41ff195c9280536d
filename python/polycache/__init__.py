"""Caches for asyncio, over one core in Rust: in memory, on Redis and on memcached, with the same commands.

It has the interface of aiocache: write ``import polycache`` in its place.

Example:
    >>> from polycache import SimpleMemoryCache, cached
    >>> cache = SimpleMemoryCache(ttl=60)
    >>> await cache.set("key", "value")
    True
    >>> await cache.get("key")
    'value'

    >>> @cached(ttl=60)
    ... async def user(id: int) -> dict:
    ...     return await database.user(id)

When the source or the server is in trouble:
    >>> cache = RedisCache(ttl=60, grace="1h", fallback=True)  # stale values in place of errors, memory in place of Redis

Modules:
    base: ``BaseCache``, for caches of your own.
    backends: ``memory``, ``redis``, ``memcached``.
    serializers: ``JsonSerializer``, ``PickleSerializer``, ``MsgPackSerializer``, ``StringSerializer``, ``NullSerializer``; around
        another one ``ZstdSerializer``, ``Lz4Serializer``, ``SealedSerializer``, ``SignedSerializer``.
    plugins: ``TimingPlugin``, ``HitMissRatioPlugin``, ``BasePlugin`` for your own.
    lock: ``RedLock``, ``OptimisticLock``.
    decorators: ``cached``, ``cached_stampede``, ``multi_cached``, ``signature_key``.
    factory: ``Cache``, ``caches``.
    exceptions: the errors of commands.
"""

from __future__ import annotations

from polycache.backends.memcached import MemcachedBackend, MemcachedCache
from polycache.backends.memory import SimpleMemoryBackend, SimpleMemoryCache
from polycache.backends.redis import RedisBackend, RedisCache
from polycache.core.item import Item
from polycache.decorators import cached, cached_stampede, multi_cached, signature_key
from polycache.factory import CACHES as AIOCACHE_CACHES
from polycache.factory import Cache, caches
from polycache.settings import settings

__version__ = "0.1.0"

__all__ = [
    "AIOCACHE_CACHES",
    "Cache",
    "Item",
    "MemcachedBackend",
    "MemcachedCache",
    "RedisBackend",
    "RedisCache",
    "SimpleMemoryBackend",
    "SimpleMemoryCache",
    "__version__",
    "cached",
    "cached_stampede",
    "caches",
    "multi_cached",
    "settings",
    "signature_key",
]
