"""The common part of the decorators: a function's cache, reading and storing in it, and trouble with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from functools import lru_cache
from typing import Any, cast

from polycache.backends.memory import SimpleMemoryBackend
from polycache.backends.server.short import ServerCommands
from polycache.base import BaseCache
from polycache.core.noticing import ON_CHANGE
from polycache.core.reads import Reads
from polycache.core.sentinels import LONG, MISSING
from polycache.core.switch import disabled
from polycache.core.trouble import GUARDS
from polycache.core.tuned import FUNCTION_SETTINGS, Tuned
from polycache.core.writes import Writes
from polycache.factory import Cache, caches

logger = logging.getLogger("polycache.decorators")

#: Settings that a function can't have for itself on the cache of an alias.
_OF_THE_CACHE = (
    "throttle", "stale_on_clear", "ttl_jitter", "allow_flush", "separator", "on_error", "on_decode_error", *GUARDS,
)  # fmt: skip


class _Anew:
    """The ``cache_read`` of a refresh: as ``False``, and an older result doesn't outlive one that isn't stored."""

    def __bool__(self) -> bool:
        return False


ANEW: Any = _Anew()

#: Writes in the background: the loop itself keeps no reference to its tasks.
_WRITES: set[asyncio.Task[Any]] = set()


def _get_cache(cache: Any = Cache.MEMORY, serializer: Any = None, plugins: Any = None, **kwargs: Any) -> Any:
    """The cache for a decorator's arguments."""
    return Cache(cache, serializer=serializer, plugins=plugins, **kwargs)


def in_background(write: Coroutine[Any, Any, Any]) -> None:
    """Starts a write without waiting for it."""
    task = asyncio.get_running_loop().create_task(write)
    _WRITES.add(task)
    task.add_done_callback(_WRITES.discard)


def choose_cache(decorator: Any) -> Any:
    """The cache of a decorator: that of its alias, or one of its own."""
    from polycache import decorators  # Where test suites put another _get_cache.

    if not decorator.alias:
        return decorators._get_cache(
            cache=decorator._cache,
            serializer=decorator._serializer,
            namespace=decorator._namespace,
            plugins=decorator._plugins,
            **decorator._kwargs,
        )
    for argument in _OF_THE_CACHE:
        if argument in decorator._kwargs:
            raise TypeError(
                f"`{argument}` belongs to the cache: give it to the alias {decorator.alias!r} in its settings"
            )
    for argument in ("serializer", "namespace", "plugins"):
        if getattr(decorator, f"_{argument}") is not None:
            logger.warning("Using cache alias; ignoring '%s' argument.", argument)
    cache = caches.get(decorator.alias)
    own = {name: value for name, value in decorator._kwargs.items() if name in FUNCTION_SETTINGS}
    if own and not isinstance(cache, Tuned):
        raise TypeError(f"the cache of the alias {decorator.alias!r} takes no `{next(iter(own))}`")
    return cache._with_settings(**own) if own else cache


def has_own(cache: Any, *commands: str) -> bool:
    """Whether a cache has this package's own commands: not a subclass's, and not a mock's."""
    own = _own_commands(cast(Any, type(cache)))
    return own.issuperset(commands) and cache._replaced.isdisjoint(commands)


#: The commands as this package's classes have them. Not by their module: a wrapper around one, as tracing puts in its place, has the same.
_COMMANDS: dict[str, list[Any]] = {
    name: [vars(kind)[name] for kind in (Reads, Writes, SimpleMemoryBackend, ServerCommands) if name in vars(kind)]
    for name in ("get", "set", "multi_get", "multi_set")
}


@lru_cache(maxsize=256)
def _own_commands(kind: Any) -> frozenset[str]:
    """The commands that a class doesn't override; none of what is no cache."""
    if not issubclass(kind, BaseCache):
        return frozenset()
    return frozenset(name for name in _COMMANDS if _is_own(kind, name) and _is_own(BaseCache, name))


def _is_own(kind: Any, command: str) -> bool:
    found = getattr(kind, command)
    return any(found is own for own in _COMMANDS[command])


ON_CHANGE.append(_own_commands.cache_clear)


async def read(cache: Any, key: Any) -> Any:
    """The cached value or ``MISSING``. If the cache can't tell misses, ``None`` is one."""
    if has_own(cache, "get"):
        value = cache._peek(key)
        if value is not LONG:
            return value
        return MISSING if disabled() else await cache._read(key)
    value = await cache.get(key)
    return MISSING if value is None else value


async def read_many(cache: Any, keys: list[Any]) -> list[Any]:
    """As `read`, for many keys."""
    if has_own(cache, "multi_get"):
        return [MISSING] * len(keys) if disabled() else await cache._multi_read(keys)
    values = await cache.multi_get(keys)
    found = [MISSING if value is None else value for value in values]
    return found if len(found) == len(keys) else [MISSING] * len(keys)
