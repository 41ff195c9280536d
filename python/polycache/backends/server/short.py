"""The short way of the commands on servers: encode, one native call with its timeout, decode."""

from __future__ import annotations

import sys
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from polycache._native import Lane, Objects, Server, Undecoded, abandon
from polycache.backends.server.codec import Decode, Encode, codec, is_text, text_methods
from polycache.backends.server.operations import ServerOperations
from polycache.core.computed import Call, Compute
from polycache.core.entries import pairs_of
from polycache.core.keys import key_text
from polycache.core.sentinels import LONG, MISSING, SENTINEL, Unset
from polycache.core.switch import AIOCACHE_NAME, ENVIRONMENT, POLYCACHE_NAME
from polycache.core.ttl import Seconds, read_seconds
from polycache.serializers import KeyedSerializer
from polycache.serializers.stored import encoding_of, from_bytes, to_bytes

T = TypeVar("T")

#: Stands for a limit that has passed before the call began.
_OVER = -1.0


class ServerCommands(ServerOperations):
    """The most frequent commands. They go past hooks and ``asyncio.timeout`` if nothing stands in the way."""

    #: The native client while the short way is open.
    _fast: Server | None = None
    #: Whether some values are near, which are read without the loop.
    _is_near = False
    #: The objects of what is near, if all who ask share them, and the serializer that decodes them.
    _objects: Objects | None = None
    _objects_by: Any = None
    _fast_limit: float | None = None
    #: The cache's own TTL for the native client.
    _fast_ttl: float | None = None
    #: What stands before a key in the cache's namespace, while the key rule is the backend's own.
    _fast_prefix: str | None = None
    _encode: Encode
    _decode: Decode
    #: The bytes that a key may have.
    _longest_key = sys.maxsize
    #: The way of a plain get, and that of a plain set: native calls alone. None where more is to be looked at.
    _lane: Lane | None = None
    _write_lane: Lane | None = None
    #: Whether values are text, whose bytes the lane makes.
    _is_text = False

    def _changed(self) -> None:
        encode, decode = codec(self._serializer)
        is_built = self._key_builder is not None or self._is_other("_build_key")
        is_plain = self._tagging is None and self._on_error == self._on_decode_error == "fail"
        is_plain = is_plain and not isinstance(self._serializer, KeyedSerializer)
        stock = self._is_stock()
        is_fast = is_plain and stock
        near = self._guards["near"]
        is_shared = is_fast and near is not None and bool(near.get("shared"))
        is_known = self._objects is not None and self._objects_by is self._serializer
        self._remember(
            _stock=stock,
            _objects=(self._objects if is_known else Objects()) if is_shared else None,
            _objects_by=self._serializer if is_shared else None,
            _fast=self._server if is_fast else None,
            _fast_ttl=self._seconds(self._get_ttl(SENTINEL)) if is_fast else None,
            _is_near=near is not None,
            _fast_limit=native_limit(self.timeout),
            _fast_prefix=None if is_built else key_text(self._build_key("", namespace=self.namespace)),
            _encode=encode,
            _decode=decode,
        )
        ends_at_once = self._fast_ttl is not None and self._fast_ttl < 0
        lane = self._new_lane(None if ends_at_once else self._fast_ttl) if is_fast and near is None else None
        self._remember(
            _lane=lane,
            _write_lane=None if ends_at_once else lane,
            _asks=None if self._is_other("get") else lane,
            _is_text=is_text(self._serializer),
        )

    def _new_lane(self, ttl: float | None) -> Lane | None:
        plugins = self._plugins
        if type(plugins) is tuple and not plugins:
            plugins = []
        if type(plugins) is not list or not isinstance(ENVIRONMENT, dict):
            return None
        if self._fast is None or self._fast_prefix is None or self._fast_limit == _OVER:
            return None
        return Lane(
            self._fast,
            prefix=self._fast_prefix,
            longest=self._longest_key,
            limit=self._fast_limit,
            ttl=ttl,
            unset=SENTINEL,
            plugins=plugins,
            environment=ENVIRONMENT,
            switches=(AIOCACHE_NAME, POLYCACHE_NAME),
            text=text_methods(self._serializer) if is_text(self._serializer) else None,
        )

    def _short(self, timeout: Seconds | Unset) -> Server | None:
        """The native client if the short way is open."""
        if self._plugins or AIOCACHE_NAME in ENVIRONMENT or POLYCACHE_NAME in ENVIRONMENT:
            return None
        if timeout is not SENTINEL and native_limit(timeout) == _OVER:
            return None
        return self._fast if self._fast_limit != _OVER else None

    def _long_way(self) -> ServerOperations:
        """The commands behind the short ones. A function that calls ``super`` itself has a cell, which is copied at each of its calls."""
        return cast("ServerOperations", super())

    def _text(self, key: Any, namespace: str | None) -> str:
        """The full key of a key."""
        prefix = self._fast_prefix
        if prefix is not None and namespace is None and type(key) is str:
            return self._key(prefix + key)
        return self._key(self._full_key(key, namespace))

    def _native_limit(self, timeout: Seconds | Unset) -> float | None:
        return self._fast_limit if timeout is SENTINEL else native_limit(timeout)

    def _native_seconds(self, ttl: Seconds | Unset) -> float | None:
        """The TTL of a write on the short way; one below 0 has ended already."""
        return self._fast_ttl if ttl is SENTINEL else self._seconds(self._get_ttl(ttl))

    def _fill_reads(self, lease: Seconds) -> bool:
        # A view with tags has no short way, but need not read twice for that.
        if self._tagging is not None and not self._plugins and self._on_error == self._on_decode_error == "fail":
            return self._stock
        return bool(lease) and self._short(SENTINEL) is not None

    async def get(
        self,
        key: Any,
        default: Any = None,
        loads_fn: Callable[[Any], Any] | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> Any:
        data: Any
        call: Any = None
        if self._lane is not None and loads_fn is None and namespace is None and timeout is SENTINEL:
            call = self._lane[key]
        if call is not None:
            try:
                data = await call
            except CancelledError:
                abandon(call)
                raise
            if type(data) is str:
                return data
            return default if data is None else self._decode(data)
        server = self._short(timeout)
        if server is None:
            return await self._long_way().get(key, default, loads_fn, namespace, timeout, _conn)
        text, limit = self._text(key, namespace), self._native_limit(timeout)
        if self._objects is not None and loads_fn is None:
            found = await self._get_object(self._objects, server, text, limit)
            return default if found is MISSING else found
        data = call = server.get_now(text, None, limit) if self._is_near else server.get(text, None, limit)
        if type(call) is not bytes and call is not None:
            try:
                data = await call
            except CancelledError:
                abandon(call)
                raise
        if data is None:
            return default
        if loads_fn is None:
            return self._decode(data)
        return loads_fn(from_bytes(data, encoding_of(self._serializer)))

    async def _read(
        self,
        key: Any,
        default: Any = None,
        loads_fn: Callable[[Any], Any] | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
        options: dict[str, Any] | None = None,
    ) -> Any:
        if self._short(timeout) is None or loads_fn is not None:
            return await super()._read(key, default, loads_fn, namespace, timeout, _conn, options)
        # Not a subclass's: hooks and the like are for the long way.
        return await ServerCommands.get(self, key, MISSING, None, namespace, timeout)

    async def _get_object(self, objects: Objects, server: Server, text: str, limit: float | None) -> Any:
        """The object that all share of what is near, or ``MISSING``."""
        found: Any
        call: Any
        found = call = objects.get(server, text, limit)
        if call is not None and type(call) is not tuple and type(call) is not Undecoded:
            try:
                found = await call
            except CancelledError:
                abandon(call)
                raise
        return self._object(found)

    def _object(self, found: Undecoded | tuple[Any] | None) -> Any:
        if found is None:
            return MISSING
        if isinstance(found, tuple):
            return found[0]
        value = self._decode(found.data)
        found.keep(value)
        return value

    async def _answer(self, call: Any) -> Any:
        # As `get` has it for itself: each coroutine more is felt in a call.
        try:
            data = await call
        except CancelledError:
            abandon(call)
            raise
        if type(data) is str:
            return data
        return MISSING if data is None else self._decode(data)

    def _peek(self, key: Any) -> Any:
        return LONG if self._objects is None else self._peek_object(key, None)

    def _peek_object(self, key: Any, namespace: str | None) -> Any:
        """The object that all share, or ``MISSING``, if what is near tells, and no hit may begin a computation; else ``LONG``."""
        objects, server = self._objects, self._short(SENTINEL)
        if objects is None or server is None or self._is_early:
            return LONG
        try:
            found = objects.peek(server, self._text(key, namespace))
            return LONG if found is False else self._object(found)
        except Exception:
            # Who asks the server hears of it.
            return LONG

    async def _get_or_compute(self, key: Any, compute: Compute[T], call: Call) -> T:
        if self._objects is not None and not call.anew:
            found: Any = self._peek_object(key, call.namespace)
            if found is not LONG and found is not MISSING:
                shared: T = found
                return shared
        return await super()._get_or_compute(key, compute, call)

    async def multi_get(
        self,
        keys: Iterable[Any],
        loads_fn: Callable[[Any], Any] | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> list[Any]:
        server = self._short(timeout)
        if server is None or loads_fn is not None:
            return await super().multi_get(keys, loads_fn, namespace, timeout, _conn)
        texts = [self._text(key, namespace) for key in keys]
        if not texts:
            return []
        decode = self._decode
        call = server.multi_get(texts, None, self._native_limit(timeout))
        try:
            found = await call
        except CancelledError:
            abandon(call)
            raise
        return [None if data is None else decode(data) for data in found]

    async def set(
        self,
        key: Any,
        value: Any,
        ttl: Seconds | Unset = SENTINEL,
        dumps_fn: Callable[[Any], Any] | None = None,
        namespace: str | None = None,
        _cas_token: Any = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> Any:
        lane, call = self._write_lane, None
        if lane is not None and dumps_fn is None and namespace is None and _cas_token is None and timeout is SENTINEL:
            if self._is_text:
                call = lane.set(key, value, ttl)
            elif lane.takes(key, ttl):
                call = lane.put(key, self._encode(value), ttl)
        if call is not None:
            try:
                await call
            except CancelledError:
                abandon(call)
                raise
            return True
        server = self._short(timeout)
        seconds = self._native_seconds(ttl) if server is not None else None
        if server is None or _cas_token is not None or (seconds is not None and seconds < 0):
            return await self._long_way().set(key, value, ttl, dumps_fn, namespace, _cas_token, timeout, _conn)
        text = self._text(key, namespace)
        data = self._encode(value) if dumps_fn is None else to_bytes(dumps_fn(value))
        call = server.set(text, data, seconds, self._native_limit(timeout))
        try:
            await call
        except CancelledError:
            abandon(call)
            raise
        return True

    async def multi_set(
        self,
        pairs: Iterable[tuple[Any, Any]] | Mapping[Any, Any],
        ttl: Seconds | Unset = SENTINEL,
        dumps_fn: Callable[[Any], Any] | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> bool:
        server = self._short(timeout)
        seconds = self._native_seconds(ttl) if server is not None else None
        if server is None or dumps_fn is not None or (seconds is not None and seconds < 0):
            return await super().multi_set(pairs, ttl, dumps_fn, namespace, timeout, _conn)
        encode = self._encode
        stored = [(self._text(key, namespace), encode(value)) for key, value in pairs_of(pairs)]
        if stored:
            call = server.multi_set(stored, seconds, self._native_limit(timeout))
            try:
                await call
            except CancelledError:
                abandon(call)
                raise
        return True

    async def delete(
        self, key: Any, namespace: str | None = None, timeout: Seconds | Unset = SENTINEL, _conn: Any = None
    ) -> int:
        server = self._short(timeout)
        if server is None:
            return await super().delete(key, namespace, timeout, _conn)
        call = server.delete(self._text(key, namespace), self._native_limit(timeout))
        try:
            return int(await call)
        except CancelledError:
            abandon(call)
            raise

    async def exists(
        self, key: Any, namespace: str | None = None, timeout: Seconds | Unset = SENTINEL, _conn: Any = None
    ) -> bool:
        server = self._short(timeout)
        if server is None:
            return await super().exists(key, namespace, timeout, _conn)
        call = server.exists(self._text(key, namespace), self._native_limit(timeout))
        try:
            return await call
        except CancelledError:
            abandon(call)
            raise

    async def increment(
        self,
        key: Any,
        delta: int = 1,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> int:
        server = self._short(timeout)
        if server is None or type(delta) is not int:
            return await super().increment(key, delta, namespace, timeout, _conn)
        call = server.increment(self._text(key, namespace), delta, self._native_limit(timeout))
        try:
            return await call
        except CancelledError:
            abandon(call)
            raise


def native_limit(timeout: Seconds) -> float | None:
    """A timeout for the native client: ``None`` for no limit."""
    seconds = read_seconds(timeout)
    if seconds is None or seconds == 0:
        return None
    return float(seconds) if seconds > 0 else _OVER
