"""``cached``: the results of a function by its arguments."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from types import FunctionType
from typing import Any, ParamSpec, TypeVar, overload

from polycache._native import ShortFunction
from polycache.base import BaseCache
from polycache.core.computed import Call
from polycache.core.sentinels import LONG, MISSING, SENTINEL, Unset
from polycache.core.ttl import Seconds
from polycache.core.watched import Watched
from polycache.decorators.base import ANEW, choose_cache, has_own, in_background, logger, read
from polycache.decorators.function import (
    CachedClassMethod,
    CachedFunction,
    CachedStaticMethod,
    check,
    check_called,
    made_of,
)
from polycache.decorators.keys import NoKey, default_key, named
from polycache.decorators.tags import Tag, TagRule, checked
from polycache.factory import Cache
from polycache.log import tell

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


#: The methods ``decorator`` past which hits may go.
SHORT: list[Any] = []


def _store_all(result: Any) -> bool:
    return False


class cached(Watched):
    """Caches the results of a coroutine function, by its arguments. ``None`` is a result like any other.

    The function can be a method, a class method or a static method. It gets ``cache``, and ``refresh``, ``invalidate`` and
    ``key``, which take the arguments of a call. Calls take the keyword arguments ``cache_read=False`` (don't look it up),
    ``cache_write=False`` (don't store it) and ``aiocache_wait_for_write=False`` (store it in the background). Trouble with the
    cache is logged, and the function is called.

    Args:
        ttl: Seconds that results are kept; by default those of the cache. 0 or ``None``: for ever.
        key: The key, for all arguments.
        namespace: The beginning of the keys.
        key_builder: Called with the function and the arguments; makes the key. `signature_key` is one for which ``f(1)`` and
            ``f(x=1)`` are the same call.
        skip_cache_func: Called with a result; if it returns true the result isn't stored.
        cache: The cache's class, by default ``SimpleMemoryCache``. Each function has a cache of its own.
        serializer: The cache's serializer.
        plugins: The cache's plugins.
        alias: Uses the cache of ``caches.get(alias)``, in place of one of its own.
        noself: Leaves the first argument out of the key: all objects of a class have one result.
        key_from_attr: The name of the argument that is the key.
        tags: The tags of results, which ``cache.clear_tag`` clears together: texts with the names of arguments, or ``result`` for the
            result, as ``"user:{id}"`` and ``"team:{result.team}"``; or functions, called with the result and the arguments, that return
            a tag or a list of tags.
        **kwargs: The arguments of the cache's class. With ``grace=3600`` a result stays for an hour after its TTL: if the function
            fails then, it is given in place of the error, and the function isn't called again for the ``throttle`` (30
            seconds). With ``soft_timeout=0.2`` it is given where the function takes longer, which goes on; with
            ``refresh_early=0.8`` a result that is asked for in the last fifth of its TTL is computed anew in the background. With
            any of these, or tags, a missing result is computed once for all who ask, as by `cached_stampede`.

    Example:
        >>> @cached(ttl=60, cache=RedisCache, endpoint="10.0.0.1", namespace="shop")
        ... async def price(article: int) -> float:
        ...     return await database.price(article)
        >>> await price(7)
        12.5
        >>> await price.invalidate(7)
        1
    """

    def __init__(
        self,
        ttl: Seconds | Unset = SENTINEL,
        key: str | None = None,
        namespace: str | None = None,
        key_builder: Callable[..., Any] | None = None,
        skip_cache_func: Callable[[Any], bool] = _store_all,
        cache: type[BaseCache] | Any = Cache.MEMORY,
        serializer: Any = None,
        plugins: Any = None,
        alias: str | None = None,
        noself: bool = False,
        *,
        key_from_attr: str | None = None,
        tags: Iterable[Tag] = (),
        **kwargs: Any,
    ) -> None:
        check_called(type(self).__name__, ttl)
        self.ttl: Seconds | Unset = ttl
        self.key = key
        self.key_builder = key_builder
        self.skip_cache_func = skip_cache_func
        self.noself = noself
        self.alias = alias
        self.cache = None
        self.key_from_attr = key_from_attr
        self.tags = checked(tags)

        self._cache = cache
        self._serializer = serializer
        self._namespace = namespace
        self._plugins = plugins
        self._kwargs = kwargs
        self._warned = False

    #: Reads from the cache if there is nothing to wait for.
    _peek: Callable[[Any], Any] | None = None
    #: Whether the key is made of the function and its arguments, by nobody else's rule.
    _by_arguments: bool = False
    #: Whether nobody has replaced how results are read and stored.
    _is_plain: bool = False
    #: Whether the cache computes results, since there is more to it than calling the function.
    _computes: bool = False
    #: The tags of results.
    _tag_rule: TagRule | None = None
    #: The function, which takes the short way past this decorator if the key is made of the arguments and nothing is replaced.
    _function: ShortFunction | None = None
    # `__setattr__` reads these before they are set.
    key: str | None = None
    key_builder: Callable[..., Any] | None = None
    key_from_attr: str | None = None
    noself: bool = False
    cache: Any = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets an attribute, such as the cache."""
        super().__setattr__(name, value)
        # A mock of a cache isn't one.
        is_cache = issubclass(type(self.cache), BaseCache)
        is_plain = not any(self._is_replaced(method, cached) for method in ("get_from_cache", "set_in_cache"))
        computes = is_cache and (getattr(self.cache, "_is_tuned", False) or self._tag_rule is not None)
        may_peek = is_cache and not self._is_replaced("get_from_cache", cached)
        peek = self.cache._peek if may_peek else None
        by_arguments = not (self.key or self.key_builder or self.key_from_attr or self.noself)
        replaced = any(self._is_replaced(method, cached) for method in ("get_cache_key", "_key_from_args"))
        is_short = any(type(self).decorator is each for each in SHORT) and "decorator" not in self._replaced
        self._remember(
            _is_plain=is_plain,
            _computes=computes and is_plain,
            _peek=peek,
            _by_arguments=by_arguments and not replaced,
        )
        if self._function is not None:
            is_short = is_short and self._by_arguments and peek is not None
            self._function._aim(getattr(self.cache, "_doorway", None) if is_short else None)

    def made(self, function: ShortFunction) -> None:
        """Tells of the cached function."""
        self._function = function

    @overload
    def __call__(self, f: classmethod[S, P, Coroutine[Any, Any, R]]) -> CachedClassMethod[P, R]: ...
    @overload
    def __call__(self, f: staticmethod[P, Coroutine[Any, Any, R]]) -> CachedStaticMethod[P, R]: ...
    @overload
    def __call__(self, f: Callable[P, Awaitable[R]]) -> CachedFunction[P, R]: ...
    def __call__(self, f: Any) -> Any:
        """Makes the cached function.

        Raises:
            TypeError: The function is no coroutine function.
        """
        check(type(self).__name__, f)
        # One decorator may be used for several functions, each of which has its own cache.
        decorator = self if self.cache is None else copy.copy(self)
        rule = TagRule(self.tags, getattr(f, "__func__", f)) if self.tags else None
        decorator._remember(_function=None, _tag_rule=rule)
        decorator.cache = choose_cache(decorator)
        return made_of(decorator, f)

    async def decorator(
        self,
        f: Callable[..., Awaitable[Any]],
        /,
        *args: Any,
        cache_read: bool = True,
        cache_write: bool = True,
        aiocache_wait_for_write: bool = True,
        **kwargs: Any,
    ) -> Any:
        """The stored result of a call, or the function's result, which is then stored."""
        try:
            if self._by_arguments and type(f) is FunctionType:
                key: Any = default_key(f.__module__, f.__name__, args, kwargs)
            else:
                key = self.get_cache_key(f, args, kwargs)
        except NoKey as reason:
            return await self._without_key(f, args, kwargs, reason)
        computes = cache_write and self._computes and has_own(self.cache, "get", "set")
        if cache_read:
            value = LONG if self._peek is None else self._peek(key)
            if value is LONG and not computes:
                value = await self._read(key)
            if value is not MISSING and value is not LONG:
                return value
        # What is computed anew needs the cache only for the sake of tags.
        if computes and (cache_read or self._tag_rule is not None):
            return await self._get_or_compute(key, f, args, kwargs, anew=not cache_read)
        result = await f(*args, **kwargs)
        if cache_write and not self.skip_cache_func(result):
            write = self._replace(key, result) if cache_read is ANEW else self.set_in_cache(key, result)
            if aiocache_wait_for_write and not getattr(self.cache, "write_behind", False):
                await write
            else:
                in_background(write)
        elif cache_write and cache_read is ANEW:
            await self._drop(key)
        return result

    async def _get_or_compute(
        self,
        key: Any,
        f: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        lease: Seconds | Unset = SENTINEL,
        anew: bool = False,
    ) -> Any:
        """The stored result, or the function's, called once for all who ask; if that fails, a stale one."""

        async def compute() -> Any:
            return await f(*args, **kwargs)

        call = Call(
            ttl=self.ttl,
            lease=lease,
            timeout=self.cache.timeout,
            keep=lambda key, value: not self.skip_cache_func(value),
            tagging=None if self._tag_rule is None else self._tag_rule.of(args, kwargs),
            anew=anew,
        )
        return await self.cache._get_or_compute(key, compute, call)

    async def refresh(self, f: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls the function in any case, and stores its result; if that can't be, no older one is left either."""
        return await cached.decorator(self, f, *args, **{**kwargs, "cache_read": ANEW})

    async def invalidate(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        """Deletes the stored result of a call. Returns the number of entries deleted."""
        try:
            key = self.get_cache_key(f, args, kwargs)
        except NoKey:
            return 0  # Nothing is stored for them.
        deleted: int = await self.cache.delete(key)
        return deleted

    def key_of(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The key of a call."""
        return self.get_cache_key(f, args, kwargs)

    def get_cache_key(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The key of a call."""
        if self.key:
            return self.key
        if self.key_builder:
            return self.key_builder(f, *args, **kwargs)
        if self.key_from_attr is not None:
            bound = inspect.signature(f).bind(*args, **kwargs)
            bound.apply_defaults()
            if self.key_from_attr in bound.arguments:
                return bound.arguments[self.key_from_attr]
        return self._key_from_args(f, args, kwargs)

    def _key_from_args(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        func, args, kwargs = named(func, args, kwargs)
        return default_key(func.__module__, func.__name__, args[1:] if self.noself else args, kwargs)

    async def _without_key(
        self, f: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any], reason: NoKey
    ) -> Any:
        if not self._warned:
            self._warned = True
            logger.warning("%s isn't cached: %s", getattr(f, "__qualname__", f), reason)
        return await f(*args, **kwargs)

    async def _read(self, key: Any) -> Any:
        """The stored result, or ``MISSING``. Asks a subclass's `get_from_cache` if there is one."""
        if self._peek is not None and self.cache._asks is not None:
            try:
                call = self.cache._asks[key]
                if call is not None:
                    return await self.cache._answer(call)
            except Exception:
                tell(logger, self, "Couldn't retrieve %s, unexpected error", key)
                return MISSING
        if self._is_replaced("get_from_cache", cached):
            value = await self.get_from_cache(key)
            return MISSING if value is None else value
        return await self._try_read(key)

    async def _try_read(self, key: Any) -> Any:
        try:
            return await read(self.cache, key)
        except Exception:
            tell(logger, self, "Couldn't retrieve %s, unexpected error", key)
            return MISSING

    async def get_from_cache(self, key: str) -> Any:
        """The stored result, or ``None``. Trouble is logged, and counts as ``None``."""
        value = await self._try_read(key)
        return None if value is MISSING else value

    async def set_in_cache(self, key: str, value: Any) -> bool | None:
        """Stores a result. Trouble is logged, and returns False."""
        try:
            await self.cache.set(key, value, ttl=self.ttl)
        except Exception:
            tell(logger, self, "Couldn't set %s, unexpected error", key)
            return False
        return None

    async def _replace(self, key: Any, value: Any) -> None:
        if await self.set_in_cache(key, value) is False:
            await self._drop(key)

    async def _drop(self, key: Any) -> None:
        """Deletes a result that is older than the function's last one."""
        try:
            await self.cache.delete(key)
        except Exception:
            tell(logger, self, "Couldn't delete %s, unexpected error", key)


SHORT.append(cached.decorator)
