"""The memcached cache: one server, or a fleet."""

from __future__ import annotations

from polycache.backends.memcached.cache import MemcachedBackend, MemcachedCache, aiocache_key

__all__ = ["MemcachedBackend", "MemcachedCache", "aiocache_key"]
