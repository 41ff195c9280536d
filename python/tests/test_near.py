"""Reads of what is near, which need neither the loop nor the server."""

from __future__ import annotations

import asyncio
import copy
import threading
import time
import weakref
from typing import Any

import pytest
import servers

from polycache import MemcachedCache, RedisCache, cached, cached_stampede
from polycache.exceptions import InvalidInput
from polycache.serializers import JsonSerializer, StringSerializer


def elsewhere(server: servers.Server, key: str, value: Any) -> None:
    """Store a value from another thread, on connections of its own."""

    async def store() -> None:
        async with RedisCache(**server.address) as cache:
            await cache.set(key, value)

    thread = threading.Thread(target=lambda: asyncio.run(store()))
    thread.start()
    thread.join()


async def near(cache: Any, key: str) -> None:
    """Wait until a key is near: then its reads don't suspend."""
    async with asyncio.timeout(10):
        while not is_answered_at_once(cache, key):
            await cache.get(key)


def is_answered_at_once(cache: Any, key: str) -> bool:
    read = cache.get(key)
    try:
        read.send(None)
    except StopIteration:
        return True
    finally:
        read.close()
    return False


async def test_a_hit_needs_no_step_of_the_loop(redis_server: servers.Redis) -> None:
    async with RedisCache(**redis_server.address, near=100) as cache:
        await cache.set("k", [1])
        await near(cache, "k")
        assert await cache.get("k") == [1]
        first, second = await cache.get("k"), await cache.get("k")
        assert first is not second
        assert await cache.get("k", loads_fn=lambda text: text) == "[1]"
        assert not is_answered_at_once(cache, "missing")


async def test_ones_own_writes(redis_server: servers.Redis) -> None:
    async with RedisCache(**redis_server.address, near=100) as cache:
        for number in range(50):
            await cache.set("k", number)
            assert await cache.get("k") == number
            assert await cache.get("k") == number
            await cache.delete("k")
            assert await cache.get("k", default="none") == "none"


async def test_writes_elsewhere_while_the_loop_is_busy(redis_server: servers.Redis) -> None:
    async with RedisCache(**redis_server.address, near=100) as cache:
        await cache.set("k", "old")
        await near(cache, "k")
        elsewhere(redis_server, "k", "new")
        # The loop has no turn from here on: only somebody else can hear of the change.
        until = time.monotonic() + 10
        while is_answered_at_once(cache, "k"):
            assert time.monotonic() < until, "nobody has heard of the change"
        assert await cache.get("k") == "new"


async def test_misses_that_are_near(memcached_server: servers.Memcached) -> None:
    async with MemcachedCache(**memcached_server.address, near={"ttl": 60, "misses": 60}) as cache:
        assert await cache.get("k", default="none") == "none"
        assert is_answered_at_once(cache, "k")
        assert await cache.get("k", default="none") == "none"
        assert await cache.get("k") is None
        await cache.set("k", 1)
        assert await cache.get("k") == 1


async def test_a_hit_while_the_server_is_away(memcached_server: servers.Memcached) -> None:
    async with MemcachedCache(**memcached_server.address, near={"ttl": 60}) as cache:
        await cache.set("k", 1)
        assert await cache.get("k") == 1
        memcached_server.kill()
        assert await cache.get("k") == 1
        with pytest.raises((OSError, TimeoutError)):
            await cache.get("other", timeout=1)


async def test_a_function(redis_server: servers.Redis) -> None:
    @cached(cache=RedisCache, near=100, **redis_server.address)
    async def function(number: int) -> int:
        return number * 10

    assert await function(1) == 10
    await near(function.cache, function.key(1))
    assert await function(1) == 10
    assert await function.invalidate(1) == 1
    assert await function.cache.get(function.key(1)) is None
    await function.cache.close()


@pytest.mark.parametrize("kind", [RedisCache, MemcachedCache])
async def test_objects_that_are_shared(
    kind: type[RedisCache | MemcachedCache], redis_server: servers.Redis, memcached_server: servers.Memcached
) -> None:
    address = redis_server.address if kind is RedisCache else memcached_server.address
    async with kind(**address, near={"ttl": 60, "shared": True}) as cache:
        await cache.set("k", [1])
        await near(cache, "k")
        first, second = await cache.get("k"), await cache.get("k")
        assert first is second == [1]
        # What asks for the text, and what reads many, gets its own.
        assert await cache.get("k", loads_fn=lambda text: text) == "[1]"
        (third,) = await cache.multi_get(["k"])
        assert third == [1]
        assert third is not first
        await cache.set("k", [2])
        await near(cache, "k")
        assert await cache.get("k") == [2]
        assert await cache.get("k") is await cache.get("k")
        await cache.delete("k")
        assert await cache.get("k", default="none") == "none"


