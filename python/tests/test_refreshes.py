"""``refresh`` of decorated functions: no older result outlives one that isn't stored."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from polycache import SimpleMemoryCache, cached, multi_cached
from polycache.serializers import JsonSerializer

#: Ways of the decorators: by Python, and by the core.
WAYS: list[dict[str, Any]] = [{}, {"grace": 60, "ttl": 60}, {"tags": ["kept"]}]
UNSTORABLE = {1, 2}


class Source:
    """What functions answer."""

    answer: Any = 1


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize("answer", [UNSTORABLE, 2], ids=["unstorable", "skipped"])
async def test_a_function(options: dict[str, Any], answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    source = Source()

    @cached(serializer=JsonSerializer(), skip_cache_func=lambda result: result == 2, **options)
    async def function() -> Any:
        return source.answer

    assert await function() == 1
    source.answer = answer
    assert await function.refresh() == answer
    source.answer = 3
    assert await function() == 3


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize("answer", [UNSTORABLE, 2], ids=["unstorable", "skipped"])
async def test_entries(options: dict[str, Any], answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    source = Source()

    @multi_cached("keys", serializer=JsonSerializer(), skip_cache_func=lambda key, value: value == 2, **options)
    async def function(keys: list[str]) -> dict[str, Any]:
        return dict.fromkeys(keys, source.answer)

    assert await function(["a", "b"]) == {"a": 1, "b": 1}
    source.answer = answer
    assert await function.refresh(["a"]) == {"a": answer}
    source.answer = 3
    assert await function(["a", "b"]) == {"a": 3, "b": 1}


async def test_in_the_background(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()

    @cached(serializer=JsonSerializer())
    async def function() -> Any:
        return source.answer

    assert await function() == 1
    source.answer = UNSTORABLE
    refresh: Any = function.refresh
    assert await refresh(aiocache_wait_for_write=False) == UNSTORABLE
    async with asyncio.timeout(10):
        while await function.cache.exists(function.key()):
            await asyncio.sleep(0)


async def test_calls_that_only_look_nothing_up_leave_what_they_skip() -> None:
    """As those of aiocache do."""
    source = Source()

    @cached(skip_cache_func=lambda result: result == 2)
    async def function() -> Any:
        return source.answer

    call: Any = function
    assert await call() == 1
    source.answer = 2
    assert [await call(cache_read=False), await call()] == [2, 1]
    assert isinstance(function.cache, SimpleMemoryCache)
