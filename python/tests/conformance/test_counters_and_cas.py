"""increment, get_versioned and cas."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest


async def test_a_missing_key_starts_at_the_delta(cache: Any) -> None:
    assert await cache.increment("n") == 1
    assert await cache.increment("n", 5) == 6
    assert await cache.increment("m", -3) == -3
    assert await cache.get("n") == 6


async def test_sums_pass_through_zero(cache: Any) -> None:
    assert [await cache.increment("n", delta) for delta in (2, -2, -1, 1, 0, 5)] == [2, 0, -1, 0, 0, 5]


async def test_an_existing_key_keeps_its_ttl(cache: Any) -> None:
    await cache.set("n", 1, ttl=100)
    assert await cache.increment("n") == 2
    assert 98 < await cache.get_ttl("n") <= 100


@pytest.mark.parametrize("value", ["x", "1.5", [1], {}, "", None], ids=repr)
async def test_not_a_number_changes_nothing(cache: Any, value: object) -> None:
    await cache.set("n", value)
    with pytest.raises(TypeError):
        await cache.increment("n")
    assert await cache.get("n") == value


@pytest.mark.parametrize("delta", [2.5, "1", None], ids=repr)
async def test_a_delta_is_an_integer(cache: Any, delta: Any) -> None:
    with pytest.raises(TypeError):
        await cache.increment("n", delta)
    assert await cache.exists("n") is False


async def test_no_increment_is_lost(cache: Any) -> None:
    sums = await asyncio.gather(*(cache.increment("n") for _ in range(200)))
    assert sorted(sums) == list(range(1, 201))


async def test_one_add_wins(cache: Any) -> None:
    results = await asyncio.gather(*(cache.add("k", number) for number in range(50)), return_exceptions=True)
    assert sum(result is True for result in results) == 1
    assert sum(isinstance(result, ValueError) for result in results) == 49
    assert await cache.get("k") == results.index(True)


async def test_cas_writes_where_nobody_wrote(cache: Any) -> None:
    await cache.set("k", 1)
    value, version = await cache.get_versioned("k")
    assert value == 1
    assert await cache.cas("k", 2, version, ttl=100) is True
    assert await cache.get("k") == 2
    assert 98 < await cache.get_ttl("k") <= 100
    assert await cache.cas("k", 3, version) is False
    assert await cache.get("k") == 2


@pytest.mark.parametrize("change", ["set", "delete", "increment"])
async def test_any_write_in_between_fails_it(cache: Any, change: str) -> None:
    await cache.set("k", 1)
    _, version = await cache.get_versioned("k")
    await {
        "set": lambda: cache.set("k", 5),
        "delete": lambda: cache.delete("k"),
        "increment": lambda: cache.increment("k"),
    }[change]()
    before = await cache.get("k")
    assert await cache.cas("k", 2, version) is False
    assert await cache.get("k") == before


async def test_a_version_of_absence_makes_it_an_add(cache: Any) -> None:
    value, version = await cache.get_versioned("k", default="d")
    assert value == "d"
    assert await cache.cas("k", 1, version) is True
    assert await cache.cas("k", 2, version) is False
    assert await cache.get("k") == 1


async def test_no_update_by_cas_is_lost(cache: Any) -> None:
    await cache.set("k", 0)

    async def add_one() -> None:
        while True:
            value, version = await cache.get_versioned("k")
            if await cache.cas("k", value + 1, version):
                return

    await asyncio.gather(*(add_one() for _ in range(20)))
    assert await cache.get("k") == 20
