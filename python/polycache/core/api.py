"""``API``: the decorators that make a coroutine method a command of a cache, for those who add commands of their own."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, ParamSpec, TypeVar, cast

from polycache.core.hooks import hooked, within
from polycache.core.sentinels import SENTINEL
from polycache.core.switch import disabled
from polycache.core.ttl import read_seconds

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])


class API:
    """Decorators for commands, from the outside in: ``register``, ``aiocache_enabled``, ``timeout``, ``plugins``.

    Example:
        >>> class Shop(SimpleMemoryCache):
        ...     @API.register
        ...     @API.aiocache_enabled(fake_return=None)
        ...     @API.timeout
        ...     @API.plugins
        ...     async def price(self, article, _conn=None):
        ...         return await self._get("price:" + article, encoding="utf-8")
    """

    #: The commands that plugins have hooks for.
    CMDS: ClassVar[set[Callable[..., Any]]] = set()

    @classmethod
    def register(cls, func: F) -> F:
        """Makes ``func`` a command that plugins and ``get_connection`` know."""
        API.CMDS.add(func)
        return func

    @classmethod
    def unregister(cls, func: Callable[..., Any]) -> None:
        """Takes a command away again; one that isn't there is fine."""
        API.CMDS.discard(func)

    @classmethod
    def timeout(cls, func: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
        """Gives the command the argument ``timeout``: seconds, by default those of the cache; 0 or ``None`` for no limit."""

        @functools.wraps(func)
        async def limited(self: Any, *args: Any, timeout: Any = SENTINEL, **kwargs: Any) -> R:
            limit = self.timeout if timeout is SENTINEL else read_seconds(timeout)
            return await within(limit, lambda: func(self, *args, **kwargs))

        return limited

    @classmethod
    def aiocache_enabled(
        cls, fake_return: Any = None
    ) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
        """While caches are switched off, the command does nothing and returns ``fake_return``."""

        def decorate(func: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
            @functools.wraps(func)
            async def switched(*args: P.args, **kwargs: P.kwargs) -> R:
                return cast(R, fake_return) if disabled() else await func(*args, **kwargs)

            return switched

        return decorate

    @classmethod
    def plugins(cls, func: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
        """Runs the hooks of the cache's plugins before and after the command."""

        @functools.wraps(func)
        async def surrounded(self: Any, *args: Any, **kwargs: Any) -> R:
            return await hooked(self, func.__name__, args, kwargs, lambda: func(self, *args, **kwargs))

        return surrounded
