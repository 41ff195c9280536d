"""What every program of aiocache does first, under both loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import servers
from loops import both_loops, run

import polycache
from polycache import SimpleMemoryCache, caches
from polycache.plugins import HitMissRatioPlugin, TimingPlugin
from polycache.serializers import PickleSerializer, StringSerializer


@both_loops
def test_the_first_lines(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def main() -> object:
        cache = SimpleMemoryCache()
        assert await cache.set("key", "value") is True
        return await cache.get("key")

    assert run(new_loop, main()) == "value"


@both_loops
def test_a_cache_that_is_made_before_the_loop_runs(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    cache = SimpleMemoryCache()
    loop = new_loop()
    try:
        assert loop.run_until_complete(cache.set("key", "value")) is True
        assert loop.run_until_complete(cache.get("key")) == "value"
    finally:
        loop.close()


@both_loops
def test_a_server_before_the_loop_runs(
    new_loop: Callable[[], asyncio.AbstractEventLoop], redis_server: servers.Redis, memcached_server: servers.Memcached
) -> None:
    for server in (redis_server, memcached_server):
        cache = polycache.Cache.from_url(server.url)
        loop = new_loop()
        try:
            assert loop.run_until_complete(cache.set("key", "value")) is True
            assert loop.run_until_complete(cache.get("key")) == "value"
            loop.run_until_complete(cache.close())
        finally:
            loop.close()


@both_loops
def test_one_cache_in_several_loops(
    new_loop: Callable[[], asyncio.AbstractEventLoop], redis_server: servers.Redis
) -> None:
    """One after another, as test suites do."""
    memory, redis = SimpleMemoryCache(), polycache.Cache.from_url(redis_server.url)
    for number in range(3):
        for cache in (memory, redis):

            async def count(cache: Any = cache) -> object:
                return await cache.increment("n")

            assert run(new_loop, count()) == number + 1
    run(new_loop, redis.close())


def as_strings(port: int, package: str) -> dict[str, Any]:
    return {
        "default": {
            "cache": f"{package}.SimpleMemoryCache",
            "serializer": {"class": f"{package}.serializers.StringSerializer"},
        },
        "redis_alt": {
            "cache": f"{package}.RedisCache",
            "endpoint": servers.HOST,
            "port": port,
            "timeout": 1,
            "serializer": {"class": f"{package}.serializers.PickleSerializer"},
            "plugins": [
                {"class": f"{package}.plugins.HitMissRatioPlugin"},
                {"class": f"{package}.plugins.TimingPlugin"},
            ],
        },
    }


def as_classes(port: int) -> dict[str, Any]:
    return {
        "default": {"cache": polycache.SimpleMemoryCache, "serializer": {"class": StringSerializer}},
        "redis_alt": {
            "cache": polycache.RedisCache,
            "endpoint": servers.HOST,
            "port": port,
            "timeout": 1,
            "serializer": {"class": PickleSerializer},
            "plugins": [{"class": HitMissRatioPlugin}, {"class": TimingPlugin}],
        },
    }


@both_loops
@pytest.mark.parametrize("form", ["aiocache", "polycache", "classes"])
def test_settings(new_loop: Callable[[], asyncio.AbstractEventLoop], form: str, redis_server: servers.Redis) -> None:
    """The settings that aiocache's programs have: as strings of its name, of ours, and as classes."""
    before = caches.get_config()

    async def main() -> None:
        default, redis = caches.get("default"), caches.get("redis_alt")
        assert caches.get("default") is default
        assert caches.get("redis_alt") is redis
        assert type(default) is SimpleMemoryCache
        assert type(default.serializer) is StringSerializer
        assert isinstance(redis, polycache.RedisCache)
        assert type(redis.serializer) is PickleSerializer
        assert [type(plugin) for plugin in redis.plugins] == [HitMissRatioPlugin, TimingPlugin]
        assert redis.timeout == 1

        assert await default.set("key", 5) is True
        assert await default.get("key") == "5"
        assert await redis.set("key", {"a": (1, 2)}) is True
        assert await redis.get("key") == {"a": (1, 2)}
        assert await redis.get("missing") is None
        assert redis.hit_miss_ratio == {"total": 2, "hits": 1, "hit_ratio": 0.5}
        assert redis.profiling["get_max"] >= redis.profiling["get_min"] > 0

        made = caches.create("redis_alt")
        assert made is not redis
        assert await made.get("key") == {"a": (1, 2)}
        other = caches.create("redis_alt", namespace="other")
        assert await other.get("key") is None
        assert caches.create("default") is not default
        for cache in (redis, made, other):
            await cache.close()

    settings = as_classes(redis_server.port) if form == "classes" else as_strings(redis_server.port, form)
    try:
        caches.set_config(settings)
        run(new_loop, main())
    finally:
        caches.set_config(before)
