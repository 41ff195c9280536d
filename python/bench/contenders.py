"""Who takes part, and how each does the same thing."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from measure import Run, in_tasks, one_by_one, without_await
from servers import HOST, Memcached, Redis

import polycache

VALUE = "some text of a usual length, as a name or a small page"
OBJECT = {"id": 12345, "name": "Ada Lovelace", "tags": ["a", "b"], "score": 1.5, "active": True}
OURS, THEIRS = "polycache", "aiocache"

WAYS: dict[str, Callable[..., Run]] = {"one after another": one_by_one, "100 tasks": in_tasks}


def installed(*names: str) -> tuple[dict[str, Any], list[str]]:
    """The modules that are there, and the names of those that aren't."""
    found, missing = {}, []
    for name in names:
        try:
            found[name] = importlib.import_module(name)
        except ImportError:
            missing.append(name)
    return found, missing


def aiocache() -> Any:
    """As it ships: without ujson."""
    sys.modules["ujson"] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("aiocache")
    finally:
        del sys.modules["ujson"]


PEERS, MISSING = installed("cashews", "cachebox", "redis.asyncio", "hiredis", "glide", "aiomcache", "uvloop")


class MemoryRow:
    """One row on memory: an operation by everybody who has it."""

    def __init__(self, operation: str) -> None:
        self.operation = operation

    async def contenders(self, stack: AsyncExitStack) -> dict[str, Run]:
        found: dict[str, Run] = {}
        for name, package in ((THEIRS, aiocache()), (OURS, polycache)):
            found[name] = await self._ours_or_theirs(package)
        if "cashews" in PEERS:
            found["cashews"] = await self._cashews(stack)
        if "cachebox" in PEERS:
            found["cachebox (sync)"] = await self._cachebox()
        found["async def over a dict"] = self._dict()
        return found

    async def _ours_or_theirs(self, package: Any) -> Run:
        cache = package.SimpleMemoryCache()
        await cache.set("key", VALUE)
        keys = [f"key:{number}" for number in range(100)]
        for key in keys:
            await cache.set(key, VALUE)
        if self.operation == "get":
            return one_by_one(cache.get, "key")
        if self.operation == "set":
            return one_by_one(cache.set, "key", VALUE)
        if self.operation == "set with a ttl":
            return one_by_one(cache.set, "key", VALUE, 60)
        if self.operation == "multi_get of 100":
            return one_by_one(cache.multi_get, keys)

        @package.cached(ttl=600)
        async def function(x: int) -> int:
            return x

        return one_by_one(function, 1)

    async def _cashews(self, stack: AsyncExitStack) -> Run:
        cache = PEERS["cashews"].Cache()
        cache.setup("mem://", size=100_000)
        stack.push_async_callback(cache.close)
        keys = [f"key:{number}" for number in range(100)]
        for key in ["key", *keys]:
            await cache.set(key, VALUE)
        if self.operation == "get":
            return one_by_one(cache.get, "key")
        if self.operation == "set":
            return one_by_one(cache.set, "key", VALUE)
        if self.operation == "set with a ttl":
            return one_by_one(cache.set, "key", VALUE, 60)
        if self.operation == "multi_get of 100":
            return one_by_one(cache.get_many, *keys)

        @cache(ttl=600)  # type: ignore[untyped-decorator, unused-ignore]
        async def function(x: int) -> int:
            return x

        return one_by_one(function, 1)

    async def _cachebox(self) -> Run:
        module = PEERS["cachebox"]
        cache = module.TTLCache(100_000, 600) if self.operation == "set with a ttl" else module.LRUCache(100_000)
        keys = [f"key:{number}" for number in range(100)]
        for key in ["key", *keys]:
            cache[key] = VALUE
        if self.operation == "get":
            return without_await(lambda: cache.get("key"))
        if self.operation in ("set", "set with a ttl"):
            return without_await(lambda: cache.insert("key", VALUE))
        if self.operation == "multi_get of 100":
            return without_await(lambda: [cache.get(key) for key in keys])

        @module.cached(module.TTLCache(1000, 600))  # type: ignore[untyped-decorator, unused-ignore]
        async def function(x: int) -> int:
            return x

        return one_by_one(function, 1)

    def _dict(self) -> Run:
        store: dict[str, object] = {f"key:{number}": VALUE for number in range(100)}
        keys = list(store)

        async def get(key: str) -> object:
            return store.get(key)

        async def put(key: str, value: object) -> bool:
            store[key] = value
            return True

        async def multi_get(keys: list[str]) -> list[object]:
            return [store.get(key) for key in keys]

        if self.operation.startswith("set"):
            return one_by_one(put, "key", VALUE)
        if self.operation == "multi_get of 100":
            return one_by_one(multi_get, keys)
        return one_by_one(get, "key")


class NearRow:
    """A read that polycache answers from memory in front of Redis, beside aiocache's read from Redis."""

    def __init__(self, server: Redis, *, json: bool, shared: bool = False) -> None:
        self.server = server
        self.json = json
        self.near = {"max_entries": 10_000, "shared": shared}

    async def contenders(self, stack: AsyncExitStack) -> dict[str, Run]:
        found: dict[str, Run] = {}
        for name, package, options in ((THEIRS, aiocache(), {}), (OURS, polycache, {"near": self.near})):
            serializers = importlib.import_module(f"{package.__name__}.serializers")
            serializer = serializers.JsonSerializer() if self.json else serializers.StringSerializer()
            cache = package.RedisCache(endpoint=HOST, port=self.server.port, serializer=serializer, **options)
            stack.push_async_callback(cache.close)
            await cache.set("key", OBJECT if self.json else VALUE)
            found[name] = one_by_one(cache.get, "key")
        return found


