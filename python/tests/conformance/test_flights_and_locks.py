"""get_or_set, multi_get_or_set, and locks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from polycache.lock import OptimisticLock, OptimisticLockError, RedLock

from .waiting import until


class Computes:
    """A computation that counts its calls, and goes on when it is told to."""

    def __init__(self, result: object) -> None:
        self.calls = 0
        self.result = result
        self.go = asyncio.Event()

    async def __call__(self) -> Any:
        self.calls += 1
        await self.go.wait()
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    async def called(self) -> bool:
        return self.calls > 0


@pytest.mark.parametrize("result", [7, None, "", []], ids=repr)
async def test_one_computes(cache: Any, result: object) -> None:
    compute = Computes(result)
    waiting = [asyncio.create_task(cache.get_or_set("k", compute)) for _ in range(20)]
    await until(compute.called)
    compute.go.set()
    assert await asyncio.gather(*waiting) == [result] * 20
    assert await cache.get_or_set("k", compute) == result
    assert compute.calls == 1
    assert await cache.get("k", default="missing") == result


async def test_all_get_the_error(cache: Any) -> None:
    compute = Computes(LookupError("no such thing"))
    waiting = [asyncio.create_task(cache.get_or_set("k", compute)) for _ in range(5)]
    await until(compute.called)
    compute.go.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(result) for result in results] == ["no such thing"] * 5
    assert compute.calls == 1
    assert await cache.exists("k") is False


async def test_cancelled_waiters_leave_the_others(cache: Any) -> None:
    compute = Computes(7)
    waiting = [asyncio.create_task(cache.get_or_set("k", compute)) for _ in range(10)]
    await until(compute.called)
    for task in waiting[1::2]:
        task.cancel()
    await asyncio.sleep(0)
    compute.go.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert results[::2] == [7] * 5
    assert all(isinstance(result, asyncio.CancelledError) for result in results[1::2])


async def test_a_cancelled_leader_hands_over(cache: Any) -> None:
    compute = Computes(7)
    leader = asyncio.create_task(cache.get_or_set("k", compute))
    await until(compute.called)
    follower = asyncio.create_task(cache.get_or_set("k", compute))
    await asyncio.sleep(0)
    leader.cancel()
    await asyncio.gather(leader, return_exceptions=True)
    compute.go.set()
    async with asyncio.timeout(10):
        assert await follower == 7


async def test_many_are_computed_together(cache: Any) -> None:
    asked: list[list[str]] = []

    async def compute(keys: list[str]) -> dict[str, str]:
        asked.append(list(keys))
        return {key: f"v{key}" for key in keys if key != "never"}

    await cache.set("b", "stored")
    assert await cache.multi_get_or_set(["a", "b", "c", "never"], compute, ttl=100) == {
        "a": "va",
        "b": "stored",
        "c": "vc",
    }
    assert await cache.multi_get_or_set(["c", "a"], compute) == {"c": "vc", "a": "va"}
    assert asked == [["a", "c", "never"]]
    assert 98 < await cache.get_ttl("a") <= 100
    assert await cache.get_ttl("b") is None


async def test_one_holder_at_a_time(cache: Any) -> None:
    inside = 0
    most = 0

    async def enter() -> None:
        nonlocal inside, most
        async with RedLock(cache, "k", lease=10):
            inside += 1
            most = max(most, inside)
            await cache.exists("k")
            inside -= 1

    async with asyncio.timeout(20):
        await asyncio.gather(*(enter() for _ in range(10)))
    assert most == 1


async def test_a_cancelled_holder_releases(cache: Any) -> None:
    entered = asyncio.Event()

    async def hold() -> None:
        async with RedLock(cache, "k", lease=30):
            entered.set()
            await asyncio.Event().wait()

    holder = asyncio.create_task(hold())
    await entered.wait()
    holder.cancel()
    await asyncio.gather(holder, return_exceptions=True)
    async with asyncio.timeout(5), RedLock(cache, "k", lease=30):
        pass


async def test_an_optimistic_lock_notices_writes(cache: Any) -> None:
    await cache.set("k", 1)
    async with OptimisticLock(cache, "k") as lock:
        assert await lock.cas(2) is True
    async with OptimisticLock(cache, "k") as lock:
        await cache.set("k", 3)
        with pytest.raises(OptimisticLockError):
            await lock.cas(4)
    assert await cache.get("k") == 3
