"""Aliases, the proxy class and URLs."""

from __future__ import annotations

import copy
from typing import Any

from .scenarios import differs, same
from .sides import ALL, MEMCACHED, MEMORY, REDIS, Side


def config(side: Side) -> dict[str, Any]:
    """A configuration as strings of the package's own name."""
    return {
        "default": {
            "cache": f"{side.name}.SimpleMemoryCache",
            "serializer": {"class": f"{side.name}.serializers.StringSerializer"},
        },
        "redis_alt": {
            "cache": f"{side.name}.RedisCache",
            "endpoint": "127.0.0.1",
            "port": side.redis.port,
            "timeout": 1,
            "serializer": {"class": f"{side.name}.serializers.PickleSerializer"},
            "plugins": [
                {"class": f"{side.name}.plugins.HitMissRatioPlugin"},
                {"class": f"{side.name}.plugins.TimingPlugin"},
            ],
        },
    }


def handler(side: Side) -> Any:
    """Aliases of a test's own."""
    return side.module("factory").CacheHandler()


def described(cache: Any) -> list[object]:
    return [
        type(cache).__name__,
        type(cache.serializer).__name__,
        [type(plugin).__name__ for plugin in cache.plugins],
        cache.timeout,
        cache.namespace,
        cache.ttl,
    ]


@same(MEMORY)
async def test_what_get_and_create_give(side: Side, kind: str) -> None:
    caches = handler(side)
    caches.set_config(config(side))
    for alias in ("default", "redis_alt"):
        cache = side.keep(caches.get(alias))
        side.note(described(cache))
        side.note(caches.get(alias) is cache)
        made = side.keep(caches.create(alias))
        side.note(made is cache)
        side.note(described(made))
        side.note(caches.get(alias) is cache)


@same(MEMORY)
async def test_classes_instead_of_strings(side: Side, kind: str) -> None:
    caches = handler(side)
    serializers, plugins = side.module("serializers"), side.module("plugins")
    caches.set_config(
        {
            "default": {
                "cache": side.package.SimpleMemoryCache,
                "serializer": {"class": serializers.PickleSerializer, "protocol": 2},
                "plugins": [{"class": plugins.TimingPlugin}],
                "namespace": "ns",
                "ttl": 5,
            }
        }
    )
    cache = caches.get("default")
    side.note(described(cache))
    side.note(cache.serializer.protocol)
    await side.do(cache.set("k", [1]))
    await side.do(cache.get("k"))


@same(MEMORY)
async def test_create_with_other_arguments(side: Side, kind: str) -> None:
    caches = handler(side)
    caches.set_config(config(side))
    made = caches.create("default", namespace="x", ttl=3)
    side.note(described(made))
    side.note(sorted(caches.get_alias_config("default")))


@same(MEMORY)
async def test_errors(side: Side, kind: str) -> None:
    caches = handler(side)
    await side.do(lambda: caches.set_config({"other": {"cache": f"{side.name}.SimpleMemoryCache"}}), text=True)
    await side.do(lambda: caches.get("nope"))
    await side.do(lambda: caches.create("nope"))
    await side.do(lambda: caches.get_alias_config("nope"))


@same(MEMORY)
async def test_the_first_configuration(side: Side, kind: str) -> None:
    """Before anything is configured there is a default: memory, with StringSerializer."""
    caches = handler(side)
    side.note(described(caches.get("default")))
    side.note(sorted(caches.get_config()))


@same(MEMORY)
async def test_add_and_configuration_anew(side: Side, kind: str) -> None:
    caches = handler(side)
    settings = config(side)
    caches.set_config(settings)
    first = caches.get("default")
    caches.add("more", {"cache": f"{side.name}.SimpleMemoryCache", "namespace": "more"})
    side.note(described(caches.get("more")))
    side.note(sorted(caches.get_config()))
    caches.set_config({"default": {"cache": f"{side.name}.SimpleMemoryCache", "namespace": "new"}})
    second = caches.get("default")
    side.note(second is first)
    side.note(described(second))
    side.note(sorted(caches.get_config()))


