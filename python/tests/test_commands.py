"""Commands that aiocache hasn't, and what holds of all of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from polycache import MemcachedCache, RedisCache, SimpleMemoryCache
from polycache.exceptions import BackendError, InvalidInput
from polycache.plugins import BasePlugin


@pytest.fixture(params=["short", "long"])
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The arguments of a cache whose commands take the short way, and of one with hooks."""
    return {"plugins": [BasePlugin()]} if request.param == "long" else {}


async def test_the_commands(make: Any, way: dict[str, Any]) -> None:
    cache = make(namespace="ns", **way)
    assert await cache.set("k", [1]) is True
    assert await cache.get("k") == [1]
    assert await cache.get("missing") is None
    assert await cache.get("missing", 5) == 5
    assert await cache.add("new", 1) is True
    with pytest.raises(ValueError, match=r"already exists, use \.set to update the value"):
        await cache.add("new", 2)
    assert await cache.multi_set([("a", 1), ("b", None)]) is True
    assert await cache.multi_set([]) is True
    assert await cache.multi_get(["b", "a", "missing", "a"]) == [None, 1, None, 1]
    assert await cache.multi_get([]) == []
    assert await cache.multi_get(iter(["a"])) == [1]
    assert await cache.multi_set(iter([("c", 3)])) is True
    assert [await cache.exists("c"), await cache.exists("missing")] == [True, False]
    assert [await cache.delete("c"), await cache.delete("c"), await cache.delete("b")] == [1, 0, 1]
    assert [await cache.increment("n"), await cache.increment("n", 2), await cache.increment("n", delta=-5)] == [
        1,
        3,
        -2,
    ]
    assert await cache.get("n") == -2
    assert await cache.multi_delete(["a", "new", "missing"]) == 2
    assert await cache.multi_delete([]) == 0


async def test_namespaces_of_a_call(make: Any, way: dict[str, Any]) -> None:
    cache = make(namespace="ns", **way)
    await cache.set("k", 1)
    await cache.set("k", 2, namespace="other")
    await cache.set("k", 3, namespace="")
    assert [await cache.get("k", namespace=name) for name in (None, "ns", "other", "")] == [1, 1, 2, 3]
    assert await cache.multi_get(["k"], namespace="other") == [2]
    await cache.multi_set([("m", 4)], namespace="other")
    assert await cache.exists("m", namespace="other")
    assert await cache.increment("n", namespace="other") == 1
    assert await cache.delete("n", namespace="other") == 1
    assert await cache.delete("k", namespace="") == 1
    assert await cache.get("k") == 1


async def test_ttls(make: Any, way: dict[str, Any]) -> None:
    cache = make(ttl=100, **way)
    await cache.set("k", 1)
    assert 98 < await cache.get_ttl("k") <= 101
    for never in (None, 0):
        await cache.set("k", 1, ttl=never)
        assert await cache.get_ttl("k") is None
    await cache.set("k", 1, ttl="50")
    assert 48 < await cache.get_ttl("k") <= 51
    assert await cache.persist("k") is True
    assert await cache.get_ttl("k") is None
    assert await cache.persist("k") is True
    assert await cache.persist("missing") is False
    assert await cache.expire("k", 20) is True
    assert 18 < await cache.get_ttl("k") <= 21
    assert await cache.expire("k", 0) is True
    assert await cache.get_ttl("k") is None
    assert await cache.expire("missing", 5) is False
    with pytest.raises(KeyError, match="missing"):
        await cache.get_ttl("missing")
    await cache.multi_set([("a", 1), ("b", 2)])
    assert 98 < await cache.get_ttl("b") <= 101
    await cache.add("new", 1, ttl=30)
    assert 28 < await cache.get_ttl("new") <= 31
    await cache.increment("n")
    assert await cache.get_ttl("n") is None


async def test_ttls_below_zero(make: Any, way: dict[str, Any]) -> None:
    cache = make(**way)
    await cache.multi_set([("a", 1), ("b", 2), ("c", 3)])
    assert await cache.set("a", 5, ttl=-1) is True
    assert await cache.multi_set([("b", 5)], ttl=-1) is True
    assert await cache.expire("c", -1) is True
    assert await cache.expire("c", -1) is False
    assert await cache.add("d", 1, ttl=-1) is True
    assert await cache.multi_get(["a", "b", "c", "d"]) == [None] * 4
    await cache.set("e", 1)
    with pytest.raises(ValueError, match="already exists"):
        await cache.add("e", 2, ttl=-1)
    default = make(ttl=-1, **way)
    assert await default.set("e", 2) is True
    assert await default.get("e") is None


