"""Cached functions whose results are in memory: a call finds them without the decorator."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any
from unittest import mock

import pytest

from polycache import SimpleMemoryCache, cached
from polycache.plugins import HitMissRatioPlugin

ARGUMENTS: list[tuple[Any, ...]] = [
    (), (1,), (-5, 0), (2**63 - 1,), (-(2**63),), (2**200,), ("text",), ("it's",), ('both " and \'',), ("back\\slash",), ("é\n\t",),
    ("\ud800",), ("", ""), (" at 0x7f",), (True, False, None), (1.5, float("inf")), (b"bytes",), ((1, "two"), [3], {"four": 5}),
    (range(3),), (int,), (..., 1 + 2j),
]  # fmt: skip


class Count:
    """A function that counts its calls."""

    def __init__(self, **options: Any) -> None:
        self.calls = 0

        @cached(**options)
        async def function(*args: Any) -> int:
            self.calls += 1
            return self.calls

        self.function = function


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=ascii)
async def test_a_hit_has_the_key_of_the_decorator(arguments: tuple[Any, ...]) -> None:
    count = Count(namespace="space:")
    await count.function.cache.set(count.function.key(*arguments), "put there by its key")
    assert await count.function(*arguments) == "put there by its key"
    assert count.calls == 0


@pytest.mark.parametrize("options", [{}, {"key": "k"}])
async def test_an_early_hit_computes_only_what_is_to_be_refreshed(options: dict[str, Any]) -> None:
    calm = Count(ttl=600, refresh_early=0.8, **options)
    assert await calm.function() == 1
    with mock.patch.object(type(calm.function.cache), "_get_or_compute", side_effect=AssertionError):
        assert await calm.function() == 1
    early = Count(ttl=600, refresh_early=0.0, **options)
    assert await early.function() == 1
    # The present result is given, and another computed behind it.
    assert await early.function() == 1
    async with asyncio.timeout(10):
        while early.calls == 1:
            await asyncio.sleep(0)
    assert calm.calls == 1


async def test_other_types_are_other_keys() -> None:
    class Number(int):
        def __repr__(self) -> str:
            return "a number"

    count = Count()
    results = [await count.function(argument) for argument in (1, True, "1", Number(1), 1.0, None, "None", "True")]
    assert results == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_an_argument_without_a_text_raises_when_it_is_awaited() -> None:
    class Silent:
        def __repr__(self) -> str:
            raise LookupError("no words")

    call = Count().function(Silent())
    with pytest.raises(LookupError, match="no words"):
        await call


async def test_a_text_that_is_made_by_the_function_itself() -> None:
    count = Count()
    await count.function(7)

    class Nested:
        def __repr__(self) -> str:
            hit = count.function(7)
            with pytest.raises(StopIteration) as stopped:
                hit.send(None)
            return f"nested {stopped.value.value}"

    assert await count.function(Nested()) == await count.function(Nested()) == 2


async def test_hits_are_coroutines() -> None:
    count = Count()
    await count.function(1)
    hit = count.function(1)
    assert inspect.iscoroutine(hit)
    assert await asyncio.create_task(hit) == 1
    assert await asyncio.gather(count.function(1), count.function(2), count.function(1)) == [1, 2, 1]


async def test_each_change_of_the_decorator_or_its_cache_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    decorator = cached()
    calls = 0

    @decorator
    async def function(x: int) -> int:
        nonlocal calls
        calls += 1
        return calls

    assert [await function(1), await function(1)] == [1, 1]
    with mock.patch.object(decorator, "cache", SimpleMemoryCache()):
        assert [await function(1), await function(1)] == [2, 2]
    assert await function(1) == 1
    with mock.patch.object(decorator, "get_from_cache", mock.AsyncMock(return_value="patched")):
        assert await function(1) == "patched"
    with mock.patch.object(function.cache, "_get", mock.AsyncMock(return_value="patched below")):
        assert await function(1) == "patched below"
    monkeypatch.setenv("AIOCACHE_DISABLE", "1")
    assert [await function(1), await function(1)] == [3, 4]
    monkeypatch.delenv("AIOCACHE_DISABLE")
    assert await function(1) == 1
    function.cache.namespace = "elsewhere"
    assert await function(1) == 5
    decorator.key = "one key"
    assert [await function(1), await function(2)] == [6, 6]


async def test_a_decorator_of_several_functions() -> None:
    decorator = cached()

    @decorator
    async def one() -> str:
        return "one"

    @decorator
    async def other() -> str:
        return "other"

    for _ in range(2):
        assert [await one(), await other()] == ["one", "other"]
    assert one.cache is not other.cache


async def test_hits_and_misses_are_counted() -> None:
    count = Count(plugins=[HitMissRatioPlugin()])
    for argument in (1, 1, 1, 2):
        await count.function(argument)
    ratio = count.function.cache.hit_miss_ratio
    assert (ratio["total"], ratio["hits"]) == (4, 2)
