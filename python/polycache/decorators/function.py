"""Cached functions: they are called as before, and can be refreshed and invalidated."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from types import CodeType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from polycache._native import ShortFunction

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")


class Decorator(Protocol):
    """The decorator of a cached function, as the function sees it."""

    cache: Any

    def made(self, function: Any) -> None:
        """Tells of the cached function."""

    async def decorator(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Calls the function, or answers for it."""

    async def refresh(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls the function and stores its result."""

    async def invalidate(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        """Deletes the stored result of a call."""
        ...

    def key_of(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The key of a call, or its keys."""


async def _a_coroutine_function() -> None:
    """Its code stands for that of wrapped objects without any."""


class _Coroutine:
    """Counts as a coroutine function for inspect, for asyncio, and for frameworks over them."""

    _is_coroutine = (
        cast(Any, asyncio.coroutines)._is_coroutine if hasattr(asyncio.coroutines, "_is_coroutine") else None
    )
    __defaults__: tuple[Any, ...] | None = None
    __kwdefaults__: dict[str, Any] | None = None
    __wrapped__: Any

    @property
    def __code__(self) -> CodeType:
        """The code of a coroutine function."""
        code = getattr(self.__wrapped__, "__code__", None)
        is_coroutine = isinstance(code, CodeType) and code.co_flags & inspect.CO_COROUTINE
        return cast(CodeType, code) if is_coroutine else _a_coroutine_function.__code__


_mark: Callable[[Any], Any] | None = getattr(inspect, "markcoroutinefunction", None)  # From 3.12 on.
if _mark is not None:
    _mark(_Coroutine)


class CachedFunction(_Coroutine, ShortFunction, Generic[P, R]):
    """A coroutine function whose results are cached.

    It is called, awaited and used as a method like the function itself. It also has ``refresh``, ``invalidate`` and ``key``, which
    take the arguments of a call, and ``cache``.

    Attributes:
        cache: The cache.
        __wrapped__: The function.
    """

    def __init__(self, decorator: Decorator, function: Callable[P, Awaitable[R]]) -> None:
        functools.update_wrapper(cast(Any, self), function)
        self._decorator = decorator
        self._function = function
        self.cache: Any = decorator.cache
        decorator.made(self)

    if TYPE_CHECKING:

        async def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
            """The stored result for these arguments, or else the function's result."""
            raise NotImplementedError

    async def _call(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """What a call does that is no hit in memory."""
        result: R = await self._decorator.decorator(self._function, *args, **kwargs)
        return result

    async def refresh(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function in any case, and stores its result."""
        result: R = await self._decorator.refresh(self._function, args, kwargs)
        return result

    async def invalidate(self, /, *args: P.args, **kwargs: P.kwargs) -> int:
        """Deletes the stored result for these arguments. Returns the number of entries deleted."""
        return await self._decorator.invalidate(self._function, args, kwargs)

    def key(self, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        """The key, without the namespace, for these arguments; of ``multi_cached`` the list of keys."""
        return self._decorator.key_of(self._function, args, kwargs)

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> CachedFunction[P, R]: ...
    @overload
    def __get__(
        self: CachedFunction[Concatenate[S, Q], R], instance: S, owner: type[Any] | None = None
    ) -> BoundCachedFunction[Q, R]: ...
    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        """The function as a method of an instance."""
        return self if instance is None else BoundCachedFunction(self, instance)

    def __repr__(self) -> str:
        """The function's own, marked as cached."""
        return f"<cached {self._function!r}>"

    def __reduce__(self) -> str:
        """Its name, as functions are pickled."""
        return cast(str, cast(Any, self).__qualname__)


class CachedClassMethod(CachedFunction[P, R]):
    """A cached class method: its first argument is the class."""

    @overload  # type: ignore[override]  # What it is bound to is the class.
    def __get__(
        self: CachedClassMethod[Concatenate[S, Q], R], instance: None, owner: S
    ) -> BoundCachedFunction[Q, R]: ...
    @overload
    def __get__(
        self: CachedClassMethod[Concatenate[S, Q], R], instance: object, owner: S | None = None
    ) -> BoundCachedFunction[Q, R]: ...
    def __get__(self, instance: Any, owner: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The function as a method of the class."""
        return BoundCachedFunction(self, type(instance) if owner is None else owner)


class CachedStaticMethod(CachedFunction[P, R]):
    """A cached static method: it has no first argument of its own."""

    def __get__(self, instance: Any, owner: Any = None) -> CachedStaticMethod[P, R]:  # type: ignore[override]
        """The function."""
        return self


class BoundCachedFunction(_Coroutine, Generic[Q, R]):
    """A cached method of an object; its methods take the arguments behind the object."""

    def __init__(self, function: Any, instance: Any) -> None:
        self.__func__: Any = function
        self.__self__: Any = instance
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.cache: Any = function.cache

    def __call__(self, /, *args: Q.args, **kwargs: Q.kwargs) -> Coroutine[Any, Any, R]:
        """The stored result for these arguments, or else the function's result."""
        result: Coroutine[Any, Any, R] = self.__func__(self.__self__, *args, **kwargs)
        return result

    async def refresh(self, /, *args: Q.args, **kwargs: Q.kwargs) -> R:
        """Calls the function in any case, and stores its result."""
        result: R = await self.__func__.refresh(self.__self__, *args, **kwargs)
        return result

    async def invalidate(self, /, *args: Q.args, **kwargs: Q.kwargs) -> int:
        """Deletes the stored result for these arguments. Returns the number of entries deleted."""
        deleted: int = await self.__func__.invalidate(self.__self__, *args, **kwargs)
        return deleted

    def key(self, /, *args: Q.args, **kwargs: Q.kwargs) -> Any:
        """The key, without the namespace, for these arguments; of ``multi_cached`` the list of keys."""
        return self.__func__.key(self.__self__, *args, **kwargs)

    @property
    def __wrapped__(self) -> Any:
        """The function as a bound method, for its signature."""
        return self.__func__.__wrapped__.__get__(self.__self__)

    @__wrapped__.setter
    def __wrapped__(self, value: Any) -> None:
        raise AttributeError("a bound method's function is fixed")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__func__, name)

    def __reduce__(self) -> tuple[Any, ...]:
        """Its object and its name, as bound methods are pickled."""
        return getattr, (self.__self__, self.__func__.__name__)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BoundCachedFunction):
            return NotImplemented
        return other.__func__ is self.__func__ and other.__self__ is self.__self__

    def __hash__(self) -> int:
        return hash((id(self.__func__), id(self.__self__)))

    def __repr__(self) -> str:
        return f"<cached {self.__wrapped__!r}>"


def made_of(decorator: Decorator, function: Any) -> Any:
    """The cached function of the object below the decorator."""
    if isinstance(function, classmethod):
        return CachedClassMethod(decorator, function.__func__)
    if isinstance(function, staticmethod):
        return CachedStaticMethod(decorator, function.__func__)
    return CachedFunction(decorator, function)


def check(name: str, function: Any) -> None:
    """Refuses a function that can't be awaited.

    Raises:
        TypeError: The function is no coroutine function.
    """
    inner = getattr(function, "__func__", function) if isinstance(function, (classmethod, staticmethod)) else function
    if isinstance(inner, type) or not callable(inner):
        raise TypeError(f"@{name} is for coroutine functions, and this is {inner!r}")
    called = f"{getattr(inner, '__module__', '')}.{getattr(inner, '__qualname__', inner)}"
    if inspect.isasyncgenfunction(inner) or inspect.isgeneratorfunction(inner):
        raise TypeError(f"@{name}: {called} yields; return a list instead, which can be stored")
    if inspect.isfunction(inner) and not any(map(inspect.iscoroutinefunction, _layers(inner))):
        raise TypeError(f"@{name}: {called} is a sync function; make it `async def`, since a cache is awaited")


def check_called(name: str, first: Any) -> None:
    """Refuses a decorator that has got the function as its first argument.

    Raises:
        TypeError: It has.
    """
    if callable(first):
        raise TypeError(f"@{name} takes arguments: write @{name}(..) above {getattr(first, '__qualname__', first)}")


def _layers(function: Any) -> list[Any]:
    """The function, and those that decorators have wrapped."""
    layers = [function]
    while hasattr(layers[-1], "__wrapped__") and len(layers) < 100:
        layers.append(layers[-1].__wrapped__)
    return layers
