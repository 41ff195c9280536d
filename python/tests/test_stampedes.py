"""`cached_stampede`, `get_or_set` and `multi_get_or_set`: one computation for all who ask."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import Any

import pytest

from polycache import Cache, Item, MemcachedCache, RedisCache, SimpleMemoryCache, cached_stampede, multi_cached
from polycache.base import BaseCache
from polycache.plugins import BasePlugin
from polycache.serializers import PickleSerializer


class DictCache(BaseCache):
    """A cache of a user's own, with the least that one needs."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stored: dict[Any, Any] = {}

    async def _get(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        return self.stored.get(key)

    async def _multi_get(self, keys: Any, encoding: str | None = "utf-8", _conn: Any = None) -> list[Any]:
        return [self.stored.get(key) for key in keys]

    async def _set(self, key: Any, value: Any, ttl: Any = None, _cas_token: Any = None, _conn: Any = None) -> bool:
        self.stored[key] = value
        return True

    async def _multi_set(self, pairs: Any, ttl: Any = None, _conn: Any = None) -> bool:
        self.stored.update(pairs)
        return True


class LockingCache(DictCache):
    """The same, which can lock too."""

    async def _add(self, key: Any, value: Any, ttl: Any = None, _conn: Any = None) -> bool:
        if key in self.stored:
            raise ValueError(key)
        self.stored[key] = value
        return True

    async def _expire(self, key: Any, ttl: Any, _conn: Any = None) -> bool:
        return key in self.stored

    async def _redlock_release(self, key: Any, value: Any) -> int:
        return int(self.stored.get(key) == value and self.stored.pop(key) is not None)


class Noting(BasePlugin):
    def __init__(self) -> None:
        self.seen: list[str] = []

    async def post_get(self, client: Any, key: Any, *args: Any, **kwargs: Any) -> None:
        self.seen.append("get")

    async def pre_set(self, client: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> None:
        self.seen.append(f"pre_set {value}")

    async def post_set(self, client: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> None:
        self.seen.append(f"post_set {value} {kwargs['ret']}")


KINDS = ["memory", "redis", "memcached", "dict", "locking", "subclass", "plugin"]


class Overriding(SimpleMemoryCache):
    async def _get(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        return await super()._get(key, encoding, _conn)


@pytest.fixture(params=KINDS)
async def kind(request: pytest.FixtureRequest) -> Any:
    """The class and the arguments of a cache of each kind."""
    if request.param in ("redis", "memcached"):
        server = request.getfixturevalue(f"{request.param}_server")
        made = {"redis": Cache.REDIS, "memcached": Cache.MEMCACHED}[request.param]
        return made, {**server.address, "serializer": PickleSerializer()}
    return {
        "memory": (SimpleMemoryCache, {}),
        "dict": (DictCache, {"serializer": PickleSerializer()}),
        "locking": (LockingCache, {"serializer": PickleSerializer()}),
        "subclass": (Overriding, {"serializer": PickleSerializer()}),
        "plugin": (SimpleMemoryCache, {"plugins": [Noting()]}),
    }[request.param]


class Work:
    """A computation that goes on until it is let go."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.number = 0
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self) -> Any:
        self.number += 1
        self.begun.set()
        await self.go.wait()
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.mark.parametrize("result", [5, None, LookupError("no")], ids=["value", "none", "error"])
async def test_all_who_wait_share_the_outcome(kind: Any, result: Any) -> None:
    made, options = kind
    work = Work(result)

    @cached_stampede(cache=made, ttl=60, lease=2, **options)
    async def function(x: int) -> Any:
        return await work()

    tasks = [asyncio.create_task(function(1)) for _ in range(10)]
    await work.begun.wait()
    await asyncio.sleep(0.05)
    work.go.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert work.number == 1
    if isinstance(result, Exception):
        assert all(isinstance(outcome, LookupError) for outcome in outcomes)
        assert not await function.cache.get(function.key(1))
    else:
        assert outcomes == [result] * 10
        assert await function(1) == result
        assert work.number == 1
    await function.cache.close()


async def test_who_begins_may_be_cancelled(kind: Any) -> None:
    made, options = kind
    work = Work("value")

    @cached_stampede(cache=made, **options)
    async def function() -> Any:
        return await work()

    first = asyncio.create_task(function())
    await work.begun.wait()
    second = asyncio.create_task(function())
    await asyncio.sleep(0.05)
    first.cancel()
    work.go.set()
    assert await asyncio.wait_for(second, 10) == "value"
    with pytest.raises(asyncio.CancelledError):
        await first
    await function.cache.close()


async def test_results_that_are_skipped_are_shared_and_not_stored(kind: Any) -> None:
    made, options = kind
    work = Work("value")

    @cached_stampede(cache=made, skip_cache_func=lambda result: True, **options)
    async def function() -> Any:
        return await work()

    tasks = [asyncio.create_task(function()) for _ in range(5)]
    await work.begun.wait()
    await asyncio.sleep(0.05)
    work.go.set()
    assert await asyncio.gather(*tasks) == ["value"] * 5
    assert work.number == 1
    assert await function() == "value"
    assert work.number == 2
    await function.cache.close()


async def test_hooks_of_what_is_stored() -> None:
    plugin = Noting()
    cache = SimpleMemoryCache(plugins=[plugin])

    async def five() -> int:
        return 5

    assert await cache.get_or_set("k", five, ttl=60) == 5
    assert await cache.get_or_set("k", five, ttl=60) == 5
    assert plugin.seen == ["get", "pre_set 5", "post_set 5 True", "get"]


async def test_get_or_set(kind: Any) -> None:
    made, options = kind
    cache = made(**options)
    number = 0

    async def compute() -> int:
        nonlocal number
        number += 1
        return number

    assert [await cache.get_or_set("k", compute), await cache.get_or_set("k", compute)] == [1, 1]
    assert await cache.get_or_set("k", compute, namespace="other") == 2
    assert await cache.get("k", namespace="other") == 2
    assert await cache.get_or_set("without", compute, lease=0) == 3
    await cache.close()


async def test_its_context_is_the_caller_s() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    cache = SimpleMemoryCache()

    async def compute() -> str:
        return variable.get()

    variable.set("caller's")
    assert await cache.get_or_set("k", compute) == "caller's"


async def test_what_cannot_be_stored_is_returned(redis_server: Any, caplog: pytest.LogCaptureFixture) -> None:
    cache = Cache(Cache.REDIS, **redis_server.address)

    async def compute() -> object:
        return {1, 2}

    with caplog.at_level(logging.ERROR):
        assert await cache.get_or_set("k", compute) == {1, 2}
    assert any("Couldn't store k" in record.getMessage() for record in caplog.records)
    assert not await cache.exists("k")
    await cache.close()


async def test_what_cannot_be_read_is_computed(redis_server: Any, caplog: pytest.LogCaptureFixture) -> None:
    cache = Cache(Cache.REDIS, **redis_server.address)
    await cache.raw("set", "k", "no json")

    async def compute() -> int:
        return 5

    assert await cache.get_or_set("k", compute) == 5
    assert await cache.get("k") == 5
    await cache.close()


async def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIOCACHE_DISABLE", "1")
    cache = SimpleMemoryCache()

    async def compute() -> int:
        return 5

    async def compute_all(keys: list[int]) -> dict[int, int]:
        return {key: key for key in keys}

    assert await cache.get_or_set("k", compute) == 5
    assert await cache.multi_get_or_set([1, 2], compute_all) == {1: 1, 2: 2}
    monkeypatch.delenv("AIOCACHE_DISABLE")
    assert not await cache.exists("k")


async def test_multi_get_or_set(kind: Any) -> None:
    made, options = kind
    cache = made(**options)
    asked: list[list[str]] = []

    async def compute(keys: list[str]) -> dict[str, str | None]:
        asked.append(keys)
        return {key: None if key == "none" else key.upper() for key in keys if key != "unknown"}

    found = await cache.multi_get_or_set(["b", "a", "b", "unknown"], compute, ttl=60)
    assert list(found.items()) == [("b", "B"), ("a", "A")]
    assert await cache.multi_get_or_set(["a", "c"], compute) == {"a": "A", "c": "C"}
    assert asked == [["b", "a", "unknown"], ["c"]]
    assert await cache.get("c") == "C"
    await cache.close()


async def test_keys_under_way_are_waited_for() -> None:
    cache = SimpleMemoryCache()
    asked: list[list[str]] = []
    begun, go = asyncio.Event(), asyncio.Event()

    async def compute(keys: list[str]) -> dict[str, str]:
        asked.append(keys)
        begun.set()
        await go.wait()
        return {key: key.upper() for key in keys}

    first = asyncio.create_task(cache.multi_get_or_set(["a", "b"], compute))
    await begun.wait()
    second = asyncio.create_task(cache.multi_get_or_set(["b", "c"], compute))
    while len(asked) < 2:
        await asyncio.sleep(0)
    go.set()
    assert await first == {"a": "A", "b": "B"}
    assert await second == {"b": "B", "c": "C"}
    assert asked == [["a", "b"], ["c"]]


# The operations of a class of one's own don't tell of writes.
@pytest.mark.parametrize("kind", ["memory", "redis", "memcached", "plugin"], indirect=True)
async def test_many_keys_of_which_some_are_written_meanwhile(kind: Any) -> None:
    made, options = kind
    cache = made(**options)
    source, begun, go = {"value": "old"}, asyncio.Event(), asyncio.Event()

    async def compute(keys: list[str]) -> dict[str, str]:
        value = source["value"]
        begun.set()
        await go.wait()
        return dict.fromkeys(keys, value)

    first = asyncio.create_task(cache.multi_get_or_set(["deleted", "set", "left"], compute))
    await begun.wait()
    source["value"] = "new"
    await cache.delete("deleted")
    await cache.set("set", "written")
    second = asyncio.create_task(cache.multi_get_or_set(["deleted", "set"], compute))
    await asyncio.sleep(0.05)
    go.set()
    assert await first == {"deleted": "old", "set": "old", "left": "old"}
    assert await second == {"deleted": "new", "set": "written"}
    assert await cache.multi_get(["deleted", "set", "left"]) == ["new", "written", "old"]
    await cache.close()


@pytest.mark.parametrize("lease", [0, None])
async def test_a_write_meanwhile_in_memory_without_a_lease(lease: Any) -> None:
    cache = SimpleMemoryCache()

    async def compute() -> str:
        await cache.set("k", "written")
        return "computed"

    assert await cache.get_or_set("k", compute, lease=lease) == "computed"
    assert await cache.get("k") == "written"


@pytest.mark.parametrize("options", [{}, {"grace": 60, "ttl": 60}, {"tags": ["kept"]}], ids=str)
async def test_keys_that_the_backend_refuses(
    memcached_server: Any, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The function is called, as by `cached`."""
    long = "x" * 300

    @cached_stampede(cache=MemcachedCache, **memcached_server.address, **options)
    async def one(key: str) -> str:
        return key

    @multi_cached("keys", cache=MemcachedCache, **memcached_server.address, **options)
    async def many(keys: list[str]) -> dict[str, str]:
        return {key: key for key in keys}

    for _ in range(2):
        assert await one(long) == long
        assert await many([long, "k"]) == {long: long, "k": "k"}
        assert await many.cache.multi_get_or_set([long], many.__wrapped__) == {long: long}
    assert "invalid key" in caplog.text
    await one.cache.close()
    await many.cache.close()


@pytest.mark.parametrize("options", [{}, {"grace": 60}], ids=str)
async def test_items_that_cannot_be_stored(
    redis_server: Any, memcached_server: Any, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    value: Any = 1

    async def fetch(present: Any) -> Item[Any]:
        await asyncio.sleep(0.01)
        return Item(value, etag="v1", ttl=0.05)

    async with RedisCache(**redis_server.address, **options) as cache:
        assert (await cache.get_or_renew("k", fetch)).value == 1
        await asyncio.sleep(0.1)
        value = {1, 2}
        items = await asyncio.gather(*(cache.get_or_renew("k", fetch) for _ in range(3)))
        assert items[0].value == {1, 2}
        assert all(item.value == {1, 2} or (options and item.value == 1) for item in items)
        assert "Couldn't store k" in caplog.text
    async with MemcachedCache(**memcached_server.address, **options) as other:
        assert (await other.get_or_renew("x" * 300, fetch)).value == {1, 2}
