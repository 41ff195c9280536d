"""``async with cache.get_connection() as connection``: commands that share a connection of ``acquire_conn``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any

from polycache.core.api import API


class _Conn:
    """The cache's commands. They and their hooks all get the same connection.

    The backends here share connections among all tasks, so it is for caches of your own that override ``acquire_conn``.
    """

    def __init__(self, cache: Any) -> None:
        self._cache = cache
        self._conn: Any = None

    async def __aenter__(self) -> _Conn:
        self._conn = await self._cache.acquire_conn()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._cache.release_conn(self._conn)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._cache, name)
        if any(command.__name__ == name for command in API.CMDS):
            return self._inject_conn(name).__get__(self)
        return found

    @classmethod
    def _inject_conn(cls, command: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        """The command of this name, with the connection."""

        async def with_connection(self: _Conn, *args: Any, **kwargs: Any) -> Any:
            return await getattr(self._cache, command)(*args, _conn=self._conn, **kwargs)

        return with_connection
