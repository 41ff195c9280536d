"""The commands that store: add, set, multi_set, cas, increment, expire, persist."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from polycache.core.api import API
from polycache.core.entries import pairs_of
from polycache.core.hooks import given
from polycache.core.sentinels import SENTINEL, Unset
from polycache.core.state import State
from polycache.core.switch import disabled
from polycache.core.ttl import Seconds

Dumps = Callable[[Any], Any]


class Writes(State):
    """The commands that store."""

    @API.register
    async def add(
        self,
        key: Any,
        value: Any,
        ttl: Seconds | Unset = SENTINEL,
        dumps_fn: Dumps | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> bool:
        """Stores a value if there is none.

        Args:
            key: The key.
            value: The value.
            ttl: Seconds that it lives, in place of the cache's; 0 or ``None``: for ever.
            dumps_fn: In place of the serializer's ``dumps``.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            True.

        Raises:
            ValueError: The key exists already; nothing was changed.
            TimeoutError: When it takes longer than the timeout.
        """
        if disabled():
            return True

        async def operation() -> bool:
            full = self._full_key(key, namespace)
            await self._add(full, self._dump_for(full, value, dumps_fn), ttl=self._get_ttl(ttl), _conn=_conn)
            return True

        options = given(ttl=ttl, dumps_fn=dumps_fn, namespace=namespace, _conn=_conn)
        return await self._run("add", (key, value), options, timeout, operation)

    @API.register
    async def set(
        self,
        key: Any,
        value: Any,
        ttl: Seconds | Unset = SENTINEL,
        dumps_fn: Dumps | None = None,
        namespace: str | None = None,
        _cas_token: Any = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> Any:
        """Stores a value, in place of the present one if there is one.

        Args:
            key: The key.
            value: The value.
            ttl: Seconds that it lives, in place of the cache's; 0 or ``None``: for ever.
            dumps_fn: In place of the serializer's ``dumps``.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            True.

        Raises:
            TimeoutError: When it takes longer than the timeout.
        """
        if disabled():
            return True

        async def operation() -> Any:
            full = self._full_key(key, namespace)
            stored = self._dump_for(full, value, dumps_fn)
            return await self._set(full, stored, ttl=self._get_ttl(ttl), _cas_token=_cas_token, _conn=_conn)

        options = given(ttl=ttl, dumps_fn=dumps_fn, namespace=namespace, _cas_token=_cas_token, _conn=_conn)
        return await self._run("set", (key, value), options, timeout, operation)

    @API.register
    async def multi_set(
        self,
        pairs: Iterable[tuple[Any, Any]] | Mapping[Any, Any],
        ttl: Seconds | Unset = SENTINEL,
        dumps_fn: Dumps | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> bool:
        """Stores many values, on a server in one round trip.

        Args:
            pairs: Pairs of a key and a value, or a mapping.
            ttl: Seconds that they live, in place of the cache's; 0 or ``None``: for ever.
            dumps_fn: In place of the serializer's ``dumps``.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            True.

        Raises:
            TimeoutError: When it takes longer than the timeout. Some of the values may have been stored.
        """
        if disabled():
            return True
        asked = pairs_of(pairs)

        async def operation() -> bool:
            full = [self._full_key(key, namespace) for key, _ in asked]
            stored = [(key, self._dump_for(key, value, dumps_fn)) for key, (_, value) in zip(full, asked, strict=True)]
            await self._multi_set(stored, ttl=self._get_ttl(ttl), _conn=_conn)
            return True

        options = given(ttl=ttl, dumps_fn=dumps_fn, namespace=namespace, _conn=_conn)
        return await self._run("multi_set", (asked,), options, timeout, operation)

    @API.register
    async def cas(
        self,
        key: Any,
        value: Any,
        version: Any,
        ttl: Seconds | Unset = SENTINEL,
        dumps_fn: Dumps | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> bool:
        """Stores a value if nobody has written, deleted or created the key since `get_versioned` read it.

        Args:
            key: The key.
            value: The value.
            version: The version from `get_versioned`.
            ttl: Seconds that it lives, in place of the cache's; 0 or ``None``: for ever.
            dumps_fn: In place of the serializer's ``dumps``.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            Whether it was stored. True while caches are switched off.
        """
        if disabled():
            return True

        async def operation() -> bool:
            full = self._full_key(key, namespace)
            stored = self._dump_for(full, value, dumps_fn)
            return await self._cas(full, stored, version, ttl=self._get_ttl(ttl), _conn=_conn)

        options = given(ttl=ttl, dumps_fn=dumps_fn, namespace=namespace, _conn=_conn)
        return await self._run("cas", (key, value, version), options, timeout, operation)

    @API.register
    async def increment(
        self,
        key: Any,
        delta: int = 1,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> int:
        """Adds to a number, in one step.

        A missing key begins at 0 and gets no TTL; a present one keeps its own.

        Args:
            key: The key.
            delta: The number to add; it may be negative.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            The sum. 1 while caches are switched off.

        Raises:
            TypeError: The stored value is no integer, or ``delta`` isn't one; nothing was changed.
            TimeoutError: When it takes longer than the timeout.
        """
        if disabled():
            return 1
        options = given(delta=None if delta == 1 else delta, namespace=namespace, _conn=_conn)
        return await self._run(
            "increment", (key,), options, timeout,
            lambda: self._increment(self._full_key(key, namespace), delta, _conn=_conn),
        )  # fmt: skip

    @API.register
    async def expire(
        self,
        key: Any,
        ttl: Seconds,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> bool:
        """Sets a key's TTL.

        Args:
            key: The key.
            ttl: Seconds; 0 or ``None``: for ever; below 0: the key is deleted.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            False if there is no such key, and while caches are switched off.
        """
        if disabled():
            return False
        return await self._run(
            "expire", (key, ttl), given(namespace=namespace, _conn=_conn), timeout,
            lambda: self._expire(self._full_key(key, namespace), ttl, _conn=_conn),
        )  # fmt: skip

    @API.register
    async def persist(
        self, key: Any, namespace: str | None = None, timeout: Seconds | Unset = SENTINEL, _conn: Any = None
    ) -> bool:
        """Removes a key's TTL: it lives for ever.

        Args:
            key: The key.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            False if there is no such key, and while caches are switched off.
        """
        if disabled():
            return False
        return await self._run(
            "persist", (key,), given(namespace=namespace, _conn=_conn), timeout,
            lambda: self._expire(self._full_key(key, namespace), 0, _conn=_conn),
        )  # fmt: skip