async def test_an_object_that_is_shared_goes_with_its_value(redis_server: servers.Redis) -> None:
    class Pointed(list[int]):
        """What a weak reference can be had of."""

    class Pointing(JsonSerializer):
        def loads(self, value: str) -> Any:
            return Pointed(super().loads(value))

    async with RedisCache(**redis_server.address, serializer=Pointing(), near={"shared": True}) as cache:
        for ends in (cache.delete("k"), cache.set("k", [2])):
            await cache.set("k", [1])
            await near(cache, "k")
            found = weakref.ref(await cache.get("k"))
            assert await cache.get("k") is found()
            await ends
            until = time.monotonic() + 10
            while found() is not None:
                assert time.monotonic() < until, "the object has outlived its value"
                await asyncio.sleep(0.001)


async def test_a_shared_object_is_its_serializers(redis_server: servers.Redis) -> None:
    async with RedisCache(**redis_server.address, near={"shared": True}) as cache:
        await cache.set("k", [1])
        await near(cache, "k")
        found = await cache.get("k")
        other = copy.copy(cache)
        other.serializer = StringSerializer()
        assert await other.get("k") == "[1]"
        assert await cache.get("k") is found
        cache.serializer = StringSerializer()
        assert await cache.get("k") == "[1]"


async def test_writes_elsewhere_to_what_is_shared(redis_server: servers.Redis) -> None:
    async with RedisCache(**redis_server.address, near={"shared": True}) as cache:
        for number in range(20):
            elsewhere(redis_server, "k", [number])
            async with asyncio.timeout(10):
                while await cache.get("k") != [number]:
                    await asyncio.sleep(0)
            assert await cache.get("k") is await cache.get("k")


async def test_functions_share_what_is_near(redis_server: servers.Redis) -> None:
    calls = 0

    async def compute() -> list[int]:
        nonlocal calls
        calls += 1
        return [calls]

    options: dict[str, Any] = {"near": {"shared": True}, **redis_server.address}
    one = cached(cache=RedisCache, key="one", **options)(compute)
    other = cached_stampede(cache=RedisCache, key="other", **options)(compute)
    async with RedisCache(**options) as cache:
        for key, kept, call in (
            ("one", one.cache, one),
            ("other", other.cache, other),
            ("key", cache, lambda: cache.get_or_set("key", compute)),
        ):
            calls = 0
            assert await call() == [1], key
            await near(kept, key)
            assert await call() is await call(), key
            assert await call() is await kept.get(key), key
            assert calls == 1, key
            await kept.delete(key)
            assert await call() == [2], key
            await kept.close()
    # What is refreshed early is asked for as ever.
    async with RedisCache(**options, refresh_early=0.8, ttl=60) as early:
        assert await early.get_or_set("early", compute) == await early.get_or_set("early", compute)


async def test_misses_of_what_is_shared(memcached_server: servers.Memcached) -> None:
    async with MemcachedCache(**memcached_server.address, near={"ttl": 60, "misses": 60, "shared": True}) as cache:
        assert await cache.get("missing", default=0) == 0
        await near(cache, "missing")
        assert await cache.get("missing", default=0) == 0

        async def compute() -> int:
            return 1

        assert await cache.get_or_set("missing", compute) == 1
        assert await cache.get("missing") == 1


async def test_errors_of_what_is_shared(redis_server: servers.Redis) -> None:
    with pytest.raises(InvalidInput, match="`shared` is 'yes', which is neither True nor False"):
        RedisCache(**redis_server.address, near={"shared": "yes"})

    @cached(cache=RedisCache, key="k", near={"shared": True}, **redis_server.address)
    async def function() -> int:
        return 1

    async with function.cache as cache:
        await cache.raw("set", "k", "no JSON")
        for _ in range(3):
            with pytest.raises(ValueError, match="Expecting value"):
                await cache.get("k")
        assert await function() == 1
        assert await cache.get("k") == 1
