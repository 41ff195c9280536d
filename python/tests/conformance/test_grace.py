"""Entries that stay after their TTL, for when their source fails: the tables of the guide's chapter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from polycache import cached, cached_stampede, multi_cached
from polycache.lock import RedLock
from polycache.plugins import BasePlugin

from .conftest import CLASSES, MakeCache
from .waiting import until

SHORT = {"memory": 0.05, "redis": 0.05, "memcached": 1}


class Source:
    """Computes its next result, or fails with it."""

    def __init__(self, *results: Any) -> None:
        self.results = list(results)
        self.asked = 0

    async def __call__(self, *args: Any) -> Any:
        self.asked += 1
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, Exception):
            raise result
        return result


@pytest.fixture
def graced(make_cache: MakeCache, kind: str) -> Callable[..., Any]:
    """Makes caches with a grace, whose entries are stale soon."""

    def make(**options: Any) -> Any:
        return make_cache(**{"ttl": SHORT[kind], "grace": 100, **options})

    return make


async def stale(cache: Any, *keys: Any) -> None:
    """Wait until the TTL of these keys is over."""

    async def over() -> bool:
        return not any([await cache.exists(key) for key in keys])

    await until(over)


async def test_a_stale_value_in_place_of_an_error(graced: Any) -> None:
    cache, source = graced(), Source({"a": 1}, ValueError("away"), {"a": 2})
    assert await cache.get_or_set("k", source) == {"a": 1}
    assert await cache.get_or_set("k", source) == {"a": 1}
    assert source.asked == 1
    await stale(cache, "k")
    assert await cache.get("k") is None
    for _ in range(3):  # Asked once: then it rests for the throttle.
        assert await cache.get_or_set("k", source) == {"a": 1}
    assert source.asked == 2
    assert await cache.get("k") is None


async def test_a_source_that_works_again(graced: Any) -> None:
    cache, source = graced(throttle=0), Source(1, ValueError("away"), KeyError("away"), 2)
    await cache.get_or_set("k", source)
    await stale(cache, "k")
    assert await cache.get_or_set("k", source) == 1
    assert await cache.get_or_set("k", source) == 1
    assert source.asked == 3
    assert await cache.get_or_set("k", source) == 2
    assert await cache.get_or_set("k", source) == 2
    assert source.asked == 4


async def test_an_error_where_there_is_nothing_stale(graced: Any) -> None:
    cache, source = graced(), Source(ValueError("away"))
    with pytest.raises(ValueError, match="away"):
        await cache.get_or_set("k", source)
    await cache.set("k", 1)
    await cache.delete("k")
    with pytest.raises(ValueError, match="away"):
        await cache.get_or_set("k", source)
    await cache.set("k", 1)
    await stale(cache, "k")
    assert await cache.delete("k") == 1
    with pytest.raises(ValueError, match="away"):
        await cache.get_or_set("k", source)


async def test_all_who_wait_get_it(graced: Any) -> None:
    cache, go = graced(), asyncio.Event()

    async def fails() -> Any:
        await go.wait()
        raise ValueError("away")

    await cache.set("k", None)
    await stale(cache, "k")
    calls = [asyncio.create_task(cache.get_or_set("k", fails)) for _ in range(5)]
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*calls) == [None] * 5


async def test_what_commands_make_of_a_stale_entry(graced: Any, kind: str) -> None:
    cache = graced(namespace="n:")
    await cache.multi_set([(key, "old") for key in "abcdefgh"])
    await cache.set("counter", 5)
    await cache.increment("counted", 5)
    fresh_version = (await cache.get_versioned("e"))[1]
    assert await cache.expire("h", 100) is True  # It keeps its grace.
    assert 98 < await cache.get_ttl("h") <= 100
    await stale(cache, *"abcdefg", "counter")
    assert await cache.get("a", default="none") == "none"
    assert await cache.multi_get(["a", "h"]) == [None, "old"]
    assert await cache.exists("a") is False
    with pytest.raises(KeyError):
        await cache.get_ttl("a")
    assert await cache.expire("a", 100) is False
    assert await cache.get_versioned("a", default="none") == ("none", (await cache.get_versioned("a"))[1])
    assert await cache.set("b", "new", ttl=100)
    assert await cache.get("b") == "new"
    assert await cache.add("c", "new", ttl=100)
    with pytest.raises(ValueError, match="already exists"):
        await cache.add("c", "newer")
    assert await cache.get("c") == "new"
    assert await cache.cas("e", "new", fresh_version) is False
    assert await cache.cas("e", "new", (await cache.get_versioned("e"))[1], ttl=100)
    assert await cache.get("e") == "new"
    assert await cache.delete("d") == 1
    assert await cache.multi_delete(["f", "missing"]) == 1
    assert await cache.increment("counter") == 1
    assert await cache.increment("counter") == 2
    assert await cache.increment("counted") == 6
    if kind != "memcached":
        assert "g" in [key async for key in cache.scan()]
        await cache.clear()
        assert [key async for key in cache.scan()] == []


async def test_a_number_with_a_grace_is_no_counter(graced: Any) -> None:
    cache = graced()
    await cache.set("n", 5, ttl=100)
    with pytest.raises(TypeError, match="Value is not an integer"):
        await cache.increment("n")
    assert await cache.get("n") == 5


@pytest.mark.parametrize("decorator", [cached, cached_stampede])
async def test_a_decorated_function(decorator: Any, kind: str, request: pytest.FixtureRequest) -> None:
    address = {} if kind == "memory" else request.getfixturevalue(f"{kind}_server").address
    source = Source("one", ValueError("away"), "two")

    @decorator(ttl=SHORT[kind], key="f", grace="1h", throttle=30, cache=CLASSES[kind], **address)
    async def function(number: int) -> Any:
        return await source()

    assert function.cache.grace == 3600
    assert await function(1) == await function(2) == "one"
    await stale(function.cache, "f")
    assert await function(3) == await function(4) == "one"
    assert source.asked == 2
    assert await function.refresh(5) == "two"
    assert await function(6) == "two"
    assert await function.invalidate(7) == 1
    assert source.asked == 3
    await function.cache.close()


async def test_a_result_that_isnt_to_be_stored(kind: str, request: pytest.FixtureRequest) -> None:
    address = {} if kind == "memory" else request.getfixturevalue(f"{kind}_server").address
    source = Source("one", None, None, ValueError("away"))

    @cached(
        ttl=SHORT[kind],
        key="f",
        grace=100,
        cache=CLASSES[kind],
        skip_cache_func=lambda result: result is None,
        **address,
    )
    async def function() -> Any:
        return await source()

    assert await function() == "one"
    await stale(function.cache, "f")
    assert await function() is None
    assert await function() is None
    assert source.asked == 3
    assert await function() == "one"
    await function.cache.close()


async def test_many_keys(graced: Any) -> None:
    cache, source = graced(), Source({"a": 1, 2: None}, ValueError("away"), ValueError("away"), {"c": 3})
    assert await cache.multi_get_or_set(["a", 2, "c"], source) == {"a": 1, 2: None}
    await stale(cache, "a", 2)
    assert await cache.multi_get_or_set(["a", 2], source) == {"a": 1, 2: None}
    assert await cache.multi_get_or_set([2, "a"], source) == {2: None, "a": 1}
    assert source.asked == 2
    with pytest.raises(ValueError, match="away"):
        await cache.multi_get_or_set(["a", "c"], source)
    assert await cache.multi_get_or_set(["a", "c"], source) == {"a": 1, "c": 3}
    assert await cache.get("c") == 3


async def test_a_function_about_many_keys(kind: str, request: pytest.FixtureRequest) -> None:
    address = {} if kind == "memory" else request.getfixturevalue(f"{kind}_server").address
    source = Source({1: "one", 2: None}, {2: "skipped", 3: "three"}, ValueError("away"))

    @multi_cached(
        "ids",
        key_builder=lambda key, f, *args, **kwargs: f"user-{key}",
        skip_cache_func=lambda key, value: value is None or value == "skipped",
        ttl=SHORT[kind],
        grace=100,
        cache=CLASSES[kind],
        **address,
    )
    async def users(ids: list[int]) -> dict[int, Any]:
        found: dict[int, Any] = await source(ids)
        return found

    assert await users([1, 2]) == {1: "one", 2: None}
    assert await users([1, 2]) == {1: "one", 2: "skipped", 3: "three"}
    assert await users.cache.get("user-3") == "three"
    await stale(users.cache, "user-1", "user-3")
    assert await users([3, 1]) == {1: "one", 3: "three"}
    with pytest.raises(ValueError, match="away"):
        await users([1, 2])
    assert source.asked == 4
    await users.cache.close()


class Noting(BasePlugin):
    def __init__(self) -> None:
        self.seen: list[str] = []

    async def pre_set(self, client: Any, key: Any, value: Any, **kwargs: Any) -> None:
        self.seen.append(f"set {key} {value}")

    async def post_multi_set(self, client: Any, pairs: Any, **kwargs: Any) -> None:
        self.seen.append(f"multi_set {pairs}")


async def test_with_plugins(graced: Any) -> None:
    plugin = Noting()
    cache, source = graced(plugins=[plugin]), Source(1, ValueError("away"), {"a": 2})
    assert await cache.get_or_set("k", source) == 1
    await stale(cache, "k")
    assert await cache.get_or_set("k", source) == 1
    assert await cache.multi_get_or_set(["a"], source) == {"a": 2}
    assert plugin.seen == ["set k 1", "multi_set [('a', 2)]"]


async def test_a_lock_has_no_grace(graced: Any, make_cache: MakeCache, kind: str) -> None:
    cache, plain = graced(), make_cache()
    async with RedLock(cache, "k", lease=2) as lock:
        assert lock is None
        if kind != "memory":
            key = "k-lock" if kind == "redis" else b"k-lock"
            assert len(await plain.raw("get", key)) == 36
    assert await cache.exists("k-lock") is False


async def test_a_cache_without_a_grace_refuses_the_value(graced: Any, make_cache: MakeCache, kind: str) -> None:
    if kind == "memory":
        return
    cache, plain = graced(), make_cache()
    await cache.set("k", 1)
    from polycache.exceptions import DecodeError

    with pytest.raises(DecodeError, match="grace"):
        await plain.get("k")


async def test_the_computation_of_no_lease(graced: Any) -> None:
    cache, source = graced(), Source(1, ValueError("away"))
    assert await cache.get_or_set("k", source, lease=0) == 1
    await stale(cache, "k")
    assert await cache.get_or_set("k", source, lease=None) == 1


async def test_a_cancelled_computation_is_no_failure(graced: Any) -> None:
    cache, begun = graced(), asyncio.Event()

    async def hangs() -> None:
        begun.set()
        await asyncio.Event().wait()

    await cache.set("k", 1)
    await stale(cache, "k")
    call = asyncio.create_task(cache.get_or_set("k", hangs))
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await cache.get_or_set("k", Source(2)) == 2
