"""Loops whose tasks take their first steps at once, within the call that makes them (Python 3.12)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from polycache import RedisCache, SimpleMemoryCache
from polycache.base import BaseCache

EAGER: Any = getattr(asyncio, "eager_task_factory", None)


class Own(SimpleMemoryCache):
    """One that overrides an operation: its computations are shared by Python."""

    async def _get(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        return await super()._get(key, encoding, _conn)


@pytest.fixture(autouse=True)
async def _eager() -> Any:
    loop = asyncio.get_running_loop()
    loop.set_task_factory(EAGER)
    yield
    loop.set_task_factory(None)


@pytest.fixture(params=["memory", "overriding", "redis"])
async def cache(request: pytest.FixtureRequest) -> Any:
    if request.param == "redis":
        made: Any = RedisCache(**request.getfixturevalue("redis_server").address)
    else:
        made = SimpleMemoryCache() if request.param == "memory" else Own()
    yield made
    await made.close()


async def test_a_computation_that_asks_for_another_key(cache: BaseCache) -> None:
    async def inner() -> str:
        return "inner"

    async def outer() -> str:
        return "outer of " + await cache.get_or_set("inner", inner)

    assert await cache.get_or_set("outer", outer) == "outer of inner"

    async def inner_many(keys: list[str]) -> dict[str, str]:
        return dict.fromkeys(keys, "inner")

    async def outer_many(keys: list[str]) -> dict[str, str]:
        return dict.fromkeys(keys, "outer of " + (await cache.multi_get_or_set(["b"], inner_many))["b"])

    assert await cache.multi_get_or_set(["a"], outer_many) == {"a": "outer of inner"}


async def test_a_computation_that_asks_for_its_own_key(cache: BaseCache) -> None:
    calls: Iterator[int] = iter((1, 2))

    async def compute() -> int:
        call = next(calls)
        return call if call == 2 else 10 + await cache.get_or_set("k", compute)

    assert await cache.get_or_set("k", compute) == 12


async def test_a_task_of_the_computation_that_asks_for_its_key(cache: BaseCache) -> None:
    inner: list[asyncio.Task[int]] = []

    async def compute() -> int:
        async def ask() -> int:
            return await cache.get_or_set("k", two)

        inner.append(asyncio.create_task(ask()))
        return 10 + await inner[0]

    async def two() -> int:
        return 2

    async with asyncio.timeout(10):
        assert await cache.get_or_set("k", compute) == 12


async def test_all_who_ask_at_once_share_a_computation(cache: BaseCache) -> None:
    number: ContextVar[int] = ContextVar("number", default=0)
    calls: list[int] = []

    async def compute() -> int:
        calls.append(number.get())
        number.set(99)
        await asyncio.sleep(0)
        return 7

    number.set(5)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(cache.get_or_set("k", compute)) for _ in range(10)]
    assert [task.result() for task in tasks] == [7] * 10
    assert calls == [5] and number.get() == 5


async def test_errors_at_once(cache: BaseCache) -> None:
    async def compute() -> int:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            await cache.get_or_set("k", compute)
