"""The keys of cached functions: never the same for what isn't."""

from __future__ import annotations

import functools
import gc
import os
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest
import servers

from polycache import RedisCache, SimpleMemoryCache, cached, caches, signature_key
from polycache.backends.memcached import MemcachedCache, aiocache_key
from polycache.decorators.keys import NoKey, default_key
from polycache.exceptions import InvalidInput


class Plain:
    """Its text is its address."""

    def method(self) -> None:
        pass


class Slotted:
    """Its text is its address, and its end can't be noticed."""

    __slots__ = ()


class Named:
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Named({self.name})"


@dataclass
class Holds:
    inner: Any


def key(*args: Any, **kwargs: Any) -> str:
    return default_key("m", "f", args, kwargs)


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((), {}, "()[]"),
        ((1, "a"), {}, "(1, 'a')[]"),
        ((1,), {"b": 2, "a": [1.5, None]}, "(1,)[('a', [1.5, None]), ('b', 2)]"),
        ((Named("x"),), {}, "(Named(x),)[]"),
        ((" at 0x12",), {}, "(' at 0x12',)[]"),
        (({"k": (" at 0x1",)}, [" at 0x2"]), {}, "({'k': (' at 0x1',)}, [' at 0x2'])[]"),
        ((frozenset({" at 0x1"}), {" at 0x2"}), {}, "(frozenset({' at 0x1'}), {' at 0x2'})[]"),
    ],
)
def test_the_text_is_aiocache_s(args: Any, kwargs: Any, text: str) -> None:
    assert key(*args, **kwargs) == "mf" + text


def test_objects_have_keys_of_their_own() -> None:
    one, two = Plain(), Plain()
    assert key(one) == key(one)
    assert key(one) != key(two)
    assert hex(id(one)) not in key(one)
    assert key([one]) != key([two])
    assert key({"a": one}) == key({"a": one})
    assert key(x=one) != key(x=two)


def test_no_key_comes_again() -> None:
    seen = set()
    for _ in range(1000):
        seen.add(key(Plain()))
    assert len(seen) == 1000
    gc.collect()


def test_no_other_process_has_the_key() -> None:
    one = Plain()
    before = key(one)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, key(one).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 1000).decode() != before
    os.close(read)
    os.close(write)


def test_functions_and_methods() -> None:
    def function() -> None:
        pass

    one, two = Plain(), Plain()
    assert key(function) == key(function)
    assert key(Named("x").__repr__) == key(Named("x").__repr__)
    assert key(one.method) == key(one.method)
    assert key(one.method) != key(two.method)


