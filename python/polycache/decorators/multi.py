"""``multi_cached``: the entries of a mapping that a function returns, each by its key."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar, overload

from polycache.base import BaseCache
from polycache.core.computed import Call
from polycache.core.entries import dict_of, name_of
from polycache.core.sentinels import MISSING, SENTINEL, Unset
from polycache.core.tags import Tagging
from polycache.core.ttl import Seconds
from polycache.core.watched import Watched
from polycache.decorators.base import ANEW, choose_cache, has_own, in_background, logger, read_many
from polycache.decorators.function import (
    CachedClassMethod,
    CachedFunction,
    CachedStaticMethod,
    check,
    check_called,
    made_of,
)
from polycache.decorators.keys import signature_of
from polycache.decorators.tags import Tag, TagRule, checked
from polycache.factory import Cache
from polycache.log import tell

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


#: Arguments that may be given by their places.
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _same(key: Any, f: Any, /, *args: Any, **kwargs: Any) -> Any:
    return key


def _store_all(key: Any, value: Any) -> bool:
    return False


class multi_cached(Watched):
    """Caches the entries of the mapping that a coroutine function returns, each by its key.

    The function is called with the missing keys, and its result is completed with the others. Keys that it leaves out aren't in
    the result, and are asked for again. Without any key it is called too. The arguments of a call aren't part of the keys: give
    functions that share a cache a ``namespace`` or a ``key_builder`` each.

    The function can be a method, a class method or a static method. It gets ``cache``, and ``refresh``, ``invalidate`` and
    ``key``, which take the arguments of a call. Calls take ``cache_read``, ``cache_write`` and ``aiocache_wait_for_write`` as those of
    `cached` do. Trouble with the cache is logged, and the function is called.

    Args:
        keys_from_attr: The name of the function's argument that holds the keys.
        namespace: The beginning of the keys.
        key_builder: Called with a key, the function and the arguments; makes the key in the cache. The function and its
            callers see only keys as they are given.
        skip_cache_func: Called with a key and a value; if it returns true the value isn't stored.
        ttl: Seconds that values are kept; by default those of the cache. 0 or ``None``: for ever.
        cache: The cache's class, by default ``SimpleMemoryCache``. Each function has a cache of its own.
        serializer: The cache's serializer.
        plugins: The cache's plugins.
        alias: Uses the cache of ``caches.get(alias)``, in place of one of its own.
        tags: The tags of values, which ``cache.clear_tag`` clears together: texts with the names of arguments, where that with the keys
            stands for one of them, or ``result`` for its value; or functions of a key and its value that return a tag or a list of tags.
        **kwargs: The arguments of the cache's class. With ``grace=3600`` entries stay for an hour after their TTL, and are given
            if the function fails then: see `cached`.

    Example:
        >>> @multi_cached("ids", ttl=60)
        ... async def users(ids: list[int]) -> dict[int, str]:
        ...     return await database.users(ids)
        >>> await users([1, 2])
        {1: 'Ada', 2: 'Grace'}
    """

    def __init__(
        self,
        keys_from_attr: str,
        namespace: str | None = None,
        key_builder: Callable[..., Any] | None = None,
        skip_cache_func: Callable[[Any, Any], bool] = _store_all,
        ttl: Seconds | Unset = SENTINEL,
        cache: type[BaseCache] | Any = Cache.MEMORY,
        serializer: Any = None,
        plugins: Any = None,
        alias: str | None = None,
        *,
        tags: Iterable[Tag] = (),
        **kwargs: Any,
    ) -> None:
        check_called(type(self).__name__, keys_from_attr)
        self.keys_from_attr = keys_from_attr
        self.key_builder = key_builder or _same
        self.skip_cache_func = skip_cache_func
        self.ttl: Seconds | Unset = ttl
        self.alias = alias
        self.tags = checked(tags)
        self._tag_rule: TagRule | None = None
        self.cache: Any = None

        self._cache = cache
        self._serializer = serializer
        self._namespace = namespace
        self._plugins = plugins
        self._kwargs = kwargs

    @overload
    def __call__(self, f: classmethod[S, P, Coroutine[Any, Any, R]]) -> CachedClassMethod[P, R]: ...
    @overload
    def __call__(self, f: staticmethod[P, Coroutine[Any, Any, R]]) -> CachedStaticMethod[P, R]: ...
    @overload
    def __call__(self, f: Callable[P, Awaitable[R]]) -> CachedFunction[P, R]: ...
    def __call__(self, f: Any) -> Any:
        """Makes the cached function.

        Raises:
            TypeError: The function is no coroutine function, or has no argument ``keys_from_attr``.
        """
        check(type(self).__name__, f)
        self._check_keys(getattr(f, "__func__", f))
        decorator = self if self.cache is None else copy.copy(self)
        if self.tags:
            decorator._tag_rule = TagRule(self.tags, getattr(f, "__func__", f), self.keys_from_attr)
        decorator.cache = choose_cache(decorator)
        return made_of(decorator, f)

    def _check_keys(self, f: Callable[..., Any]) -> None:
        taken = inspect.signature(f).parameters
        named, name = taken.get(self.keys_from_attr), getattr(f, "__qualname__", f)
        if named is not None and named.kind is named.VAR_POSITIONAL:
            raise TypeError(
                f"@{type(self).__name__}: {name} takes its keys as `*{named.name}`; they are one argument, a list"
            )
        if named is not None or any(each.kind is each.VAR_KEYWORD for each in taken.values()):
            return
        raise TypeError(
            f"@{type(self).__name__}: {name} has no argument {self.keys_from_attr!r}; it takes {', '.join(taken)}"
        )

    def made(self, function: Any) -> None:
        """Tells of the cached function. It has no short way: the text of the arguments doesn't tell the keys."""

    async def decorator(
        self,
        f: Callable[..., Awaitable[Mapping[Any, Any]]],
        /,
        *args: Any,
        cache_read: bool = True,
        cache_write: bool = True,
        aiocache_wait_for_write: bool = True,
        **kwargs: Any,
    ) -> dict[Any, Any]:
        """The stored entries, and those that the function returns for the other keys, which are then stored."""
        keys = self._keys(f, args, kwargs)
        if keys and cache_write and (cache_read or self._tag_rule is not None) and self._computes():
            return await self._get_or_compute(keys, f, args, kwargs, anew=not cache_read)
        found = await self._read(keys, self._built(keys, f, args, kwargs)) if cache_read and keys else {}
        missing = [key for key in keys if key not in found]
        if keys and not missing:
            return found
        called_args, called_kwargs = self._with_keys(f, args, kwargs, missing)
        computed = dict_of(await f(*called_args, **called_kwargs), f"@multi_cached: {name_of(f)}")
        if cache_write:
            fresh = {key: value for key, value in computed.items() if not self.skip_cache_func(key, value)}
            if cache_read is ANEW and len(fresh) < len(computed):
                await self._drop([key for key in computed if key not in fresh], f, args, kwargs)
            if fresh:
                writes = self._replace if cache_read is ANEW else self.set_in_cache
                write = writes(fresh, f, args, kwargs)
                if aiocache_wait_for_write and not getattr(self.cache, "write_behind", False):
                    await write
                else:
                    in_background(write)
        return {**computed, **found}

    def _computes(self) -> bool:
        """Whether the cache computes entries, since there is more to it than calling the function."""
        is_tuned = getattr(self.cache, "_is_tuned", False) or self._tag_rule is not None
        if not is_tuned or not has_own(self.cache, "multi_get", "multi_set"):
            return False
        return not any(self._is_replaced(method, multi_cached) for method in ("get_from_cache", "set_in_cache"))

    async def _get_or_compute(
        self,
        keys: list[Any],
        f: Callable[..., Awaitable[Mapping[Any, Any]]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        anew: bool = False,
    ) -> dict[Any, Any]:
        """The stored entries, and the function's, called once for each key for all who ask; stale ones if it fails."""
        # Keys that a key builder makes the same are one entry, with the value of the last of them.
        alike: dict[Any, dict[Any, Any]] = {}
        for built, key in zip(self._built(keys, f, args, kwargs), keys, strict=True):
            alike.setdefault(built, {})[key] = MISSING
        own = {built: next(reversed(same)) for built, same in alike.items()}
        more: dict[Any, Any] = {}

        async def compute(built: list[Any]) -> dict[Any, Any]:
            missing = [key for each in built for key in alike[each]]
            called_args, called_kwargs = self._with_keys(f, args, kwargs, missing)
            computed = dict_of(await f(*called_args, **called_kwargs), f"@multi_cached: {name_of(f)}")
            found: dict[Any, Any] = {}
            for each in built:
                for key in alike[each]:
                    if key in computed:
                        own[each], found[each] = key, computed.pop(key)
                        alike[each][key] = found[each]
            more.update(computed)
            return found

        call = Call(
            ttl=self.ttl,
            timeout=self.cache.timeout,
            keep=lambda key, value: not self.skip_cache_func(own[key], value),
            tagging=self._tagging(own, args, kwargs),
            anew=anew,
        )
        found = await self.cache._multi_get_or_compute(own, compute, call)
        fresh = {key: value for key, value in more.items() if not self.skip_cache_func(key, value)}
        # What nobody has asked for has no tags: a clear meanwhile would be overlooked.
        if fresh and call.tagging is None:
            await self.set_in_cache(fresh, f, args, kwargs)
        for built, value in found.items():
            more |= {key: value if mine is MISSING else mine for key, mine in alike[built].items()}
        return more

    def _tagging(self, own: Mapping[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tagging | None:
        """The tags of a call's entries, which the cache knows by the keys that were built."""
        if self._tag_rule is None:
            return None
        tagging = self._tag_rule.of(args, kwargs)
        by = tagging.by
        return tagging if by is None else Tagging(tagging.names, lambda key, value: by(own[key], value))

    async def refresh(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[Any, Any]:
        """Calls the function with all keys, and stores its result; where that can't be, no older one is left either."""
        return await self.decorator(f, *args, **{**kwargs, "cache_read": ANEW})

    async def invalidate(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        """Deletes the entries of a call's keys. Returns the number of entries deleted."""
        deleted: int = await self.cache.multi_delete(self.key_of(f, args, kwargs))
        return deleted

    def key_of(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """The keys of a call in the cache."""
        return self._built(self._keys(f, args, kwargs), f, args, kwargs)

    def get_cache_keys(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[list[Any], list[Any], int]:
        """The keys in the cache, the positional arguments with the keys as a list, and the keys' place there or -1."""
        keys = self._keys(f, args, kwargs)
        place = self._place(f, args, kwargs)
        called_args = list(args)
        if place >= 0:
            called_args[place] = keys
        return self._built(keys, f, args, kwargs), called_args, place

    def _keys(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """The keys as the caller gives them."""
        if self.keys_from_attr in kwargs:
            given = kwargs[self.keys_from_attr]
        else:
            place = self._place(f, args, kwargs)
            given = args[place] if place >= 0 else _default(f, self.keys_from_attr)
        return list(given or ())

    def _place(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        """The place of the keys among the positional arguments, or -1."""
        positional = self._positional(f)
        if self.keys_from_attr in kwargs or self.keys_from_attr not in positional:
            return -1
        place = positional.index(self.keys_from_attr)
        return place if place < len(args) else -1

    def _positional(self, f: Callable[..., Any]) -> list[str]:
        """The names of the arguments that may be given by their places."""
        return [each.name for each in signature_of(f).parameters.values() if each.kind in _POSITIONAL]

    def _with_keys(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], keys: list[Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of the call with other keys."""
        place = self._place(f, args, kwargs)
        if place >= 0:
            return [*args[:place], keys, *args[place + 1 :]], kwargs
        taken = signature_of(f).parameters
        named = taken.get(self.keys_from_attr)
        if named is None or named.kind is not named.POSITIONAL_ONLY or self.keys_from_attr in kwargs:
            return list(args), {**kwargs, self.keys_from_attr: keys}
        # It has no name for callers, so what stands before it is given too.
        before = list(taken.values())[len(args) : self._positional(f).index(self.keys_from_attr)]
        return [*args, *(each.default for each in before), keys], kwargs

    def _built(
        self, keys: list[Any], f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[Any]:
        return [self.key_builder(key, f, *args, **kwargs) for key in keys]

    async def _read(self, keys: list[Any], built: list[Any]) -> dict[Any, Any]:
        """The stored values, by the caller's keys. Asks a subclass's `get_from_cache` if there is one."""
        if self._is_replaced("get_from_cache", multi_cached):
            values = [MISSING if value is None else value for value in await self.get_from_cache(*built)]
        else:
            values = await self._try_read(built)
        return {key: value for key, value in zip(keys, values, strict=False) if value is not MISSING}

    async def _try_read(self, built: list[Any]) -> list[Any]:
        try:
            return await read_many(self.cache, built)
        except Exception:
            tell(logger, self, "Couldn't retrieve %s, unexpected error", built)
            return [MISSING] * len(built)

    async def get_from_cache(self, *keys: Any) -> list[Any]:
        """The values under these keys of the cache, ``None`` for a miss. Trouble is logged, and is ``None`` for all."""
        if not keys:
            return []
        return [None if value is MISSING else value for value in await self._try_read(list(keys))]

    async def set_in_cache(
        self, result: Mapping[Any, Any], fn: Callable[..., Any], fn_args: tuple[Any, ...], fn_kwargs: dict[str, Any]
    ) -> bool | None:
        """Stores entries, by the caller's keys. Trouble is logged, and returns False."""
        try:
            built = self._built(list(result), fn, fn_args, fn_kwargs)
            await self.cache.multi_set(list(zip(built, result.values(), strict=True)), ttl=self.ttl)
        except Exception:
            tell(logger, self, "Couldn't set %s, unexpected error", list(result))
            return False
        return None

    async def _replace(
        self, result: Mapping[Any, Any], f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        if await self.set_in_cache(result, f, args, kwargs) is False:
            await self._drop(list(result), f, args, kwargs)

    async def _drop(
        self, keys: list[Any], f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Deletes entries that are older than the function's last ones."""
        try:
            await self.cache.multi_delete(self._built(keys, f, args, kwargs))
        except Exception:
            tell(logger, self, "Couldn't delete %s, unexpected error", keys)


def _default(f: Callable[..., Any], name: str) -> Any:
    """The default of a function's argument."""
    parameter = signature_of(f).parameters.get(name)
    return None if parameter is None or parameter.default is parameter.empty else parameter.default
