"""Reads of what is near, which need neither the loop nor the server."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
import servers

from polycache import MemcachedCache, RedisCache, cached


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
