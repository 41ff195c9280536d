"""``SimpleMemoryCache``, and the short way of its commands.

A hit costs little more than the coroutine that it is: a command looks whether nothing stands in the way (a plugin, the off switch,
a replaced part, an option of the call) and asks the native store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from polycache._native import Memory
from polycache.backends.memory.operations import MemoryOperations, bounds
from polycache.core.sentinels import LONG, MISSING, SENTINEL, Unset
from polycache.core.switch import AIOCACHE_NAME, ENVIRONMENT, POLYCACHE_NAME
from polycache.core.ttl import Seconds, native_ttl
from polycache.serializers import NullSerializer


class SimpleMemoryBackend(MemoryOperations):
    """A memory cache whose serializer is that of ``BaseCache``; see `SimpleMemoryCache`."""

    NAME = "memory"

    #: The native store's methods while the short way is open, and what they are given.
    _fast_get: Callable[..., Any] | None = None
    _fast_peek: Callable[..., Any] | None = None
    _fast_multi_get: Callable[..., Any] | None = None
    _fast_set: Callable[..., Any] | None = None
    _fast_delete: Callable[..., Any] | None = None
    _fast_exists: Callable[..., Any] | None = None
    _prefix: str = ""
    _space_length: int = 0
    _fast_ttl: float | None = None

    def __init__(
        self, *, max_size: int | str | None = None, max_memory: int | str | None = None, **kwargs: Any
    ) -> None:
        """Makes a cache.

        Args:
            max_size: How many entries it holds; the least used ones make room. By default there is no bound.
            max_memory: How many bytes it holds, by ``sys.getsizeof`` of the values, in place of ``max_size``.
            **kwargs: What every cache takes: see ``BaseCache``.
        """
        super().__init__(**kwargs)
        self._memory = Memory(**bounds(max_size, max_memory))
        self._remember(_made=True)
        self._changed()

    @classmethod
    def parse_uri_path(cls, path: str) -> dict[str, Any]:
        """The settings in the path of a URL: none."""
        return {}

    def _limit(self, timeout: Seconds | Unset) -> float | None:
        # Nothing waits where there are no hooks and no operations of a subclass.
        return None if self._waits_never and not self._plugins else super()._limit(timeout)

    _waits_never = False

    def _changed(self) -> None:
        stock = self._is_stock()
        is_fast = stock and type(self._serializer) is NullSerializer and self._key_builder is None
        is_fast = is_fast and not self._is_other("_build_key")
        memory = self._memory if is_fast else None
        prefix = "" if self.namespace is None else f"{self.namespace}"
        ttl = native_ttl(self.ttl)
        self._remember(
            _waits_never=stock,
            _fast_get=memory and memory.get,
            _fast_peek=None if self._is_replaced("get", SimpleMemoryBackend) else memory and memory.get,
            _fast_multi_get=memory and memory.multi_get,
            _fast_set=memory and memory.set if ttl is None or ttl > 0 else None,
            _fast_delete=memory and memory.delete,
            _fast_exists=memory and memory.exists,
            _prefix=prefix,
            _space_length=len(prefix.encode()),
            _fast_ttl=ttl,
        )

    async def get(
        self,
        key: Any,
        default: Any = None,
        loads_fn: Callable[[Any], Any] | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> Any:
        get = self._fast_get
        if (
            get is not None
            and not self._plugins
            and namespace is None
            and loads_fn is None
            and AIOCACHE_NAME not in ENVIRONMENT
            and POLYCACHE_NAME not in ENVIRONMENT
        ):
            try:
                prefix = self._prefix
                return get(prefix + key if prefix else key, default)
            except TypeError:
                pass  # A key that isn't text.
        return await super().get(key, default, loads_fn, namespace, timeout, _conn)

    def _peek(self, key: Any) -> Any:
        get = self._fast_peek
        if (
            get is not None
            and not self._plugins
            and AIOCACHE_NAME not in ENVIRONMENT
            and POLYCACHE_NAME not in ENVIRONMENT
        ):
            try:
                prefix = self._prefix
                return get(prefix + key if prefix else key, MISSING)
            except TypeError:
                pass  # A key that isn't text.
        return LONG

    async def multi_get(
        self,
        keys: Iterable[Any],
        loads_fn: Callable[[Any], Any] | None = None,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
        _conn: Any = None,
    ) -> list[Any]:
        multi_get = self._fast_multi_get
        if (
            multi_get is not None
            and not self._plugins
            and namespace is None
            and loads_fn is None
            and AIOCACHE_NAME not in ENVIRONMENT
            and POLYCACHE_NAME not in ENVIRONMENT
        ):
            prefix = self._prefix
            keys = keys if isinstance(keys, (list, tuple)) else list(keys)
            try:
                found: list[Any] = multi_get([prefix + key for key in keys] if prefix else keys)
            except TypeError:
                pass  # A key that isn't text.
            else:
                return found
        return await super().multi_get(keys, loads_fn, namespace, timeout, _conn)

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
        store = self._fast_set
        if (
            store is not None
            and not self._plugins
            and namespace is None
            and dumps_fn is None
            and _cas_token is None
            and (ttl is SENTINEL or (type(ttl) is int and ttl > 0))
            and AIOCACHE_NAME not in ENVIRONMENT
            and POLYCACHE_NAME not in ENVIRONMENT
        ):
            try:
                store(self._prefix + key, value, self._fast_ttl if ttl is SENTINEL else ttl, self._space_length)
            except TypeError:
                pass  # A key that isn't text.
            else:
                return True
        return await super().set(key, value, ttl, dumps_fn, namespace, _cas_token, timeout, _conn)

    async def delete(
        self, key: Any, namespace: str | None = None, timeout: Seconds | Unset = SENTINEL, _conn: Any = None
    ) -> int:
        delete = self._fast_delete
        if (
            delete is not None
            and not self._plugins
            and namespace is None
            and AIOCACHE_NAME not in ENVIRONMENT
            and POLYCACHE_NAME not in ENVIRONMENT
        ):
            try:
                return int(delete(self._prefix + key))
            except TypeError:
                pass  # A key that isn't text.
        return await super().delete(key, namespace, timeout, _conn)

    async def exists(
        self, key: Any, namespace: str | None = None, timeout: Seconds | Unset = SENTINEL, _conn: Any = None
    ) -> bool:
        exists = self._fast_exists
        if (
            exists is not None
            and not self._plugins
            and namespace is None
            and AIOCACHE_NAME not in ENVIRONMENT
            and POLYCACHE_NAME not in ENVIRONMENT
        ):
            try:
                found: bool = exists(self._prefix + key)
            except TypeError:
                pass  # A key that isn't text.
            else:
                return found
        return await super().exists(key, namespace, timeout, _conn)


class SimpleMemoryCache(SimpleMemoryBackend):
    """A cache in this process's memory. Values are kept as they are: what is read is the object that was stored.

    Each has a store of its own. Without a bound it grows until its entries' TTLs end.

    Args:
        serializer: By default ``NullSerializer``.
        max_size: How many entries it holds; the least used ones make room. By default there is no bound.
        max_memory: How many bytes it holds, by ``sys.getsizeof`` of the values, in place of ``max_size``.
        **kwargs: ``plugins``, ``namespace``, ``key_builder``, ``timeout``, ``ttl``: see ``BaseCache``.

    Example:
        >>> cache = SimpleMemoryCache(ttl=60, max_size=10_000)
        >>> await cache.set("key", {"any": object()})
        True
        >>> await cache.get("key")
        {'any': <object object at 0x7f5b3d0b4a60>}
    """

    def __init__(self, serializer: Any = None, **kwargs: Any) -> None:
        super().__init__(serializer=NullSerializer() if serializer is None else serializer, **kwargs)


SimpleMemoryBackend._ORIGINAL = SimpleMemoryBackend
