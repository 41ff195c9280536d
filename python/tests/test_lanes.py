"""Plain gets and sets on servers take native calls alone: they do what the long way does, and notice what would need it."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from unittest import mock

import pytest
import servers

from polycache import MemcachedCache, RedisCache, cached
from polycache.plugins import BasePlugin
from polycache.serializers import BaseSerializer, JsonSerializer, PickleSerializer, StringSerializer


class LongRedis(RedisCache):
    """One that overrides an operation, and so has no short way."""

    async def _get(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        return await super()._get(key, encoding, _conn)

    async def _set(self, key: Any, value: Any, ttl: Any = None, _cas_token: Any = None, _conn: Any = None) -> Any:
        return await super()._set(key, value, ttl, _cas_token, _conn)


class LongMemcached(MemcachedCache):
    """The same on memcached."""

    async def _get(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
        return await super()._get(key, encoding, _conn)

    async def _set(self, key: Any, value: Any, ttl: Any = None, _cas_token: Any = None, _conn: Any = None) -> Any:
        return await super()._set(key, value, ttl, _cas_token, _conn)


class Shouting(BaseSerializer):
    """A serializer of a user's own."""

    def dumps(self, value: Any, /) -> str:
        return str(value).upper()

    def loads(self, value: Any, /) -> Any:
        return value if value is None else f"{value}!"


Pair = tuple[Any, Any]
SERIALIZERS = [StringSerializer, JsonSerializer, PickleSerializer, Shouting]
VALUES = ["text", "", "größer", "\udcff", 7, -1.5, None, True, b"bytes", ["a", {"b": None}], mock.sentinel]


@pytest.fixture(params=["redis", "memcached"])
async def pair(request: pytest.FixtureRequest) -> Any:
    """A cache with the short way, and one without."""
    server: servers.Redis | servers.Memcached = request.getfixturevalue(f"{request.param}_server")
    kinds: Pair = (RedisCache, LongRedis) if request.param == "redis" else (MemcachedCache, LongMemcached)
    short, long = (kind(**server.address, namespace="lanes") for kind in kinds)
    yield short, long
    await short.close()
    await long.close()


async def outcome(call: Any) -> Any:
    """What comes back, or the kind and the text of the error."""
    try:
        return await call
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("value", VALUES, ids=repr)
async def test_values(pair: Pair, serializer: Any, value: Any) -> None:
    short, long = pair
    short.serializer = long.serializer = serializer()
    assert short._lane is not None
    assert long._lane is None
    stored = [await outcome(cache.set(f"k{number}", value)) for number, cache in enumerate(pair)]
    assert stored[0] == stored[1]
    for reader in pair:
        found = [await outcome(reader.get(f"k{number}", "nothing")) for number in (0, 1)]
        assert found[0] == found[1]
    assert await outcome(short.get("k0")) == await outcome(long.get("k0"))


@pytest.mark.parametrize(
    "key", ["k", "", "a b", "ü", "x" * 244, "x" * 245, "ü" * 122, "ü" * 123, 7, None, b"k", "\udcff", ("a",)], ids=repr
)
async def test_keys(pair: Pair, key: Any) -> None:
    short, long = pair
    assert await outcome(short.set(key, "v")) == await outcome(long.set(key, "v"))
    assert await outcome(short.get(key)) == await outcome(long.get(key))
    assert await outcome(short.get(key, "nothing")) == await outcome(long.get(key, "nothing"))


