"""Cancelled commands, loops without readers, replaced commands, computations that ask for themselves, copies of caches."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import pickle
import threading
from typing import Any
from unittest import mock

import pytest
import servers

from polycache import MemcachedCache, RedisCache, SimpleMemoryCache, cached, cached_stampede, multi_cached
from polycache.base import BaseCache
from polycache.lock import RedLock
from polycache.serializers import JsonSerializer, PickleSerializer, StringSerializer

CLASSES: dict[str, Any] = {"memory": SimpleMemoryCache, "redis": RedisCache, "memcached": MemcachedCache}


class Slow(SimpleMemoryCache):
    """One that overrides an operation: its computations are shared by Python."""

    async def _get(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        return await super()._get(key, encoding, _conn)


@pytest.fixture(params=["memory", "redis", "memcached", "overriding"])
async def cache(request: pytest.FixtureRequest) -> Any:
    if request.param == "overriding":
        made: Any = Slow()
    else:
        options = {} if request.param == "memory" else request.getfixturevalue(f"{request.param}_server").address
        made = CLASSES[request.param](**options)
    yield made
    await made.close()


# A computation that asks for its own key, or two for each other's.


async def test_a_computation_of_its_own_key(cache: Any) -> None:
    async def inner() -> int:
        return 1

    async def outer() -> int:
        return int(await cache.get_or_set("k", inner)) + 1

    async with asyncio.timeout(10):
        assert await cache.get_or_set("k", outer) == 2
    assert await cache.get("k") == 2


async def test_in_a_task_of_the_computation(cache: Any) -> None:
    async def inner() -> int:
        return 1

    async def outer() -> int:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(cache.get_or_set("k", inner))
        return int(task.result()) + 1

    async with asyncio.timeout(10):
        assert await cache.get_or_set("k", outer) == 2


async def test_two_that_ask_for_each_other(cache: Any) -> None:
    both = asyncio.Barrier(2)

    async def first(depth: int = 0) -> str:
        if depth == 0:
            await both.wait()
        return "a" if depth else "a" + str(await cache.get_or_set("b", lambda: second(1)))

    async def second(depth: int = 0) -> str:
        if depth == 0:
            await both.wait()
        return "b" if depth else "b" + str(await cache.get_or_set("a", lambda: first(1)))

    async with asyncio.timeout(10):
        found = await asyncio.gather(cache.get_or_set("a", first), cache.get_or_set("b", second))
    assert sorted(len(text) for text in found) in ([2, 2], [2, 3])


async def test_a_function_that_calls_itself() -> None:
    calls = 0

    @cached_stampede(key="k")
    async def function() -> int:
        nonlocal calls
        calls += 1
        return calls if calls > 1 else int(await function()) + 10

    async with asyncio.timeout(10):
        assert await function() == 12


async def test_many_keys_that_ask_for_themselves(cache: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def inner(keys: list[str]) -> dict[str, int]:
        return dict.fromkeys(keys, 1)

    async def outer(keys: list[str]) -> dict[str, int]:
        found = await cache.multi_get_or_set(["a", "c"], inner)
        return {key: found.get(key, 5) + 1 for key in keys}

    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(10):
            assert await cache.multi_get_or_set(["a", "b"], outer) == {"a": 2, "b": 6}
    # A computation in the core tells by a `tracing` event.
    assert ("asks for what it computes" in caplog.text) == isinstance(cache, Slow)
    assert await cache.multi_get(["a", "b", "c"]) == [2, 6, 1]


async def test_many_graced_keys_that_ask_for_themselves() -> None:
    cache = SimpleMemoryCache(ttl=60, grace=60)

    async def inner(keys: list[str]) -> dict[str, int]:
        return dict.fromkeys(keys, 1)

    async def outer(keys: list[str]) -> dict[str, int]:
        found = await cache.multi_get_or_set(["a", "c"], inner)
        return {key: found.get(key, 5) + 1 for key in keys}

    async with asyncio.timeout(10):
        assert await cache.multi_get_or_set(["a", "b"], outer) == {"a": 2, "b": 6}
    assert await cache.multi_get(["a", "b", "c"]) == [2, 6, 1]


async def test_what_a_computation_leaves_behind_is_apart(cache: Any) -> None:
    """A task that outlives the computation shares later ones as anybody."""
    left: list[asyncio.Task[Any]] = []
    go = asyncio.Event()

    async def compute() -> int:
        async def later() -> Any:
            await go.wait()
            return await cache.get_or_set("k", compute)

        left.append(asyncio.create_task(later()))
        return 1

    assert await cache.get_or_set("k", compute) == 1
    go.set()
    async with asyncio.timeout(10):
        assert await left[0] == 1


# Cancelled commands.


@pytest.mark.parametrize("command", ["get", "set", "delete", "exists", "multi_get", "multi_set", "add", "increment"])
async def test_a_cancelled_command_is_never_sent(redis_server: servers.Redis, command: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {
        "set": ("k", 1), "multi_get": (["k"],), "multi_set": ([("k", 1)],), "add": ("k", 1),
    }  # fmt: skip
    async with RedisCache(**redis_server.address, timeout=0) as cache:
        await cache.set("other", 1)
        redis_server.stop()
        module = "polycache.backends.server"
        with mock.patch(f"{module}.short.abandon") as short, mock.patch(f"{module}.operations.abandon") as long:
            call = asyncio.create_task(getattr(cache, command)(*arguments.get(command, ("k",))))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await call
        assert short.call_count + long.call_count == 1
        redis_server.resume()
        assert await cache.get("other") == 1


async def test_many_cancelled_commands(cache: Any) -> None:
    calls = [asyncio.create_task(cache.set(f"k{number}", number)) for number in range(200)]
    await asyncio.sleep(0)
    for call in calls[::2]:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    found = await cache.multi_get([f"k{number}" for number in range(200)])
    assert found[1::2] == list(range(1, 200, 2))


# Loops that don't watch files.


class Readerless(asyncio.SelectorEventLoop):
    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
        raise NotImplementedError

    def remove_reader(self, fd: Any) -> bool:
        raise NotImplementedError

    def _add_reader(self, fd: Any, callback: Any, *args: Any) -> Any:  # the loop's own
        return super()._add_reader(fd, callback, *args)  # type: ignore[misc]


def watchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "polycache watch"]


def test_a_loop_without_readers(redis_server: servers.Redis, memcached_server: servers.Memcached) -> None:
    async def main() -> None:
        for kind, server in ((RedisCache, redis_server), (MemcachedCache, memcached_server)):
            async with kind(**server.address) as cache:  # type: ignore[attr-defined]
                await asyncio.gather(*(cache.set(f"k{number}", number) for number in range(500)))
                found = await cache.multi_get([f"k{number}" for number in range(500)])
                assert found == list(range(500))
                for number in range(50):
                    assert await cache.get(f"k{number}") == number

                async def compute() -> int:
                    await asyncio.sleep(0.01)
                    return 5

                assert await asyncio.gather(*(cache.get_or_set("c", compute) for _ in range(5))) == [5] * 5
                server.stop()
                with pytest.raises(TimeoutError):
                    await cache.get("k1", timeout=0.05)
                server.resume()
        assert await SimpleMemoryCache().get_or_set("k", compute) == 5
        assert len(watchers()) == 1

    with asyncio.Runner(loop_factory=Readerless) as runner:
        runner.run(main())
    deadline = threading.Event()
    for _ in range(100):
        if not watchers():
            break
        deadline.wait(0.05)
    assert not watchers()


# Replaced commands and methods.


async def test_commands_replaced_in_the_base_class(cache: Any) -> None:
    await cache.set("k", 1)
    for command, arguments in (("get", ("k",)), ("exists", ("k",)), ("delete", ("k",)), ("multi_get", (["k"],))):
        with mock.patch.object(BaseCache, command, new=mock.AsyncMock(return_value="mocked")) as mocked:
            assert await getattr(cache, command)(*arguments) == "mocked"
            assert mocked.await_count == 1
    with mock.patch.object(BaseCache, "set", new=mock.AsyncMock(return_value="mocked")):
        assert await cache.set("l", 1) == "mocked"
    assert await cache.get("k") == 1
    assert await cache.get("l") is None


async def test_a_replaced_command_counts_for_decorated_functions() -> None:
    @cached(key="k")
    async def function() -> int:
        return 1

    assert await function() == 1
    for owner in (SimpleMemoryCache, BaseCache):
        with mock.patch.object(owner, "get", new=mock.AsyncMock(return_value="mocked")):
            assert await function() == "mocked"
    assert await function() == 1

    @multi_cached("keys")
    async def functions(keys: list[str]) -> dict[str, int]:
        return dict.fromkeys(keys, 1)

    assert await functions(["a"]) == {"a": 1}
    with mock.patch.object(SimpleMemoryCache, "multi_get", new=mock.AsyncMock(return_value=["mocked"])):
        assert await functions(["a"]) == {"a": "mocked"}
    assert await functions(["a"]) == {"a": 1}


@pytest.mark.parametrize("kind", [JsonSerializer, PickleSerializer, StringSerializer])
async def test_methods_replaced_in_a_serializer(redis_server: servers.Redis, kind: Any) -> None:
    async with RedisCache(**redis_server.address, serializer=kind()) as cache:
        await cache.set("k", 1)
        with mock.patch.object(kind, "loads", return_value="loaded"):
            assert await cache.get("k") == "loaded"
            assert await cache.multi_get(["k"]) == ["loaded"]
        with mock.patch.object(kind, "dumps", return_value=kind().dumps("dumped")):
            await cache.set("k", 1)
        assert await cache.get("k") == "dumped"


async def test_methods_and_the_encoding_replaced_in_a_serializer_of_text(redis_server: servers.Redis) -> None:
    serializer = StringSerializer()
    async with RedisCache(**redis_server.address, serializer=serializer) as cache:
        with mock.patch.object(serializer, "dumps", return_value="dumped"):
            await cache.set("k", 1)
        assert await cache.get("k") == "dumped"
        with mock.patch.object(serializer, "loads", return_value="loaded"):
            assert await cache.get("k") == "loaded"
        serializer.encoding = None
        assert await cache.get("k") == b"dumped"


# Copies.


async def test_copies_of_a_memory_cache() -> None:
    cache = SimpleMemoryCache(namespace="n", ttl=60, grace=10, max_size=100)
    await cache.set("k", {"a": [1]})
    await cache.set("l", None, ttl=5)
    shallow = copy.copy(cache)
    assert await shallow.get("k") is await cache.get("k")
    for made in (copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        assert await made.get("k") == {"a": [1]}
        assert await made.get("k") is not await cache.get("k")
        assert await made.exists("l")
        assert await made.get_ttl("l") <= 5
        assert (made.namespace, made.ttl, made.grace) == ("n", 60, 10)
        await made.set("k", 2)
        assert await cache.get("k") == {"a": [1]}
        await made.clear(namespace="n")
        assert not await made.exists("k")
        assert await cache.exists("k")


async def test_copies_of_a_cache_on_a_server(redis_server: servers.Redis, memcached_server: servers.Memcached) -> None:
    for kind, server in ((RedisCache, redis_server), (MemcachedCache, memcached_server)):
        async with kind(**server.address, namespace="n", grace=10, fallback=True) as cache:  # type: ignore[attr-defined]
            await cache.set("k", 1)
            for made in (copy.copy(cache), copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
                assert await made.get("k") == 1
                assert made.grace == 10
                assert made.endpoint == cache.endpoint
                await made.set("k", 1)
                await made.close()
                assert await cache.get("k") == 1
            views = [copy.copy(cache), cache.tagged(["t"])]
            views += [copy.copy(view) for view in views]
            for closed in (cache, *views):
                await closed.close()
                assert [await view.get("k") for view in (cache, *views)] == [1] * 5
                async with RedLock(views[0], "k", 1):
                    pass


async def test_a_copy_with_another_namespace() -> None:
    @cached(key_builder=None)
    async def function(number: int) -> int:
        return number * 10

    assert await function(1) == 10
    other = copy.copy(function.cache)
    other.namespace = "other"
    await other.set(function.key(1), "other's")
    assert await function(1) == 10


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda cache: pickle.loads(pickle.dumps(cache))])
async def test_a_copy_while_a_value_is_computed(cache: Any, copied: Any) -> None:
    class Broken(Exception):
        """Of a class that can't be pickled."""

    def breaks(value: Any) -> Any:
        raise Broken

    begun, go = asyncio.Event(), asyncio.Event()

    async def compute(keys: list[str]) -> dict[str, int]:
        begun.set()
        await go.wait()
        return dict.fromkeys(keys, 1)

    cache._on_decode_error = "miss"
    await cache.set("broken", 1)
    assert await cache.get("broken", loads_fn=breaks) is None
    waiting = asyncio.create_task(cache.multi_get_or_set(["k"], compute))
    await begun.wait()
    other = copied(cache)
    go.set()
    assert await waiting == {"k": 1}
    assert await other.multi_get_or_set(["k"], compute) == {"k": 1}
    await other.close()


@pytest.mark.parametrize("options", [{}, {"grace": 60, "ttl": 60}])
def test_a_loop_that_nobody_runs_holds_nobody_up(options: dict[str, Any]) -> None:
    cache = SimpleMemoryCache(**options)
    idle = asyncio.new_event_loop()

    async def slow() -> str:
        await asyncio.sleep(0.01)
        return "slow"

    async def quick() -> str:
        return "quick"

    async def begin() -> asyncio.Task[str]:
        task = asyncio.create_task(cache.get_or_set("k", slow))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return task

    left = idle.run_until_complete(begin())  # The computation stays where it is.
    try:
        assert asyncio.run(asyncio.wait_for(cache.get_or_set("k", quick), 10)) == "quick"
    finally:
        assert idle.run_until_complete(left) == "slow"
        idle.close()
