"""What users' code and tests lean on beside the calls: classes to build on, mocks, module names, time limits."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from typing import Any
from unittest.mock import MagicMock, create_autospec

import servers

from .scenarios import fixed, same
from .sides import ALL, MEMCACHED, MEMORY, REDIS, Side

COMMANDS = (
    "add",
    "get",
    "multi_get",
    "set",
    "multi_set",
    "delete",
    "exists",
    "increment",
    "expire",
    "clear",
    "raw",
    "close",
)


def dict_cache(side: Side, **options: Any) -> Any:
    """A cache that a user writes over a dict: the operations have underscores and get full keys and serialized values."""

    class DictCache(side.module("base").BaseCache):  # type: ignore[misc]
        NAME = "dict"

        def __init__(self, **more: Any) -> None:
            super().__init__(**more)
            self.store: dict[str, Any] = {}
            self.seen: list[str] = []

        def see(self, name: str, *args: object, **options: object) -> None:
            self.seen.append(f"{name} {args!r} {sorted(options.items())!r}")

        async def _get(self, key: str, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
            self.see("get", key, encoding=encoding)
            return self.store.get(key)

        async def _gets(self, key: str, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
            return await self._get(key, encoding=encoding, _conn=_conn)

        async def _multi_get(self, keys: list[str], encoding: str | None = "utf-8", _conn: Any = None) -> Any:
            self.see("multi_get", keys, encoding=encoding)
            return [self.store.get(key) for key in keys]

        async def _set(self, key: str, value: Any, ttl: Any = None, _cas_token: Any = None, _conn: Any = None) -> Any:
            self.see("set", key, value, ttl=ttl)
            if _cas_token is not None and _cas_token != self.store.get(key):
                return 0
            self.store[key] = value
            return True

        async def _multi_set(self, pairs: Any, ttl: Any = None, _conn: Any = None) -> Any:
            self.see("multi_set", list(pairs), ttl=ttl)
            self.store.update(pairs)
            return True

        async def _add(self, key: str, value: Any, ttl: Any = None, _conn: Any = None) -> Any:
            self.see("add", key, value, ttl=ttl)
            if key in self.store:
                raise ValueError(f"Key {key} already exists, use .set to update the value")
            self.store[key] = value
            return True

        async def _exists(self, key: str, _conn: Any = None) -> bool:
            self.see("exists", key)
            return key in self.store

        async def _increment(self, key: str, delta: int, _conn: Any = None) -> int:
            self.see("increment", key, delta)
            self.store[key] = int(self.store.get(key, 0)) + delta
            return int(self.store[key])

        async def _expire(self, key: str, ttl: Any, _conn: Any = None) -> bool:
            self.see("expire", key, ttl)
            return key in self.store

        async def _delete(self, key: str, _conn: Any = None) -> int:
            self.see("delete", key)
            return int(self.store.pop(key, None) is not None)

        async def _clear(self, namespace: str | None = None, _conn: Any = None) -> bool:
            self.see("clear", namespace)
            self.store.clear()
            return True

        async def _raw(
            self, command: str, *args: Any, encoding: str | None = "utf-8", _conn: Any = None, **more: Any
        ) -> Any:
            self.see("raw", command, *args, encoding=encoding)
            return getattr(self.store, command)(*args, **more)

        async def _redlock_release(self, key: str, value: Any) -> int:
            return int(self.store.get(key) == value and self.store.pop(key, None) is not None)

    return DictCache(**options)


@same(MEMORY)
async def test_a_cache_of_ones_own(side: Side, kind: str) -> None:
    """What a subclass is asked for, and what its users get."""
    cache = dict_cache(side, namespace="ns:", ttl=10)
    await side.do(cache.set("k", 5))
    await side.do(cache.get("k"))
    await side.do(cache.get("missing", default="d"))
    await side.do(cache.multi_set([("a", 1), ("b", 2)], ttl=3))
    await side.do(cache.multi_get(["a", "missing", "b"]))
    await side.do(cache.add("a", 1))
    await side.do(cache.add("c", 1, ttl=None))
    await side.do(cache.exists("c"))
    await side.do(cache.increment("n", 3))
    await side.do(cache.expire("c", 7))
    await side.do(cache.delete("c"))
    await side.do(cache.raw("get", "ns:k"))
    await side.do(cache.clear(namespace="x"))
    side.note(cache.seen)


@same(MEMORY)
async def test_locks_and_decorators_on_a_cache_of_ones_own(side: Side, kind: str) -> None:
    lock = side.module("lock")
    cache = dict_cache(side)
    async with lock.RedLock(cache, "k", lease=5):
        side.note(list(cache.store))
    side.note(list(cache.store))
    await cache.set("k", "old")
    async with lock.OptimisticLock(cache, "k") as held:
        await cache.set("k", "another's")
        await side.do(held.cas("new"), text=True)


@same(MEMORY)
async def test_methods_that_a_subclass_lacks(side: Side, kind: str) -> None:
    class Empty(side.module("base").BaseCache):  # type: ignore[misc]
        NAME = "empty"

    cache = Empty()
    for call in (cache.get("k"), cache.set("k", 1), cache.exists("k"), cache.clear(), cache.multi_get(["k"])):
        await side.do(call)


@same(MEMORY)
async def test_commands_are_coroutine_functions(side: Side, kind: str) -> None:
    base = side.module("base").BaseCache
    side.note([asyncio.iscoroutinefunction(getattr(base, name)) for name in COMMANDS])
    side.note([inspect.iscoroutinefunction(getattr(base, name)) for name in COMMANDS])


@same(MEMORY)
async def test_mocks(side: Side, kind: str) -> None:
    """Mocks of the class can be awaited."""
    base = side.module("base").BaseCache
    for mock in (MagicMock(spec=base), create_autospec(base, instance=True)):
        mock.get.return_value = "mocked"
        await side.do(mock.get("k"))
        side.note(type(await mock.set("k", 1)).__name__)
        side.note(mock.get.await_count)


MODULES = (
    "base", "serializers", "plugins", "lock", "exceptions", "decorators", "factory", "backends", "backends.memory",
    "backends.redis", "backends.memcached",
)  # fmt: skip

NAMES = {
    "": (
        "caches",
        "Cache",
        "cached",
        "cached_stampede",
        "multi_cached",
        "SimpleMemoryCache",
        "RedisCache",
        "MemcachedCache",
    ),
    "base": ("API", "BaseCache", "SENTINEL"),
    "serializers": (
        "BaseSerializer",
        "NullSerializer",
        "StringSerializer",
        "JsonSerializer",
        "PickleSerializer",
        "MsgPackSerializer",
    ),
    "plugins": ("BasePlugin", "TimingPlugin", "HitMissRatioPlugin"),
    "lock": ("RedLock", "OptimisticLock", "OptimisticLockError"),
    "exceptions": ("InvalidCacheType",),
    "decorators": ("cached", "cached_stampede", "multi_cached"),
    "factory": ("Cache", "CacheHandler", "caches"),
    "backends.memory": ("SimpleMemoryBackend", "SimpleMemoryCache"),
    "backends.redis": ("RedisBackend", "RedisCache"),
    "backends.memcached": ("MemcachedBackend", "MemcachedCache"),
}


@same(MEMORY)
async def test_modules_and_names(side: Side, kind: str) -> None:
    for path in MODULES:
        side.note(importlib.import_module(f"{side.name}.{path}") is not None)
    for path, names in NAMES.items():
        module = importlib.import_module(f"{side.name}.{path}" if path else side.name)
        side.note([hasattr(module, name) for name in names])
    side.note(set(side.package.__all__) >= set(NAMES[""]))


@same(MEMORY)
async def test_caches_is_a_plain_object(side: Side, kind: str) -> None:
    """Test suites reset its attributes."""
    caches = side.package.caches
    kept, instances = caches._config, caches._caches
    try:
        caches._config = {"default": {"cache": f"{side.name}.SimpleMemoryCache", "namespace": "reset"}}
        caches._caches = {}
        side.note(caches.get("default").namespace)
        side.note(sorted(caches._caches))
    finally:
        caches._config, caches._caches = kept, instances


@same(REDIS, MEMCACHED)
async def test_a_time_limit_of_a_call(side: Side, kind: str) -> None:
    """On a server that stands still: the exception, and that the cache works when it goes on."""
    server: servers.Server = side.redis if kind == REDIS else side.memcached
    # A cache for each: what a call in vain does to others is another matter.
    for call in (
        lambda cache: cache.exists("k", timeout=0.05),
        lambda cache: cache.multi_get(["k"], timeout=0.05),
        lambda cache: cache.get("k", timeout=0.05),
    ):
        cache = side.cache(kind)
        await cache.set("k", "v")
        server.stop()
        await side.do(call(cache))
        server.resume()
    side.note(await when_it_speaks(cache))


async def when_it_speaks(cache: Any) -> Any:
    """What is stored. Before the server has spoken again, our cache doesn't ask it: others have waited for it in vain."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await cache.get("k", timeout=30)
            except ConnectionError:
                await asyncio.sleep(0.005)


