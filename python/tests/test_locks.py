"""`RedLock` and `OptimisticLock`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from polycache import MemcachedCache
from polycache.lock import OptimisticLock, OptimisticLockError, RedLock


@pytest.fixture
async def make(kind: Any) -> AsyncIterator[Callable[..., Any]]:
    """Makes caches on one store of each kind; of memory there is one."""
    made_by, address = kind
    made: list[Any] = []

    def make(**options: Any) -> Any:
        if not address and made and not options:
            return made[0]
        made.append(made_by(**options, **address))
        return made[-1]

    yield make
    for cache in made:
        await cache.close()


async def test_one_at_a_time(make: Any) -> None:
    one, two = make(), make()
    inside = most = 0

    async def enter(cache: Any) -> None:
        nonlocal inside, most
        async with RedLock(cache, "k", lease=5):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(enter(cache) for cache in (one, two, one, two)))
    assert most == 1
    assert not await one.exists("k-lock")


async def test_it_is_renewed(make: Any) -> None:
    cache = make()
    entered = asyncio.Event()

    async def enter() -> None:
        async with RedLock(cache, "k", lease=20):
            entered.set()

    async with RedLock(cache, "k", lease=1):
        task = asyncio.create_task(enter())
        await asyncio.sleep(2.2)
        assert not entered.is_set()
    await asyncio.wait_for(task, 5)


async def test_who_waits_goes_on_after_its_lease(make: Any) -> None:
    cache = make()
    loop = asyncio.get_running_loop()
    async with RedLock(cache, "k", lease=30):
        begun = loop.time()
        async with RedLock(cache, "k", lease=1):
            assert 0.9 < loop.time() - begun < 5
        assert await cache.exists("k-lock")
    assert not await cache.exists("k-lock")


async def test_a_lock_that_is_gone(make: Any) -> None:
    cache = make()
    async with RedLock(cache, "k", lease=5):
        await cache.delete("k-lock")
    async with RedLock(cache, "k", lease=5):
        await cache.set("k-lock", "somebody else's")
    assert await cache.exists("k-lock")


async def test_keys_are_those_of_the_commands(make: Any) -> None:
    cache = make(namespace="ns")
    lock = RedLock(cache, "k", lease=5)
    assert lock.key == cache.build_key("k-lock")
    async with lock:
        assert await cache.exists("k-lock")
        assert not await cache.exists("k-lock", namespace="other")


@pytest.mark.parametrize("namespace", [None, "ns"])
async def test_a_conflict(make: Any, namespace: str | None) -> None:
    cache = make(namespace=namespace, key_builder=lambda key, namespace: f"{namespace}-{key}")
    await cache.set("k", "old")
    async with OptimisticLock(cache, "k") as lock:
        await cache.set("k", "other")
        with pytest.raises(OptimisticLockError, match="Value has changed since the lock started"):
            await lock.cas("new")
    assert await cache.get("k") == "other"
    async with OptimisticLock(cache, "k") as lock:
        assert await lock.cas("new", ttl=60) is True
    assert await cache.get("k") == "new"
    assert 50 < await cache.get_ttl("k") <= 60


async def test_a_key_that_was_not_there(make: Any) -> None:
    cache = make()
    async with OptimisticLock(cache, "k") as lock:
        await cache.set("k", "other")
        assert await lock.cas("new") is True
    assert await cache.get("k") == "new"


async def test_tokens_that_are_values(make: Any) -> None:
    """As aiocache's own are on memory and Redis."""
    cache = make()
    await cache.set("k", "a", dumps_fn=str)
    assert await cache.set("k", "b", dumps_fn=str, _cas_token="x") == 0
    assert await cache.set("k", "b", dumps_fn=str, _cas_token="a") is True
    assert await cache.get("k", loads_fn=str) == "b"


async def test_versions(make: Any) -> None:
    cache = make()
    value, absent = await cache.get_versioned("k", default=5)
    assert value == 5
    assert await cache.cas("k", 1, absent) is True
    assert await cache.cas("k", 2, absent) is False
    value, version = await cache.get_versioned("k")
    assert value == 1
    assert await cache.cas("k", 2, version, ttl=60) is True
    assert await cache.cas("k", 3, version) is False
    assert await cache.get("k") == 2
    _, version = await cache.get_versioned("k")
    assert await cache.cas("k", 3, version, ttl=-1) is True
    assert await cache.get("k") is None


async def test_a_fraction_on_memcached(memcached_server: Any) -> None:
    cache = MemcachedCache(**memcached_server.address)
    with pytest.raises(TypeError, match=r"aiomcache error: exptime not int: 0.1"):
        async with RedLock(cache, "k", lease=0.1):
            pass
    await cache.close()


async def test_cancelled_while_waiting(make: Any) -> None:
    cache = make()

    async def enter() -> None:
        async with RedLock(cache, "k", lease=30):
            pass

    async with RedLock(cache, "k", lease=30):
        task = asyncio.create_task(enter())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await asyncio.wait_for(enter(), 5)
