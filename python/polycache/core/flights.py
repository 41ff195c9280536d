"""One computation for all who wait for it, within a process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

from polycache.core.entries import dict_of, name_of

T = TypeVar("T")
K = TypeVar("K")
Place = tuple[int, Hashable]

logger = logging.getLogger("polycache.base")


#: The computations that the present task works for.
_WITHIN: ContextVar[tuple[_Flight, ...]] = ContextVar("polycache_within", default=())


class _Flight:
    """A computation in a task of its own, for one key or several."""

    #: None while an eager task takes its first steps, within the call that makes it.
    task: asyncio.Task[Any] | None = None

    def __init__(self, places: list[Place], loop: asyncio.AbstractEventLoop) -> None:
        self.places = places
        self._loop = loop
        self.waiting = 0
        #: The flights that this one's computation waits for.
        self.waits_for: list[_Flight] = []

    def closes_a_circle(self) -> bool:
        """Whether the present task works for a computation that this one waits for: it would wait for its own end."""
        within = _WITHIN.get()
        if not within:
            return False
        seen: set[int] = set()
        ahead: list[_Flight] = [self]
        while ahead:
            flight = ahead.pop()
            if flight in within:
                return True
            if id(flight) not in seen:
                seen.add(id(flight))
                ahead.extend(flight.waits_for)
        return False

    def is_joinable(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether its result can be shared: not if nobody waits and it is being cancelled, or its loop is gone."""
        if self._loop is not loop:
            return False
        return self.task is None or not (self.task.done() or self.task.cancelling())

    @property
    def has_landed(self) -> bool:
        """Whether its computation has ended."""
        return self.task is not None and self.task.done()

    async def result(self) -> Any:
        """The result. The computation goes on when this caller is cancelled, as long as another one waits."""
        self.waiting += 1
        within = _under_way()
        for flight in within:
            flight.waits_for.append(self)
        try:
            while self.task is None:  # The call that makes it goes on first.
                await asyncio.sleep(0)
            return await asyncio.shield(self.task)
        finally:
            for flight in within:
                flight.waits_for.remove(self)
            self.waiting -= 1
            if self.waiting == 0 and self.task is not None and not self.task.done():
                self.task.cancel()


def _under_way() -> tuple[_Flight, ...]:
    """The computations that the present task works for, without those that have ended and left a task behind."""
    return tuple(flight for flight in _WITHIN.get() if not flight.has_landed)


class Flights:
    """Computations under way, by key and event loop."""

    def __init__(self) -> None:
        self._running: dict[Place, _Flight] = {}

    async def share(
        self, key: Hashable, compute: Callable[[], Coroutine[Any, Any, T]], alone: Callable[[], Awaitable[T]]
    ) -> T:
        """The result, or the error, of this key's computation: the one under way, or else this one.

        A computation that asks for itself gets the result of ``alone``.
        """
        flight = self._joinable(key)
        if flight is None:
            flight = self._begin([key], compute)
        elif flight.closes_a_circle():
            _tell_circle(key)
            return await alone()
        result: T = await flight.result()
        return result

    async def share_many(
        self,
        keys: Iterable[K],
        place: Callable[[K], Hashable],
        compute: Callable[[list[K]], Coroutine[Any, Any, dict[K, T]]],
        alone: Callable[[list[K]], Awaitable[Mapping[K, T]]],
    ) -> dict[K, T]:
        """The results for these keys: of the computations under way, and of this one for the other keys.

        Args:
            keys: The keys, each once.
            place: Makes the name by which a key is known here.
            compute: Computes the keys that nobody else computes.
            alone: Computes keys that this call's own computation asks for.
        """
        others: dict[_Flight, list[K]] = {}
        own: list[K] = []
        circles: list[K] = []
        for key in keys:
            flight = self._joinable(place(key))
            if flight is None:
                own.append(key)
            elif flight.closes_a_circle():
                circles.append(key)
            else:
                others.setdefault(flight, []).append(key)
        if own:
            others[self._begin([place(key) for key in own], lambda: compute(own))] = own
        results = await asyncio.gather(*(flight.result() for flight in others))
        found = {} if not circles else dict_of(await alone(circles), f"multi_get_or_set: {name_of(alone)}")
        if circles:
            _tell_circle(circles)
        return found | {
            key: result[key]
            for result, wanted in zip(results, others.values(), strict=True)
            for key in wanted
            if key in result
        }

    def _joinable(self, key: Hashable) -> _Flight | None:
        loop = asyncio.get_running_loop()
        flight = self._running.get((id(loop), key))
        return flight if flight is not None and flight.is_joinable(loop) else None

    def _begin(self, keys: list[Hashable], compute: Callable[[], Coroutine[Any, Any, Any]]) -> _Flight:
        loop = asyncio.get_running_loop()
        flight = _Flight([(id(loop), key) for key in keys], loop)
        # Before the task is made: an eager one begins at once, and may ask for its own key.
        for place in flight.places:
            self._running[place] = flight
        # The task's context is a copy of the present one.
        token = _WITHIN.set((*_under_way(), flight))
        try:
            flight.task = loop.create_task(compute())
        except BaseException:
            self._forget(flight)
            raise
        finally:
            _WITHIN.reset(token)
        flight.task.add_done_callback(lambda task: self._landed(flight, task))
        return flight

    def _forget(self, flight: _Flight) -> None:
        for place in flight.places:
            if self._running.get(place) is flight:
                del self._running[place]

    def _landed(self, flight: _Flight, task: asyncio.Task[Any]) -> None:
        self._forget(flight)
        if not task.cancelled():
            task.exception()  # Seen: who waits has it, and if nobody does it isn't reported as forgotten.


def _tell_circle(key: Any) -> None:
    logger.warning("A computation asks for what it computes: %s is computed once more, and not stored", key)
