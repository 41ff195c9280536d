"""``BaseCache``, the class of every cache, and ``API`` for commands of your own.

A cache of your own derives from ``BaseCache`` and overrides the operations of a backend::

    class DictCache(BaseCache):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.stored = {}

        async def _get(self, key, encoding="utf-8", _conn=None):
            return self.stored.get(key)

        async def _set(self, key, value, ttl=None, _cas_token=None, _conn=None):
            self.stored[key] = value
            return True
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, ClassVar, Self

from polycache.core.api import API
from polycache.core.computed import Computed
from polycache.core.connection import _Conn
from polycache.core.keys import ensure_key as _ensure_key
from polycache.core.noticing import Noticing
from polycache.core.removals import Removals
from polycache.core.sentinels import SENTINEL
from polycache.core.watched import Watched

__all__ = ["API", "SENTINEL", "BaseCache", "_Conn", "_ensure_key"]


#: Attributes that copies and pickles are without: computations under way, and what was logged when.
_PASSING = frozenset({"_Computed__flights", "_told"})


class BaseCache(Watched, Computed, Removals, metaclass=Noticing):
    """The common part of all caches: the commands, each between the hooks of the plugins and within a timeout.

    Args:
        serializer: Turns values into what the backend stores, and back.
        plugins: A list of plugins, whose hooks are run around every command.
        namespace: The beginning of the backend's keys.
        key_builder: Called with a key and ``namespace=``; makes the backend's key in place of the backend's rule.
        timeout: Seconds that a command may take, hooks included. 0 or ``None``: no limit.
        ttl: Seconds that stored values live unless a command says otherwise. 0 or ``None``: for ever.
    """

    #: The name of the kind of cache, as in URLs.
    NAME: ClassVar[str]

    def get_connection(self) -> _Conn:
        """``async with cache.get_connection() as connection``: commands that share a connection of `acquire_conn`."""
        return _Conn(self)

    async def acquire_conn(self) -> Any:
        """The connection that `get_connection` passes to every command as ``_conn``. By default the cache."""
        return self

    async def release_conn(self, conn: Any) -> None:
        """Takes back the connection of `acquire_conn`."""

    def __getstate__(self) -> Any:
        """The attributes, for ``pickle`` and ``copy``."""
        state: Any = super().__getstate__()
        own, *slots = state if isinstance(state, tuple) else (state,)
        kept = {name: value for name, value in (own or {}).items() if name not in _PASSING}
        return (kept, *slots) if slots else kept

    async def __aenter__(self) -> Self:
        """The cache. It is closed at the end of the block."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the cache."""
        await self.close()
