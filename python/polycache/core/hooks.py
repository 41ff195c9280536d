"""Running a command between the hooks of its plugins, within its timeout."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

from polycache.core.sentinels import MISSING, SENTINEL, Unset
from polycache.core.ttl import Seconds, read_seconds

T = TypeVar("T")
Operation = Callable[[], Awaitable[T]]

#: The cache whose read hooks hear of, and how many of its keys were found. A value that is ``None``, or equal to the default,
#: looks like a miss in ``ret``.
_READ: ContextVar[tuple[object, int] | None] = ContextVar("polycache_read", default=None)


def hits_of(cache: object) -> int | None:
    """How many keys were found by the read that ``cache`` is telling hooks about; ``None`` outside of such a hook."""
    read = _READ.get()
    return read[1] if read is not None and read[0] is cache else None


def given(**options: Any) -> dict[str, Any]:
    """The options that the caller gave: hooks see only these."""
    return {name: value for name, value in options.items() if value is not None and value is not SENTINEL}


async def within(limit: float | None, operation: Operation[T]) -> T:
    """Awaits the operation, for ``limit`` seconds at most (``None`` and 0: without a limit).

    Raises:
        TimeoutError: When it takes longer.
    """
    if limit is None or limit == 0:
        return await operation()
    scope = asyncio.timeout(limit)
    try:
        async with scope:
            return await operation()
    except TimeoutError as error:
        if scope.expired() and not error.args:
            error.args = ("the cache took longer than the timeout",)
        raise


async def hooked(
    cache: Any, command: str, args: tuple[Any, ...], options: Mapping[str, Any], operation: Operation[T]
) -> T:
    """Runs every ``pre_`` hook, the operation, and every ``post_`` hook, in the order of the plugins.

    A hook that a plugin lacks is passed over. After an exception there are no further hooks.
    """
    start = time.monotonic()
    await call_hooks(cache, "pre_" + command, args, options)
    result = await operation()
    took = time.monotonic() - start
    await call_hooks(cache, "post_" + command, args, {"took": took, "ret": result, **options})
    return result


async def call_hooks(cache: Any, hook: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Calls a hook of every plugin that has it."""
    for plugin in cache.plugins:
        called = getattr(plugin, hook, None)
        if called is not None:
            await called(cache, *args, **options)


async def hooked_read(
    cache: Any, command: str, args: tuple[Any, ...], options: Mapping[str, Any], read: Operation[T],
    shown: Callable[[T], Any], hits: Callable[[T], int],
) -> T:  # fmt: skip
    """`hooked` for a read, whose result tells misses from values: hooks get ``shown(result)`` and can ask for the hits."""
    results: list[T] = []

    async def operation() -> Any:
        result = await read()
        results.append(result)
        told.append(_READ.set((cache, hits(result))))
        return shown(result)

    told: list[Any] = []
    try:
        await hooked(cache, command, args, options, operation)
    finally:
        for token in told:
            _READ.reset(token)
    return results[0]


class Runner:
    """The part of a cache that runs commands."""

    timeout: float | None
    plugins: Any

    def _limit(self, timeout: Seconds | Unset) -> float | None:
        """The seconds that a call may take: its own, or the cache's."""
        return self.timeout if timeout is SENTINEL else read_seconds(timeout)

    async def _run(
        self,
        command: str,
        args: tuple[Any, ...],
        options: Mapping[str, Any],
        timeout: Seconds | Unset,
        operation: Operation[T],
    ) -> T:
        """Runs a command within its timeout, which covers the hooks too."""
        if not self.plugins:
            return await within(self._limit(timeout), operation)
        return await within(self._limit(timeout), lambda: hooked(self, command, args, options, operation))


def or_default(value: Any, default: Any) -> Any:
    """The value, or the default for a miss."""
    return default if value is MISSING else value
