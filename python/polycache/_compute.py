"""The coroutines and tasks that the native module makes."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Task
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

#: The native module's computations that the present task works for: a call of theirs for their own keys mustn't wait.
INSIDE: ContextVar[Any] = ContextVar("polycache_inside", default=None)


async def run(compute: Callable[..., Awaitable[Any]], arguments: tuple[Any, ...]) -> Any:
    """Calls ``compute`` and awaits its result, which need not be a coroutine."""
    return await compute(*arguments)


def begin(
    loop: AbstractEventLoop, inside: Any, compute: Callable[..., Awaitable[Any]], arguments: tuple[Any, ...]
) -> Task[Any]:
    """Makes the task, in the context in which this is called."""
    INSIDE.set(inside)
    # A context isn't given as an argument of `create_task`, which not every loop's task factory takes.
    return loop.create_task(run(compute, arguments))


async def given(value: T) -> T:
    """A value that is already there, for who awaits a call."""
    return value