@same(MEMORY)
async def test_get_config_is_a_copy(side: Side, kind: str) -> None:
    caches = handler(side)
    caches.set_config(config(side))
    caches.get_config()["default"]["cache"] = "nonsense"
    side.note(described(caches.get("default")))


@differs(MEMORY, theirs=["False"], ours=["True"])
async def test_create_leaves_the_callers_config(side: Side, kind: str) -> None:
    """aiocache's `create` takes `class` out of a dictionary that was handed to it."""
    caches = handler(side)
    settings = config(side)
    caches.set_config(settings)
    before = {"class": f"{side.name}.serializers.JsonSerializer"}
    kept = copy.deepcopy(before)
    caches.create("default", serializer=before)
    side.note(before == kept)


@same(*ALL)
async def test_cache_by_kind(side: Side, kind: str) -> None:
    cache_class = side.package.Cache
    cache = side.keep(cache_class(getattr(cache_class, kind.upper()), **side.options(kind), namespace="ns"))
    side.note(described(cache))
    await side.do(cache.set("k", 1))
    await side.do(cache.get("k"))


@same(MEMORY)
async def test_cache_without_a_kind(side: Side, kind: str) -> None:
    side.note(described(side.package.Cache()))
    side.note([side.package.Cache.MEMORY.NAME, side.package.Cache.REDIS.NAME, side.package.Cache.MEMCACHED.NAME])


@same(MEMORY)
async def test_cache_of_something_else(side: Side, kind: str) -> None:
    for what in (str, None, side.package.Cache):
        await side.do(lambda what=what: side.package.Cache(what))  # type: ignore[misc]


URLS = (
    "memory://",
    "memory://?namespace=x&ttl=5&timeout=1.5",
    "redis://127.0.0.1:6380/3?timeout=1.5&namespace=a%20b",
    "redis://:secret@127.0.0.1:6380",
    "redis://127.0.0.1",
    "redis:///1",
    "redis://h:6380/?pool_max_size=5",
    "memcached://127.0.0.1:11212?namespace=x",
    "memcached://127.0.0.1?pool_size=3",
)


ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "memory": (),
    "redis": ("endpoint", "port", "db", "password", "pool_max_size"),
    "memcached": ("endpoint", "port", "pool_size"),
}


@same(MEMORY)
async def test_urls(side: Side, kind: str) -> None:
    for url in URLS:
        cache = side.keep(side.package.Cache.from_url(url))
        side.note(described(cache))
        side.note([getattr(cache, name) for name in ATTRIBUTES[url.split(":")[0]]])


@same(MEMORY)
async def test_urls_that_are_refused(side: Side, kind: str) -> None:
    for url in ("foo://", "", "foo://host:1/2"):
        await side.do(lambda url=url: side.package.Cache.from_url(url))  # type: ignore[misc]


@same(REDIS, MEMCACHED)
async def test_commands_by_url(side: Side, kind: str) -> None:
    server = side.redis if kind == REDIS else side.memcached
    path = f"/{side.db}" if kind == REDIS else ""
    cache = side.keep(side.package.Cache.from_url(f"{server.url}{path}?namespace=ns"))
    await side.do(cache.set("k", [1, "a"]))
    await side.do(cache.get("k"))
    side.note(side.stored(kind))


@same(MEMORY)
async def test_get_scheme_class(side: Side, kind: str) -> None:
    for scheme in ("memory", "redis", "memcached", "nonsense"):
        await side.do(lambda scheme=scheme: side.package.Cache.get_scheme_class(scheme).__name__)  # type: ignore[misc]


@same(*ALL)
async def test_as_a_context_manager(side: Side, kind: str) -> None:
    async with side.cache(kind) as cache:
        await side.do(cache.set("k", 1))
        side.note(type(cache).__name__)
    async with side.cache(kind).get_connection() as connection:
        side.note(connection is None)
