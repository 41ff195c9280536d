"""The operations of the caches on servers, over the native client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from polycache._native import Server, Version
from polycache.backends.server.codec import from_bytes, to_bytes
from polycache.core.filling import NativeFill
from polycache.core.keys import key_text
from polycache.core.sentinels import MISSING
from polycache.core.state import encoding_of
from polycache.core.ttl import Seconds, native_ttl


class ServerOperations(NativeFill):
    """The operations of a server. Each takes one round trip, unless it says otherwise."""

    _server: Server

    def _connect(self) -> Server:
        """A client, which contacts no server before its first command."""
        raise NotImplementedError

    def _key(self, key: Any) -> str:
        """The text of a full key."""
        return key_text(key)

    def _seconds(self, ttl: Seconds) -> float | None:
        """The TTL for the server; one below 0 has ended already."""
        return native_ttl(ttl)

    async def _get(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        data = await self._server.get(self._key(key))
        return None if data is None else from_bytes(data, encoding)

    async def _multi_get(self, keys: Sequence[Any], encoding: str | None = "utf-8", _conn: Any = None) -> list[Any]:
        if not keys:
            return []
        found = await self._server.multi_get([self._key(key) for key in keys])
        return [None if data is None else from_bytes(data, encoding) for data in found]

    async def _set(self, key: Any, value: Any, ttl: Seconds = None, _cas_token: Any = None, _conn: Any = None) -> Any:
        if _cas_token is not None:
            return await self._cas(key, value, _cas_token, ttl=ttl, _conn=_conn) or 0
        text, seconds = self._key(key), self._seconds(ttl)
        if seconds is not None and seconds < 0:
            await self._server.delete(text)
        else:
            await self._server.set(text, to_bytes(value), seconds)
        return True

    async def _cas(self, key: Any, value: Any, token: Any, ttl: Seconds = None, _conn: Any = None) -> bool:
        text, seconds = self._key(key), self._seconds(ttl)
        if not isinstance(token, Version):
            # The token is a value, as aiocache's own tokens are: two round trips.
            present, token_now = await self._server.get_versioned(text)
            if present != to_bytes(token):
                return False
            token = token_now
        if seconds is not None and seconds < 0:
            # The new value would end at once, so the present one is deleted if it is unchanged.
            return await self._server.delete_if(text, token)
        return await self._server.cas(text, to_bytes(value), token, seconds)

    async def _gets(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        data, version = await self._server.get_versioned(self._key(key))
        return None if data is None else version

    async def _versioned(self, key: Any, encoding: str | None, _conn: Any) -> tuple[Any, Any]:
        if self._is_other("_get") or self._is_other("_gets"):
            return await super()._versioned(key, encoding, _conn)
        data, version = await self._server.get_versioned(self._key(key))
        return (MISSING if data is None else from_bytes(data, encoding)), version

    async def _multi_set(self, pairs: Sequence[tuple[Any, Any]], ttl: Seconds = None, _conn: Any = None) -> bool:
        stored = [(self._key(key), to_bytes(value)) for key, value in pairs]
        seconds = self._seconds(ttl)
        if not stored:
            return True
        if seconds is not None and seconds < 0:
            await self._server.multi_delete([key for key, _ in stored])
        else:
            await self._server.multi_set(stored, seconds)
        return True

    async def _add(self, key: Any, value: Any, ttl: Seconds = None, _conn: Any = None) -> bool:
        text, seconds = self._key(key), self._seconds(ttl)
        data = to_bytes(value)
        if seconds is not None and seconds < 0:
            added = not await self._server.exists(text)
        else:
            added = await self._server.add(text, data, seconds)
        if not added:
            raise ValueError(f"Key {key} already exists, use .set to update the value")
        return True

    async def _exists(self, key: Any, _conn: Any = None) -> bool:
        return await self._server.exists(self._key(key))

    async def _increment(self, key: Any, delta: int, _conn: Any = None) -> int:
        if not isinstance(delta, int):
            raise TypeError(f"a delta of {delta!r} is not an integer")
        return await self._server.increment(self._key(key), delta)

    async def _expire(self, key: Any, ttl: Seconds, _conn: Any = None) -> bool:
        text, seconds = self._key(key), self._seconds(ttl)
        if seconds is not None and seconds < 0:
            return await self._server.delete(text)
        return await self._server.expire(text, seconds)

    async def _ttl(self, key: Any, _conn: Any = None) -> float | None:
        return await self._server.ttl(self._key(key))

    async def _delete(self, key: Any, _conn: Any = None) -> int:
        return int(await self._server.delete(self._key(key)))

    async def _multi_delete(self, keys: Iterable[Any], _conn: Any = None) -> int:
        if self._is_other("_delete"):
            return await super()._multi_delete(keys, _conn)
        texts = [self._key(key) for key in keys]
        return await self._server.multi_delete(texts) if texts else 0

    def _native_fill(
        self, full: Any, compute: Callable[[], Awaitable[Any]], ttl: float | None, lease: float, timeout: float | None
    ) -> Awaitable[Any]:
        return self._server.get_or_set(self._key(full), compute, ttl, lease, timeout)

    def _loaded(self, stored: Any) -> Any:
        return self._load(from_bytes(stored, encoding_of(self._serializer)), None)

    def _dumped(self, value: Any) -> Any:
        return to_bytes(self._dump(value, None))

    async def _redlock_release(self, key: Any, value: Any) -> int:
        text = self._key(key)
        present, version = await self._server.get_versioned(text)
        return int(present == to_bytes(value) and await self._server.delete_if(text, version))

    async def _redlock_renew(self, key: Any, value: Any, ttl: float) -> bool:
        text, data = self._key(key), to_bytes(value)
        present, version = await self._server.get_versioned(text)
        return present == data and await self._server.cas(text, data, version, ttl)

    async def _close(self, *args: Any, _conn: Any = None, **kwargs: Any) -> None:
        closing = self._server
        self._server = self._connect()
        await closing.close()
