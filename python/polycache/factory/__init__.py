"""Making caches: ``Cache`` by class or URL, ``caches`` by the names of a configuration."""

from __future__ import annotations

from polycache.factory.aliases import CacheHandler, caches
from polycache.factory.cache import CACHES, Cache
from polycache.factory.parts import _class_from_string, _create_cache

__all__ = ["CACHES", "Cache", "CacheHandler", "_class_from_string", "_create_cache", "caches"]
