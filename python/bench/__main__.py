"""Benchmarks beside peers, in one run: `make bench-python [ONLY="memory get"]`.

Each row is a race in rounds: everybody does the same operation for a moment, in turns. Printed are the medians of one
operation's wall and CPU time, and how many times slower each is than polycache, with quartiles of that ratio over the
rounds; last, by the CPU time of everybody's quickest round, where other work on the machine disturbed least. Goals are about
the median of CPU time. `make draw` draws what the last runs have left.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from json import dumps, loads
from pathlib import Path

import footprint
import refreshing
from contenders import MISSING, OURS, PEERS, THEIRS, EarlyRow, MemoryRow, NearRow, ServerRow
from measure import Times, number, race, spread
from servers import Memcached, Redis

NEWER = sys.version_info >= (3, 12)
HIREDIS = "redis-py + hiredis"


@dataclass(frozen=True)
class Row:
    """A race, and how many times faster than whom it is to be."""

    title: str
    make: Callable[[], MemoryRow | NearRow | EarlyRow | ServerRow]
    goals: dict[str, float]
    seconds: float = 0.05


def rows(redis: Redis, memcached: Memcached) -> list[Row]:
    """All of them. Before Python 3.12 an await can be cheaper, so the goals differ."""
    found = [
        Row("memory get", lambda: MemoryRow("get"), {THEIRS: 35 if NEWER else 100}, 0.02),
        Row("memory set", lambda: MemoryRow("set"), {THEIRS: 25 if NEWER else 60}, 0.02),
        Row("memory set with a ttl", lambda: MemoryRow("set with a ttl"), {}, 0.02),
        Row("memory multi_get of 100", lambda: MemoryRow("multi_get of 100"), {THEIRS: 8}, 0.02),
        Row("memory @cached hit", lambda: MemoryRow("@cached"), {THEIRS: 30}, 0.02),
        Row("memory @cached hit, refreshed early", lambda: EarlyRow("early"), {}, 0.02),
        Row("memory @cached hit, with a grace", lambda: EarlyRow("soft"), {}, 0.02),
        Row("redis get of what is near", lambda: NearRow(redis, json=False), {THEIRS: 100}, 0.02),
        Row("redis get of what is near with JSON", lambda: NearRow(redis, json=True), {}, 0.02),
        Row("redis get of what is near with JSON, shared", lambda: NearRow(redis, json=True, shared=True), {}, 0.02),
    ]
    goals = {
        ("redis", False, "one after another"): {THEIRS: 3.0, HIREDIS: 1.8},
        ("redis", False, "100 tasks"): {THEIRS: 12.0, HIREDIS: 8.0},
        ("redis", True, "one after another"): {THEIRS: 2.5},
        ("redis", True, "100 tasks"): {THEIRS: 8.0},
        ("memcached", False, "one after another"): {THEIRS: 2.5},
        ("memcached", False, "100 tasks"): {THEIRS: 10.0},
    }
    servers: dict[str, Redis | Memcached] = {"redis": redis, "memcached": memcached}
    for (kind, json, way), wanted in goals.items():
        for operation in ("get", "set", "@cached hit"):
            title = f"{kind} {operation}{' with JSON' if json else ''}, {way}"
            found.append(
                Row(
                    title,
                    lambda kind=kind, operation=operation, way=way, json=json: ServerRow(  # type: ignore[misc]
                        servers[kind], operation, way, json=json
                    ),
                    {} if operation == "@cached hit" else wanted,
                    # Long enough that making the tasks is little of it.
                    0.2 if way == "100 tasks" else 0.05,
                )
            )
    return found


async def run_row(row: Row, loop: str, rounds: int) -> dict[str, Times]:
    async with AsyncExitStack() as stack:
        contenders = await row.make().contenders(stack)
        return await race(f"{row.title}, {loop}", contenders, rounds=rounds, seconds=row.seconds)


def print_row(row: Row, loop: str, times: dict[str, Times]) -> list[bool]:
    """Print a row's table, and answer which goals it meets."""
    print(f"\n{row.title} ({loop})")
    print(f"  {'':24}{'wall, µs':>12}{'CPU, µs':>12}   times polycache: wall, CPU, quickest round's CPU")
    met = []
    mine = times[OURS]
    for name, each in times.items():
        wall = spread([theirs / ours for theirs, ours in zip(each.wall, mine.wall, strict=True)])
        cpu = spread([theirs / ours for theirs, ours in zip(each.cpu, mine.cpu, strict=True)])
        quickest = number(min(each.cpu) / min(mine.cpu))
        ratios = "" if name == OURS else f"   {wall!s:24}{cpu!s:24}{quickest:8}"
        told = ""
        if name in row.goals:
            met.append(cpu.median >= row.goals[name])
            told = f"goal {number(row.goals[name])}: {'met' if met[-1] else 'MISSED'}"
        micros = (spread(each.wall).median * 1e6, spread(each.cpu).median * 1e6)
        print(
            f"  {name:24}{number_of_micros(micros[0]):>12}{number_of_micros(micros[1]):>12}{ratios}{told}", flush=True
        )
    return met


