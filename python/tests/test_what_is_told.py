"""What timeouts say, and how often trouble is logged."""

from __future__ import annotations

import logging
from typing import Any
from unittest import mock

import pytest
import servers

from polycache import Cache, RedisCache, SimpleMemoryCache, cached
from polycache.plugins import TimingPlugin


@pytest.mark.parametrize("options", [{}, {"plugins": [TimingPlugin()]}], ids=str)
async def test_what_a_timeout_says(redis_server: servers.Redis, options: dict[str, Any]) -> None:
    async with Cache(Cache.REDIS, **redis_server.address, timeout=0.05, **options) as cache:
        await cache.exists("k", timeout=30)
        redis_server.stop()
        with pytest.raises(TimeoutError, match="^the cache took longer than the timeout$"):
            await cache.increment("n")


class Broken(SimpleMemoryCache):
    """A cache whose server is away."""

    async def get(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("away")

    async def set(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("away")


async def test_trouble_is_told_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    @cached(cache=Broken)
    async def square(number: int) -> int:
        return number * number

    @cached(cache=Broken)
    async def cube(number: int) -> int:
        return number**3

    with mock.patch("polycache.log.monotonic", return_value=100.0) as clock:
        for number in range(5):
            assert await square(number) == number * number
        assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2  # One for reads, one for writes.
        assert "square(0,)" in caplog.records[0].getMessage()
        await cube(2)
        assert len(caplog.records) == 4  # Each function for itself.
        clock.return_value = 101.0
        await square(9)
        await square(9)
    assert [record.getMessage().partition("error")[2] for record in caplog.records[4:]] == [
        " (and 4 times more since this was last told)"
    ] * 2
    assert all(record.exc_info for record in caplog.records)


async def test_misses_are_told_once_a_second(redis_server: servers.Redis, caplog: pytest.LogCaptureFixture) -> None:
    async with RedisCache(**redis_server.address, on_error="miss") as cache:
        redis_server.kill()
        for _ in range(5):
            assert await cache.get("k") is None
        assert await cache.exists("k") is False
    messages = [record.getMessage() for record in caplog.records]
    assert 1 <= len(messages) <= 3, messages  # The first may be a lost connection, and others a refused one.
    assert all(message.startswith("Couldn't read k: it counts as a miss") for message in messages)
    assert not any(record.exc_info for record in caplog.records)
