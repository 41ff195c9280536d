"""Tests of code that uses a cache: with a mock, with memory instead of a server, and with caches turned off."""

import asyncio
import os
from unittest.mock import MagicMock, patch

from polycache import SimpleMemoryCache, cached
from polycache.base import BaseCache


async def greet(cache: BaseCache, name: str) -> str:
    """Code under test."""
    greeting = await cache.get(name)
    if greeting is None:
        greeting = f"Hello, {name}"
        await cache.set(name, greeting, ttl=60)
    return str(greeting)


@cached(key="answer")
async def answer(value: int) -> int:
    return value


async def with_a_mock() -> None:
    """The commands of `BaseCache` are coroutine functions, so a mock of it can be awaited."""
    cache = MagicMock(spec=BaseCache)
    cache.get.return_value = "Good day"
    assert await greet(cache, "Ada") == "Good day"
    cache.get.assert_awaited_once_with("Ada")
    cache.set.assert_not_called()


async def with_memory() -> None:
    cache = SimpleMemoryCache()
    assert await greet(cache, "Ada") == "Hello, Ada"
    assert await cache.get("Ada") == "Hello, Ada"


async def turned_off() -> None:
    with patch.dict(os.environ, {"AIOCACHE_DISABLE": "1"}):
        assert await answer(1) == 1
        assert await answer(2) == 2


async def main() -> None:
    await with_a_mock()
    await with_memory()
    await turned_off()
    print("all of them hold")


if __name__ == "__main__":
    asyncio.run(main())
