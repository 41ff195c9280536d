"""RedLock and OptimisticLock."""

from __future__ import annotations

import asyncio

from .scenarios import same
from .sides import ALL, MEMORY, REDIS, Side, until


@same(*ALL)
async def test_one_after_another(side: Side, kind: str) -> None:
    lock = side.module("lock").RedLock
    cache = side.cache(kind)
    order: list[str] = []
    entered = asyncio.Event()

    async def first() -> None:
        async with lock(cache, "k", lease=10):
            order.append("first in")
            entered.set()
            # The second has had its turn to try.
            for _ in range(20):
                await cache.exists("k")
            order.append("first out")

    async def second() -> None:
        await entered.wait()
        async with lock(cache, "k", lease=10):
            order.append("second in")

    await asyncio.gather(first(), second())
    side.note(order)


@same(*ALL)
async def test_different_keys(side: Side, kind: str) -> None:
    lock = side.module("lock").RedLock
    cache = side.cache(kind)
    async with lock(cache, "a", lease=10), lock(cache, "b", lease=10):
        side.note("both held")


@same(*ALL)
async def test_released_on_an_exception(side: Side, kind: str) -> None:
    lock = side.module("lock").RedLock
    cache = side.cache(kind)

    async def fails() -> None:
        async with lock(cache, "k", lease=10):
            raise LookupError("inside")

    await side.do(fails(), text=True)
    async with lock(cache, "k", lease=10):
        side.note("held again")


@same(REDIS)
async def test_the_locks_key_on_the_server(side: Side, kind: str) -> None:
    """It is next to the key it protects, has a TTL, and is gone after."""
    cache = side.cache(kind, namespace="ns")
    async with side.module("lock").RedLock(cache, "k", lease=10):
        side.note(list(side.stored(kind)))
    side.note(list(side.stored(kind)))


@same(REDIS)
async def test_two_caches_of_one_server(side: Side, kind: str) -> None:
    lock = side.module("lock").RedLock
    order: list[str] = []
    one, other = side.cache(kind), side.cache(kind)
    entered = asyncio.Event()

    async def first() -> None:
        async with lock(one, "k", lease=10):
            entered.set()
            for _ in range(20):
                await one.exists("k")
            order.append("first out")

    async def second() -> None:
        await entered.wait()
        async with lock(other, "k", lease=10):
            order.append("second in")

    await asyncio.gather(first(), second())
    side.note(order)


@same(*ALL)
async def test_lease_of_whole_seconds(side: Side, kind: str) -> None:
    """Who waits for a lock waits no longer than its own lease."""
    lock = side.module("lock").RedLock
    cache = side.cache(kind)
    async with lock(cache, "k", lease=100):
        waiter = asyncio.create_task(lock(cache, "k", lease=1).__aenter__())
        done = await until(lambda: asyncio.sleep(0, waiter.done()), 3)
        side.note(done)
        await side.do(waiter)


@same(*ALL)
async def test_optimistic(side: Side, kind: str) -> None:
    lock = side.module("lock").OptimisticLock
    cache = side.cache(kind)
    await cache.set("k", "old")
    async with lock(cache, "k") as held:
        await side.do(held.cas("new"))
    await side.do(cache.get("k"))


@same(*ALL)
async def test_optimistic_conflict(side: Side, kind: str) -> None:
    lock = side.module("lock").OptimisticLock
    cache = side.cache(kind)
    await cache.set("k", "old")
    async with lock(cache, "k") as held:
        await cache.set("k", "another's")
        await side.do(held.cas("new"), text=True)
    await side.do(cache.get("k"))


@same(*ALL)
async def test_optimistic_on_a_missing_key(side: Side, kind: str) -> None:
    lock = side.module("lock").OptimisticLock
    cache = side.cache(kind)
    async with lock(cache, "k") as held:
        await side.do(held.cas("new"))
    await side.do(cache.get("k"))


@same(MEMORY, REDIS)
async def test_optimistic_with_a_ttl(side: Side, kind: str) -> None:
    lock = side.module("lock").OptimisticLock
    cache = side.cache(kind)
    await cache.set("k", "old")
    async with lock(cache, "k") as held:
        await side.do(held.cas("new", ttl=100.5))
    if kind == REDIS:
        side.note(side.stored(kind))


@same(*ALL)
async def test_optimistic_in_a_namespace(side: Side, kind: str) -> None:
    lock = side.module("lock").OptimisticLock
    cache = side.cache(kind, namespace="ns")
    await cache.set("k", "old")
    async with lock(cache, "k") as held:
        await cache.set("k", "another's")
        await side.do(held.cas("new"), text=True)


@same(*ALL)
async def test_optimistic_deleted_in_between(side: Side, kind: str) -> None:
    lock = side.module("lock").OptimisticLock
    cache = side.cache(kind)
    await cache.set("k", "old")
    async with lock(cache, "k") as held:
        await cache.delete("k")
        await side.do(held.cas("new"), text=True)
    await side.do(cache.exists("k"))


@same(MEMORY)
async def test_names(side: Side, kind: str) -> None:
    module = side.module("lock")
    side.note(issubclass(module.OptimisticLockError, Exception))
    cache = side.cache(kind, namespace="ns")
    optimistic = module.OptimisticLock(cache, "k")
    side.note([str(module.RedLock(cache, "k", 1).key), str(optimistic.key), str(optimistic.ns_key)])
