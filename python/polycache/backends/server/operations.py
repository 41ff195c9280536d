"""The operations of the caches on servers, over the native client."""

from __future__ import annotations

import weakref
from asyncio import CancelledError, Future
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Self, TypeVar, cast

from polycache._native import Server, Tags, Version, abandon
from polycache.core.filling import Terms
from polycache.core.keys import SpacedKey, key_text
from polycache.core.renewing import Renewing
from polycache.core.sentinels import MISSING
from polycache.core.trouble import Pending
from polycache.core.ttl import Seconds, native_ttl
from polycache.core.whole import read_delta
from polycache.serializers.stored import encoding_of, from_bytes, to_bytes

T = TypeVar("T")


async def ended(call: Future[T]) -> T:
    """The result of a call. When the caller is cancelled the call ends: what isn't sent yet never is."""
    try:
        return await call
    except CancelledError:
        abandon(call)
        raise


class ServerOperations(Renewing):
    """The operations of a server. Each takes one round trip, unless it says otherwise."""

    _server: Server

    _OWN = frozenset(
        {
            "_made",
            "_stock",
            "_server",
            "_owner",
            "_views",
            "_fast",
            "_is_near",
            "_objects",
            "_objects_by",
            "_fast_limit",
            "_lane",
            "_write_lane",
            "_asks",
            "_is_text",
            "_fast_prefix",
            "_fast_ttl",
            "_encode",
            "_decode",
        }
    )

    #: Whose connections this view has.
    _owner: ServerOperations | None = None
    #: The views that have this cache's connections.
    _views: weakref.WeakSet[ServerOperations] | None = None

    def _open(self) -> None:
        self._server = self._connect()

    def _connect(self) -> Server:
        """A client, which contacts no server before its first command."""
        raise NotImplementedError

    def _around_server(self) -> dict[str, Any]:
        """What the client is to put around the server."""
        return {"settings": self._native_settings(), **self._guards}

    def __copy__(self) -> Self:
        """A view of the same connections, so that closing one of the two leaves none to the other that are closed."""
        other = self._alone()
        other._look_at(self)
        other._changed()
        return other

    def _alone(self) -> Self:
        """A copy that isn't told when the connections are new ones."""
        return super().__copy__()

    def _look_at(self, cache: Any) -> None:
        owner = cache._owner or cache
        if owner._views is None:
            owner._remember(_views=weakref.WeakSet())
        cast(Any, owner._views).add(self)
        is_same = self._settings == owner._settings
        self._remember(
            _owner=owner, _views=None, _server=owner._server if is_same else owner._server.view(self._native_settings())
        )

    def _full_key(self, key: Any, namespace: str | None) -> Any:
        full = super()._full_key(key, namespace)
        if self._tagging is None:
            return full
        return SpacedKey.of(key_text(full), self.namespace if namespace is None else namespace)

    def _tags(self, key: Any) -> Tags | None:
        """The tags of what is stored under a full key."""
        if self._tagging is None:
            return None
        return self._native_tags(key.space if isinstance(key, SpacedKey) else self.namespace)

    @property
    def is_open(self) -> bool:
        """Whether the ``breaker`` has calls fail at once."""
        return self._server.is_open

    @property
    def is_away(self) -> bool:
        """Whether the ``fallback`` works in memory, since the server can't be reached."""
        return self._server.is_away

    def pending(self) -> Pending:
        """What ``recovery`` or ``fallback`` still has to delete on the server. Until then these keys miss."""
        return Pending(*self._server.pending())

    def _key(self, key: Any) -> str:
        """The text of a full key."""
        return key if type(key) is str else key_text(key)

    def _seconds(self, ttl: Seconds) -> float | None:
        """The TTL for the server; one below 0 has ended already."""
        return native_ttl(ttl)

    async def _get(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        data = await ended(self._server.get(self._key(key), tags=self._tags(key)))
        return None if data is None else from_bytes(data, encoding)

    async def _multi_get(self, keys: Sequence[Any], encoding: str | None = "utf-8", _conn: Any = None) -> list[Any]:
        if not keys:
            return []
        found = await ended(self._server.multi_get([self._key(key) for key in keys], tags=self._tags(keys[0])))
        return [None if data is None else from_bytes(data, encoding) for data in found]

    async def _set(self, key: Any, value: Any, ttl: Seconds = None, _cas_token: Any = None, _conn: Any = None) -> Any:
        if _cas_token is not None:
            return await self._cas(key, value, _cas_token, ttl=ttl, _conn=_conn) or 0
        text, seconds = self._key(key), self._seconds(ttl)
        if seconds is not None and seconds < 0:
            await ended(self._server.delete(text))
        else:
            await ended(self._server.set(text, to_bytes(value), seconds, tags=self._tags(key)))
        return True

    async def _cas(self, key: Any, value: Any, token: Any, ttl: Seconds = None, _conn: Any = None) -> bool:
        text, seconds = self._key(key), self._seconds(ttl)
        if not isinstance(token, Version):
            # The token is a value, as aiocache's own tokens are: two round trips.
            present, token_now = await ended(self._server.get_versioned(text))
            if present != to_bytes(token):
                return False
            token = token_now
        if seconds is not None and seconds < 0:
            # The new value would end at once, so the present one is deleted if it is unchanged.
            return await ended(self._server.delete_if(text, token))
        return await ended(self._server.cas(text, to_bytes(value), token, seconds, tags=self._tags(key)))

    async def _gets(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        data, version = await ended(self._server.get_versioned(self._key(key)))
        return None if data is None else version

    async def _versioned(self, key: Any, encoding: str | None, _conn: Any) -> tuple[Any, Any]:
        if self._is_other("_get") or self._is_other("_gets"):
            return await super()._versioned(key, encoding, _conn)
        data, version = await ended(self._server.get_versioned(self._key(key)))
        return (MISSING if data is None else from_bytes(data, encoding)), version

    async def _multi_set(self, pairs: Sequence[tuple[Any, Any]], ttl: Seconds = None, _conn: Any = None) -> bool:
        stored = [(self._key(key), to_bytes(value)) for key, value in pairs]
        seconds = self._seconds(ttl)
        if not stored:
            return True
        if seconds is not None and seconds < 0:
            await ended(self._server.multi_delete([key for key, _ in stored]))
        else:
            await ended(self._server.multi_set(stored, seconds, tags=self._tags(pairs[0][0])))
        return True

    async def _add(self, key: Any, value: Any, ttl: Seconds = None, _conn: Any = None) -> bool:
        text, seconds = self._key(key), self._seconds(ttl)
        data = to_bytes(value)
        if seconds is not None and seconds < 0:
            added = not await ended(self._server.exists(text))
        else:
            added = await ended(self._server.add(text, data, seconds, tags=self._tags(key)))
        if not added:
            raise ValueError(f"Key {key} already exists, use .set to update the value")
        return True

    async def _exists(self, key: Any, _conn: Any = None) -> bool:
        return await ended(self._server.exists(self._key(key)))

    async def _increment(self, key: Any, delta: int, _conn: Any = None) -> int:
        number = read_delta(delta)
        return await ended(self._server.increment(self._key(key), number))

    async def _expire(self, key: Any, ttl: Seconds, _conn: Any = None) -> bool:
        text, seconds = self._key(key), self._seconds(ttl)
        if seconds is not None and seconds < 0:
            return await ended(self._server.delete(text))
        return await ended(self._server.expire(text, seconds))

    async def _ttl(self, key: Any, _conn: Any = None) -> float | None:
        return await ended(self._server.ttl(self._key(key)))

    async def _delete(self, key: Any, _conn: Any = None) -> int:
        deleted = await ended(self._server.delete(self._key(key)))
        return int(deleted)

    async def _multi_delete(self, keys: Iterable[Any], _conn: Any = None) -> int:
        if self._is_other("_delete"):
            return await super()._multi_delete(keys, _conn)
        texts = [self._key(key) for key in keys]
        return await ended(self._server.multi_delete(texts)) if texts else 0

    async def _clear_tag(self, prefix: str, tag: str) -> None:
        await ended(self._server.clear_tag(prefix, tag))

    def _native_fill(self, full: Any, compute: Callable[[], Awaitable[Any]], terms: Terms) -> Awaitable[Any]:
        key, (ttl, lease, timeout) = self._key(full), (terms.ttl, terms.lease, terms.timeout)
        return self._server.get_or_set(key, compute, ttl, lease, timeout, terms.tags, terms.anew)

    def _native_fill_many(
        self, full: list[Any], compute: Callable[[list[str]], Awaitable[list[tuple[str, Any]]]], terms: Terms
    ) -> Awaitable[dict[str, Any]]:
        keys, (ttl, lease, timeout) = [self._key(key) for key in full], (terms.ttl, terms.lease, terms.timeout)
        return self._server.multi_get_or_set(keys, compute, ttl, lease, timeout, terms.tags, terms.anew)

    def _native_renew(self, full: Any, compute: Callable[[Any], Awaitable[Any]], terms: Terms) -> Awaitable[Any]:
        key, (ttl, lease, timeout) = self._key(full), (terms.ttl, terms.lease, terms.timeout)
        return self._server.get_or_renew(key, compute, ttl, lease, timeout, terms.tags)

    def _loaded(self, full: Any, stored: Any) -> Any:
        return self._load_of(full, from_bytes(stored, encoding_of(self._serializer)), None)

    def _dumped(self, full: Any, value: Any) -> Any:
        return to_bytes(self._dump_for(full, value, None))

    def _for_locks(self) -> Any:
        # Other programs read the lock as it is, and it ends with its TTL.
        plain = super()._for_locks()
        if not self._keeps_more:
            return plain
        other = plain._alone()
        other._server = self._server.bare()
        return other

    async def _redlock_release(self, key: Any, value: Any) -> int:
        text = self._key(key)
        present, version = await ended(self._server.get_versioned(text))
        return int(present == to_bytes(value) and await ended(self._server.delete_if(text, version)))

    async def _redlock_renew(self, key: Any, value: Any, ttl: float) -> bool:
        text, data = self._key(key), to_bytes(value)
        present, version = await ended(self._server.get_versioned(text))
        is_same: bool = present == data
        return is_same and await ended(self._server.cas(text, data, version, ttl))

    async def _close(self, *args: Any, _conn: Any = None, **kwargs: Any) -> None:
        if self._owner is not None:
            await self._owner._close(*args, _conn=_conn, **kwargs)
            return
        closing = self._server
        self._server = self._connect()
        for view in self._views or ():
            view._look_at(self)
            view._changed()
        await ended(closing.close())