def keep(row: Row, loop: str, times: dict[str, Times]) -> None:
    """Keep a row's microseconds for its picture, with the other rows of earlier runs."""
    project = Path(__file__).resolve().parents[2]
    file = Path(os.environ.get("CARGO_TARGET_DIR", project / "target")) / "polycache-benches" / "python.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    results = loads(file.read_text()) if file.exists() else {}
    results[f"{row.title} ({loop})"] = [(name, spread(each.cpu).median * 1e6) for name, each in times.items()]
    file.write_text(dumps(results, indent=1))


def number_of_micros(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def print_footprint(rounds: int) -> list[bool]:
    """What entries and imports take."""
    met = []
    print("\nbytes an entry, of a million, beyond the value itself")
    for ttl in (None, 3600):
        theirs, ours = (footprint.bytes_an_entry(package, ttl) for package in (THEIRS, OURS))
        ratio = ours / theirs
        met.append(ratio <= 0.5)
        title = "without a ttl" if ttl is None else "with a ttl"
        told = f"goal at most 0.5: {'met' if met[-1] else 'MISSED'}"
        print(f"  {title:16} aiocache {theirs:.0f}, polycache {ours:.0f}: {ratio:.2f} of it   {told}", flush=True)
    imports = footprint.import_times([THEIRS, OURS], rounds)
    ratio = imports[OURS].median / imports[THEIRS].median
    met.append(ratio <= 1)
    print("\nCPU time of an import beyond Python's own start, ms")
    for package, each in imports.items():
        print(f"  {package:16} {each.median * 1e3:.1f} [{each.low * 1e3:.1f}, {each.high * 1e3:.1f}]")
    print(f"  {ratio:.2f} of aiocache's   goal at most 1: {'met' if met[-1] else 'MISSED'}")
    return met


def stay_on_one_processor() -> None:
    """Have this program and the servers that it starts share a processor.

    One after another, on two processors, most of a call is the waking of the other one, whatever the client.
    """
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help="words that a row's title is to have")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], action="append")
    parser.add_argument(
        "--one-processor", action="store_true", help="share one with the servers, so that none is woken"
    )
    arguments = parser.parse_args()
    only = " ".join(arguments.only)

    print(f"Python {platform.python_version()}, {platform.machine()}; rounds: {arguments.rounds}")
    print(f"not installed, and left out: {', '.join(MISSING) or 'nobody'}")
    loops = {"asyncio": asyncio.new_event_loop}
    if "uvloop" in PEERS:
        loops["uvloop"] = PEERS["uvloop"].new_event_loop
    if arguments.one_processor:
        stay_on_one_processor()
    redis, memcached = Redis(), Memcached()
    met: list[bool] = []
    try:
        for loop, new_loop in loops.items():
            if arguments.loop and loop not in arguments.loop:
                continue
            for row in rows(redis, memcached):
                if only in f"{row.title} {loop}":
                    with asyncio.Runner(loop_factory=new_loop) as runner:
                        times = runner.run(run_row(row, loop, arguments.rounds))
                    met += print_row(row, loop, times)
                    # The picture is of one version.
                    if not NEWER:
                        keep(row, loop, times)
        if only in "refreshing":
            asyncio.run(refreshing.report())
        if only in "footprint":
            met += print_footprint(arguments.rounds)
    finally:
        redis.close()
        memcached.close()
    print(f"\n{sum(met)} of {len(met)} goals are met")


if __name__ == "__main__":
    main()
