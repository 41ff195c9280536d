"""One computation for all who wait for it, within a process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
K = TypeVar("K")
Place = tuple[int, Hashable]


class _Flight:
    """A computation in a task of its own, for one key or several."""

    def __init__(self, task: asyncio.Task[Any], places: list[Place]) -> None:
        self.task = task
        self.places = places
        self.waiting = 0

    def is_joinable(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether its result can be shared: not if nobody waits and it is being cancelled, or its loop is gone."""
        return not self.task.done() and not self.task.cancelling() and self.task.get_loop() is loop

    async def result(self) -> Any:
        """The result. The computation goes on when this caller is cancelled, as long as another one waits."""
        self.waiting += 1
        try:
            return await asyncio.shield(self.task)
        finally:
            self.waiting -= 1
            if self.waiting == 0 and not self.task.done():
                self.task.cancel()


class Flights:
    """Computations under way, by key and event loop."""

    def __init__(self) -> None:
        self._running: dict[Place, _Flight] = {}

    async def share(self, key: Hashable, compute: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result, or the error, of this key's computation: the one under way, or else this one."""
        flight = self._joinable(key) or self._begin([key], compute())
        result: T = await flight.result()
        return result

    async def share_many(
        self,
        keys: Iterable[K],
        place: Callable[[K], Hashable],
        compute: Callable[[list[K]], Coroutine[Any, Any, dict[K, T]]],
    ) -> dict[K, T]:
        """The results for these keys: of the computations under way, and of this one for the other keys.

        Args:
            keys: The keys, each once.
            place: Makes the name by which a key is known here.
            compute: Computes the keys that nobody else computes.
        """
        others: dict[_Flight, list[K]] = {}
        own: list[K] = []
        for key in keys:
            flight = self._joinable(place(key))
            if flight is None:
                own.append(key)
            else:
                others.setdefault(flight, []).append(key)
        if own:
            others[self._begin([place(key) for key in own], compute(own))] = own
        results = await asyncio.gather(*(flight.result() for flight in others))
        return {
            key: result[key]
            for result, wanted in zip(results, others.values(), strict=True)
            for key in wanted
            if key in result
        }

    def _joinable(self, key: Hashable) -> _Flight | None:
        loop = asyncio.get_running_loop()
        flight = self._running.get((id(loop), key))
        return flight if flight is not None and flight.is_joinable(loop) else None

    def _begin(self, keys: list[Hashable], computation: Coroutine[Any, Any, Any]) -> _Flight:
        loop = asyncio.get_running_loop()
        flight = _Flight(loop.create_task(computation), [(id(loop), key) for key in keys])
        for place in flight.places:
            self._running[place] = flight
        flight.task.add_done_callback(lambda task: self._landed(flight))
        return flight

    def _landed(self, flight: _Flight) -> None:
        for place in flight.places:
            if self._running.get(place) is flight:
                del self._running[place]
        if not flight.task.cancelled():
            flight.task.exception()  # Seen: who waits has it, and if nobody does it isn't reported as forgotten.
