"""The Redis cache: one server, a cluster, or sentinels; Redis, Valkey or Redict."""

from __future__ import annotations

from polycache.backends.redis.cache import RedisBackend, RedisCache

__all__ = ["RedisBackend", "RedisCache"]
