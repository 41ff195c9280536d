"""The memory cache: Python objects in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from polycache._native import Memory
from polycache.backends.memory_view import MemoryView
from polycache.core.keys import key_text
from polycache.core.memory_path import MemoryPath
from polycache.core.patterns import matcher
from polycache.core.sentinels import MISSING
from polycache.core.ttl import native_ttl
from polycache.serializers import NullSerializer

__all__ = ["SimpleMemoryBackend", "SimpleMemoryCache"]