@pytest.mark.parametrize(
    "ttl", [1, 60, 0, -1, True, 1.5, 2.0, None, "2m", 2**31, 10**400, float("inf"), float("nan"), [1]], ids=repr
)
@pytest.mark.parametrize("serializer", [StringSerializer, JsonSerializer])
async def test_ttls(pair: Pair, serializer: Any, ttl: Any) -> None:
    _, long = pair
    for number, cache in enumerate(pair):
        cache.serializer = serializer()
        await cache.set(f"k{number}", "old")
    stored = [await outcome(cache.set(f"k{number}", "new", ttl=ttl)) for number, cache in enumerate(pair)]
    assert stored[0] == stored[1]
    found, expected = [await outcome(long.get(f"k{number}")) for number in (0, 1)]
    assert found == expected
    left, known = [await outcome(long.get_ttl(f"k{number}")) for number in (0, 1)]
    if found is None:
        assert left[0] is known[0] is KeyError
    else:
        assert left is known is None or left == pytest.approx(known, abs=1.5)


async def test_the_caches_own_ttl(pair: Pair) -> None:
    short, long = pair
    for ttl in (60, 2.0, None, -1):
        short.ttl = ttl
        await short.set("k", "v")
        assert (await long.get("k")) == (None if ttl == -1 else "v")
        if ttl is not None and ttl > 0:
            assert await long.get_ttl("k") == pytest.approx(ttl, abs=1.5)


@pytest.mark.parametrize("delta", [1, -7, 2**62, 2**70, True, 1.5, "1"], ids=repr)
@pytest.mark.parametrize("stored", [None, 5, 2**62, "text"], ids=repr)
async def test_counters(pair: Pair, stored: Any, delta: Any) -> None:
    short, long = pair
    for number, cache in enumerate(pair):
        cache.serializer = JsonSerializer()
        if stored is not None:
            await cache.set(f"k{number}", stored)
    kinds = [await outcome(cache.increment(f"k{number}", delta)) for number, cache in enumerate(pair)]
    kinds = [sum_or_error[0] if isinstance(sum_or_error, tuple) else sum_or_error for sum_or_error in kinds]
    assert kinds[0] == kinds[1]
    assert await outcome(short.get("k0")) == await outcome(long.get("k1"))


async def test_a_missing_key(pair: Pair) -> None:
    short, _ = pair
    assert await short.get("missing") is None
    assert await short.get("missing", 7) == 7


async def test_namespaces(pair: Pair) -> None:
    short, long = pair
    short.namespace = "other"
    await short.set("k", "v")
    assert await long.get("k") is None
    assert await long.get("k", namespace="other") == "v"
    short.namespace = None
    assert await short.get("k") is None