class EarlyRow:
    """A hit in memory of a function that is refreshed before its end, or whose last result outlives it, beside cashews'."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    async def contenders(self, stack: AsyncExitStack) -> dict[str, Run]:
        return {
            name: one_by_one(function, 1) for name, function in (await early_functions(self.kind, 600, stack)).items()
        }


async def early_functions(
    kind: str, ttl: float, stack: AsyncExitStack, source: Callable[[], Awaitable[None]] | None = None
) -> dict[str, Any]:
    """A function of everybody who has it.

    An `early` one is computed anew past four fifths of its TTL, and a `soft` one gives an older result where it fails.
    """

    async def function(x: int) -> int:
        if source is not None:
            await source()
        return x

    early = {"refresh_early": 0.8} if kind == "early" else {"grace": ttl}
    found: dict[str, Any] = {OURS: polycache.cached(ttl=ttl, **early)(function)}
    if "cashews" in PEERS:
        cache = PEERS["cashews"].Cache()
        cache.setup("mem://", size=100_000)
        stack.push_async_callback(cache.close)
        if kind == "early":
            found["cashews"] = cache.early(ttl=ttl, early_ttl=ttl * 0.8)(function)
        else:
            found["cashews"] = cache.soft(ttl=ttl * 2, soft_ttl=ttl)(function)
    return found


class ServerRow:
    """One row on a server: `get`, `set` or a hit of a cached function, of text or by JSON, in one of the ways."""

    def __init__(self, server: Redis | Memcached, operation: str, way: str, *, json: bool = False) -> None:
        self.server = server
        self.operation = operation
        self.way = WAYS[way]
        self.json = json

    async def contenders(self, stack: AsyncExitStack) -> dict[str, Run]:
        calls: dict[str, tuple[Any, ...]] = {}
        for name, package in ((THEIRS, aiocache()), (OURS, polycache)):
            calls[name] = await self._ours_or_theirs(package, stack)
        if not self.json and self.operation in ("get", "set"):
            calls |= await (self._redis_clients(stack) if self.server.scheme == "redis" else self._memcached(stack))
        return {name: self.way(*call) for name, call in calls.items()}

    async def _ours_or_theirs(self, package: Any, stack: AsyncExitStack) -> tuple[Any, ...]:
        serializers = importlib.import_module(f"{package.__name__}.serializers")
        serializer = serializers.JsonSerializer() if self.json else serializers.StringSerializer()
        kind = getattr(package, "RedisCache" if self.server.scheme == "redis" else "MemcachedCache")
        options = {"endpoint": HOST, "port": self.server.port, "serializer": serializer}
        value = OBJECT if self.json else VALUE
        if self.operation == "@cached hit":

            @package.cached(ttl=600, cache=kind, **options)  # type: ignore[untyped-decorator, unused-ignore]
            async def function(x: int) -> Any:
                return value

            stack.push_async_callback(function.cache.close)
            return function, 1
        cache = kind(**options)
        stack.push_async_callback(cache.close)
        await cache.set("key", value)
        if self.operation == "get":
            return cache.get, "key"
        return cache.set, "key", value

    async def _redis_clients(self, stack: AsyncExitStack) -> dict[str, tuple[Any, ...]]:
        found: dict[str, tuple[Any, ...]] = {}
        if "redis.asyncio" in PEERS:
            client = PEERS["redis.asyncio"].Redis(host=HOST, port=self.server.port)
            stack.push_async_callback(client.aclose)
            name = "redis-py + hiredis" if "hiredis" in PEERS else "redis-py"
            found[name] = (client.get, "key") if self.operation == "get" else (client.set, "key", VALUE)
        if "glide" in PEERS:
            glide = PEERS["glide"]
            configuration = glide.GlideClientConfiguration([glide.NodeAddress(HOST, self.server.port)])
            valkey = await glide.GlideClient.create(configuration)
            stack.push_async_callback(valkey.close)
            found["valkey-glide"] = (valkey.get, "key") if self.operation == "get" else (valkey.set, "key", VALUE)
        if "cashews" in PEERS:
            cache = PEERS["cashews"].Cache()
            cache.setup(self.server.url)
            stack.push_async_callback(cache.close)
            await cache.set("cashews", VALUE)
            found["cashews"] = (cache.get, "cashews") if self.operation == "get" else (cache.set, "cashews", VALUE)
        return found

    async def _memcached(self, stack: AsyncExitStack) -> dict[str, tuple[Any, ...]]:
        if "aiomcache" not in PEERS:
            return {}
        client = PEERS["aiomcache"].Client(HOST, self.server.port)
        stack.push_async_callback(client.close)
        value = VALUE.encode()
        if self.operation == "get":
            return {"aiomcache": (client.get, b"key")}
        return {"aiomcache": (client.set, b"key", value)}
