"""The commands that read: get, multi_get, exists, get_ttl, scan, get_versioned."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from polycache.core.api import API
from polycache.core.hooks import given, hooked_read, or_default, within
from polycache.core.sentinels import LONG, MISSING, SENTINEL, Unset
from polycache.core.state import State
from polycache.core.switch import disabled
from polycache.core.ttl import Seconds
from polycache.exceptions import BackendError, UnknownOutcome
from polycache.log import tell
from polycache.serializers.stored import encoding_of

Loads = Callable[[Any], Any]

#: Errors of a backend that fails, is away or is too slow. A lost connection is an ``OSError``, and so is a timeout.
_TROUBLE = (OSError, BackendError, UnknownOutcome)

logger = logging.getLogger("polycache.base")


class Reads(State):
    """The commands that read."""

    @API.register
    async def get(
        self,
        key: Any,
        default: Any = None,
        loads_fn: Loads | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> Any:
        """Reads a value.

        A stored ``None`` is a value: it is returned as it is, while a miss is ``default``.

        Args:
            key: The key.
            default: The result for a miss.
            loads_fn: In place of the serializer's ``loads``.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            The value, or ``default``; while caches are switched off, ``default``.

        Raises:
            TimeoutError: When it takes longer than the timeout.
        """
        if disabled():
            return default
        options = given(default=default, loads_fn=loads_fn, namespace=namespace, _conn=_conn)
        try:
            found = await self._read(key, default, loads_fn, namespace, timeout, _conn, options)
        except Exception as error:
            self._forgive(error, key)
            return default
        return or_default(found, default)

    def _forgive(self, error: Exception, key: Any) -> None:
        """Raises an error of the backend, unless it is to be a miss."""
        if self._on_error == "fail" or not isinstance(error, _TROUBLE):
            raise error
        tell(logger, self, "Couldn't read %s: it counts as a miss (%r)", key, error, level=logging.WARNING)

    def _loaded_or_missing(self, full: Any, stored: Any, loads_fn: Loads | None) -> Any:
        """The value of what is stored; ``MISSING`` if it can't be read and that is to be a miss."""
        if stored is MISSING:
            return MISSING
        try:
            return self._load_of(full, stored, loads_fn)
        except Exception as error:
            if self._on_decode_error == "fail":
                raise
            told = "What is stored under %s can't be read: it counts as a miss (%r)"
            tell(logger, self, told, full, error, level=logging.WARNING)
            return MISSING

    async def _read(
        self,
        key: Any,
        default: Any = None,
        loads_fn: Loads | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
        options: dict[str, Any] | None = None,
    ) -> Any:
        """`get` with its hooks; a miss is ``MISSING``."""

        async def operation() -> Any:
            full = self._full_key(key, namespace)
            stored = await self._lookup(full, encoding_of(self._serializer), _conn)
            return self._loaded_or_missing(full, stored, loads_fn)

        if not self.plugins:
            return await within(self._limit(timeout), operation)
        return await within(
            self._limit(timeout),
            lambda: hooked_read(
                self, "get", (key,), options or {}, operation,
                lambda value: or_default(value, default), lambda value: int(value is not MISSING),
            ),
        )  # fmt: skip

    def _peek(self, key: Any) -> Any:
        """The value or ``MISSING`` at once, if there is neither a hook nor a server to wait for; else ``LONG``."""
        return LONG

    #: Begins a plain get of a key: what `_answer` awaits, or ``None`` if more is to be done. ``None`` where it never is plain.
    _asks: Any = None

    async def _answer(self, call: Any) -> Any:
        """The value that a plain get brings, or ``MISSING``."""
        raise NotImplementedError

    @API.register
    async def multi_get(
        self,
        keys: Iterable[Any],
        loads_fn: Loads | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> list[Any]:
        """Reads many values, from a server in one round trip.

        Args:
            keys: The keys; a key may come twice.
            loads_fn: In place of the serializer's ``loads``.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            The values in the order of the keys, ``None`` for a miss. ``[]`` while caches are switched off.

        Raises:
            TimeoutError: When it takes longer than the timeout.
        """
        if disabled():
            return []
        options = given(loads_fn=loads_fn, namespace=namespace, _conn=_conn)
        asked = keys if isinstance(keys, (list, tuple)) else list(keys)
        try:
            values = await self._multi_read(asked, loads_fn, namespace, timeout, _conn, options)
        except Exception as error:
            self._forgive(error, asked)
            return [None] * len(asked)
        return [None if value is MISSING else value for value in values]

    async def _multi_read(
        self,
        keys: Iterable[Any],
        loads_fn: Loads | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
        options: dict[str, Any] | None = None,
    ) -> list[Any]:
        """`multi_get` with its hooks; misses are ``MISSING``."""
        asked = keys if isinstance(keys, (list, tuple)) else list(keys)

        async def operation() -> list[Any]:
            full = [self._full_key(key, namespace) for key in asked]
            found = await self._multi_lookup(full, encoding_of(self._serializer), _conn)
            return [self._loaded_or_missing(key, stored, loads_fn) for key, stored in zip(full, found, strict=True)]

        if not self.plugins:
            return await within(self._limit(timeout), operation)
        return await within(
            self._limit(timeout),
            lambda: hooked_read(
                self, "multi_get", (asked,), options or {}, operation,
                lambda values: [or_default(value, None) for value in values],
                lambda values: sum(value is not MISSING for value in values),
            ),
        )  # fmt: skip

    @API.register
    async def exists(
        self, key: Any, namespace: str | None = None, timeout: Seconds | Unset = SENTINEL, _conn: Any = None
    ) -> bool:
        """Whether a key is there.

        Args:
            key: The key.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            True if it is; False while caches are switched off.
        """
        if disabled():
            return False
        try:
            return await self._run(
                "exists", (key,), given(namespace=namespace, _conn=_conn), timeout,
                lambda: self._exists(self._full_key(key, namespace), _conn=_conn),
            )  # fmt: skip
        except Exception as error:
            self._forgive(error, key)
            return False

    @API.register
    async def get_ttl(
        self, key: Any, namespace: str | None = None, timeout: Seconds | Unset = SENTINEL, _conn: Any = None
    ) -> float | None:
        """The rest of a key's TTL; the attribute ``ttl`` of a cache is its default TTL.

        Args:
            key: The key.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            Seconds, or ``None`` for a key without a TTL.

        Raises:
            KeyError: There is no such key, or caches are switched off.
        """
        if disabled():
            raise KeyError(key)

        async def operation() -> float | None:
            try:
                return await self._ttl(self._full_key(key, namespace), _conn=_conn)
            except KeyError:
                raise KeyError(key) from None

        options = given(namespace=namespace, _conn=_conn)
        try:
            return await self._run("get_ttl", (key,), options, timeout, operation)
        except KeyError:
            raise
        except Exception as error:
            self._forgive(error, key)
            raise KeyError(key) from error

    @API.register
    async def get_versioned(
        self,
        key: Any,
        default: Any = None,
        loads_fn: Loads | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> tuple[Any, Any]:
        """Reads a value and its version, for `cas`.

        Args:
            key: The key.
            default: The result for a miss.
            loads_fn: In place of the serializer's ``loads``.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            The value or ``default``, and the version. Absence has a version too.

        Example:
            >>> stock, version = await cache.get_versioned("stock", default=0)
            >>> await cache.cas("stock", stock + 1, version)
            True
        """
        if disabled():
            return default, None

        async def operation() -> tuple[Any, Any]:
            full = self._full_key(key, namespace)
            stored, version = await self._versioned(full, encoding_of(self._serializer), _conn)
            return (default if stored is MISSING else self._load_of(full, stored, loads_fn)), version

        options = given(default=default, loads_fn=loads_fn, namespace=namespace, _conn=_conn)
        return await self._run("get_versioned", (key,), options, timeout, operation)

    async def scan(self, pattern: str = "*", namespace: str | None = None) -> AsyncIterator[str]:
        """Goes through the keys in the namespace. It has no hooks and no timeout of its own.

        Args:
            pattern: ``*`` is any text, ``?`` a character, ``[abc]`` one of several; a backslash escapes.
            namespace: In place of the cache's.

        The keys, without their namespace, in no order. A server may yield a key twice. A key that is written or deleted
        meanwhile may be yielded or not.

        Example:
            >>> [key async for key in cache.scan("user:*")]
            ['user:7']
        """
        if disabled():
            return
        async for key in self._scan(self.namespace if namespace is None else namespace, pattern):
            yield key
