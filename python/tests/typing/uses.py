"""Typical uses, for mypy --strict and pyright: what their types come to is asserted."""

from __future__ import annotations

from typing import Any, assert_type

from polycache import (
    Cache,
    Item,
    MemcachedCache,
    RedisCache,
    SimpleMemoryCache,
    cached,
    cached_stampede,
    caches,
    multi_cached,
)
from polycache.base import BaseCache
from polycache.lock import OptimisticLock, OptimisticLockError, RedLock
from polycache.plugins import BasePlugin, HitMissRatioPlugin, TimingPlugin
from polycache.serializers import (
    BaseSerializer,
    JsonSerializer,
    KeyedSerializer,
    Lz4Serializer,
    PickleSerializer,
    SealedSerializer,
    SignedSerializer,
    ZstdSerializer,
)


class Upper(BaseSerializer):
    def dumps(self, value: Any) -> str:
        return str(value).upper()

    def loads(self, value: Any) -> Any:
        return value


class Counts(BasePlugin):
    async def pre_get(self, client: BaseCache, *args: Any, **kwargs: Any) -> None:
        await client.increment("reads")


async def commands() -> None:
    cache = SimpleMemoryCache(ttl=60, namespace="ns", serializer=JsonSerializer(), plugins=[TimingPlugin(), Counts()])
    stored: bool = await cache.set("key", 1, ttl=1.5)
    assert_type(await cache.add("key", 1), bool)
    assert_type(await cache.exists("key"), bool)
    assert_type(await cache.increment("key", 2), int)
    assert_type(await cache.delete("key"), int)
    assert_type(await cache.expire("key", 5), bool)
    await cache.clear(namespace="ns")
    await cache.multi_set([("a", 1), ("b", 2)], ttl=None)
    value: str = await cache.get("key", default="")
    values: list[Any] = await cache.multi_get(["a", "b"])
    print(stored, value, values)
    async with RedisCache(endpoint="127.0.0.1", port=6379, serializer=PickleSerializer()) as redis:
        await redis.raw("get", "key")
    memcached = MemcachedCache(endpoint="127.0.0.1", port=11211, plugins=[HitMissRatioPlugin()])
    await memcached.close()


async def decorators() -> None:
    @cached(ttl=60, key="answer")
    async def answer(question: str, *, polite: bool = True) -> int:
        return len(question)

    assert_type(await answer("what", polite=False), int)

    @cached_stampede(lease=2, ttl=60, serializer=Upper())
    async def report() -> dict[str, int]:
        return {"a": 1}

    assert_type(await report(), dict[str, int])

    @multi_cached("ids", ttl=60)
    async def users(ids: list[int]) -> dict[int, str]:
        return {each: str(each) for each in ids}

    assert_type(await users([1, 2]), dict[int, str])


class Service:
    @cached(noself=True)
    async def load(self, number: int) -> str:
        return str(number)

    async def use(self) -> None:
        assert_type(await self.load(1), str)


async def computed(cache: BaseCache) -> None:
    async def load() -> list[int]:
        return [1]

    assert_type(await cache.get_or_set("key", load, ttl=60), list[int])


async def locks(cache: BaseCache) -> None:
    async with RedLock(cache, "key", lease=2):
        await cache.get("key")
    try:
        async with OptimisticLock(cache, "key") as lock:
            await lock.cas(1, ttl=5)
    except OptimisticLockError:
        pass


def configuration() -> None:
    caches.set_config({"default": {"cache": "polycache.SimpleMemoryCache"}})
    by_alias: BaseCache = caches.get("default")
    by_url: BaseCache = Cache.from_url("redis://127.0.0.1:6379/1")
    by_kind: BaseCache = Cache(Cache.MEMORY)
    print(by_alias, by_url, by_kind)


async def trouble() -> None:
    @cached(ttl="1m", grace="1h", throttle=30, key="k")
    async def price(article: int) -> float:
        return 12.5

    assert_type(await price(7), float)
    redis = RedisCache(
        grace=3600, throttle="30s", breaker=True, recovery={"max_pending": 10}, fallback={"ttl": "30s"}, near=100
    )
    assert_type(redis.is_away, bool)
    assert_type(redis.is_open, bool)
    assert_type(redis.pending().keys, list[str])
    assert_type(redis.grace, float | None)
    keys = {"a": "5e" * 32}
    signed = SignedSerializer(PickleSerializer(), keys=keys)
    MemcachedCache(
        serializer=SealedSerializer(ZstdSerializer(signed, level=9), keys=keys, key="a"), near={"misses": 0.1}
    )
    SimpleMemoryCache(serializer=Lz4Serializer(threshold=0), grace="1h", ttl=60)


async def patience(cache: RedisCache) -> None:
    def team(result: dict[str, int], id: int) -> list[str]:
        return [f"team:{result['team']}"]

    @cached(ttl=60, grace="1h", soft_timeout=0.2, hard_timeout="5s", refresh_early=0.8, tags=["user:{id}", team])
    async def user(id: int) -> dict[str, int]:
        return {"team": id}

    assert_type(await user(7), dict[str, int])

    @multi_cached("ids", tags=["user:{ids}"], stale_on_clear=True, ttl_jitter=0.1)
    async def users(ids: list[int]) -> dict[int, str]:
        return {}

    assert_type(await users([7]), dict[int, str])
    view = cache.tagged(["shop"]).tagged_by(lambda key, value: [f"key:{key}"])
    assert_type(view, RedisCache)
    assert_type(await view.clear_tag("shop"), bool)

    async def fetch(present: Item[str] | None) -> Item[str]:
        return present or Item("page", etag="v7", ttl="1m")

    item = await cache.get_or_renew("page", fetch)
    assert_type(item.value, str)
    assert_type(item.etag, str | None)
    assert_type(item.age, float)
    assert_type(cache.soft_timeout, float | None)
    RedisCache(separator="/", lease=1, on_error="miss", on_decode_error="miss", allow_flush=False, write_behind=True)


class Bound(KeyedSerializer):
    def dumps(self, value: Any, /, key: str = "") -> str:
        return f"{key}={value}"

    def loads(self, value: Any, /, key: str = "") -> Any:
        return str(value).removeprefix(key + "=")
