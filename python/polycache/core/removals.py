"""The commands that remove, and those that reach past the cache: delete, multi_delete, clear, raw, close."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polycache.core.api import API
from polycache.core.hooks import given, within
from polycache.core.sentinels import SENTINEL, Unset
from polycache.core.state import State
from polycache.core.switch import disabled
from polycache.core.ttl import Seconds
from polycache.serializers.stored import encoding_of

#: How long closing may take at least, in seconds.
_PATIENCE = 5


class Removals(State):
    """The commands that remove, and those that reach past the cache."""

    @API.register
    async def delete(
        self, key: Any, namespace: str | None = None, timeout: Seconds | Unset = SENTINEL, _conn: Any = None
    ) -> int:
        """Deletes a key.

        Args:
            key: The key.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            The number of keys deleted, 0 or 1. 0 while caches are switched off.

        Raises:
            TimeoutError: When it takes longer than the timeout.
        """
        if disabled():
            return 0
        return await self._run(
            "delete", (key,), given(namespace=namespace, _conn=_conn), timeout,
            lambda: self._delete(self._full_key(key, namespace), _conn=_conn),
        )  # fmt: skip

    @API.register
    async def multi_delete(
        self,
        keys: Iterable[Any],
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> int:
        """Deletes many keys, on a server in one round trip.

        Args:
            keys: The keys.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            The number of keys deleted. 0 while caches are switched off.
        """
        if disabled():
            return 0
        asked = keys if isinstance(keys, (list, tuple)) else list(keys)
        return await self._run(
            "multi_delete", (asked,), given(namespace=namespace, _conn=_conn), timeout,
            lambda: self._multi_delete([self._full_key(key, namespace) for key in asked], _conn=_conn),
        )  # fmt: skip

    @API.register
    async def clear(self, namespace: str | None = None, timeout: Seconds | Unset = SENTINEL, _conn: Any = None) -> Any:
        """Deletes the entries in the cache's namespace, or the whole database if the cache has none.

        Args:
            namespace: In place of the cache's; ``""`` for none, which deletes everything.
            timeout: Seconds, in place of the cache's.

        Returns:
            True.
        """
        if disabled():
            return True
        space = self.namespace if namespace is None else namespace
        return await self._run(
            "clear", (), given(namespace=namespace, _conn=_conn), timeout,
            lambda: self._clear(space, _conn=_conn),
        )  # fmt: skip

    @API.register
    async def raw(
        self, command: str, *args: Any, timeout: Seconds | Unset = SENTINEL, _conn: Any = None, **kwargs: Any
    ) -> Any:
        """Sends a command to the backend as it is: keys get no namespace, values no serializer.

        Args:
            command: A command of Redis or memcached, or a method of ``dict`` for memory.
            *args: Its arguments.
            timeout: Seconds, in place of the cache's.
            **kwargs: Its options.

        Returns:
            The backend's answer. ``None`` while caches are switched off.
        """
        if disabled():
            return None
        options = kwargs if _conn is None else {**kwargs, "_conn": _conn}
        encoding = encoding_of(self._serializer)
        return await self._run(
            "raw", (command, *args), options, timeout,
            lambda: self._raw(command, *args, encoding=encoding, _conn=_conn, **kwargs),
        )  # fmt: skip

    async def close(self, *args: Any, timeout: Seconds | Unset = SENTINEL, _conn: Any = None, **kwargs: Any) -> Any:
        """Closes the backend's connections. A later command opens them again.

        Args:
            *args: For a backend of your own.
            timeout: Seconds, in place of the cache's, which here are 5 at least, so that lost writes can be made up for.
            **kwargs: For a backend of your own.
        """
        limit = self._limit(timeout)
        if timeout is SENTINEL and limit:
            limit = max(limit, _PATIENCE)
        return await within(limit, lambda: self._close(*args, _conn=_conn, **kwargs))
