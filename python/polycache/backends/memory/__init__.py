"""The memory cache: Python objects in this process."""

from __future__ import annotations

from polycache.backends.memory.cache import SimpleMemoryBackend, SimpleMemoryCache

__all__ = ["SimpleMemoryBackend", "SimpleMemoryCache"]