async def test_fractions(make: Any, way: dict[str, Any]) -> None:
    cache = make(ttl=99.5, **way)
    await cache.set("k", 1)
    assert 98 < await cache.get_ttl("k") <= 101
    if isinstance(cache, MemcachedCache):
        for call in (cache.set("k", 1, ttl=0.5), cache.expire("k", 0.5), cache.add("n", 1, ttl=0.5)):
            with pytest.raises(TypeError, match=r"aiomcache error: exptime not int: 0\.5"):
                await call
        assert await cache.set("k", 1, ttl=5.0) is True
        return
    await cache.set("k", 1, ttl=0.02)
    await asyncio.sleep(0.05)
    assert await cache.get("k") is None
    with pytest.raises(InvalidInput, match="NaN"):
        await cache.set("k", 1, ttl=float("nan"))


async def test_no_numbers(make: Any, way: dict[str, Any]) -> None:
    cache = make(**way)
    await cache.set("k", "text")
    with pytest.raises(TypeError):
        await cache.increment("k")
    for delta in (1.5, "1", None):
        with pytest.raises(TypeError):
            await cache.increment("n", delta)
    assert not await cache.exists("n")


class Whole:
    """A whole number of another library, such as numpy's ``int64``."""

    def __index__(self) -> int:
        return 3


async def test_whole_numbers_of_other_libraries(make: Any, way: dict[str, Any]) -> None:
    cache = make(**way)
    assert [await cache.increment("n", Whole()), await cache.increment("n", Whole())] == [3, 6]


async def test_bytes_that_are_no_text(make: Any, way: dict[str, Any]) -> None:
    cache = make(**way)
    await cache.set("ü".encode(), 1)
    assert await cache.get("ü") == 1
    if not isinstance(cache, MemcachedCache):
        for call in (cache.get(b"\xff"), cache.set(b"\xff", 1), cache.delete(b"\xff"), cache.multi_get([b"\xff"])):
            with pytest.raises(InvalidInput, match=r"the key b'\\xff' is no UTF-8: give text, such as its hex\(\)"):
                await call


async def test_clear(make: Any, way: dict[str, Any]) -> None:
    cache = make(namespace="foo", **way)
    for namespace in ("foo", "foobar", "foo:a", "other"):
        await cache.set("k", 1, namespace=namespace)
    if isinstance(cache, MemcachedCache):
        with pytest.raises(ValueError, match="MemcachedBackend doesnt support flushing by namespace"):
            await cache.clear()
        assert await cache.get("k") == 1
        assert await cache.clear(namespace="") is True
        assert await cache.get("k") is None
        return
    assert await cache.clear() is True
    found = [await cache.exists("k", namespace=namespace) for namespace in ("foo", "foobar", "foo:a", "other")]
    assert found == [False, True, False, True]
    assert await cache.clear(namespace="other") is True
    assert await cache.exists("k", namespace="foobar")
    assert (
        await make(**way).clear() is True
        if not isinstance(cache, SimpleMemoryCache)
        else await cache.clear(namespace="")
    )
    assert not await cache.exists("k", namespace="foobar")


async def test_scan(make: Any, way: dict[str, Any]) -> None:
    cache = make(namespace="ns", **way)
    for key in ("a1", "a2", "b1", "[x]"):
        await cache.set(key, 1)
    await cache.set("a3", 1, namespace="other")
    if isinstance(cache, MemcachedCache):
        with pytest.raises(BackendError, match="can't list its keys"):
            [key async for key in cache.scan()]
        return
    assert sorted([key async for key in cache.scan()]) == ["[x]", "a1", "a2", "b1"]
    assert sorted([key async for key in cache.scan("a*")]) == ["a1", "a2"]
    assert [key async for key in cache.scan("?3", namespace="other")] == ["a3"]
    assert [key async for key in cache.scan(r"\[x]")] == ["[x]"]
    with pytest.raises(InvalidInput):
        [key async for key in cache.scan("[")]


async def test_timeouts(redis_server: Any, way: dict[str, Any]) -> None:
    cache = RedisCache(**redis_server.address, **way)
    assert await cache.get("k") is None
    redis_server.stop()
    try:
        for timeout in (0.05, "0.05", -1):
            for call in (cache.get("k", timeout=timeout), cache.set("set", 1, timeout=timeout)):
                with pytest.raises((TimeoutError, ConnectionError)):
                    await call
    finally:
        redis_server.resume()
    while True:
        try:
            assert await cache.get("k", timeout=0) is None
            break
        except ConnectionError:
            await asyncio.sleep(0.02)
    await cache.close()


