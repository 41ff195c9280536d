"""``SimpleMemoryCache``, and the short way of its commands.

A hit costs little more than its coroutine: if no part is replaced and the call has no option, a command asks the native
door, which checks for a plugin or the off switch, and otherwise answers at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Self, cast

from polycache._native import Door, Doorway, Memory, check_guards
from polycache.backends.memory.operations import MemoryOperations, bounds
from polycache.core.counts import Tallied, counts
from polycache.core.sentinels import LONG, MISSING, SENTINEL, Unset
from polycache.core.switch import AIOCACHE_NAME, ENVIRONMENT, POLYCACHE_NAME
from polycache.core.ttl import Seconds, native_ttl
from polycache.plugins import HitMissRatioPlugin, TimingPlugin, counted
from polycache.serializers import NullSerializer
from polycache.serializers.plain import keeps_objects


def _long(*_: Any) -> Any:
    """The answer to a command while the short way is closed."""
    return LONG


def _not_stored(*_: Any) -> bool:
    """The answer to ``set`` while the short way is closed."""
    return False


class _Closed:
    """What stands in the door's place while the short way is closed."""

    def __getitem__(self, key: Any) -> None:
        return None


_CLOSED = _Closed()


class SimpleMemoryBackend(MemoryOperations):
    """A memory cache with the serializer of ``BaseCache``; see `SimpleMemoryCache`."""

    NAME = "memory"

    #: The door's methods while the short way is open. The class has none: Python reads an attribute of an instance faster if it doesn't
    #: hide one of the class.
    _hits: Door | _Closed
    _fast_get: Callable[..., Any]
    _fast_multi_get: Callable[..., Any]
    _fast_set: Callable[..., bool]
    _fast_delete: Callable[..., Any]
    _fast_exists: Callable[..., Any]
    _fast_peek: Callable[[Any], Any]

    def __init__(
        self, *, max_size: int | str | None = None, max_memory: int | str | None = None, **kwargs: Any
    ) -> None:
        """Makes a cache.

        Args:
            max_size: How many entries it holds; the least used ones make room. Unbounded by default.
            max_memory: How many bytes it holds, by ``sys.getsizeof`` of the values, in place of ``max_size``.
            **kwargs: ``grace``, ``soft_timeout``, ``refresh_early`` and the other settings of computations; the arguments of every
                cache: see ``BaseCache``.
        """
        super().__init__(**kwargs)
        check_guards(**self._guards)
        self._bounds = bounds(max_size, max_memory)
        self._open()
        self._finish()

    def _open(self) -> None:
        self._memory = Memory(**self._bounds, settings=self._native_settings(), separated=bool(self._separator))
        self._doorway = Doorway()

    def __copy__(self) -> Self:
        """A cache with the same settings on the same store. It has a doorway of its own, since its settings may change."""
        other = type(self).__new__(type(self))
        other._remember(**{**vars(self), "_doorway": Doorway()})
        other._finish()
        return other

    def _look_at(self, cache: Any) -> None:
        if self._settings != cache._settings:
            self._remember(_memory=cache._memory.view(self._native_settings()))

    def _fill_reads(self, lease: Seconds) -> bool:
        return self._is_early and self._stock and not self._plugins

    _OWN = frozenset(
        {
            "_made", "_memory", "_doorway", "_noted", "_stock", "_hits", "_fast_get", "_fast_multi_get", "_fast_set", "_fast_delete",
            "_fast_exists", "_fast_peek",
        }
    )  # fmt: skip

    def __getstate__(self) -> dict[str, Any]:
        """The settings and the entries, with what is left of their TTLs."""
        return {**super().__getstate__(), "_entries": self._memory.entries()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Makes a cache with these settings and entries."""
        entries = state.pop("_entries")
        super().__setstate__(state)
        for key, value, ttl, space in entries:
            if ttl is None or ttl > 0:
                self._memory.set(key, value, ttl, space)

    @classmethod
    def parse_uri_path(cls, path: str) -> dict[str, Any]:
        """The settings in the path of a URL: none."""
        return {}

    def _limit(self, timeout: Seconds | Unset) -> float | None:
        # Without hooks and a subclass's operations nothing waits.
        return None if self._stock and not self._plugins else super()._limit(timeout)

    def _changed(self) -> None:
        stock = self._is_stock()
        is_fast = stock and keeps_objects(self._serializer) and self._key_builder is None
        is_fast = is_fast and not self._is_other("_build_key") and type(ENVIRONMENT) is dict
        ttl = native_ttl(self.ttl)
        stores = (ttl is None or ttl > 0) and self._tagging is None
        door = self._door(ttl if stores else None) if is_fast else None
        self._doorway.hang(door if not self._is_other("get") else None)
        self._remember(
            _noted=tuple(map(id, self._plugins)),
            _stock=stock,
            _hits=door or _CLOSED,
            _fast_get=door.get if door else _long,
            _fast_multi_get=door.multi_get if door else _long,
            _fast_set=door.set if door and stores else _not_stored,
            _fast_delete=door.delete if door else _long,
            _fast_exists=door.exists if door else _long,
            _fast_peek=door.peek if door and not self._is_other("get") else _long,
        )

    def _door(self, ttl: float | None) -> Door | None:
        """The short way with the present settings. ``None`` if it can't see whether there are plugins."""
        plugins = self._plugins
        if type(plugins) is tuple and not plugins:
            plugins = []
        if type(plugins) is not list:
            return None
        attributes = counted(plugins) or {}
        kept = {kind: getattr(self, attribute, None) for kind, attribute in attributes.items()}
        # The first call of a plugin makes the dict.
        tallies = {kind: counts.tally for kind, counts in kept.items() if type(counts) is Tallied}
        return Door(
            self._memory,
            prefix=self._prefix(self.namespace),
            ttl=ttl,
            plugins=plugins,
            environment=ENVIRONMENT,
            switches=(AIOCACHE_NAME, POLYCACHE_NAME),
            long=LONG,
            missing=MISSING,
            counted=plugins if len(tallies) == len(plugins) else (),
            times=tallies.get(TimingPlugin),
            hits=tallies.get(HitMissRatioPlugin),
            early=self._is_early,
        )

    #: Makes the dict for a plugin of the package.
    _counts = staticmethod(counts)
    #: The ids of the plugins when the way was chosen.
    _noted: tuple[int, ...] = ()

    def _look_at_plugins(self) -> None:
        """Chooses the way anew if somebody has changed the list."""
        if self._noted != tuple(map(id, self._plugins)):
            self._changed()

    async def get(
        self,
        key: Any,
        default: Any = None,
        loads_fn: Callable[[Any], Any] | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> Any:
        if namespace is None and loads_fn is None:
            found = self._hits[key]
            # The quickest of comparisons, which leaves a stored None to the next question.
            if found is not None:
                return found
            # By a name of its own: a call of an attribute looks for a method of the class first.
            ask = self._fast_get
            found = ask(key, default)
            if found is not LONG:
                return found
            self._look_at_plugins()
        return await self._long_way().get(key, default, loads_fn, namespace, timeout, _conn)

    def _long_way(self) -> MemoryOperations:
        """The commands behind the short ones. A function that calls ``super`` itself has a cell, which is copied at each of its calls."""
        return cast("MemoryOperations", super())

    def _peek(self, key: Any) -> Any:
        return self._fast_peek(key)

    async def multi_get(
        self,
        keys: Iterable[Any],
        loads_fn: Callable[[Any], Any] | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> list[Any]:
        if namespace is None and loads_fn is None:
            if type(keys) is not list:
                keys = list(keys)
            ask = self._fast_multi_get
            found: Any = ask(tuple(keys))
            if found is not LONG:
                values: list[Any] = found
                return values
        return await self._long_way().multi_get(keys, loads_fn, namespace, timeout, _conn)

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
        if namespace is None and dumps_fn is None and _cas_token is None:
            store = self._fast_set
            if ttl is SENTINEL:
                if store(key, value):
                    return True
            elif type(ttl) is int and ttl > 0 and store(key, value, ttl):
                return True
        return await self._long_way().set(key, value, ttl, dumps_fn, namespace, _cas_token, timeout, _conn)

    async def delete(
        self, key: Any, namespace: str | None = None, timeout: Seconds | Unset = SENTINEL, _conn: Any = None
    ) -> int:
        if namespace is None:
            deleted: Any = self._fast_delete(key)
            if deleted is not LONG:
                count: int = deleted
                return count
        return await self._long_way().delete(key, namespace, timeout, _conn)

    async def exists(
        self, key: Any, namespace: str | None = None, timeout: Seconds | Unset = SENTINEL, _conn: Any = None
    ) -> bool:
        if namespace is None:
            exists: Any = self._fast_exists(key)
            if exists is not LONG:
                found: bool = exists
                return found
        return await self._long_way().exists(key, namespace, timeout, _conn)


class SimpleMemoryCache(SimpleMemoryBackend):
    """A cache in this process's memory. Values are kept as they are: a read returns the stored object.

    Each cache has a store of its own. Without a bound it grows until its entries' TTLs end.

    Args:
        serializer: By default ``NullSerializer``.
        max_size: How many entries it holds; the least used ones make room. Unbounded by default.
        max_memory: How many bytes it holds, by ``sys.getsizeof`` of the values, in place of ``max_size``.
        grace: Seconds that entries stay after their TTL, for when their source fails.
        throttle: Seconds that a source that has failed isn't asked again for. By default 30.
        soft_timeout: Seconds that a caller waits for a computation where there is a stale value.
        hard_timeout: Seconds that a caller waits for a computation at most.
        refresh_early: The part of a TTL after which an entry that is asked for is computed anew in the background.
        **kwargs: ``stale_on_clear``, ``ttl_jitter`` and other settings of computations; ``plugins``, ``namespace``, ``key_builder``,
            ``timeout``, ``ttl``: see ``BaseCache``.

    Example:
        >>> cache = SimpleMemoryCache(ttl=60, max_size=10_000)
        >>> await cache.set("key", {"any": object()})
        True
        >>> await cache.get("key")
        {'any': <object object at 0x7f5b3d0b4a60>}
    """

    def __init__(self, serializer: Any = None, **kwargs: Any) -> None:
        super().__init__(serializer=NullSerializer() if serializer is None else serializer, **kwargs)


SimpleMemoryBackend._note_parts()
