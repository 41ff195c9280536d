"""Plugins: code that runs before and after every command.

A plugin is an argument of a cache: ``SimpleMemoryCache(plugins=[TimingPlugin()])``. Each command awaits ``pre_<command>`` of
every plugin in the order of the list, does its work, and awaits ``post_<command>`` of each in the same order. After an
exception there are no further hooks. Plugins can be combined by multiple inheritance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from polycache.core.api import API
from polycache.core.hooks import hits_of
from polycache.core.noticing import Heard, look_again

# The commands are registered where they are defined.
from polycache.base import BaseCache  # isort: skip

__all__ = ["BasePlugin", "HitMissRatioPlugin", "TimingPlugin"]

COMMANDS = sorted(command.__name__ for command in API.CMDS)
_HOOKS = [when + command for command in COMMANDS for when in ("pre_", "post_")]


class BasePlugin(metaclass=Heard):
    """A plugin with a ``pre_`` and a ``post_`` hook for every command, which do nothing.

    A ``pre_`` hook gets the cache and the command's arguments; a ``post_`` hook also ``took``, the command's seconds, and ``ret``,
    its result. Both are coroutine functions.

    Example:
        >>> class Log(BasePlugin):
        ...     async def post_set(self, cache, key, value, took=0, ret=None, **kwargs):
        ...         print(f"{key} was set in {took:.6f} s")
    """

    if TYPE_CHECKING:

        def __getattr__(self, hook: str) -> Any: ...

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets the attribute, which may be a hook."""
        super().__setattr__(name, value)
        if name in _HOOKS:
            look_again()

    def __delattr__(self, name: str) -> None:
        """Takes away an attribute, which may have replaced a hook."""
        super().__delattr__(name)
        if name in _HOOKS:
            look_again()

    @classmethod
    def add_hook(cls, func: Callable[..., Any], hooks: Iterable[str]) -> None:
        """Makes a coroutine function the hook of each of these names, such as ``pre_get``."""
        for hook in hooks:
            setattr(cls, hook, func)

    async def do_nothing(self, *args: Any, **kwargs: Any) -> None:
        """The hook that does nothing."""


BasePlugin.add_hook(BasePlugin.do_nothing, _HOOKS)


class TimingPlugin(BasePlugin):
    """Measures how long commands take, in seconds.

    The cache gets an attribute ``profiling``, a dict of ``<command>_total`` (the number of calls), ``<command>_avg``,
    ``<command>_max`` and ``<command>_min``: ``cache.profiling["get_avg"]``.
    """

    @classmethod
    def save_time(cls, method: str) -> Callable[..., Any]:
        """The hook that counts a command."""
        total, average, longest, shortest = (f"{method}_{what}" for what in ("total", "avg", "max", "min"))

        async def count(self: Any, client: Any, *args: Any, took: float = 0, **kwargs: Any) -> None:
            profiling = _attribute(client, "profiling")
            count = profiling[total] = profiling.get(total, 0) + 1
            before = profiling.get(average, 0)
            profiling[average] = before + (took - before) / count
            profiling[longest] = max(took, profiling.get(longest, 0))
            profiling[shortest] = min(took, profiling.get(shortest, took))

        return count


for _command in COMMANDS:
    TimingPlugin.add_hook(TimingPlugin.save_time(_command), ["post_" + _command])


class HitMissRatioPlugin(BasePlugin):
    """Counts hits of ``get`` and ``multi_get``.

    The cache gets an attribute ``hit_miss_ratio``, a dict of ``total`` (keys asked for), ``hits`` and ``hit_ratio``. A stored
    ``None`` is a hit, and a miss is a miss with any default.
    """

    async def post_get(
        self, client: BaseCache, key: Any, *args: Any, took: float = 0, ret: Any = None, **kwargs: Any
    ) -> None:
        """Counts a ``get``."""
        hits = hits_of(client)
        _count(client, 1, int(ret is not None) if hits is None else hits)

    async def post_multi_get(
        self, client: BaseCache, keys: Any, *args: Any, took: float = 0, ret: Any = None, **kwargs: Any
    ) -> None:
        """Counts the keys of a ``multi_get``."""
        hits = hits_of(client)
        _count(client, len(keys), sum(value is not None for value in ret) if hits is None else hits)


def _attribute(client: Any, name: str) -> dict[str, Any]:
    """A dict that a plugin keeps on the cache."""
    found: dict[str, Any] | None = getattr(client, name, None)
    if found is None:
        make: Callable[[str], dict[str, Any]] | None = getattr(type(client), "_counts", None)
        found = {} if make is None else make(name)
        setattr(client, name, found)
    return found


def _count(client: Any, asked: int, hits: int) -> None:
    ratio = _attribute(client, "hit_miss_ratio")
    ratio["total"] = ratio.get("total", 0) + asked
    ratio["hits"] = ratio.get("hits", 0) + hits
    if ratio["total"]:
        ratio["hit_ratio"] = ratio["hits"] / ratio["total"]


#: The hooks of the plugins that the native half can stand in for.
_ORIGINAL = {kind: [getattr(kind, hook) for hook in _HOOKS] for kind in (TimingPlugin, HitMissRatioPlugin)}


def counted(plugins: Sequence[Any]) -> dict[type[BasePlugin], str] | None:
    """The attributes in which these plugins count, by their classes.

    ``None`` if there is another plugin, one of them twice, or one with a replaced hook.
    """
    kinds = [type(plugin) for plugin in plugins]
    if len(set(kinds)) < len(kinds) or not all(kind in _ORIGINAL for kind in kinds):
        return None
    if any(hook in vars(plugin) for plugin in plugins for hook in _HOOKS):
        return None
    for kind in kinds:
        if any(getattr(kind, hook) is not original for hook, original in zip(_HOOKS, _ORIGINAL[kind], strict=True)):
            return None
    return {kind: "profiling" if kind is TimingPlugin else "hit_miss_ratio" for kind in kinds}
