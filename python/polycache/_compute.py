"""The coroutine that the native module runs in a task to compute a value."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def run(compute: Callable[[], Awaitable[T]]) -> T:
    """Calls ``compute`` and awaits its result, which need not be a coroutine."""
    return await compute()
