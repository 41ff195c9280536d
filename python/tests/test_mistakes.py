"""Mistakes that are easily made, and the errors that tell of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from polycache import (
    Cache,
    MemcachedCache,
    RedisCache,
    SimpleMemoryCache,
    cached,
    cached_stampede,
    caches,
    multi_cached,
)
from polycache.exceptions import InvalidCacheType, InvalidInput
from polycache.factory import CacheHandler, _create_cache
from polycache.plugins import TimingPlugin
from polycache.serializers import JsonSerializer

NO_TIME = "write seconds as a number, or a text like 500ms, 2s or 1h"


@pytest.mark.parametrize("kind", [SimpleMemoryCache, RedisCache, MemcachedCache])
@pytest.mark.parametrize(
    ("error", "settings", "told"),
    [
        (TypeError, {"serializer": "json"}, "`serializer` is 'json'; it is an object, such as JsonSerializer()"),
        (
            TypeError,
            {"serializer": JsonSerializer},
            "is the class JsonSerializer; it is an object, such as JsonSerializer()",
        ),
        (TypeError, {"plugins": ["timing"]}, "one of `plugins` is 'timing'; it is an object, such as TimingPlugin()"),
        (TypeError, {"plugins": [TimingPlugin]}, "one of `plugins` is the class TimingPlugin; it is an object"),
        (TypeError, {"plugins": TimingPlugin()}, "it is a list, also of one plugin"),
        (TypeError, {"plugins": "timing"}, "`plugins` is 'timing'; it is a list"),
        (ValueError, {"ttl": "soon"}, f'`ttl`: "soon" is no time; {NO_TIME}'),
        (ValueError, {"timeout": "soon"}, '`timeout`: "soon" is no time'),
        (ValueError, {"lease": "soon"}, '`lease`: "soon" is no time'),
        (InvalidInput, {"ttl": float("nan")}, "`ttl`: NaN is no time"),
        (TypeError, {"ttl": [5]}, "`ttl`: "),
        (ValueError, {"grace": "soon"}, '`grace`: "soon" is no time'),
        (InvalidInput, {"near": True}, "`near` is True; it is a number of entries, or a dict with its settings"),
    ],
    ids=str,
)
def test_settings(kind: type, error: type[Exception], settings: dict[str, Any], told: str) -> None:
    with pytest.raises(error, match=re.escape(told)):
        kind(**settings)


def test_numbers() -> None:
    for make in (
        lambda: RedisCache(port="tcp://10.0.0.1:6379"),  # As Kubernetes has it in REDIS_PORT.
        lambda: MemcachedCache(port="tcp://10.0.0.1:6379"),
    ):
        with pytest.raises(InvalidInput, match=r"`port` is 'tcp://10.0.0.1:6379', which is no whole number"):
            make()
    with pytest.raises(InvalidInput, match="`db` is 'one'"):
        RedisCache(db="one")
    with pytest.raises(InvalidInput, match="`max_size` is 'many', which is no whole number"):
        Cache.from_url("memory://?max_size=many")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda: Cache("redis"),
            "by Cache.MEMORY, Cache.REDIS and Cache.MEMCACHED, or a URL by Cache.from_url; this is 'redis'",
        ),  # type: ignore[call-overload]
        (lambda: Cache.from_url("localhost:6379"), "a URL begins with one of them, as in redis://127.0.0.1:6379"),
        (lambda: Cache.from_url("http://host"), "; 'http' is none"),
    ],
)
def test_kinds_of_caches(make: Callable[[], Any], told: str) -> None:
    with pytest.raises(InvalidCacheType, match=re.escape(told)):
        make()


def test_what_is_no_url_is_not_shown() -> None:
    with pytest.raises(InvalidCacheType) as caught:
        Cache.from_url("user:hunter2@host:6379")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "settings", "told"),
    [
        (TypeError, {}, "`cache` is missing, or a `url` in its place"),
        (
            AttributeError,
            {"cache": "rediss"},
            "'rediss' is no dotted name of a class, and none of the short names memory, redis,",
        ),
        (AttributeError, {"cache": "memory", "serializer": "jsn"}, "'jsn' is no dotted name of a class"),
        (AttributeError, {"cache": "polycache.RedisCach"}, "RedisCach"),
        (TypeError, {"cache": "redis", "namspace": "x"}, "did you mean 'namespace'?"),
    ],
    ids=str,
)
def test_configurations(error: type[Exception], settings: dict[str, Any], told: str) -> None:
    handler = CacheHandler()
    handler.set_config({"default": {"cache": SimpleMemoryCache}, "shop": settings})
    for make in (lambda: handler.get("shop"), lambda: handler.create("shop")):
        with pytest.raises(error, match=re.escape(told)) as caught:
            make()
        assert caught.value.__notes__ == ["in the settings of the cache 'shop'"]
    with pytest.raises(error, match=re.escape(told)):
        _create_cache(**settings)


@pytest.mark.parametrize("decorator", [cached, cached_stampede, multi_cached])
def test_without_parentheses(decorator: Any) -> None:
    with pytest.raises(
        TypeError, match=rf"@{decorator.__name__} takes arguments: write @{decorator.__name__}\(..\) above"
    ):

        @decorator
        async def function(number: int) -> int:
            return number


def test_keys_that_are_no_argument() -> None:
    with pytest.raises(TypeError, match=r"function has no argument 'idz'; it takes ids, more"):

        @multi_cached("idz")
        async def function(ids: list[int], more: int = 5) -> dict[int, int]:
            return {}

    @multi_cached("ids")
    async def takes_any(**kwargs: Any) -> dict[int, int]:
        return dict.fromkeys(kwargs["ids"], 1)

    assert takes_any.key(ids=[1]) == [1]


@pytest.mark.parametrize("settings", [{}, {"grace": 60}], ids=str)
async def test_a_list_of_values_has_no_keys(settings: dict[str, Any]) -> None:
    @multi_cached("ids", **settings)
    async def squares(ids: list[int]) -> Any:
        return [number * number for number in ids]

    with pytest.raises(TypeError, match=r"squares returned a list; it returns a dict of values by their keys"):
        await squares([1, 2])


def test_an_alias_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="caches.set_config or caches.add"):
        caches.get("not there")


SERVERS_NOT_THERE = [
    lambda **settings: RedisCache(port=1, **settings),
    lambda **settings: MemcachedCache(port=1, **settings),
]
EVERYWHERE = [SimpleMemoryCache, *SERVERS_NOT_THERE]


@pytest.mark.parametrize("make", EVERYWHERE)
@pytest.mark.parametrize("settings", [{}, {"grace": 60}], ids=str)
@pytest.mark.parametrize(
    ("result", "told"),
    [
        (5, "returned an int; it returns a dict of values by their keys"),
        (None, "returned None; it returns"),
        ([1, 2], "returned a list; it returns"),
        (["ab", "cd"], "returned a list; it returns"),  # Which would be the keys "a" and "c".
        ([(1, 2, 3)], "returned a list; it returns"),
    ],
    ids=str,
)
async def test_computations_without_keys(make: Any, settings: dict[str, Any], result: Any, told: str) -> None:
    async def compute(keys: list[str]) -> Any:
        return result

    cache = make(**settings)
    with pytest.raises(TypeError, match=rf"multi_get_or_set: .*compute {told}"):
        await cache.multi_get_or_set(["a", "b"], compute)


async def test_computations_may_return_pairs() -> None:
    async def compute(keys: list[str]) -> Any:
        return [(key, 1) for key in keys]

    assert await SimpleMemoryCache().multi_get_or_set(["a", "b"], compute) == {"a": 1, "b": 1}


@pytest.mark.parametrize("make", EVERYWHERE)
@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (5, "multi_set: an int has no pairs; it takes pairs of a key and a value, or a dict"),
        (None, "multi_set: None has no pairs; it takes"),
        ([5], "multi_set: one of the pairs is an int; it takes"),
        (["a"], "multi_set: one of the pairs is a str of length 1; it takes"),
        ([("secret", 1, 2)], "multi_set: one of the pairs is a tuple of length 3; it takes"),
        ({"abc"}, "multi_set: one of the pairs is a str of length 3; it takes"),
    ],
    ids=str,
)
async def test_what_has_no_pairs(make: Any, pairs: Any, told: str) -> None:
    with pytest.raises(TypeError, match=re.escape(told)):
        await make().multi_set(pairs)


async def test_a_mapping_has_pairs() -> None:
    cache = SimpleMemoryCache()
    await cache.multi_set({"a": 1, "bc": 2})  # A key of two characters is no pair.
    await cache.multi_set(iter([("d", 3)]))
    assert await cache.multi_get(["a", "bc", "b", "d"]) == [1, 2, None, 3]


@pytest.mark.parametrize("make", EVERYWHERE)
async def test_a_lease_below_zero(make: Any) -> None:
    async def compute() -> int:
        return 1

    told = re.escape("`lease` is -1; it begins at 0 seconds")
    with pytest.raises(InvalidInput, match=told):
        await make().get_or_set("k", compute, lease=-1)
    with pytest.raises(InvalidInput, match=told):
        make(lease=-1)
