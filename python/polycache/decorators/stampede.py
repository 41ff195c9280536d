"""``cached_stampede``: `cached`, computing a missing result once for all who ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Self

from polycache.core.flights import Flights
from polycache.core.sentinels import MISSING
from polycache.core.switch import disabled
from polycache.core.ttl import Seconds, read_seconds
from polycache.decorators.base import has_own
from polycache.decorators.cached import SHORT, cached
from polycache.decorators.function import check_called
from polycache.decorators.keys import NoKey


class cached_stampede(cached):
    """`cached`, which calls the function once for all who ask for the same result at the same time.

    All who wait get the result, even ``None``, or the error, which isn't stored. On a server this holds for all processes.

    Args:
        lease: Seconds after which other processes stop waiting for a dead one. The lease is renewed while the function
            runs, so it may be shorter. 0 or ``None``: other processes don't wait.
        **kwargs: See `cached`.

    Example:
        >>> @cached_stampede(ttl=60, lease=2, cache=RedisCache)
        ... async def report():
        ...     return await make_report()
    """

    def __init__(self, lease: Seconds = 2, **kwargs: Any) -> None:
        check_called(type(self).__name__, lease)
        super().__init__(**kwargs)
        self.lease = lease
        self._flights = Flights()

    def __copy__(self) -> Self:
        """A decorator for another function, whose computations are its own: they may have the same keys."""
        other = type(self).__new__(type(self))
        other._remember(**{**vars(self), "_flights": Flights()})
        return other

    async def decorator(self, f: Callable[..., Awaitable[Any]], /, *args: Any, **kwargs: Any) -> Any:
        """The stored result of a call, or the function's, called by this caller or another one."""
        try:
            key = self.get_cache_key(f, args, kwargs)
        except NoKey as reason:
            return await self._without_key(f, args, kwargs, reason)

        async def compute() -> Any:
            return await f(*args, **kwargs)

        if self._is_plain and has_own(self.cache, "get", "set"):
            return await self._get_or_compute(key, f, args, kwargs, self.lease)
        value = await self._read(key)
        if value is not MISSING:
            return value
        if disabled():
            return await compute()
        return await self._flights.share(key, lambda: self._compute(key, compute), compute)

    async def _compute(self, key: Any, compute: Callable[[], Awaitable[Any]]) -> Any:
        """For a cache of another class, which at least has a lock."""
        from polycache import decorators  # Where test suites put another RedLock.

        if not read_seconds(self.lease):
            return await self._compute_and_store(key, compute)
        async with decorators.RedLock(self.cache, key, self.lease):  # type: ignore[arg-type]
            value = await self._read(key)
            return await self._compute_and_store(key, compute) if value is MISSING else value

    async def _compute_and_store(self, key: Any, compute: Callable[[], Awaitable[Any]]) -> Any:
        result = await compute()
        if not self.skip_cache_func(result):
            await self.set_in_cache(key, result)
        return result


SHORT.append(cached_stampede.decorator)
