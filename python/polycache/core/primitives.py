"""The operations of a backend: the methods that a cache of your own overrides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, NoReturn

from polycache.core.sentinels import MISSING


class Primitives:
    """The operations of a backend, on full keys and serialized values. Each command calls one of them.

    A cache of your own overrides the operations that it has: ``_get``, ``_multi_get``, ``_set``, ``_multi_set``, ``_add``,
    ``_delete``, ``_exists``, ``_increment``, ``_expire``, ``_clear``, ``_raw``, ``_close``; ``_redlock_release`` for locks, ``_gets``
    and ``_set`` with a ``_cas_token`` for optimistic ones. The others are implemented by these.
    """

    def _lacks(self, what: str) -> NoReturn:
        raise NotImplementedError(f"{type(self).__qualname__} has no {what}")

    async def _add(self, key: Any, value: Any, ttl: Any = None, _conn: Any = None) -> Any:
        """Stores the value unless the key is there: then it is a ``ValueError``."""
        self._lacks("_add")

    async def _get(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        """The stored value, as text if there is an encoding; ``None`` if there is none."""
        self._lacks("_get")

    async def _gets(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        """A token of the key's present value for ``_set``; ``None`` if there is none."""
        self._lacks("_gets")

    async def _multi_get(self, keys: Sequence[Any], encoding: str | None = "utf-8", _conn: Any = None) -> Sequence[Any]:
        """The stored values in the order of the keys."""
        self._lacks("_multi_get")

    async def _set(self, key: Any, value: Any, ttl: Any = None, _cas_token: Any = None, _conn: Any = None) -> Any:
        """Stores the value; with a token, only if the key still has the token's value: otherwise the result is 0."""
        self._lacks("_set")

    async def _multi_set(self, pairs: Sequence[tuple[Any, Any]], ttl: Any = None, _conn: Any = None) -> Any:
        """Stores the pairs of a key and a value."""
        self._lacks("_multi_set")

    async def _delete(self, key: Any, _conn: Any = None) -> int:
        """Deletes the key. Returns the number of keys deleted."""
        self._lacks("_delete")

    async def _exists(self, key: Any, _conn: Any = None) -> bool:
        """Whether the key is there."""
        self._lacks("_exists")

    async def _increment(self, key: Any, delta: int, _conn: Any = None) -> int:
        """Adds to a number, and returns the sum; a missing one begins at 0."""
        self._lacks("_increment")

    async def _expire(self, key: Any, ttl: Any, _conn: Any = None) -> bool:
        """Sets the TTL, or removes it if ``ttl`` is 0. False if there is no such key."""
        self._lacks("_expire")

    async def _clear(self, namespace: str | None = None, _conn: Any = None) -> Any:
        """Deletes the keys in the namespace, or all."""
        self._lacks("_clear")

    async def _raw(self, command: str, *args: Any, **kwargs: Any) -> Any:
        """Sends a command to the backend as it is."""
        self._lacks("_raw")

    async def _redlock_release(self, key: Any, value: Any) -> int:
        """Deletes the key if it has this value."""
        self._lacks("_redlock_release")

    async def _redlock_renew(self, key: Any, value: Any, ttl: float) -> bool:
        """Gives the key another TTL if it has this value. By default in two steps."""
        return bool(await self._get(key) == value and await self._expire(key, ttl))

    async def _close(self, *args: Any, _conn: Any = None, **kwargs: Any) -> Any:
        """Releases what the backend holds. By default nothing."""

    async def _ttl(self, key: Any, _conn: Any = None) -> float | None:
        """The seconds until the key's end, ``None`` for no end. Raises ``KeyError`` if there is no such key."""
        self._lacks("_ttl")

    def _lease(self, seconds: float) -> float:
        """The TTL of a lock that is to live for at least this many seconds."""
        return seconds

    def _for_locks(self) -> Any:
        """The cache for entries that are locks. By default this one."""
        return self

    def _scan(self, namespace: str | None, pattern: str) -> AsyncIterator[str]:
        """The keys in the namespace, without it, whose names match the pattern."""
        self._lacks("_scan")

    async def _multi_delete(self, keys: Iterable[Any], _conn: Any = None) -> int:
        """Deletes the keys. By default one after the other."""
        return sum([await self._delete(key, _conn=_conn) for key in keys])

    async def _cas(self, key: Any, value: Any, token: Any, ttl: Any = None, _conn: Any = None) -> bool:
        """Stores the value if the key still has the version ``token``. By default by ``_set``."""
        return bool(await self._set(key, value, ttl=ttl, _cas_token=token, _conn=_conn))

    async def _lookup(self, key: Any, encoding: str | None, _conn: Any) -> Any:
        """``_get``, telling a miss (``MISSING``) from a value that is ``None``, if the backend can."""
        value = await self._get(key, encoding=encoding, _conn=_conn)
        return MISSING if value is None else value

    async def _multi_lookup(self, keys: Sequence[Any], encoding: str | None, _conn: Any) -> list[Any]:
        """``_multi_get``, with ``MISSING`` for misses."""
        values = await self._multi_get(keys, encoding=encoding, _conn=_conn)
        return [MISSING if value is None else value for value in values]

    async def _versioned(self, key: Any, encoding: str | None, _conn: Any) -> tuple[Any, Any]:
        """The stored value or ``MISSING``, and the version that `_cas` takes."""
        token = await self._gets(key, encoding=encoding, _conn=_conn)
        return await self._lookup(key, encoding, _conn), token
