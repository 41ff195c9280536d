"""The native `Server`: commands, and what the bridge to event loops promises."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import servers
import uvloop

from polycache._native import Server, abandon
from polycache.exceptions import BackendError, CacheError, InvalidInput, Unavailable


@pytest.fixture(params=["redis", "memcached"])
def process(request: pytest.FixtureRequest) -> servers.Server:
    server = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(server, servers.Server)
    return server


async def test_commands(process: servers.Server) -> None:
    server = Server(process.url)
    assert await server.get("k", 7) == 7
    await server.set("k", b"\xc1pc\x00\xff", 100.0)
    assert await server.get("k") == b"\xc1pc\x00\xff"
    remaining = await server.ttl("k")
    assert remaining is not None and 98 < remaining <= 100
    assert await server.expire("k", None) and await server.ttl("k") is None
    assert not await server.add("k", b"x") and await server.add("l", b"x")
    await server.multi_set([("a", b"1"), ("b", b"2")], 100.0)
    assert await server.multi_get(["b", "none", "a"], 0) == [b"2", 0, b"1"]
    assert await server.multi_delete(["a", "b", "c"]) == 2
    assert await server.exists("l") and await server.delete("l") and not await server.delete("l")
    assert await server.increment("n", 5) == 5 and await server.increment("n", -2) == 3
    await server.set("n", b"x")
    with pytest.raises(TypeError, match="Value is not an integer"):
        await server.increment("n", 1)
    with pytest.raises(KeyError):
        await server.ttl("missing")
    assert not await server.expire("missing", 1.0)
    await server.close()
    with pytest.raises(CacheError, match="closed"):
        await server.get("k")


async def test_versions(process: servers.Server) -> None:
    server = Server(process.url)
    nothing, absent = await server.get_versioned("k")
    assert nothing is None and absent.is_absent
    assert await server.cas("k", b"1", absent) and not await server.cas("k", b"2", absent)
    value, version = await server.get_versioned("k")
    assert value == b"1" and not version.is_absent
    assert await server.cas("k", b"2", version) and not await server.cas("k", b"3", version)
    assert not await server.delete_if("k", version)
    _, version = await server.get_versioned("k")
    assert await server.delete_if("k", version) and not await server.exists("k")


async def test_raw_scan_and_clear(redis_server: servers.Redis) -> None:
    server = Server(redis_server.url)
    assert server.kind == "redis"
    assert await server.raw("PING") == "PONG"
    await server.raw("RPUSH", ["list", b"a", 1, 1.5])
    assert await server.raw("LRANGE", ["list", 0, -1]) == [b"a", b"1", b"1.5"]
    await server.multi_set([(f"user:{number}", b"") for number in range(3_000)] + [("users", b"")])
    keys, found = server.scan("user:", "*"), set()
    while (batch := await keys.next()) is not None:
        found.update(batch)
    assert found == {str(number) for number in range(3_000)}
    with pytest.raises(InvalidInput):
        await server.scan("", "[").next()
    await server.clear("user:")
    assert await server.exists("users") and not await server.exists("user:1")
    await server.clear()
    assert not await server.exists("users")


async def test_raw_and_clear_on_memcached(memcached_server: servers.Memcached) -> None:
    server = Server(memcached_server.url)
    assert server.kind == "memcached"
    await server.set("k", b"")
    with pytest.raises(BackendError):
        await server.clear("k")
    with pytest.raises(BackendError):
        await server.scan().next()
    await server.clear()
    assert not await server.exists("k")


@pytest.mark.parametrize(
    "url, options",
    [
        ("foo://h", {}),
        ("redis://h?conections=2", {}),
        ("redis://h", {"heartbeat": -1.0}),
        ("memcached://h", {"db": 1}),
    ],
)
def test_wrong_settings(url: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Server(url, **options)


def test_no_text_has_the_password() -> None:
    with pytest.raises(InvalidInput) as raised:
        Server("redis://user:secret@h:x", password="secret")
    assert "secret" not in str(raised.value)


async def test_nobody_there() -> None:
    server = Server(f"redis://127.0.0.1:{servers.free_port()}", connect_timeout=0.2)
    with pytest.raises(Unavailable) as raised:
        await server.get("k", None, 5.0)
    assert isinstance(raised.value, ConnectionError)


def test_there_must_be_a_loop(process: servers.Server) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        Server(process.url).get("k")


async def test_a_timeout(process: servers.Server) -> None:
    server = Server(process.url)
    await server.set("k", b"v")
    process.stop()
    try:
        started = asyncio.get_running_loop().time()
        late = asyncio.ensure_future(server.get("k", None, 10.0))
        second = asyncio.ensure_future(server.add("l", b"v", None, 0.4))
        with pytest.raises(TimeoutError):
            await server.get("k", None, 0.05)
        assert asyncio.get_running_loop().time() - started > 0.04
        assert not late.done()
        with pytest.raises(TimeoutError):
            await second
        assert asyncio.get_running_loop().time() - started > 0.39 and not late.done()
        # The server is known to be silent, unless this machine stood still as well.
        with pytest.raises((TimeoutError, Unavailable)):
            await server.add("l", b"v", None, 0.01)
        with pytest.raises(InvalidInput):
            server.get("k", None, 0.0)
    finally:
        process.resume()
    # What comes for those who have waited longest says that the server is there.
    assert await late == b"v"
    assert await server.get("k", None, 30.0) == b"v"


async def test_cancelled_calls_disturb_nobody(process: servers.Server) -> None:
    server = Server(process.url)
    await server.multi_set([(str(number), str(number).encode()) for number in range(50)])

    async def ask(number: int) -> None:
        future = server.get(str(number))
        try:
            assert await future == str(number).encode()
        except asyncio.CancelledError:
            abandon(future)
            raise

    for round_ in range(40):
        tasks = [asyncio.create_task(ask(number)) for number in range(50)]
        for _ in range(round_ % 4):
            await asyncio.sleep(0)
        for task in tasks[:: 2 + round_ % 3]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results), results


async def test_a_cancelled_future_is_left_alone(process: servers.Server) -> None:
    server = Server(process.url)
    for _ in range(100):
        future = server.get("k")
        future.cancel()
        assert await server.get("k") is None
        assert future.cancelled()


def in_loops(process: servers.Server, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Use one object in several loops, one after another and at once in threads."""
    server = Server(process.url)

    async def use(name: str) -> None:
        for number in range(50):
            key = f"{name}-{number % 5}"
            await server.set(key, key.encode(), None, 10.0)
            assert await server.get(key, None, 10.0) == key.encode()

    async def many(name: str) -> None:
        await asyncio.gather(*(use(f"{name}-{number}") for number in range(10)))

    def run(name: str) -> None:
        loop = new_loop()
        try:
            loop.run_until_complete(many(name))
        finally:
            loop.close()

    for number in range(5):
        run(f"turn-{number}")
    threads = [threading.Thread(target=run, args=(f"thread-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Two loops of one thread, in turns.
    first, second = new_loop(), new_loop()
    for number in range(5):
        first.run_until_complete(use(f"first-{number}"))
        second.run_until_complete(use(f"second-{number}"))
    first.close()
    second.close()


def test_loops(process: servers.Server) -> None:
    in_loops(process, asyncio.new_event_loop)


def test_loops_of_uvloop(process: servers.Server) -> None:
    in_loops(process, uvloop.new_event_loop)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_loop_that_is_closed_takes_its_calls_along(
    process: servers.Server, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    server = Server(process.url)
    loop = new_loop()

    async def leave() -> None:
        await server.set("k", b"v")
        process.stop()
        for _ in range(10):
            server.get("k", None, 60.0)

    try:
        loop.run_until_complete(leave())
        loop.close()
    finally:
        process.resume()
    del loop
    gc.collect()
    other = new_loop()

    async def use() -> bytes:
        return bytes(await server.get("k", None, 30.0))

    assert other.run_until_complete(use()) == b"v"
    other.close()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_what_tasks_ask_in_one_turn_of_the_loop_is_sent_together(
    redis_server: servers.Redis, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    server = Server(redis_server.url)

    async def reads() -> int:
        lines = (await server.raw("INFO", ["stats"])).split()
        return next(int(line.partition(":")[2]) for line in lines if line.startswith("total_reads_processed:"))

    async def crowd() -> int:
        before = await reads()
        await asyncio.gather(*(server.get(f"k{number}", None, 30.0) for number in range(300)))
        return await reads() - before

    loop = new_loop()
    assert min(loop.run_until_complete(crowd()) for _ in range(5)) < 10
    loop.close()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_loop_watches_the_socket_of_a_lone_caller(
    process: servers.Server, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    server = Server(process.url, heartbeat=60.0)

    async def alone() -> None:
        for number in range(50):
            value = b"v" * (1 + number % 3 * 50_000)
            await server.set("k", value, None, 30.0)
            assert await server.get("k", None, 30.0) == value

    async def with_others() -> None:
        for number in range(50):
            await asyncio.gather(*(server.get("k", None, 30.0) for _ in range(1 + number % 3)))

    async def with_those_who_leave() -> None:
        for number in range(50):
            task = asyncio.ensure_future(asyncio.wait_for(server.get("k"), 30.0))
            for _ in range(number % 4):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            if number % 2:
                await alone()

    async def while_the_connection_ends() -> None:
        process.kill()
        process.ensure()
        # A loop that nobody relieved of the socket would run all the time.
        used = time.process_time()
        await asyncio.sleep(0.3)
        assert time.process_time() - used < 0.2
        while True:
            try:
                await server.get("k", None, 30.0)
            except Unavailable:
                continue
            return

    loop = new_loop()
    for part in (alone, with_others, alone, with_those_who_leave, alone, while_the_connection_ends, alone):
        loop.run_until_complete(part())
    other = new_loop()
    other.run_until_complete(alone())
    loop.run_until_complete(alone())
    loop.close()
    other.run_until_complete(alone())
    other.close()


async def test_one_computes_for_all(process: servers.Server) -> None:
    server, other = Server(process.url), Server(process.url)
    calls = 0

    async def compute() -> bytes:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.05)
        return b"computed"

    asked = [one.get_or_set("k", compute, 100.0, 2.0, 5.0) for one in (server, other) for _ in range(10)]
    assert await asyncio.gather(*asked) == [b"computed"] * 20
    assert calls == 1 and await server.get("k") == b"computed"
    with pytest.raises(TypeError):
        await server.get_or_set("l", lambda: asyncio.sleep(0, "text"))  # type: ignore[arg-type]


async def test_computing_goes_on_without_the_server(process: servers.Server) -> None:
    server = Server(process.url, connect_timeout=0.2, heartbeat=0.2)

    async def compute() -> bytes:
        return b"computed"

    process.kill()
    try:
        assert await server.get_or_set("k", compute, None, None, 0.5) == b"computed"
    finally:
        process.ensure()


async def test_locks(process: servers.Server) -> None:
    lock, other = Server(process.url).lock("k", 1.0), Server(process.url).lock("k", 1.0)
    assert await lock.acquire() and lock.is_held
    assert not await other.acquire(0.05)
    waiting = asyncio.ensure_future(other.acquire(10.0))
    await asyncio.sleep(0.02)
    assert await lock.release()
    assert await waiting and other.is_held
    cancelled = asyncio.ensure_future(lock.acquire())
    await asyncio.sleep(0.02)
    cancelled.cancel()
    assert await other.release() and not await other.release()
    assert await Server(process.url).lock("k").acquire(10.0)
    with pytest.raises(InvalidInput):
        await Server(process.url).lock("k", 1e9).acquire()
