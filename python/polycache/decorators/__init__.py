"""Decorators that cache the results of coroutine functions: ``cached``, ``cached_stampede``, ``multi_cached``."""

from __future__ import annotations

from polycache.decorators.base import _get_cache
from polycache.decorators.cached import cached
from polycache.decorators.function import BoundCachedFunction, CachedFunction
from polycache.decorators.keys import signature_key
from polycache.decorators.multi import multi_cached
from polycache.decorators.stampede import cached_stampede
from polycache.lock import RedLock

__all__ = [
    "BoundCachedFunction",
    "CachedFunction",
    "RedLock",
    "_get_cache",
    "cached",
    "cached_stampede",
    "multi_cached",
    "signature_key",
]