@pytest.mark.parametrize("argument", [Slotted(), Holds(Plain()), functools.partial(lambda: None)])
async def test_what_has_no_key_is_not_cached(argument: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(NoKey):
        key(argument)
    number = 0

    @cached()
    async def function(argument: Any) -> int:
        nonlocal number
        number += 1
        return number

    assert [await function(argument), await function(argument)] == [1, 2]
    assert len(caplog.records) == 1
    assert "isn't cached" in caplog.text
    assert await function.invalidate(argument) == 0


def test_a_list_that_holds_itself() -> None:
    endless: list[Any] = [Plain()]
    endless.append(endless)
    with pytest.raises(NoKey):
        key(endless)


async def test_the_signature_s_key() -> None:
    calls: list[Any] = []

    @cached(key_builder=signature_key)
    async def function(x: int, y: int = 2, *rest: int, z: int = 3, **more: int) -> int:
        calls.append((x, y))
        return x

    for call in (function(1), function(x=1), function(1, 2), function(1, z=3), function(y=2, x=1)):
        assert await call == 1
    assert len(calls) == 1
    assert function.key(1).endswith("function(x=1, y=2, rest=(), z=3, more={})")
    assert function.key(1) != function.key(True)
    assert function.key(1, 2, 3) != function.key(1, 2)
    assert function.key(1, a=1, b=2) == function.key(1, b=2, a=1)
    with pytest.raises(TypeError):
        function.key()


class Doubling:
    """An object that is called."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    async def __call__(self, number: int) -> int:
        return self.factor * number


async def test_partials_and_objects_that_are_called() -> None:
    async def product(one: int, two: int, more: int = 1) -> int:
        return one * two * more

    before = caches.get_config()
    caches.add("of-called", {"cache": SimpleMemoryCache})
    for options in ({}, {"key_builder": signature_key}, {"alias": "of-called"}):
        called = [functools.partial(product, 2), functools.partial(product, 5, more=10), Doubling(2), Doubling(3)]
        functions: list[Any] = [cached(**options)(each) for each in called]  # type: ignore[arg-type]
        for _ in range(2):
            assert [await function(3) for function in functions] == [6, 150, 6, 9]
        for function in functions:
            assert await function.invalidate(3) == 1
    caches.set_config(before)
    assert cached()(called[0]).key(3) == cached()(product).key(2, 3)


class Color(Enum):
    RED = "red"


class Text(str, Enum):  # As they were before StrEnum.
    BLUE = "blue"


@pytest.mark.parametrize(
    ("given", "namespace", "memory", "redis", "memcached"),
    [
        ("k", None, "k", "k", b"k"),
        ("k", "ns", "nsk", "ns:k", b"nsk"),
        ("k", "", "k", "k", b"k"),
        (Color.RED, None, "red", "red", b"red"),
        (Color.RED, "ns", "nsred", "ns:red", b"nsred"),
        (Text.BLUE, "ns", "nsblue", "ns:blue", b"nsblue"),
        (1, "ns", "ns1", "ns:1", b"ns1"),
        ("a b", None, "a b", "a b", b"a b"),
    ],
)
def test_what_the_backend_is_asked_for(given: Any, namespace: Any, memory: Any, redis: Any, memcached: Any) -> None:
    assert SimpleMemoryCache().build_key(given, namespace) == memory
    assert RedisCache().build_key(given, namespace=namespace) == redis
    assert MemcachedCache().build_key(given, namespace=namespace) == memcached
    assert SimpleMemoryCache(namespace=namespace).build_key(given) == memory
    assert RedisCache(namespace=namespace).build_key(given) == redis


async def test_keys_of_any_type() -> None:
    cache = SimpleMemoryCache()
    for number, any_key in enumerate([1, 2.5, (1, 2), Color.RED, Text.BLUE, b"bytes", Named("x"), True]):
        await cache.set(any_key, number)
        assert await cache.get(any_key) == number
        assert await cache.multi_get([any_key]) == [number]
        assert await cache.exists(any_key)
        assert await cache.delete(any_key) == 1
    await cache.set(Color.RED, 1)
    assert await cache.get("red") == 1
    with pytest.raises(TypeError, match="a Plain is no key"):
        await cache.set(Plain(), 1)


async def test_keys_as_aiocache_has_them_on_memcached(memcached_server: Any) -> None:
    cache = MemcachedCache(**memcached_server.address)
    await cache.set("a b", 1)
    assert await cache.get("a_b") is None
    with pytest.raises(TypeError, match="aiomcache error: invalid key"):
        await cache.set("k" * 251, 1)
    as_before = MemcachedCache(**memcached_server.address, key_builder=aiocache_key)
    await cache.set("c_d", 2)
    assert await as_before.get("c d") == 2
    await cache.close()
    await as_before.close()


@pytest.mark.parametrize("kind", [SimpleMemoryCache, RedisCache])
@pytest.mark.parametrize("space", [7, 0, 1.5], ids=str)
async def test_a_namespace_that_is_no_text_counts_by_its_text(
    kind: Any, space: Any, redis_server: servers.Redis
) -> None:
    address = redis_server.address if kind is RedisCache else {}
    async with kind(namespace=space, **address) as cache:
        assert await cache.set("k", 1)
        assert await cache.get("k", namespace=str(space)) == 1
        assert await cache.multi_get(["k"], namespace=space) == [1]
        assert await cache.clear(namespace=space)
        assert await cache.get("k") is None


OWN = ["k\x01tag", "k\x01lock{ALMO}", "\x01tags", "k\x01lease"]


@pytest.mark.parametrize("key", OWN)
async def test_a_key_that_ends_like_the_library_s_own_is_refused(make: Any, key: str) -> None:
    cache = make()
    await cache.set("a", 1)

    async def compute() -> int:
        return 7

    for call in (
        lambda: cache.get(key),
        lambda: cache.get(key, default=5),
        lambda: cache.multi_get(["a", key]),
        lambda: cache.exists(key),
        lambda: cache.set(key, 1),
        lambda: cache.set(key, 1, ttl=5),
        lambda: cache.add(key, 1),
        lambda: cache.multi_set([("a", 2), (key, 1)]),
        lambda: cache.increment(key),
        lambda: cache.expire(key, 5),
        lambda: cache.get_ttl(key),
        lambda: cache.get_versioned(key),
        lambda: cache.delete(key),
        lambda: cache.multi_delete(["a", key]),
    ):
        with pytest.raises(InvalidInput, match=r"U\+0001"):
            await call()
    assert await cache.get("a") == 1
    assert await cache.get_or_set(key, compute) == 7
    for other in ("tag", "k\x01", "k\x01tagged"):
        await cache.set(other, other)
        assert await cache.get(other) == other


async def test_a_cleared_tag_can_not_be_brought_back(make: Any) -> None:
    cache = make()
    await cache.tagged(["shop"]).set("price", 1)
    with pytest.raises(InvalidInput):
        await cache.get("shop\x01tag")
    await cache.clear_tag("shop")
    with pytest.raises(InvalidInput):
        await cache.set("shop\x01tag", "300")
    assert await cache.get("price") is None
