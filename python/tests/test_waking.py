"""A task goes on in the very step of the loop that has heard of the end of its call."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import selectors
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable

import pytest
import servers
from loops import both_loops

from polycache import Cache
from polycache._native import Server

NewLoop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=["redis", "memcached"])
def process(request: pytest.FixtureRequest) -> servers.Server:
    server = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(server, servers.Server)
    return server


def run(program: str, process: servers.Server) -> None:
    """Run a program on a server in its own interpreter, with a loop that isn't debugged; it must end well, and say nothing."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program), process.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr[-2000:]) == (0, "")


class Counting(selectors.DefaultSelector):
    """Counts how often the loop looks for events."""

    looks = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.looks += 1
        return super().select(timeout)


def test_a_call_takes_one_turn_of_the_loop(process: servers.Server) -> None:
    server, selector = Server(process.url), Counting()
    loop = asyncio.SelectorEventLoop(selector)

    async def alone() -> int:
        await server.set("k", b"v", None, 30.0)
        before = selector.looks
        for _ in range(1_000):
            assert await server.get("k", None, 30.0) == b"v"
        return selector.looks - before

    assert loop.run_until_complete(alone()) < 1_300
    loop.close()


def test_so_does_a_hit_of_get_or_set(process: servers.Server) -> None:
    cache, selector = Cache.from_url(process.url), Counting()
    loop = asyncio.SelectorEventLoop(selector)

    async def compute() -> str:
        return "v"

    async def alone() -> int:
        await cache.set("k", "v")
        before = selector.looks
        for _ in range(1_000):
            assert await cache.get_or_set("k", compute) == "v"
        return selector.looks - before

    assert loop.run_until_complete(alone()) < 1_300
    loop.run_until_complete(cache.close())
    loop.close()


@both_loops
def test_a_task_goes_on_as_itself(process: servers.Server, new_loop: NewLoop) -> None:
    server = Server(process.url)
    name: contextvars.ContextVar[int] = contextvars.ContextVar("name")

    async def call(number: int) -> None:
        name.set(number)
        for _ in range(10):
            async with asyncio.timeout(30):
                await server.set(f"k{number}", b"%d" % number)
                assert await server.get(f"k{number}") == b"%d" % number
            task = asyncio.current_task()
            assert name.get() == number
            assert task is not None
            assert task.get_name() == str(number)

    async def crowd() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(100):
                group.create_task(call(number), name=str(number))

    loop = new_loop()
    loop.run_until_complete(crowd())
    loop.close()


@both_loops
def test_a_task_that_was_woken_can_still_be_cancelled(process: servers.Server, new_loop: NewLoop) -> None:
    server = Server(process.url)

    async def crowd() -> list[object]:
        tasks: list[asyncio.Task[object]] = []

        async def call() -> object:
            found: object = await server.get("k", None, 30.0)
            for task in tasks:
                if task is not asyncio.current_task():
                    task.cancel()
            return found

        await server.set("k", b"v")
        # All are asked together and answered together; the first one cancels the others.
        tasks.extend(asyncio.ensure_future(call()) for _ in range(100))
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def once() -> object:
        return await server.get("k", None, 30.0)

    loop = new_loop()
    found = loop.run_until_complete(crowd())
    assert found.count(b"v") >= 1
    assert all(one == b"v" or isinstance(one, asyncio.CancelledError) for one in found)
    assert not asyncio.all_tasks(loop)
    assert loop.run_until_complete(once()) == b"v"
    loop.close()


@both_loops
def test_a_task_that_ends_the_program_leaves_the_others(process: servers.Server, new_loop: NewLoop) -> None:
    server = Server(process.url)
    tasks: list[asyncio.Task[object]] = []

    async def call(*, ends: bool) -> object:
        found: object = await server.get("k", None, 30.0)
        if ends:
            raise SystemExit(3)
        return found

    async def crowd() -> None:
        await server.set("k", b"v")
        tasks.extend(asyncio.ensure_future(call(ends=number == 50)) for number in range(100))
        await asyncio.sleep(30)

    loop = new_loop()
    main = loop.create_task(crowd())
    with pytest.raises(SystemExit):
        loop.run_until_complete(main)
    main.cancel()
    found = loop.run_until_complete(asyncio.wait_for(asyncio.gather(*tasks, main, return_exceptions=True), 30))
    assert found[:50] + found[51:100] == [b"v"] * 99
    loop.close()


def test_a_loop_that_is_debugged_times_each_task(process: servers.Server, caplog: pytest.LogCaptureFixture) -> None:
    server = Server(process.url)

    async def slow_part() -> None:
        await server.get("k", None, 30.0)
        time.sleep(0.2)
        await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    with caplog.at_level(logging.WARNING, "asyncio"):
        loop.run_until_complete(slow_part())
    loop.close()
    assert any("slow_part" in record.getMessage() and "took" in record.getMessage() for record in caplog.records)


def test_a_task_of_a_daemon_thread_does_not_hold_up_the_end(process: servers.Server) -> None:
    program = """
        import asyncio, sys, threading, time
        from polycache._native import Server

        server, called = Server(sys.argv[1]), threading.Event()

        async def call():
            await server.get("k", None, 30.0)
            called.set()
            while True:
                time.sleep(0.001)

        threading.Thread(target=lambda: asyncio.run(call()), daemon=True).start()
        assert called.wait(30)
    """
    run(program, process)


def test_a_child_of_a_fork_by_a_woken_task(process: servers.Server) -> None:
    program = """
        import asyncio, os, sys
        from polycache._native import Server

        server = Server(sys.argv[1])

        async def call(number):
            for _ in range(10):
                await server.set(f"k{number}", b"%d" % number, None, 30.0)
                assert await server.get(f"k{number}", None, 30.0) == b"%d" % number

        async def crowd():
            await asyncio.gather(*(call(number) for number in range(20)))

        async def fork():
            crowded = asyncio.ensure_future(crowd())
            await call(100)
            child = os.fork()
            await (crowded if child else asyncio.sleep(0))
            return child

        loop = asyncio.new_event_loop()
        child = loop.run_until_complete(fork())
        if not child:
            asyncio.run(crowd())
            os._exit(0)
        loop.close()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    """
    run(program, process)


def test_loops_within_a_loop(process: servers.Server) -> None:
    program = """
        import asyncio, sys
        import nest_asyncio
        from polycache._native import Server

        nest_asyncio.apply()
        server = Server(sys.argv[1])

        async def crowd(count):
            await asyncio.gather(*(server.set(f"k{number}", b"%d" % number, None, 30.0) for number in range(count)))
            return await asyncio.gather(*(server.get(f"k{number}", None, 30.0) for number in range(count)))

        async def main():
            meanwhile = asyncio.ensure_future(crowd(3))
            for count in (1, 2, 20):
                await crowd(1)
                expected = [b"%d" % number for number in range(count)]
                assert asyncio.get_running_loop().run_until_complete(crowd(count)) == expected
                await crowd(5)
                assert asyncio.run(crowd(count)) == expected
            await meanwhile

        asyncio.run(main())
    """
    run(program, process)
