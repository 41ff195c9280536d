"""Slow sources, and values that are refreshed before their TTL ends: the tables of the guide's chapter."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from polycache import cached, cached_stampede, caches

from .conftest import CLASSES, MakeCache
from .test_grace import SHORT, stale
from .waiting import until

#: Far longer than a test takes: whoever waits for so long fails.
LONG = 100


class Gate:
    """A computation that waits until it is let through."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.begun = 0
        self.ended = 0
        self.open = asyncio.Event()

    async def __call__(self, *args: Any) -> Any:
        self.begun += 1
        try:
            await self.open.wait()
        finally:
            self.ended += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


async def value(result: Any) -> Any:
    return result


@pytest.fixture
def graced(make_cache: MakeCache, kind: str) -> Callable[..., Any]:
    """Makes caches with a grace, whose entries are stale soon."""

    def make(**options: Any) -> Any:
        return make_cache(**{"ttl": SHORT[kind], "grace": LONG, **options})

    return make


async def test_a_stale_value_in_place_of_a_wait(graced: Any) -> None:
    cache, slow = graced(soft_timeout=0.01), Gate("new")
    await cache.set("k", "old")
    await stale(cache, "k")
    assert await cache.get_or_set("k", slow, ttl=LONG) == "old"
    assert (slow.begun, slow.ended) == (1, 0)
    # It rests for the throttle, and the computation goes on.
    assert await cache.get_or_set("k", slow, ttl=LONG) == "old"
    assert slow.begun == 1
    slow.open.set()
    await until(lambda: cache.exists("k"))
    assert await cache.get("k") == "new"
    assert await cache.get_or_set("k", slow) == "new"
    assert slow.begun == 1


async def test_a_stale_value_at_once(graced: Any) -> None:
    cache, slow = graced(soft_timeout=0), Gate("new")
    await cache.set("k", "old")
    await stale(cache, "k")
    assert [await cache.get_or_set("k", slow, ttl=LONG) for _ in range(3)] == ["old"] * 3
    slow.open.set()
    await until(lambda: cache.exists("k"))
    assert (await cache.get("k"), slow.begun) == ("new", 1)


async def test_a_caller_that_leaves(graced: Any) -> None:
    cache, slow = graced(soft_timeout=LONG), Gate("new")
    call = asyncio.create_task(cache.get_or_set("k", slow, ttl=LONG))

    async def begun() -> bool:
        return slow.begun == 1

    await until(begun)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    other = asyncio.create_task(cache.get_or_set("k", slow, ttl=LONG))
    slow.open.set()
    assert await other == "new"
    assert (slow.begun, await cache.get("k")) == (1, "new")


async def test_a_failure_that_nobody_waits_for(graced: Any, caplog: pytest.LogCaptureFixture) -> None:
    cache, slow = graced(soft_timeout=0), Gate(ValueError("away"))
    await cache.set("k", "old")
    await stale(cache, "k")
    assert await cache.get_or_set("k", slow) == "old"

    async def told() -> bool:
        return any(record.exc_info and "of k has failed" in record.message for record in caplog.records)

    with caplog.at_level(logging.WARNING, "polycache.base"):
        slow.open.set()
        await until(told)
    assert await cache.get_or_set("k", slow) == "old"
    assert slow.begun == 1


async def test_a_failure_whose_caller_gets_a_stale_value(graced: Any, caplog: pytest.LogCaptureFixture) -> None:
    cache = graced()
    await cache.set("k", "old")
    await stale(cache, "k")

    async def fails() -> Any:
        raise ValueError("away")

    with caplog.at_level(logging.WARNING, "polycache.base"):
        assert await cache.get_or_set("k", fails) == "old"
    assert [record.exc_info[1].args for record in caplog.records if record.exc_info] == [("away",)]  # type: ignore[union-attr]


async def test_a_computation_that_is_cancelled(graced: Any) -> None:
    cache = graced(soft_timeout=0)
    await cache.set("k", "old")
    await stale(cache, "k")
    tasks: list[asyncio.Task[Any]] = []

    async def hangs() -> Any:
        tasks.append(asyncio.current_task())  # type: ignore[arg-type]
        await asyncio.Event().wait()

    assert await cache.get_or_set("k", hangs) == "old"

    async def begun() -> bool:
        return bool(tasks)

    await until(begun)
    tasks[0].cancel()

    # It was no failure, so the source doesn't rest: another one computes.
    async def renewed() -> bool:
        return bool(await cache.get_or_set("k", lambda: value("new"), ttl=LONG) == "new")

    await until(renewed)


async def test_a_caller_whose_computation_is_cancelled(graced: Any) -> None:
    cache = graced(soft_timeout=LONG)

    async def cancels() -> Any:
        asyncio.current_task().cancel()  # type: ignore[union-attr]
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await cache.get_or_set("k", cancels)
    assert await cache.get_or_set("k", lambda: value(1)) == 1


async def test_an_error_after_the_hard_timeout(graced: Any) -> None:
    cache, slow = graced(hard_timeout=0.01), Gate("new")
    with pytest.raises(TimeoutError, match="k.*longer than 10ms, its `hard_timeout`"):
        await cache.get_or_set("k", slow)

    async def cancelled() -> bool:
        return slow.ended == slow.begun

    await until(cancelled)
    await cache.set("k", "old")
    await stale(cache, "k")
    assert await cache.get_or_set("k", slow) == "old"
    await until(cancelled)
    assert slow.begun == 2


