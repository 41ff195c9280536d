"""Plugins: hooks around commands, and what the plugins here count."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from typing import Any
from unittest.mock import patch

import pytest

from polycache import RedisCache, SimpleMemoryCache, cached_stampede
from polycache.base import API, BaseCache
from polycache.plugins import BasePlugin, HitMissRatioPlugin, TimingPlugin
from polycache.serializers import StringSerializer


class Noting(BasePlugin):
    def __init__(self, name: str, seen: list[Any]) -> None:
        self.name = name
        self.seen = seen

    async def pre_set(self, client: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> None:
        self.seen.append((self.name, "pre", key, value, args, kwargs))

    async def post_set(
        self, client: Any, key: Any, value: Any, took: float = 0, ret: Any = None, **kwargs: Any
    ) -> None:
        assert took >= 0
        self.seen.append((self.name, "post", key, value, ret, kwargs))


async def test_hooks_in_the_order_of_the_list() -> None:
    seen: list[Any] = []
    cache = SimpleMemoryCache(plugins=[Noting("a", seen), Noting("b", seen)])
    await cache.set("k", 1, ttl=5)
    assert seen == [
        ("a", "pre", "k", 1, (), {"ttl": 5}),
        ("b", "pre", "k", 1, (), {"ttl": 5}),
        ("a", "post", "k", 1, True, {"ttl": 5}),
        ("b", "post", "k", 1, True, {"ttl": 5}),
    ]


async def test_the_list_may_change_at_any_time() -> None:
    seen: list[Any] = []
    given: list[Any] = []
    cache = SimpleMemoryCache(plugins=given)
    await cache.set("k", 1)
    given.append(Noting("given", seen))
    await cache.set("k", 2)
    cache.plugins.clear()
    await cache.set("k", 3)
    cache.plugins = [Noting("set", seen)]
    await cache.set("k", 4)
    assert [(entry[0], entry[3]) for entry in seen] == [("given", 2)] * 2 + [("set", 4)] * 2


async def test_no_post_after_an_exception() -> None:
    seen: list[str] = []

    class Plugin(BasePlugin):
        async def pre_add(self, *args: Any, **kwargs: Any) -> None:
            seen.append("pre")

        async def post_add(self, *args: Any, **kwargs: Any) -> None:
            seen.append("post")

    cache = SimpleMemoryCache(plugins=[Plugin()])
    await cache.add("k", 1)
    with pytest.raises(ValueError, match=r"Key k already exists, use \.set"):
        await cache.add("k", 1)
    assert seen == ["pre", "post", "pre"]


async def test_the_timeout_covers_hooks() -> None:
    class Slow(BasePlugin):
        async def pre_get(self, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(60)

    cache = SimpleMemoryCache(plugins=[Slow()], timeout=0.01)
    with pytest.raises(asyncio.TimeoutError):
        await cache.get("k")
    with pytest.raises(TimeoutError):
        await cache.get("k", timeout="0.01")


async def test_hooks_of_every_command() -> None:
    seen: list[str] = []

    class Plugin(BasePlugin):
        def __getattribute__(self, name: str) -> Any:
            if name.startswith("pre_"):
                seen.append(name)
            return super().__getattribute__(name)

    cache = SimpleMemoryCache(plugins=[Plugin()])
    await cache.set("k", 1)
    await cache.add("n", 1)
    await cache.get("k")
    await cache.multi_get(["k"])
    await cache.multi_set([("a", 1)])
    await cache.exists("k")
    await cache.increment("n")
    await cache.expire("k", 5)
    await cache.persist("k")
    await cache.get_ttl("k")
    _, version = await cache.get_versioned("k")
    await cache.cas("k", 2, version)
    await cache.delete("k")
    await cache.multi_delete(["a"])
    await cache.raw("keys")
    await cache.clear_tag("t")
    await cache.clear()
    assert sorted(seen) == sorted("pre_" + command.__name__ for command in API.CMDS)


async def test_a_plugin_that_is_none_of_ours() -> None:
    class Bare:
        async def post_get(self, client: Any, key: Any, took: float, ret: Any) -> None:
            self.got = ret

    bare = Bare()
    cache = SimpleMemoryCache(plugins=[bare])
    await cache.set("k", 1)
    await cache.get("k")
    assert bare.got == 1


def test_add_hook() -> None:
    class Plugin(BasePlugin):
        pass

    async def hook(self: Any, *args: Any, **kwargs: Any) -> None:
        pass

    Plugin.add_hook(hook, ["pre_get", "post_set"])
    assert Plugin.pre_get is hook
    assert Plugin.post_set is hook
    assert Plugin.post_get is BasePlugin.do_nothing


async def test_both_by_inheritance() -> None:
    class Both(HitMissRatioPlugin, TimingPlugin):
        async def post_get(self, *args: Any, **kwargs: Any) -> None:
            await HitMissRatioPlugin.post_get(self, *args, **kwargs)
            await TimingPlugin.post_get(self, *args, **kwargs)

    cache: Any = SimpleMemoryCache(plugins=[Both()])
    await cache.get("k")
    assert cache.hit_miss_ratio == {"total": 1, "hits": 0, "hit_ratio": 0}
    assert cache.profiling["get_total"] == 1


async def test_hit_miss_ratio() -> None:
    cache: Any = SimpleMemoryCache(plugins=[HitMissRatioPlugin()])
    await cache.set("none", None)
    await cache.set("five", 5)
    await cache.get("none")
    await cache.get("five", default=5)
    await cache.get("missing", default=5)
    assert cache.hit_miss_ratio == {"total": 3, "hits": 2, "hit_ratio": 2 / 3}
    await cache.multi_get(["none", "five", "missing"])
    assert cache.hit_miss_ratio == {"total": 6, "hits": 4, "hit_ratio": 4 / 6}
    await cache.exists("five")
    assert cache.hit_miss_ratio["total"] == 6


async def test_hit_miss_ratio_of_a_server(redis_server: Any) -> None:
    cache: Any = RedisCache(**redis_server.address, plugins=[HitMissRatioPlugin(), TimingPlugin()])
    await cache.set("none", None)
    assert await cache.multi_get(["none", "missing"]) == [None, None]
    assert cache.hit_miss_ratio == {"total": 2, "hits": 1, "hit_ratio": 0.5}
    assert cache.profiling["multi_get_total"] == 1
    await cache.close()


async def test_counting_by_hand() -> None:
    """A hook may be called without a command, as tests do."""

    class Client(BaseCache):
        pass

    client: Any = Client()
    plugin = HitMissRatioPlugin()
    await plugin.post_get(client, "k", ret=1)
    await plugin.post_multi_get(client, ["a", "b"], ret=[None, 2])
    assert client.hit_miss_ratio == {"total": 3, "hits": 2, "hit_ratio": 2 / 3}
    timing = TimingPlugin()
    for took in (1, 3, 2):
        await timing.post_get(client, took=took)
    assert client.profiling == {"get_total": 3, "get_avg": 2, "get_max": 3, "get_min": 1}


async def test_commands_within_hooks() -> None:
    """They are counted apart from the one that is told about."""

    class Reads(BasePlugin):
        async def post_get(self, client: Any, key: Any, *args: Any, **kwargs: Any) -> None:
            if key == "k":
                await client.get("inner")

    cache: Any = SimpleMemoryCache(plugins=[Reads(), HitMissRatioPlugin()])
    await cache.set("k", 1)
    await cache.get("k")
    assert cache.hit_miss_ratio == {"total": 2, "hits": 1, "hit_ratio": 0.5}


@pytest.mark.parametrize("plugins", [[TimingPlugin], [HitMissRatioPlugin], [HitMissRatioPlugin, TimingPlugin]])
async def test_counting_natively_makes_no_difference(plugins: list[Any]) -> None:
    class Long(SimpleMemoryCache):
        """One that takes the long way."""

        def build_key(self, key: Any, namespace: str | None = None) -> Any:
            return super().build_key(key, namespace)

    caches = [kind(plugins=[plugin() for plugin in plugins]) for kind in (SimpleMemoryCache, Long)]

    async def use(cache: Any) -> None:
        for number in range(3):
            await cache.set("k", number)
            await cache.set("n", None, ttl=10)
            assert await cache.get("k") == number
            assert await cache.get("n", 7) is None and await cache.get("missing", 7) == 7
            assert await cache.multi_get(["k", "n", "missing"]) == [number, None, None]
            assert await cache.exists("k") and await cache.delete("k") == 1
            await cache.increment("c")

    def told(cache: Any) -> list[Any]:
        profiling = getattr(cache, "profiling", {})
        for command in ("get", "set", "multi_get", "delete", "exists", "increment") if profiling else ():
            least, average, most = (profiling[f"{command}_{what}"] for what in ("min", "avg", "max"))
            assert 0 < least <= average <= most < 10
        timeless = {name: count for name, count in profiling.items() if name.endswith("_total")}
        return [sorted(profiling), timeless, getattr(cache, "hit_miss_ratio", None)]

    for cache in caches:
        await use(cache)
    assert told(caches[0]) == told(caches[1])
    for cache in caches:
        for attribute in ("profiling", "hit_miss_ratio"):
            kept = getattr(cache, attribute, None)
            if kept is not None:
                kept.clear()
    for cache in caches:
        await use(cache)
    assert told(caches[0]) == told(caches[1])
    for cache in caches:
        cache.profiling = {}
        await use(cache)
    assert told(caches[0]) == told(caches[1])
    for cache in caches:
        del cache.profiling
        await use(cache)
        cache.plugins.append(HitMissRatioPlugin())
        await use(cache)
        del cache.plugins[-1]
        await use(cache)
    assert told(caches[0]) == told(caches[1])


async def test_what_is_counted_natively_is_a_dict() -> None:
    cache = SimpleMemoryCache(plugins=[HitMissRatioPlugin()])
    assert not hasattr(cache, "hit_miss_ratio")
    await cache.get("k")
    ratio = cache.hit_miss_ratio  # type: ignore[attr-defined]
    for look in (
        dict, copy.copy, copy.deepcopy, lambda kept: kept.copy(), lambda kept: {**kept}, lambda kept: kept | {},
        lambda kept: json.loads(json.dumps(kept)), lambda kept: pickle.loads(pickle.dumps(kept)), lambda kept: eval(repr(kept)),
        lambda kept: dict(kept.items()), lambda kept: dict(zip(kept, kept.values(), strict=True)),
    ):  # fmt: skip
        before = ratio["total"]
        await cache.get("k")
        assert look(ratio) == {"total": before + 1, "hits": 0, "hit_ratio": 0.0}
    assert isinstance(ratio, dict) and len(ratio) == 3 and "hits" in ratio


async def test_hooks_that_are_replaced_run() -> None:
    called = []

    async def hook(*args: Any, **kwargs: Any) -> None:
        called.append(args)

    plugin = TimingPlugin()
    cache = SimpleMemoryCache(plugins=[plugin])
    await cache.get("k")
    plugin.pre_get = hook
    await cache.get("k")
    del plugin.pre_get
    await cache.get("k")
    assert len(called) == 1
    with patch.object(TimingPlugin, "pre_get", hook):
        await cache.get("k")
    await cache.get("k")
    with patch.object(BasePlugin, "pre_set", hook):
        await cache.set("k", 1)
    await cache.set("k", 1)
    assert len(called) == 3
    cache.plugins.append(type("Own", (BasePlugin,), {"pre_get": hook})())
    await cache.get("k")
    assert len(called) == 4
    assert cache.profiling["get_total"] == 6  # type: ignore[attr-defined]


@pytest.mark.parametrize("options", [{}, {"grace": 60}, {"serializer": StringSerializer()}], ids=str)
@pytest.mark.parametrize("when", ["pre", "post"])
async def test_a_hook_that_fails_costs_no_computed_value(
    when: str, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*args: Any, **kwargs: Any) -> None:
        raise LookupError("a hook")

    async def hangs(*args: Any, **kwargs: Any) -> None:
        await asyncio.sleep(60)

    async def compute() -> str:
        return "value"

    async def compute_many(keys: list[str]) -> dict[str, str]:
        return dict.fromkeys(keys, "value")

    for hook in (fails, hangs):
        plugin = BasePlugin()
        setattr(plugin, f"{when}_set", hook)
        setattr(plugin, f"{when}_multi_set", hook)
        cache = SimpleMemoryCache(plugins=[plugin], timeout=0.01, ttl=60, **options)
        assert await cache.get_or_set("k", compute) == "value"
        assert await cache.multi_get_or_set(["a"], compute_many) == {"a": "value"}
        assert (
            await cached_stampede(cache=SimpleMemoryCache, plugins=[plugin], timeout=0.01, **options)(compute)()
            == "value"
        )
        assert await cache.exists("k") == await cache.exists("a") == (when == "post")
    assert "Couldn't store k" in caplog.text
