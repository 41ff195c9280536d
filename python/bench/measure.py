"""Rounds of measurements in which the contenders take turns, and what becomes of their numbers."""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

# Runs a contender's operation so many times.
Run = Callable[[int], Coroutine[Any, Any, None]]
# An operation.
Call = Callable[..., Awaitable[object]]


@dataclass
class Times:
    """Seconds for one operation, by round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        return f"{number(self.median)} [{number(self.low)}, {number(self.high)}]"


def spread(values: Sequence[float]) -> Spread:
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(low, median, high)


def number(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


async def race(title: str, contenders: dict[str, Run], *, rounds: int, seconds: float) -> dict[str, Times]:
    """Have the contenders take turns, for about so many seconds each in each round.

    CPU time is the whole process's: threads that work for a client count.
    """
    counts = {name: await calibrate(run, seconds) for name, run in contenders.items()}
    times = {name: Times() for name in contenders}
    gc.collect()
    for turn in range(rounds):
        progress(f"{title}: round {turn + 1} of {rounds}")
        names = list(contenders)
        # Who is first changes, since the first may find the machine in another state.
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            count = counts[name]
            wall, cpu = time.perf_counter(), time.process_time()
            await contenders[name](count)
            times[name].cpu.append((time.process_time() - cpu) / count)
            times[name].wall.append((time.perf_counter() - wall) / count)
    progress("")
    return times


async def calibrate(run: Run, seconds: float) -> int:
    """How many operations take about so long; a warm-up too."""
    count = 100
    while True:
        started = time.perf_counter()
        await run(count)
        took = time.perf_counter() - started
        if took >= seconds / 4:
            return max(100, round(count * seconds / took / 100) * 100)
        count *= 4


def progress(text: str) -> None:
    """Say on a terminal what is going on; in a log, one line for each race."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    elif "round 1 " in text:
        print(text.split(": round")[0], file=sys.stderr, flush=True)


def one_by_one(call: Call, *args: object) -> Run:
    """One after another. The arguments are spelled out, so that little is measured beside the call."""
    if len(args) == 1:
        (only,) = args

        async def run_with_one(count: int) -> None:
            for _ in range(count):
                await call(only)

        return run_with_one
    if len(args) == 2:
        first, second = args

        async def run_with_two(count: int) -> None:
            for _ in range(count):
                await call(first, second)

        return run_with_two

    async def run(count: int) -> None:
        for _ in range(count):
            await call(*args)

    return run


def in_tasks(call: Call, *args: object, tasks: int = 100) -> Run:
    """So many tasks at once, each one after another."""
    worker = one_by_one(call, *args)

    async def run(count: int) -> None:
        await asyncio.gather(*(worker(count // tasks) for _ in range(tasks)))

    return run


def without_await(call: Callable[[], object]) -> Run:
    """A library that isn't asynchronous: the bare call."""

    async def run(count: int) -> None:
        for _ in range(count):
            call()

    return run
