"""The entries of a memory cache, as a dict: for ``raw`` and for tests that look inside."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from polycache._native import Memory
from polycache.core.sentinels import MISSING


class MemoryView(MutableMapping[str, Any]):
    """The stored values by full key. A value that is written here has no TTL."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def __getitem__(self, key: str) -> Any:
        value = self._memory.get(key, MISSING)
        if value is MISSING:
            raise KeyError(key)
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self._memory.set(key, value)

    def __delitem__(self, key: str) -> None:
        if not self._memory.delete(key):
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.copy())

    def __len__(self) -> int:
        return len(self.copy())

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._memory.exists(key)

    def __repr__(self) -> str:
        return repr(self.copy())

    def clear(self) -> None:
        """Deletes everything."""
        self._memory.clear(None)

    def copy(self) -> dict[str, Any]:
        """A dict of the present values."""
        keys = self._memory.keys()
        values = self._memory.multi_get(keys, MISSING)
        return {key: value for key, value in zip(keys, values, strict=True) if value is not MISSING}

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Calls the dict's method of this name.

        Raises:
            AttributeError: A dict has no such method.
        """
        if method in ("keys", "values", "items") or not hasattr(self, method):
            return getattr(self.copy(), method)(*args, **kwargs)
        return getattr(self, method)(*args, **kwargs)
