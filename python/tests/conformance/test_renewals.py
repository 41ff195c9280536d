"""``get_or_renew``, and what else a cache may be told: separators, errors as misses, jitter, flushes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from polycache import Item
from polycache.exceptions import BackendError, DecodeError, InvalidInput
from polycache.serializers import StringSerializer

from .conftest import CLASSES, MakeCache
from .test_grace import SHORT, stale
from .waiting import until


class Page:
    """A source that tells whether anything has changed."""

    def __init__(self) -> None:
        self.body, self.version = "one", 1
        self.seen: list[Any] = []

    async def fetch(self, present: Item[str] | None) -> Item[str]:
        self.seen.append(present)
        if present is not None and present.etag == f"v{self.version}":
            return present
        return Item(self.body, etag=f"v{self.version}")


async def test_a_value_that_hasnt_changed(make_cache: MakeCache, kind: str) -> None:
    cache, page = make_cache(ttl=SHORT[kind], grace=100), Page()
    item = await cache.get_or_renew("k", page.fetch)
    assert (item.value, item.etag, item.freshness, item.age) == ("one", "v1", "fresh", 0)
    assert await cache.get("k") == "one"
    await stale(cache, "k")
    item = await cache.get_or_renew("k", page.fetch, ttl=100)
    assert (item.value, item.etag, item.freshness) == ("one", "v1", "fresh")
    assert page.seen[0] is None
    assert (page.seen[1].value, page.seen[1].etag, page.seen[1].freshness) == ("one", "v1", "stale")
    assert page.seen[1].age > 0
    assert (await cache.get_or_renew("k", page.fetch)).etag == "v1"
    assert await cache.get_or_set("k", lambda: page.fetch(None)) == "one"
    assert len(page.seen) == 2


async def test_a_value_that_has_changed(make_cache: MakeCache, kind: str) -> None:
    cache, page = make_cache(ttl=SHORT[kind], grace=100), Page()
    await cache.get_or_renew("k", page.fetch)
    page.body, page.version = "two", 2
    await stale(cache, "k")
    item = await cache.get_or_renew("k", page.fetch, ttl=100)
    assert (item.value, item.etag) == ("two", "v2")


async def test_a_ttl_of_its_own(make_cache: MakeCache) -> None:
    cache = make_cache(ttl=50)

    async def fetch(present: Any) -> Item[int]:
        return Item(1, ttl="2h")

    await cache.get_or_renew("k", fetch)
    assert 7000 < (await cache.get_ttl("k")) <= 7200

    async def for_ever(present: Any) -> Item[int]:
        return Item(1, ttl=None)

    await cache.get_or_renew("j", for_ever)
    assert await cache.get_ttl("j") is None
    with pytest.raises(InvalidInput):
        await cache.get_or_renew("i", fetch, ttl=-1)


async def test_an_early_item(make_cache: MakeCache) -> None:
    cache, page = make_cache(ttl=100, refresh_early=0), Page()
    await cache.get_or_renew("k", page.fetch)
    item = await cache.get_or_renew("k", page.fetch)
    assert (item.value, item.freshness) == ("one", "early")

    async def shown() -> bool:
        return len(page.seen) > 1

    await until(shown)
    assert (page.seen[1].value, page.seen[1].freshness) == ("one", "early")


async def test_an_item_with_tags(make_cache: MakeCache) -> None:
    cache, page = make_cache(namespace="n:"), Page()
    view = cache.tagged(["pages"]).tagged_by(lambda key, value: [f"body:{value}"])
    for tag in ("pages", "body:one"):
        assert (await view.get_or_renew("k", page.fetch)).value == "one"
        assert await cache.exists("k")
        await cache.clear_tag(tag)
        assert not await cache.exists("k")


async def test_many_who_ask_for_an_item(make_cache: MakeCache) -> None:
    cache, calls = make_cache(), 0

    async def fetch(present: Any) -> Item[int]:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        return Item(calls, etag="e")

    items = await asyncio.gather(*(cache.get_or_renew("k", fetch) for _ in range(5)))
    assert [(item.value, item.etag) for item in items] == [(1, "e")] * 5


async def test_an_error_of_the_source(make_cache: MakeCache) -> None:
    async def fails(present: Any) -> Item[int]:
        raise KeyError("away")

    with pytest.raises(KeyError, match="away"):
        await make_cache().get_or_renew("k", fails)

    async def hangs(present: Any) -> Item[int]:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(TimeoutError, match="hard_timeout"):
        await make_cache(hard_timeout=0.01).get_or_renew("k", hangs)


async def test_items_of_a_cache_of_ones_own() -> None:
    class Own(CLASSES["memory"]):  # type: ignore[misc, valid-type]
        async def _get(self, *args: Any, **kwargs: Any) -> Any:
            return await super()._get(*args, **kwargs)

    cache, page = Own(), Page()
    assert (await cache.get_or_renew("k", page.fetch)).etag == "v1"
    assert (await cache.get_or_renew("k", page.fetch)) == Item("one")
    assert page.seen == [None]


async def test_a_separator(make_cache: MakeCache, kind: str) -> None:
    cache, plain = make_cache(namespace="shop", separator="/"), make_cache()
    assert cache.separator == "/"
    await cache.multi_set([("a", 1), ("b", 2)])
    await cache.set("a", 3, namespace="shop/eu")
    await cache.set("a", 4, namespace="shopping")
    assert await cache.get("a") == 1
    if kind == "memory":
        assert set(cache._cache) == {"shop/a", "shop/b", "shop/eu/a", "shopping/a"}
        return
    assert await plain.multi_get(["shop/a", "shop/eu/a", "shopping/a"]) == [1, 3, 4]
    if kind == "redis":
        assert sorted([key async for key in cache.scan()]) == ["a", "b", "eu/a"]


async def test_clearing_behind_a_separator(make_cache: MakeCache, kind: str) -> None:
    if kind == "memcached":
        return
    cache = make_cache(namespace="shop", separator="/")
    await cache.set("a", 1)
    await cache.set("a", 2, namespace="shop/eu")
    await cache.set("a", 3, namespace="shopping")
    await cache.clear()
    assert [await cache.exists("a", namespace=space) for space in ("shop", "shop/eu", "shopping")] == [
        False,
        False,
        True,
    ]


async def test_jitter(make_cache: MakeCache, kind: str) -> None:
    cache = make_cache(ttl=1000, ttl_jitter=0.5)
    await cache.multi_set([(f"k{number}", number) for number in range(20)])
    await cache.set("k20", 20)
    await cache.set("k21", 21, ttl=1000)
    ttls = [await cache.get_ttl(f"k{number}") for number in range(22)]
    assert all(499 <= ttl <= 1000 for ttl in ttls)
    assert len({round(ttl) for ttl in ttls}) > 5


async def test_a_value_that_cant_be_read(make_cache: MakeCache) -> None:
    for cache in (make_cache(), make_cache(on_decode_error="miss")):

        class Broken(StringSerializer):
            def loads(self, value: Any) -> Any:
                raise KeyError("broken")

        cache.serializer = Broken()
        await cache.set("k", "v")
        if cache.on_decode_error == "fail":
            with pytest.raises(KeyError, match="broken"):
                await cache.get("k")
            with pytest.raises(KeyError, match="broken"):
                await cache.multi_get(["k"])
        else:
            assert await cache.get("k", default="none") == "none"
            assert await cache.multi_get(["k"]) == [None]
            assert await cache.exists("k")


async def test_an_entry_of_another_cache_that_cant_be_read(make_cache: MakeCache, kind: str) -> None:
    if kind == "memory":
        return
    await make_cache(ttl=100, grace=100).set("k", 1)
    with pytest.raises(DecodeError):
        await make_cache().get("k")
    forgiving = make_cache(on_decode_error="miss")
    assert await forgiving.get("k") is None
    assert await forgiving.multi_get(["k"]) == [None]


async def test_a_server_that_is_away(kind: str, request: pytest.FixtureRequest) -> None:
    if kind == "memory":
        return
    server = request.getfixturevalue(f"{kind}_server")
    cache, strict = (CLASSES[kind](**server.address, **options) for options in ({"on_error": "miss"}, {}))
    await cache.set("k", 1)
    assert await cache.get("k") == 1
    server.kill()
    assert await cache.get("k", default="none") == "none"
    assert await cache.multi_get(["k", "j"]) == [None, None]
    assert await cache.exists("k") is False
    with pytest.raises(KeyError):
        await cache.get_ttl("k")
    with pytest.raises((OSError, BackendError)):
        await cache.set("k", 2)
    with pytest.raises((OSError, BackendError)):
        await strict.get("k")
    await cache.close()
    await strict.close()


async def test_a_cache_that_may_not_flush(make_cache: MakeCache, kind: str) -> None:
    cache = make_cache(allow_flush=False)
    await cache.set("k", 1)
    if kind != "memory":
        with pytest.raises(InvalidInput, match="allow_flush"):
            await cache.clear()
        assert await cache.get("k") == 1


async def test_writing_behind(make_cache: MakeCache) -> None:
    cache = make_cache(write_behind=True, ttl=100)
    assert cache.write_behind

    async def one() -> int:
        return 1

    assert await cache.get_or_set("k", one) == 1
    await until(lambda: cache.exists("k"))