async def test_switched_off(make: Any, way: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    cache = make(**way)
    await cache.set("k", 1)
    for name in ("AIOCACHE_DISABLE", "POLYCACHE_DISABLE"):
        monkeypatch.setenv(name, "1")
        assert await cache.get("k") is None
        assert await cache.get("k", default=5) == 5
        assert await cache.multi_get(["k"]) == []
        assert await cache.set("k", 2) is await cache.add("k", 2) is await cache.multi_set([("k", 2)]) is True
        assert await cache.exists("k") is await cache.expire("k", 5) is await cache.persist("k") is False
        assert await cache.delete("k") == await cache.multi_delete(["k"]) == 0
        assert await cache.increment("k", 5) == 1
        assert await cache.clear() is True
        assert await cache.raw("get", "k") is None
        assert await cache.get_versioned("k", default=5) == (5, None)
        assert await cache.cas("k", 2, None) is True
        assert [key async for key in cache.scan()] == []
        with pytest.raises(KeyError):
            await cache.get_ttl("k")
        monkeypatch.setenv(name, "true")
        assert await cache.get("k") == 1
        monkeypatch.delenv(name)
    assert await cache.get("k") == 1


async def test_closing(make: Any) -> None:
    async with make() as cache:
        await cache.set("k", 1)
    assert await cache.get("k") == 1
    await cache.close()
    await cache.close()


async def test_raw_of_redis(redis_server: Any) -> None:
    cache = RedisCache(**redis_server.address, namespace="ns")
    raw = cache.raw
    assert await raw("set", "k", "v", ex=50, nx=True) is True
    assert await raw("set", "k", "w", nx=True) is None
    assert await raw("get", "k") == "v"
    assert await raw("mget", "k", "missing") == ["v", None]
    assert await raw("mget", ["k", "missing"]) == ["v", None]
    assert await raw("keys", "*") == ["k"]
    assert 0 < await raw("ttl", "k") <= 50
    assert await raw("persist", "k") is True
    assert await raw("hset", "h", mapping={"a": 1, "b": 2}) == 2
    assert await raw("hgetall", "h") == {b"a": b"1", b"b": b"2"}
    assert await raw("sadd", "s", "x", "y") == 2
    assert await raw("smembers", "s") == {b"x", b"y"}
    assert await raw("zadd", "z", {"1.5": "a"}) == 1
    assert await raw("zscore", "z", "a") == 1.5
    assert await raw("eval", "return ARGV[1]", 1, "k", "v") == b"v"
    assert await raw("delete", "k", "h") == 2
    assert await raw("ping") is True
    assert await raw("execute_command", "GET", "missing") is None
    assert (await raw("config_get", "maxmemory"))[b"maxmemory"] == b"0"
    with pytest.raises(InvalidInput):
        await raw("subscribe", "channel")
    await cache.close()


async def test_raw_of_memcached(memcached_server: Any) -> None:
    cache = MemcachedCache(**memcached_server.address)
    raw = cache.raw
    assert await raw("set", b"k", b"v", exptime=50) is True
    assert await raw("get", b"k") == "v"
    assert await raw("multi_get", b"k", b"missing") == (b"v", None)
    assert await raw("append", b"k", b"w") is await raw("prepend", b"k", b"u") is True
    assert await raw("get", b"k") == "uvw"
    assert await raw("append", b"missing", b"w") is False
    assert await raw("replace", b"k", b"x") is True
    assert await raw("add", b"k", b"y") is False
    value, token = await raw("gets", b"k")
    assert value == b"x"
    assert await raw("cas", b"k", b"1", token) is True
    assert [await raw("incr", b"k", 4), await raw("decr", b"k", 2), await raw("incr", b"missing")] == [5, 3, None]
    assert await raw("touch", b"k", 50) is True
    assert (await raw("stats"))[b"curr_items"]
    assert (await raw("version"))[:2] == b"1."
    assert await raw("delete", b"k") is True
    assert await raw("flush_all") is None
    with pytest.raises(ValueError, match="key must be bytes"):
        await raw("get", "k")
    with pytest.raises(AttributeError, match="knows no command"):
        await raw("nothing")
    await cache.close()


async def test_raw_of_memory() -> None:
    cache = SimpleMemoryCache()
    await cache.multi_set([("a", 1), ("b", 2)])
    assert sorted(await cache.raw("keys")) == ["a", "b"]
    assert sorted(await cache.raw("items")) == [("a", 1), ("b", 2)]
    assert await cache.raw("get", "a") == 1
    assert await cache.raw("pop", "a") == 1
    assert await cache.raw("pop", "a", None) is None
    assert await cache.raw("setdefault", "c", 3) == 3
    assert await cache.raw("__contains__", "c") is True
    assert await cache.raw("copy") == {"b": 2, "c": 3}
    with pytest.raises(KeyError):
        await cache.raw("pop", "a")
    with pytest.raises(AttributeError):
        await cache.raw("nothing")
    assert cache._cache == {"b": 2, "c": 3}
    cache._cache.clear()
    assert await cache.raw("__len__") == 0
