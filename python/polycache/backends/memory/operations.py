"""The operations of the memory backend, over the native store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any

from polycache._native import Memory, Tags, Version
from polycache.backends.memory.view import MemoryView
from polycache.core.filling import Terms
from polycache.core.keys import SpacedKey, key_text
from polycache.core.renewing import Renewing
from polycache.core.sentinels import MISSING
from polycache.core.ttl import Seconds, native_ttl
from polycache.core.whole import read_delta, read_whole
from polycache.exceptions import InvalidInput


class MemoryOperations(Renewing):
    """The operations of memory. Each has taken effect when it is first awaited, and waits for nothing."""

    _memory: Memory
    _is_shared = False

    @property
    def _cache(self) -> MemoryView:
        """The stored entries, as a dict."""
        return MemoryView(self._memory)

    def _full_key(self, key: Any, namespace: str | None) -> Any:
        full = super()._full_key(key, namespace)
        space = self.namespace if namespace is None else namespace
        # A number counts by its text.
        is_spaced = space is not None and isinstance(full, str) and full.startswith(f"{space}")
        return SpacedKey.of(full, space) if is_spaced else full

    def _space(self, key: Any) -> str | None:
        """The namespace of a full key."""
        return key.space if isinstance(key, SpacedKey) else self.namespace

    def _place(self, key: Any) -> tuple[str, int]:
        """The text of a full key, and the length of what stands before its name in bytes, which `clear` needs."""
        text = key_text(key)
        prefix = self._prefix(self._space(key))
        return text, len(prefix.encode()) if prefix and text.startswith(prefix) else 0

    def _tags(self, key: Any) -> Tags | None:
        """The tags of what is stored under a full key."""
        return self._native_tags(self._space(key)) if self._tagging else None

    async def _get(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        return self._memory.get(key_text(key))

    async def _lookup(self, key: Any, encoding: str | None, _conn: Any) -> Any:
        if self._is_other("_get"):
            return await super()._lookup(key, encoding, _conn)
        return self._memory.get(key_text(key), MISSING)

    async def _multi_get(self, keys: Sequence[Any], encoding: str | None = "utf-8", _conn: Any = None) -> list[Any]:
        return self._memory.multi_get([key_text(key) for key in keys])

    async def _multi_lookup(self, keys: Sequence[Any], encoding: str | None, _conn: Any) -> list[Any]:
        if self._is_other("_multi_get"):
            return await super()._multi_lookup(keys, encoding, _conn)
        return self._memory.multi_get([key_text(key) for key in keys], MISSING)

    async def _set(self, key: Any, value: Any, ttl: Seconds = None, _cas_token: Any = None, _conn: Any = None) -> Any:
        if _cas_token is not None:
            return await self._cas(key, value, _cas_token, ttl=ttl, _conn=_conn) or 0
        (text, space), seconds = self._place(key), native_ttl(ttl)
        if seconds is not None and seconds < 0:
            self._memory.delete(text)
        else:
            self._memory.set(text, value, seconds, space, self._tags(key))
        return True

    async def _cas(self, key: Any, value: Any, token: Any, ttl: Seconds = None, _conn: Any = None) -> bool:
        (text, space), seconds = self._place(key), native_ttl(ttl)
        if not isinstance(token, Version):
            # The token is a value, as aiocache's own tokens are.
            present, version = self._memory.get_versioned(text)
            if present != token:
                return False
            token = version
        if seconds is not None and seconds < 0:
            # The new value would end at once, so the present one is deleted if it is unchanged.
            return self._memory.delete_if(text, token)
        return self._memory.cas(text, value, token, seconds, space, self._tags(key))

    async def _gets(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        value, version = self._memory.get_versioned(key_text(key), MISSING)
        return None if value is MISSING else version

    async def _versioned(self, key: Any, encoding: str | None, _conn: Any) -> tuple[Any, Any]:
        if self._is_other("_get") or self._is_other("_gets"):
            return await super()._versioned(key, encoding, _conn)
        return self._memory.get_versioned(key_text(key), MISSING)

    async def _multi_set(self, pairs: Sequence[tuple[Any, Any]], ttl: Seconds = None, _conn: Any = None) -> bool:
        seconds = native_ttl(ttl)
        stored = [(key_text(key), value) for key, value in pairs]
        if seconds is not None and seconds < 0:
            self._memory.multi_delete([key for key, _ in stored])
        elif stored:
            # All keys of a call are in one namespace.
            first = pairs[0][0]
            self._memory.multi_set(stored, seconds, self._place(first)[1], self._tags(first))
        return True

    async def _add(self, key: Any, value: Any, ttl: Seconds = None, _conn: Any = None) -> bool:
        (text, space), seconds = self._place(key), native_ttl(ttl)
        ends_at_once = seconds is not None and seconds < 0
        if not self._memory.add(text, value, None if ends_at_once else seconds, space, self._tags(key)):
            raise ValueError(f"Key {text} already exists, use .set to update the value")
        if ends_at_once:
            self._memory.delete(text)
        return True

    async def _exists(self, key: Any, _conn: Any = None) -> bool:
        return self._memory.exists(key_text(key))

    async def _increment(self, key: Any, delta: int, _conn: Any = None) -> int:
        number, (text, space) = read_delta(delta), self._place(key)
        return self._memory.increment(text, number, space)

    async def _expire(self, key: Any, ttl: Seconds, _conn: Any = None) -> bool:
        key, seconds = key_text(key), native_ttl(ttl)
        if seconds is not None and seconds < 0:
            return self._memory.delete(key)
        return self._memory.expire(key, seconds)

    async def _ttl(self, key: Any, _conn: Any = None) -> float | None:
        return self._memory.ttl(key_text(key))

    async def _delete(self, key: Any, _conn: Any = None) -> int:
        return int(self._memory.delete(key_text(key)))

    async def _multi_delete(self, keys: Iterable[Any], _conn: Any = None) -> int:
        if self._is_other("_delete"):
            return await super()._multi_delete(keys, _conn)
        return self._memory.multi_delete([key_text(key) for key in keys])

    async def _clear(self, namespace: str | None = None, _conn: Any = None) -> bool:
        self._memory.clear(self._prefix(namespace) or None)
        return True

    async def _clear_tag(self, prefix: str, tag: str) -> None:
        self._memory.clear_tag(prefix, tag)

    async def _scan(self, namespace: str | None, pattern: str) -> AsyncIterator[str]:
        for name in self._memory.scan(self._prefix(namespace), pattern):
            yield name

    def _native_fill(self, full: Any, compute: Callable[[], Awaitable[Any]], terms: Terms) -> Awaitable[Any]:
        text, space = self._place(full)
        return self._memory.get_or_set(text, compute, terms.ttl, space, terms.tags, terms.anew)

    def _native_fill_many(
        self, full: list[Any], compute: Callable[[list[str]], Awaitable[list[tuple[str, Any]]]], terms: Terms
    ) -> Awaitable[dict[str, Any]]:
        # All keys of a call are in one namespace.
        texts, space = [key_text(key) for key in full], self._place(full[0])[1]
        return self._memory.multi_get_or_set(texts, compute, terms.ttl, space, terms.tags, terms.anew)

    def _native_renew(self, full: Any, compute: Callable[[Any], Awaitable[Any]], terms: Terms) -> Awaitable[Any]:
        text, space = self._place(full)
        return self._memory.get_or_renew(text, compute, terms.ttl, space, terms.tags)

    def _loaded(self, full: Any, stored: Any) -> Any:
        return self._load_of(full, stored, None)

    def _dumped(self, full: Any, value: Any) -> Any:
        return self._dump_for(full, value, None)

    async def _raw(
        self, command: str, *args: Any, encoding: str | None = "utf-8", _conn: Any = None, **kwargs: Any
    ) -> Any:
        return self._cache.call(command, *args, **kwargs)

    async def _redlock_release(self, key: Any, value: Any) -> int:
        key = key_text(key)
        present, version = self._memory.get_versioned(key, MISSING)
        return int(present is not MISSING and present == value and self._memory.delete_if(key, version))

    async def _redlock_renew(self, key: Any, value: Any, ttl: float) -> bool:
        text, space = self._place(key)
        present, version = self._memory.get_versioned(text, MISSING)
        return present is not MISSING and present == value and self._memory.cas(text, value, version, ttl, space)


def bounds(max_size: int | str | None, max_memory: int | str | None) -> dict[str, int]:
    """The bounds of a store, which a URL gives as text.

    Raises:
        InvalidInput: A bound below 1, or what is no number.
    """
    given = {"max_size": max_size, "max_memory": max_memory}
    found = {name: read_whole(name, bound) for name, bound in given.items() if bound is not None}
    for name, bound in found.items():
        if bound < 1:
            raise InvalidInput(f"a {name} of {bound}: it has to be above 0")
    return found
