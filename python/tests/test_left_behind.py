"""Tasks that computations leave behind: they work for none of them any more, and keep nothing of them."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any, cast

import pytest

from polycache import MemcachedCache, RedisCache, SimpleMemoryCache
from polycache._compute import INSIDE

CLASSES: dict[str, Any] = {"memory": SimpleMemoryCache, "redis": RedisCache, "memcached": MemcachedCache}


class Slow(SimpleMemoryCache):
    """One that overrides an operation: its computations are shared by Python."""

    async def _get(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        return await super()._get(key, encoding, _conn)


@pytest.fixture(params=[*CLASSES, "overriding"])
async def cache(request: pytest.FixtureRequest) -> Any:
    if request.param == "overriding":
        made: Any = Slow()
    else:
        options = {} if request.param == "memory" else request.getfixturevalue(f"{request.param}_server").address
        made = CLASSES[request.param](**options)
    yield made
    await made.close()


async def test_computations_that_begin_each_other_leave_nothing(cache: Any) -> None:
    """Each leaves a task behind that begins the next one, as functions do that renew their values."""
    gone: list[weakref.ref[asyncio.Task[Any]]] = []
    done = asyncio.Event()

    async def compute() -> int:
        task = asyncio.current_task()
        assert task is not None
        gone.append(weakref.ref(task))
        if len(gone) == 20:
            done.set()
        else:
            keep.append(asyncio.create_task(following(f"k{len(gone)}")))
        return 1

    async def following(key: str) -> None:
        await asyncio.sleep(0.001)
        await cache.get_or_set(key, compute)
        keep.remove(cast(Any, asyncio.current_task()))

    keep = [asyncio.create_task(following("k0"))]
    async with asyncio.timeout(10):
        await done.wait()
    await asyncio.gather(*keep)
    gc.collect()
    assert sum(task() is not None for task in gone) <= 3


async def test_a_task_that_a_computation_leaves_behind_works_for_nobody(cache: Any) -> None:
    """It would work for all that led to it, which are more with each."""
    left: list[asyncio.Task[Any]] = []
    seen: list[Any] = []
    go = asyncio.Event()

    async def outer() -> int:
        seen.append(INSIDE.get())
        number = await cache.get_or_set("inner", inner)
        seen.append(INSIDE.get())
        return int(number)

    async def inner() -> int:
        left.append(asyncio.create_task(later()))
        return 1

    async def later() -> None:
        await go.wait()
        seen.append(INSIDE.get())

    assert await cache.get_or_set("outer", outer) == 1
    go.set()
    await left[0]
    assert seen[0] is seen[1] and seen[2] is None
    assert (seen[0] is None) == isinstance(cache, Slow)
