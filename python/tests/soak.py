"""Many calls with random cancellation, timeouts and restarts of servers; then what they have left behind.

`python -X dev tests/soak.py --calls 1000000` prints what it counts, and fails where something grows or an answer is
wrong. What a value says must be its own key: an answer to another call would say another.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import random
import resource
import sys
import time
from dataclasses import dataclass
from typing import Any

import servers

import polycache
from polycache.exceptions import CacheError
from polycache.lock import RedLock

KEYS = [f"key:{number}" for number in range(200)]
TASKS = 50
EXPECTED = (CacheError, TimeoutError, ConnectionError)


@dataclass
class State:
    """What the process holds."""

    objects: int
    tasks: int
    files: int
    threads: int
    megabytes: float

    @classmethod
    def now(cls) -> State:
        for _ in range(3):
            gc.collect()
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[1])
        return cls(
            objects=len(gc.get_objects()),
            tasks=len(asyncio.all_tasks()),
            files=len(os.listdir("/proc/self/fd")),
            threads=len(os.listdir("/proc/self/task")),
            megabytes=pages * resource.getpagesize() / 2**20,
        )


class Soak:
    """The callers, the troublemaker and the count of what came of it."""

    def __init__(self, seed: int, redis: servers.Redis, memcached: servers.Memcached) -> None:
        self.random = random.Random(seed)
        self.servers = [redis, memcached]
        self.caches: list[Any] = [
            polycache.SimpleMemoryCache(max_size=100, timeout=1),
            polycache.RedisCache(endpoint=servers.HOST, port=redis.port, timeout=1, namespace="soak"),
            polycache.MemcachedCache(endpoint=servers.HOST, port=memcached.port, timeout=1, namespace="soak"),
        ]
        self.counts = {"answered": 0, "failed": 0, "cancelled": 0, "restarts": 0}
        self.wrong: list[str] = []
        self.functions = [
            self.decorated(),
            self.decorated(cache=polycache.RedisCache, endpoint=servers.HOST, port=redis.port, timeout=1),
            self.decorated(cache=polycache.MemcachedCache, endpoint=servers.HOST, port=memcached.port, timeout=1),
        ]

    def decorated(self, **options: Any) -> Any:
        """A cached function with a cache of its own."""

        @polycache.cached(ttl=1, key_builder=lambda function, key: f"function:{key}", **options)
        async def function(key: str) -> str:
            await asyncio.sleep(0)
            return f"function:{key} computed"

        return function

    def check(self, key: str, value: object) -> None:
        if value is not None and not str(value).startswith(f"{key} "):
            self.wrong.append(f"{key}: {value!r}")

    async def command(self) -> None:
        """One random command, with its answer checked."""
        choose = self.random
        cache, key, number = choose.choice(self.caches), choose.choice(KEYS), choose.randrange(1000)
        timeout = choose.choice([None, 1, 1, 1, 0.001, 0.0001])
        kind = choose.randrange(12)
        if kind <= 2:
            self.check(key, await cache.get(key, timeout=timeout))
        elif kind <= 4:
            await cache.set(key, f"{key} {number}", ttl=choose.choice([None, 1, 60]), timeout=timeout)
        elif kind == 5:
            keys = choose.sample(KEYS, 10)
            for each, value in zip(keys, await cache.multi_get(keys, timeout=timeout), strict=True):
                self.check(each, value)
        elif kind == 6:
            await cache.multi_set([(each, f"{each} {number}") for each in choose.sample(KEYS, 5)], timeout=timeout)
        elif kind == 7:
            await cache.delete(key, timeout=timeout)
        elif kind == 8:
            await cache.increment(f"count of {key}", timeout=timeout)
        elif kind == 9:

            async def compute() -> str:
                await asyncio.sleep(0)
                return f"{key} {number}"

            self.check(key, await cache.get_or_set(key, compute, ttl=1))
        elif kind == 10:
            self.check(f"function:{key}", await choose.choice(self.functions)(key))
        else:
            async with RedLock(cache, f"lock {number % 20}", lease=1):
                await cache.exists(key)

    async def call(self) -> None:
        """One command, which may be cancelled at some moment of its way."""
        task = asyncio.ensure_future(self.command())
        if self.random.random() < 0.2:
            for _ in range(self.random.randrange(6)):
                await asyncio.sleep(0)
            task.cancel()
        try:
            await task
            self.counts["answered"] += 1
        except EXPECTED:
            self.counts["failed"] += 1
        except asyncio.CancelledError:
            self.counts["cancelled"] += 1

    async def calls(self, count: int) -> None:
        await asyncio.gather(*(self.worker(count // TASKS) for _ in range(TASKS)))

    async def worker(self, count: int) -> None:
        for _ in range(count):
            await self.call()

    async def trouble(self, pause: float, enough: asyncio.Event) -> None:
        """Kill and stop servers from time to time."""
        while not enough.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(enough.wait(), pause * (0.5 + self.random.random()))
            server = self.random.choice(self.servers)
            if self.random.random() < 0.5:
                await asyncio.to_thread(server.restart)
            else:
                server.stop()
                await asyncio.sleep(0.05)
                server.resume()
            self.counts["restarts"] += 1

    async def settled(self) -> None:
        """Wait until every command has an answer, and the connections are made again."""
        for cache in self.caches:
            deadline = time.monotonic() + 10
            while True:
                try:
                    await cache.get("settled", timeout=1)
                    break
                except EXPECTED:
                    assert time.monotonic() < deadline, "a cache doesn't recover"
                    await asyncio.sleep(0.05)
        await self.timers_run_out()

    async def timers_run_out(self) -> None:
        """Timers of ended calls stay until they are due. In development mode each holds a stack, so they would hide what is left behind."""
        loop: Any = asyncio.get_running_loop()
        deadline = time.monotonic() + 10
        # uvloop doesn't show its timers.
        while len(getattr(loop, "_scheduled", ())) > 1:
            assert time.monotonic() < deadline, f"timers don't run out: {loop._scheduled}"
            await asyncio.sleep(0.05)


async def main(calls: int, seed: int, redis: servers.Redis, memcached: servers.Memcached) -> list[str]:
    # A machine under load is no finding.
    asyncio.get_running_loop().slow_callback_duration = 60
    soak = Soak(seed, redis, memcached)
    parts = 10
    states: list[State] = []
    for part in range(parts):
        enough = asyncio.Event()
        trouble = asyncio.create_task(soak.trouble(0.3, enough))
        await soak.calls(calls // parts)
        enough.set()
        await trouble
        for server in soak.servers:
            await asyncio.to_thread(server.ensure)
        await soak.settled()
        states.append(State.now())
        print(f"{part + 1} of {parts}: {states[-1]}, {soak.counts}", flush=True)
    problems = [f"wrong answers: {soak.wrong[:5]}"] if soak.wrong else []
    # The first parts fill pools and caches of Python itself. Threads and files come and go, so the least of some parts is compared, and a
    # few more are no finding.
    allowed = State(objects=300, tasks=0, files=4, threads=4, megabytes=8)
    for name in vars(allowed):
        grown = min(getattr(state, name) for state in states[-4:]) - min(getattr(state, name) for state in states[2:6])
        if grown > getattr(allowed, name):
            problems.append(f"{name} grew by {grown}")
    for cache in soak.caches:
        await cache.close()
    for function in soak.functions:
        await function.cache.close()
    return problems


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    # The decorators tell of each failure, as they should.
    logging.getLogger("polycache").setLevel(logging.CRITICAL)
    processes = (servers.Redis(), servers.Memcached())
    try:
        found = asyncio.run(main(arguments.calls, arguments.seed, *processes))
    finally:
        for process in processes:
            process.close()
    print("\n".join(found) or "nothing is left behind")
    sys.exit(1 if found else 0)
