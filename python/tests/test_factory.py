"""`Cache`, `from_url`, `caches` and `settings`."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import pytest
import redis.asyncio

import polycache
import polycache.exceptions
from polycache import Cache, MemcachedCache, RedisCache, SimpleMemoryCache, caches, settings
from polycache.base import BaseCache
from polycache.exceptions import InvalidCacheType, InvalidInput
from polycache.factory import CacheHandler
from polycache.plugins import TimingPlugin
from polycache.serializers import JsonSerializer, PickleSerializer, StringSerializer


def test_by_class() -> None:
    assert type(Cache()) is SimpleMemoryCache
    assert type(Cache(Cache.MEMORY, ttl="5", timeout="1.5")) is SimpleMemoryCache
    assert repr(Cache(Cache.REDIS, endpoint="h", port="6380")) == "RedisCache (h:6380)"
    assert repr(Cache(MemcachedCache, port=11212)) == "MemcachedCache (127.0.0.1:11212)"
    for other in (None, int, "redis", BaseCache()):
        with pytest.raises(InvalidCacheType, match="you can only use"):
            Cache(other)  # type: ignore[call-overload]


def facts(cache: Any) -> tuple[Any, ...]:
    return type(cache), cache.endpoint, cache.port


@pytest.mark.parametrize(
    ("url", "kind", "endpoint", "port"),
    [
        ("redis://", RedisCache, "127.0.0.1", 6379),
        ("redis:///1", RedisCache, "127.0.0.1", 6379),
        ("redis://host:6380/3", RedisCache, "host", 6380),
        ("rediss://host/3", RedisCache, "host", 6379),
        ("redis://[::1]:6380", RedisCache, "::1", 6380),
        ("redis+cluster://a:7000,b:7001", RedisCache, "a", 7000),
        ("rediss+cluster://a:7000,b:7001?ca=", RedisCache, "a", 7000),
        ("redis+sentinel://a:26379,b/service", RedisCache, "a", 26379),
        ("redis+unix:///run/redis.sock?db=2", RedisCache, "127.0.0.1", 6379),
        ("memcached://host:11212", MemcachedCache, "host", 11212),
        ("memcached://a,b:11213?weights=1,2", MemcachedCache, "a", 11211),
        ("memcached+unix:///run/memcached.sock", MemcachedCache, "127.0.0.1", 11211),
        ("REDIS://host", RedisCache, "host", 6379),
        ("Memcached://a,b", MemcachedCache, "a", 11211),
    ],
)
def test_urls(url: str, kind: type, endpoint: str, port: int) -> None:
    if url.endswith("?ca="):
        with pytest.raises(InvalidInput):
            Cache.from_url(url)
        return
    assert facts(Cache.from_url(url)) == (kind, endpoint, port)


def test_what_a_url_says() -> None:
    cache = Cache.from_url("redis://us%3Aer:p%40ss@h/2?namespace=a%20b&timeout=1.5&ttl=5&connections=2&pool_max_size=3")
    assert (cache.username, cache.password, cache.db) == ("us:er", "p@ss", 2)
    assert (cache.namespace, cache.timeout, cache.ttl, cache.pool_max_size) == ("a b", 1.5, 5.0, 3)
    cluster = Cache.from_url("redis+cluster://user:p%40ss@a:7000,b?namespace=x&connections=2")
    assert (cluster.username, cluster.password, cluster.namespace) == ("user", "p@ss", "x")
    empty = Cache.from_url("redis://h?namespace=&timeout=&ttl=&separator=&serializer=&plugins=&pool_max_size=")
    assert (empty.namespace, empty.timeout, empty.ttl, empty.separator) == (None, 5.0, None, "")
    assert type(empty.serializer) is JsonSerializer
    memory = Cache.from_url("memory://?max_size=10&namespace=x")
    assert memory.namespace == "x"


@pytest.mark.parametrize(
    ("url", "is_secure"), [("redis://h", True), ("redis://h?ssl=true", True), ("redis://h?ssl=False", False)]
)
def test_tls_by_an_argument(url: str, is_secure: bool) -> None:
    cache = Cache.from_url(url, **({} if "?" in url else {"ssl": is_secure}))
    assert cache._url.startswith("rediss://" if is_secure else "redis://")
    with pytest.raises(InvalidInput, match="`ssl` is 'maybe'; it is True or False"):
        RedisCache(ssl="maybe")


@pytest.mark.parametrize("url", ["foo://h", "", "no url", "://"])
def test_urls_of_nothing(url: str) -> None:
    with pytest.raises(InvalidCacheType, match="memory"):
        Cache.from_url(url)


@pytest.mark.parametrize(
    "url",
    ["redis://h?bogus=1", "memory://host", "memory://?bogus=1", "memcached://h?bogus=1", "redis+cluster://h?bogus=1"],
)
def test_unknown_settings(url: str) -> None:
    with pytest.raises(TypeError):
        Cache.from_url(url)


async def test_a_url_works(redis_server: Any) -> None:
    for url in (redis_server.url + "/1", f"redis+sentinel://127.0.0.1:{redis_server.port}/none"):
        async with Cache.from_url(url + "?namespace=x&timeout=1") as cache:
            if "sentinel" in url:
                with pytest.raises(Exception):  # noqa: B017, PT011  # It is no sentinel.
                    await cache.set("k", 1)
            else:
                assert await cache.set("k", 1) is True
                assert await cache.get("k") == 1


async def test_bounds() -> None:
    cache = Cache.from_url("memory://?max_size=10")
    for number in range(100):
        await cache.set(f"k{number}", number)
    assert len(await cache.raw("keys")) <= 10
    small = SimpleMemoryCache(max_memory=10_000)
    for number in range(1000):
        await small.set(f"k{number}", "x" * 100)
    assert 0 < len(await small.raw("keys")) < 100
    for options in ({"max_size": 0}, {"max_memory": -1}, {"max_size": 1, "max_memory": 1}):
        with pytest.raises(InvalidInput):
            SimpleMemoryCache(**options)  # type: ignore[arg-type]


async def test_a_client_of_redis_py(redis_server: Any) -> None:
    client = redis.asyncio.Redis(host="127.0.0.1", port=redis_server.port, db=3)
    await client.set("k", "5")
    cache = RedisCache(client=client, namespace=None)
    assert (cache.endpoint, cache.port, cache.db) == ("127.0.0.1", redis_server.port, 3)
    assert await cache.get("k") == 5
    await cache.close()
    await client.aclose()
    pool = RedisCache(connection_pool_kwargs={"host": "127.0.0.1", "port": redis_server.port, "db": 3})
    assert await pool.get("k") == 5
    await pool.close()
    with pytest.raises(TypeError, match=r"is no redis\.asyncio\.Redis"):
        RedisCache(client=5)


async def test_a_socket_and_a_user(redis_server: Any) -> None:
    admin = RedisCache(**redis_server.address)
    await admin.raw("execute_command", "ACL", "SETUSER", "ada", "on", ">p@ss", "~*", "+@all")
    async with RedisCache(**redis_server.address, username="ada", password="p@ss") as cache:
        assert await cache.set("k", 1) is True
        assert await cache.raw("execute_command", "ACL", "WHOAMI") == b"ada"
    async with RedisCache(**redis_server.address, username="ada", password="wrong") as wrong:
        with pytest.raises(polycache.exceptions.CacheError):
            await wrong.get("k")
    await admin.close()


class TestAliases:
    """A handler of its own, so that the process's stays as it is."""

    config: ClassVar[dict[str, Any]] = {
        "default": {
            "cache": "aiocache.SimpleMemoryCache",
            "serializer": {"class": "aiocache.serializers.StringSerializer"},
        },
        "other": {
            "cache": SimpleMemoryCache,
            "namespace": "other",
            "ttl": 5,
            "serializer": {"class": PickleSerializer, "protocol": 2},
            "plugins": [{"class": "polycache.plugins.TimingPlugin"}],
        },
    }

    @pytest.fixture
    def handler(self) -> CacheHandler:
        handler = CacheHandler()
        handler.set_config(copy.deepcopy(self.config))
        return handler

    def test_get_and_create(self, handler: CacheHandler) -> None:
        other = handler.get("other")
        assert handler.get("other") is other
        assert (other.namespace, other.ttl, other.serializer.protocol) == ("other", 5.0, 2)
        assert [type(plugin) for plugin in other.plugins] == [TimingPlugin]
        assert type(handler.get("default").serializer) is StringSerializer
        made = handler.create("other", namespace="mine", plugins=None)
        assert made is not other
        assert (made.namespace, made.ttl, made.plugins) == ("mine", 5.0, [])

    def test_the_configuration_stays_as_it_is(self, handler: CacheHandler) -> None:
        given = copy.deepcopy(self.config)
        handler.set_config(given)
        for _ in range(2):
            handler.get("other")
            handler.create("other")
        assert given == self.config
        assert handler.get_config() == self.config
        handler.get_alias_config("other")["namespace"] = "changed"
        assert handler.get_alias_config("other")["namespace"] == "other"

    def test_set_config(self, handler: CacheHandler) -> None:
        before = handler.get("default")
        with pytest.raises(ValueError, match="default config must be provided"):
            handler.set_config({"other": {}})
        assert handler.get("default") is before
        handler.set_config(copy.deepcopy(self.config))
        assert handler.get("default") is not before

    def test_add(self, handler: CacheHandler) -> None:
        handler.add("third", {"cache": "polycache.SimpleMemoryCache"})
        assert type(handler.get("third")) is SimpleMemoryCache
        for call in (handler.get, handler.create, handler.get_alias_config):
            with pytest.raises(KeyError, match="Could not find config for 'nope'"):
                call("nope")


def test_the_process_s_own() -> None:
    before = caches.get_config()
    assert type(caches.get("default")) is SimpleMemoryCache
    try:
        settings.set_config({"default": {"cache": SimpleMemoryCache, "namespace": "x"}})
        assert settings.get_alias("default")["namespace"] == "x"
        assert settings.get_config() == caches.get_config()
        assert settings() is settings()
        assert caches.get("default").namespace == "x"
    finally:
        caches.set_config(before)


def test_modules() -> None:
    """Those of 0.12.3 and of 0.5.1."""
    import importlib

    for name in ("base", "serializers", "plugins", "lock", "exceptions", "decorators", "factory", "settings", "log"):
        importlib.import_module(f"polycache.{name}")
    for name in ("memory", "redis", "memcached"):
        importlib.import_module(f"polycache.backends.{name}")
    assert polycache.settings is settings
    assert set(polycache.AIOCACHE_CACHES) == {"memory", "redis", "memcached"}
    for name in polycache.__all__:
        assert getattr(polycache, name) is not None
    errors = vars(polycache.exceptions)
    for name, found in errors.items():
        if isinstance(found, type) and issubclass(found, Exception):
            assert name in polycache.exceptions.__all__
