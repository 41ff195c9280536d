"""The coroutines and tasks that the native module makes."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Task
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")


class _Computation:
    """A native computation under way, and the one around it."""

    __slots__ = ("inside", "outer")

    def __init__(self, inside: Any, outer: _Computation | None) -> None:
        self.inside = inside
        self.outer = outer


_PRESENT: ContextVar[_Computation | None] = ContextVar("polycache_inside", default=None)


def _present() -> _Computation | None:
    """The innermost computation that the present task works for. Those that have ended and left a task behind are none."""
    found = _PRESENT.get()
    while found is not None and found.inside is None:
        found = found.outer
    return found


class _Inside:
    """The native module's computations that the present task works for: a call of theirs for their own keys mustn't wait."""

    def get(self) -> Any:
        """They, as the native module has them, or None."""
        found = _present()
        return None if found is None else found.inside


INSIDE = _Inside()


async def run(compute: Callable[..., Awaitable[Any]], arguments: tuple[Any, ...], computation: _Computation) -> Any:
    """Calls ``compute`` and awaits its result, which need not be a coroutine."""
    try:
        return await compute(*arguments)
    finally:
        computation.inside = None


def begin(
    loop: AbstractEventLoop, inside: Any, compute: Callable[..., Awaitable[Any]], arguments: tuple[Any, ...]
) -> Task[Any]:
    """Makes the task, in the context in which this is called."""
    computation = _Computation(inside, _present())
    _PRESENT.set(computation)
    # A context isn't given as an argument of `create_task`, which not every loop's task factory takes.
    return loop.create_task(run(compute, arguments, computation))


async def given(value: T) -> T:
    """A value that is already there, for who awaits a call."""
    return value