@same(REDIS, MEMCACHED)
async def test_a_time_limit_of_a_cache(side: Side, kind: str) -> None:
    server: servers.Server = side.redis if kind == REDIS else side.memcached
    for call in (lambda cache: cache.get("k"), lambda cache: cache.set("k", 1)):
        cache = side.cache(kind, timeout=0.05)
        await cache.exists("k", timeout=5)
        server.stop()
        await side.do(call(cache))
        server.resume()


@same(*ALL)
async def test_many_at_once(side: Side, kind: str) -> None:
    """Each of many calls at once gets its own answer."""
    cache = side.cache(kind)
    await asyncio.gather(*(cache.set(f"k{number}", number) for number in range(50)))
    side.note(await asyncio.gather(*(cache.get(f"k{number}") for number in range(50))))


@same(MEMORY, REDIS)
async def test_counting_at_once(side: Side, kind: str) -> None:
    cache = side.cache(kind)
    side.note(sorted(await asyncio.gather(*(cache.increment("n") for _ in range(50)))))


@fixed(MEMCACHED, ours=["True"])
async def test_counting_at_once_on_memcached(side: Side, kind: str) -> None:
    """Two that come first at once are one more than one; aiocache loses one of them."""
    cache = side.cache(kind)
    sums = await asyncio.gather(*(cache.increment("n") for _ in range(50)))
    side.note(sorted(sums) == list(range(1, 51)))