class Counting(BasePlugin):
    """Counts gets and sets."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def pre_get(self, *args: Any, **kwargs: Any) -> None:
        self.seen.append("get")

    async def pre_set(self, *args: Any, **kwargs: Any) -> None:
        self.seen.append("set")


async def test_a_plugin_in_the_list(pair: Pair) -> None:
    short, _ = pair
    plugin = Counting()
    short.plugins.append(plugin)
    await short.set("k", "v")
    assert await short.get("k") == "v"
    short.plugins.remove(plugin)
    await short.set("k", "w")
    assert await short.get("k") == "w"
    assert plugin.seen == ["set", "get"]


async def test_the_off_switch(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    short, _ = pair
    await short.set("k", "v")
    monkeypatch.setenv("POLYCACHE_DISABLE", "1")
    await short.set("k", "w")
    assert await short.get("k") is None
    monkeypatch.setenv("POLYCACHE_DISABLE", "0")
    assert await short.get("k") == "v"


async def test_replaced_methods(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    short, _ = pair
    short.serializer = StringSerializer()
    await short.set("k", "v")
    with monkeypatch.context() as patch:
        patch.setattr(StringSerializer, "loads", lambda self, value: f"{value} of the class")
        assert await short.get("k") == "v of the class"
        patch.setattr(StringSerializer, "dumps", lambda self, value: f"{value} by the class")
        await short.set("l", "v")
    assert await short.get("l") == "v by the class"
    short.serializer.loads = lambda value: f"{value} of its own"
    assert await short.get("k") == "v of its own"
    short.serializer.dumps = lambda value: f"{value} by its own"
    await short.set("k", "v")
    del short.serializer.loads, short.serializer.dumps
    assert await short.get("k") == "v by its own"


async def test_timeouts(pair: Pair, request: pytest.FixtureRequest) -> None:
    short, _ = pair
    await short.set("k", "v")
    short.timeout = -1
    with pytest.raises(asyncio.TimeoutError):
        await short.get("k")
    short.timeout = 0
    assert await short.get("k") == "v"
    short.timeout = 0.2
    server: servers.Redis | servers.Memcached = request.getfixturevalue(f"{short.NAME}_server")
    server.stop()
    try:
        started = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            await short.get("k")
        assert time.monotonic() - started >= 0.2
    finally:
        server.resume()


async def test_no_timer_in_the_loop(pair: Pair) -> None:
    short, _ = pair
    loop: Any = asyncio.get_running_loop()
    before = len(loop._scheduled)
    await short.set("k", "v")
    assert await short.get("k") == "v"
    assert len(loop._scheduled) <= before


async def test_errors_of_decoding(pair: Pair) -> None:
    short, long = pair
    long.serializer, short.serializer = PickleSerializer(), StringSerializer()
    await long.set("k", "ü")
    error, text = await outcome(short.get("k"))
    assert error is UnicodeDecodeError
    assert "'utf-8' codec can't decode byte" in text


# Cached functions ask plainly, too.


class Source:
    """Counts its calls."""

    def __init__(self, answer: Any = "v") -> None:
        self.calls = 0
        self.answer = answer

    async def __call__(self, x: int) -> Any:
        self.calls += 1
        return self.answer


def function_on(cache: Any, source: Source, **options: Any) -> Any:
    async def function(x: int) -> Any:
        return await source(x)

    made = cached(ttl=60, **options)(function)
    made._decorator.cache = cache
    return made


@pytest.mark.parametrize("value", ["text", None, 7, ["a"]], ids=repr)
@pytest.mark.parametrize("serializer", [StringSerializer, JsonSerializer, PickleSerializer])
async def test_hits_of_functions(pair: Pair, serializer: Any, value: Any) -> None:
    source = Source(value)
    for cache in pair:
        cache.serializer = serializer()
    short, long = (function_on(cache, source) for cache in pair)
    await short(1)
    assert await short(1) == await long(1)
    assert source.calls == 1
    await short(2)
    assert source.calls == 2


async def test_functions_notice_what_stands_in_the_way(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    short, _ = pair
    source, plugin = Source(), Counting()
    function = function_on(short, source)
    await function(1)
    short.plugins.append(plugin)
    assert await function(1) == "v"
    assert plugin.seen == ["get"]
    short.plugins.clear()
    with monkeypatch.context() as patch:
        patch.setattr(type(short), "get", mock.AsyncMock(return_value="another"))
        assert await function(1) == "another"
    with mock.patch.object(short, "get", mock.AsyncMock(return_value="its own")):
        assert await function(1) == "its own"
    assert await function(1) == "v"
    assert source.calls == 1
    monkeypatch.setenv("POLYCACHE_DISABLE", "1")
    source.answer = "new"
    assert await function(1) == "new"


async def test_functions_survive_the_server(
    pair: Pair, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    short, _ = pair
    source = Source()
    function = function_on(short, source)
    await function(1)
    server: servers.Redis | servers.Memcached = request.getfixturevalue(f"{short.NAME}_server")
    server.kill()
    source.answer = "new"
    assert await function(1) == "new"
    assert "Couldn't retrieve" in caplog.text


async def test_a_cancelled_function(pair: Pair, request: pytest.FixtureRequest) -> None:
    short, _ = pair
    function = function_on(short, Source())
    await function(1)
    server: servers.Redis | servers.Memcached = request.getfixturevalue(f"{short.NAME}_server")
    server.stop()
    try:
        task = asyncio.ensure_future(function(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    finally:
        server.resume()
