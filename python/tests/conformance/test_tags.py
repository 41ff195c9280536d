"""Tags: entries that are cleared together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from polycache import cached, multi_cached

from .conftest import CLASSES, MakeCache
from .test_grace import SHORT, Source, stale


async def test_what_is_stored_with_a_tag(make_cache: MakeCache) -> None:
    cache = make_cache(namespace="n:")
    seven = cache.tagged(["product:7"]).tagged(["shop"])
    version = (await cache.get_versioned("e"))[1]
    assert await seven.set("a", 1)
    assert await seven.multi_set([("b", 2), ("c", 3)])
    assert await seven.add("d", 4)
    assert await seven.cas("e", 5, version)
    assert await seven.get_or_set("f", Source(6)) == 6
    assert await seven.multi_get_or_set(["g"], Source({"g": 7})) == {"g": 7}
    assert await seven.increment("counter") == 1
    await cache.tagged(["shop"]).set("h", 8)
    for reader in (cache, seven):
        assert await reader.multi_get(list("abcdefgh")) == [1, 2, 3, 4, 5, 6, 7, 8]
        assert await reader.get("a") == 1
    assert await cache.clear_tag("product:7") is True
    for reader in (cache, seven):
        assert await reader.multi_get(list("abcdefgh")) == [None] * 7 + [8]
        assert await reader.get("a") is None
        assert await reader.exists("a") is False
    assert await cache.get_or_set("f", Source("anew")) == "anew"
    assert await cache.add("d", "anew")
    assert await cache.get("counter") == 1
    assert await seven.clear_tag("shop")
    assert await cache.get("h") is None


async def test_a_tag_belongs_to_a_namespace(make_cache: MakeCache) -> None:
    cache = make_cache(namespace="n:")
    view = cache.tagged(["t"])
    await view.set("k", 1)
    await view.set("k", 2, namespace="m:")
    assert await view.get_or_set("j", Source(3), namespace="m:") == 3
    await cache.clear_tag("t", namespace="m:")
    assert await cache.get("k") == 1
    assert await cache.multi_get(["k", "j"], namespace="m:") == [None, None]
    await cache.clear_tag("t")
    assert await cache.get("k") is None


async def test_a_key_builder(make_cache: MakeCache) -> None:
    cache = make_cache(namespace="n", key_builder=lambda key, namespace=None: f"{key}!")
    await cache.tagged(["t"]).set("k", 1)
    assert await cache.tagged(["t"]).get_or_set("j", Source(2)) == 2
    assert await cache.multi_get(["k", "j"]) == [1, 2]
    await cache.clear_tag("t")
    assert await cache.multi_get(["k", "j"]) == [None, None]


async def test_tags_of_the_value(make_cache: MakeCache) -> None:
    cache = make_cache(namespace="n:")
    users = cache.tagged(["users"]).tagged_by(lambda key, user: [f"team:{user['team']}", f"key:{key}"])
    assert await users.get_or_set("ada", Source({"team": 7})) == {"team": 7}
    assert await users.multi_get_or_set(["bob", "eve"], Source({"bob": {"team": 8}, "eve": {"team": 7}}))
    await cache.clear_tag("team:7")
    assert await cache.multi_get(["ada", "bob", "eve"]) == [None, {"team": 8}, None]
    await cache.clear_tag("key:bob")
    assert await cache.get("bob") is None


@pytest.mark.parametrize("by", [False, True])
async def test_a_clear_during_a_computation(make_cache: MakeCache, by: bool) -> None:
    cache, go, begun = make_cache(), asyncio.Event(), asyncio.Event()

    async def compute() -> str:
        begun.set()
        await go.wait()
        return "outdated"

    view = cache.tagged_by(lambda key, value: ["t"]) if by else cache.tagged(["t"])
    call = asyncio.create_task(view.get_or_set("k", compute))
    await begun.wait()
    await cache.clear_tag("t")
    go.set()
    assert await call == "outdated"
    assert await cache.get("k") is None


async def test_stale_rather_than_gone(make_cache: MakeCache, kind: str) -> None:
    cache = make_cache(ttl=100, grace=100, stale_on_clear=True)
    await cache.tagged(["t"]).set("k", "old")
    await cache.clear_tag("t")
    assert await cache.get("k") is None
    assert await cache.get_or_set("k", Source(ValueError("away"))) == "old"


async def test_a_grace_and_tags(make_cache: MakeCache, kind: str) -> None:
    cache = make_cache(ttl=SHORT[kind], grace=100)
    view = cache.tagged(["t"])
    assert await view.get_or_set("k", Source("old")) == "old"
    await stale(cache, "k")
    assert await view.get_or_set("k", Source(ValueError("away"))) == "old"
    await cache.clear_tag("t")
    with pytest.raises(ValueError, match="away"):
        await view.get_or_set("k", Source(ValueError("away")))


async def test_a_function(kind: str, request: pytest.FixtureRequest) -> None:
    address = {} if kind == "memory" else request.getfixturevalue(f"{kind}_server").address
    calls: list[int] = []

    def both(result: Any, id: int, name: str = "x") -> list[str]:
        return [f"both:{id}", f"both:{name}"]

    @cached(
        tags=["users", "user:{id}", "{name!r}", "team:{result[team]}", lambda result, *_: "one", both],
        cache=CLASSES[kind],
        **address,
    )
    async def user(id: int, name: str = "x") -> dict[str, int]:
        calls.append(id)
        return {"team": id * 10}

    cache = user.cache
    for tag in ("users", "user:1", "'x'", "team:10", "one", "both:1", "both:x"):
        assert await user(1) == await user(1) == {"team": 10}
        before = len(calls)
        await cache.clear_tag("team:11")
        await cache.clear_tag("user:2")
        await user(1)
        assert len(calls) == before
        await cache.clear_tag(tag)
        await user(1)
        assert len(calls) == before + 1, tag
    before = len(calls)
    await user.refresh(1)
    assert len(calls) == before + 1
    await cache.clear_tag("team:10")
    await user(1)
    assert len(calls) == before + 2
    await cache.close()


async def test_a_function_about_many_keys(kind: str, request: pytest.FixtureRequest) -> None:
    address = {} if kind == "memory" else request.getfixturevalue(f"{kind}_server").address
    asked: list[Any] = []

    @multi_cached(
        "ids",
        tags=["users", "user:{ids}", "team:{result}", lambda key, value: f"odd:{key % 2}"],
        key_builder=lambda key, f, *args, **kwargs: f"user-{key}",
        cache=CLASSES[kind],
        **address,
    )
    async def users(ids: list[int]) -> dict[int, int]:
        asked.append(list(ids))
        return {id: id * 10 for id in [*ids, 99]}

    cache = users.cache
    assert await users([1, 2, 3]) == {1: 10, 2: 20, 3: 30, 99: 990}
    for tag, again in (("user:2", [2]), ("team:10", [1]), ("odd:1", [1, 3]), ("users", [1, 2, 3]), ("none", None)):
        await cache.clear_tag(tag)
        asked.clear()
        await users([1, 2, 3])
        assert asked == ([] if again is None else [again]), tag
    asked.clear()
    await users.refresh([1])
    assert asked == [[1]]
    await cache.clear_tag("team:10")
    assert await cache.get("user-1") is None
    await cache.close()


async def test_refreshing_while_a_tag_is_cleared(kind: str, request: pytest.FixtureRequest) -> None:
    address = {} if kind == "memory" else request.getfixturevalue(f"{kind}_server").address
    begun, go = asyncio.Event(), asyncio.Event()

    @cached(key="f", tags=["t"], cache=CLASSES[kind], **address)
    async def function() -> str:
        begun.set()
        await go.wait()
        return "outdated"

    call = asyncio.create_task(function.refresh())
    await begun.wait()
    await function.cache.clear_tag("t")
    go.set()
    assert await call == "outdated"
    assert await function.cache.get("f") is None
    await function.cache.close()


def test_tags_that_cant_be() -> None:
    with pytest.raises(TypeError, match=r"`tags` is a list, and this is one text: \['t'\]"):
        cached(tags="t")
    with pytest.raises(ValueError, match="'user:{user}' names 'user', which is none of id, result"):

        @cached(tags=["user:{user}"])
        async def function(id: int) -> None: ...

    with pytest.raises(TypeError, match="tagged"):
        CLASSES["memory"]().tagged("t")


async def test_an_argument_called_result() -> None:
    @cached(tags=["{result}"])
    async def function(result: int) -> int:
        return result * 10

    await function(1)
    await function.cache.clear_tag("10")
    assert await function.cache.exists(function.key(1))
    await function.cache.clear_tag("1")
    assert not await function.cache.exists(function.key(1))


async def test_an_operation_that_knows_no_tags() -> None:
    class Own(CLASSES["memory"]):  # type: ignore[misc, valid-type]
        async def _set(self, *args: Any, **kwargs: Any) -> Any:
            return await super()._set(*args, **kwargs)

    with pytest.raises(NotImplementedError, match="Own has no tags, since an operation is overridden"):
        await Own().tagged(["t"]).get_or_set("k", Source(1))