async def test_both_timeouts(graced: Any) -> None:
    cache, slow = graced(soft_timeout=0.01, hard_timeout=0.02), Gate("new")
    with pytest.raises(TimeoutError):
        await cache.get_or_set("k", slow, ttl=LONG)
    assert (slow.begun, slow.ended) == (1, 0)
    slow.open.set()
    await until(lambda: cache.exists("k"))
    assert await cache.get("k") == "new"


async def test_a_refresh_before_the_end(make_cache: MakeCache) -> None:
    cache, slow = make_cache(ttl=LONG, refresh_early=0), Gate("new")
    assert await cache.get_or_set("k", lambda: value("old")) == "old"
    assert [await cache.get_or_set("k", slow) for _ in range(3)] == ["old"] * 3
    slow.open.set()

    async def is_new() -> bool:
        return bool(await cache.get("k") == "new")

    await until(is_new)
    assert slow.begun == 1


async def test_an_entry_that_isnt_early(make_cache: MakeCache) -> None:
    cache = make_cache(ttl=LONG, refresh_early=0.9)
    assert await cache.get_or_set("k", lambda: value("old")) == "old"
    assert [await cache.get_or_set("k", Gate("new")) for _ in range(3)] == ["old"] * 3


@pytest.mark.parametrize("decorator", [cached, cached_stampede])
async def test_a_function_that_is_refreshed_early(decorator: Any, kind: str, request: pytest.FixtureRequest) -> None:
    address = {} if kind == "memory" else request.getfixturevalue(f"{kind}_server").address
    results = iter(range(100))

    @decorator(ttl=LONG, refresh_early=0, cache=CLASSES[kind], **address)
    async def function(article: int) -> int:
        return next(results)

    assert await function(7) == 0

    async def is_new() -> bool:
        return await function(7) > 0

    await until(is_new)
    await function.cache.close()


@pytest.mark.parametrize("decorator", [cached, cached_stampede])
async def test_a_slow_function(decorator: Any, kind: str, request: pytest.FixtureRequest) -> None:
    address = {} if kind == "memory" else request.getfixturevalue(f"{kind}_server").address
    slow = Gate("new")

    @decorator(ttl=SHORT[kind], key="f", grace="1h", soft_timeout=0, hard_timeout="1h", cache=CLASSES[kind], **address)
    async def function() -> Any:
        return await slow()

    await function.cache.set("f", "old", ttl=SHORT[kind])
    await stale(function.cache, "f")
    assert [await function(), await function()] == ["old", "old"]
    slow.open.set()
    assert await function.refresh() == "new"
    await function.cache.close()


async def test_settings_of_a_function_on_an_alias(kind: str, request: pytest.FixtureRequest) -> None:
    address = {} if kind == "memory" else request.getfixturevalue(f"{kind}_server").address
    before = caches.get_config()
    caches.set_config({"default": {"cache": kind, "ttl": SHORT[kind], "grace": LONG, **address}})
    try:
        slow = Gate("new")

        @cached(alias="default", key="f", grace="1h", soft_timeout=0, lease=1, write_behind=True)
        async def function() -> Any:
            return await slow()

        own = caches.get("default")
        assert function.cache is not own
        assert (own.grace, own.soft_timeout, own.lease, own.write_behind) == (LONG, None, 2, False)
        view = function.cache
        assert (view.grace, view.soft_timeout, view.lease, view.write_behind) == (3600, 0, 1, True)
        await own.set("f", "old")
        await stale(own, "f")
        assert await function() == "old"
        slow.open.set()
        await until(lambda: own.exists("f"))
        # Closing the cache makes new connections, for views too.
        await own.close()
        await own.set("f", "newer", ttl=LONG)
        assert await function() == await function.cache.get("f") == "newer"
        await function.cache.close()
        await own.set("f", "newest", ttl=LONG)
        assert await function() == "newest"
        await own.close()
    finally:
        caches.set_config(before)


async def test_locks_keep_nothing_beside_their_values(make_cache: MakeCache, kind: str) -> None:
    cache, plain = make_cache(refresh_early=0.5, ttl=LONG), make_cache()
    from polycache.lock import RedLock

    async with RedLock(cache, "k", lease=2):
        if kind != "memory":
            key = "k-lock" if kind == "redis" else b"k-lock"
            assert len(await plain.raw("get", key)) == 36


def test_a_loop_that_ends_before_the_computation(kind: str, request: pytest.FixtureRequest) -> None:
    address = {} if kind == "memory" else request.getfixturevalue(f"{kind}_server").address
    cache = CLASSES[kind](ttl=LONG, refresh_early=0, **address)
    begun: list[int] = []

    async def hangs() -> Any:
        begun.append(1)
        await asyncio.Event().wait()

    async def first() -> None:
        assert await cache.get_or_set("k", lambda: value("old")) == "old"
        assert await cache.get_or_set("k", hangs) == "old"

        async def has_begun() -> bool:
            return bool(begun)

        await until(has_begun)

    async def second() -> None:
        async def is_new() -> bool:
            return bool(await cache.get_or_set("k", lambda: value("new")) == "new")

        await until(is_new)
        await cache.close()

    asyncio.run(first())
    asyncio.run(second())
