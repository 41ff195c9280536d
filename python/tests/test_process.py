"""Loops, threads, forks, garbage and the interpreter's end, as programs meet them."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import servers
from loops import both_loops, run

import polycache


class Thing:
    """An object that can be watched."""


@both_loops
def test_loops_in_threads_at_once(
    new_loop: Callable[[], asyncio.AbstractEventLoop], redis_server: servers.Redis, memcached_server: servers.Memcached
) -> None:
    """One cache, several loops: every call gets its own answer, in its own loop."""
    caches = [polycache.SimpleMemoryCache(), polycache.Cache.from_url(redis_server.url)]
    caches.append(polycache.Cache.from_url(memcached_server.url))
    wrong: list[object] = []

    async def work(name: int) -> None:
        for turn in range(50):
            keys = [f"{name}.{turn}.{number}" for number in range(10)]
            for cache in caches:
                await asyncio.gather(*(cache.set(key, key) for key in keys))
                found = await asyncio.gather(*(cache.get(key) for key in keys))
                if found != keys:
                    wrong.append(found)

    def thread(name: int) -> None:
        try:
            run(new_loop, work(name))
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=thread, args=(name,)) for name in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert wrong == []

    async def close() -> None:
        for cache in caches:
            await cache.close()

    run(new_loop, close())


def test_caches_made_in_a_thread_while_a_class_is_changed() -> None:
    class Own(polycache.SimpleMemoryCache):
        pass

    done, interval = threading.Event(), sys.getswitchinterval()
    others: list[object] = [polycache.SimpleMemoryCache() for _ in range(1000)]

    def make() -> None:
        while not done.is_set():
            others.append(polycache.SimpleMemoryCache())

    thread = threading.Thread(target=make)
    sys.setswitchinterval(1e-5)
    thread.start()
    try:
        for number in range(100):
            Own.mark = number  # type: ignore[attr-defined]
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(interval)


def _in_child(url: str, connection: Any) -> None:
    async def main() -> object:
        cache = CACHES["forked"]
        await cache.set(f"child {os.getpid()}", os.getpid())
        return [await cache.get("parent"), await cache.get(f"child {os.getpid()}") == os.getpid()]

    connection.send(asyncio.run(main()))


CACHES: dict[str, Any] = {}


@pytest.mark.parametrize("kind", ["redis", "memcached"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_works(kind: str, redis_server: servers.Redis, memcached_server: servers.Memcached) -> None:
    """A cache that was in use before the fork is usable in the child and in the parent, as under prefork servers."""
    server: servers.Server = redis_server if kind == "redis" else memcached_server
    cache = CACHES["forked"] = polycache.Cache.from_url(server.url)
    context = multiprocessing.get_context("fork")

    async def before() -> None:
        await cache.set("parent", "here")

    async def after() -> object:
        return [
            await cache.get("parent"),
            *[await cache.get(f"child {child.pid}") == child.pid for child, *_ in children],
        ]

    children: list[Any] = []
    with asyncio.Runner() as runner:
        runner.run(before())
        for _ in range(3):
            mine, theirs = context.Pipe()
            child = context.Process(target=_in_child, args=(server.url, theirs))
            child.start()
            children.append((child, mine, theirs))
        for child, mine, theirs in children:
            assert mine.poll(20), "the child gives no answer"
            assert mine.recv() == ["here", True]
            child.join()
            assert child.exitcode == 0
            mine.close()
            theirs.close()
        assert runner.run(after()) == ["here", True, True, True]
        runner.run(cache.close())
    CACHES.clear()


END = """
    import asyncio, sys
    import polycache

    async def main():
        caches = [polycache.SimpleMemoryCache(), *map(polycache.Cache.from_url, sys.argv[1:])]
        for cache in caches:
            await cache.set("key", "value")
        tasks = [asyncio.ensure_future(cache.get("key")) for cache in caches for _ in range(100)]
        await asyncio.sleep(0)
        {end}

    asyncio.run(main())
"""


@pytest.mark.parametrize("end", ["return", "sys.exit(0)", "import os; [task.cancel() for task in tasks]"])
def test_the_end_is_quiet(end: str, redis_server: servers.Redis, memcached_server: servers.Memcached) -> None:
    """The interpreter ends with calls in flight and caches open, and says nothing."""
    program = textwrap.dedent(END).format(end=end)
    command = [sys.executable, "-P", "-c", program, redis_server.url, memcached_server.url]
    for _ in range(3):
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def test_a_deleted_object_may_call_the_cache() -> None:
    """An object that is evicted or replaced runs code of its own, which may use the cache it was in."""
    cache: Any = polycache.SimpleMemoryCache(max_size=10)
    lengths: list[int] = []

    class Calls:
        def __del__(self) -> None:
            # The dict's methods of a memory cache are synchronous.
            lengths.append(len(cache._cache.keys()))

    for number in range(50):
        await cache.set(f"k{number}", Calls())
    await cache.set("k49", 1)
    await cache.delete("k48")
    await cache.clear()
    gc.collect()
    assert len(lengths) == 50


async def test_expired_objects_are_given_back_without_a_call() -> None:
    cache = polycache.SimpleMemoryCache()
    thing = Thing()
    gone = weakref.ref(thing)
    await cache.set("k", thing, ttl=0.05)
    del thing
    deadline = time.monotonic() + 5
    while gone() is not None:
        assert time.monotonic() < deadline, "it is still there"
        await asyncio.sleep(0.01)


async def test_a_cached_object_that_refers_to_its_cache_is_collected() -> None:
    cache: Any = polycache.SimpleMemoryCache()
    thing: Any = Thing()
    thing.cache = cache
    gone = weakref.ref(thing)
    await cache.set("k", thing)
    del cache, thing
    gc.collect()
    assert gone() is None


@both_loops
def test_context_and_task_of_what_is_called(
    new_loop: Callable[[], asyncio.AbstractEventLoop], redis_server: servers.Redis
) -> None:
    """A computation runs with the caller's context variables."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    async def main() -> None:
        for cache in (polycache.SimpleMemoryCache(), polycache.Cache.from_url(redis_server.url)):
            variable.set("the caller's")

            async def compute() -> str:
                assert asyncio.current_task() is not None
                return variable.get()

            assert await cache.get_or_set("k", compute) == "the caller's"
            await cache.close()

    run(new_loop, main())


def test_importing_warns_of_nothing_and_starts_no_thread() -> None:
    program = (
        "import threading, polycache; print(threading.active_count(), len(__import__('os').listdir('/proc/self/task')))"
    )
    command = [sys.executable, "-P", "-X", "dev", "-W", "error", "-c", program]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("1 1\n", "")
