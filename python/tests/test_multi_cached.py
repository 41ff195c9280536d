"""`multi_cached`: the entries of a mapping, each by its key."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest

from polycache import SimpleMemoryCache, multi_cached


class Source:
    """A function of keys, and what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def __call__(self, keys: Iterable[str]) -> dict[str, str | None]:
        self.asked.append(list(keys))
        return {key: None if key == "none" else key.upper() for key in keys if key != "unknown"}


def made(source: Source, **options: Any) -> Any:
    @multi_cached("keys", **options)
    async def function(keys: Iterable[str], other: int = 0) -> dict[str, str | None]:
        return await source(keys)

    return function


async def test_only_missing_keys_are_asked_for() -> None:
    source = Source()
    function = made(source)
    assert await function(["a", "b"]) == {"a": "A", "b": "B"}
    assert await function(["b", "c"]) == {"b": "B", "c": "C"}
    assert await function(["a", "b", "c"]) == {"a": "A", "b": "B", "c": "C"}
    assert source.asked == [["a", "b"], ["c"]]


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset, iter, lambda keys: (key for key in keys)])
async def test_keys_of_any_kind(kind: Callable[[list[str]], Any]) -> None:
    source = Source()
    function = made(source)
    assert await function(kind(["a"])) == {"a": "A"}
    assert await function(keys=kind(["a"])) == {"a": "A"}
    assert source.asked == [["a"]]


async def test_none_is_a_value_and_left_out_keys_are_missing() -> None:
    source = Source()
    function = made(source)
    assert await function(["none", "unknown"]) == {"none": None}
    assert await function(["none", "unknown"]) == {"none": None}
    assert source.asked == [["none", "unknown"], ["unknown"]]


async def test_hits_are_not_written_again() -> None:
    source = Source()
    function = made(source, ttl=100)
    await function(["a"])
    await function.cache.expire("a", 50)
    await function(["a", "b"])
    assert await function.cache.get_ttl("a") <= 50
    assert await function.cache.get_ttl("b") > 50


async def test_a_key_builder_is_between_the_caller_and_the_cache() -> None:
    source = Source()
    seen: list[Any] = []

    def build(key: str, function: Any, *args: Any, **kwargs: Any) -> str:
        seen.append((function.__name__, args, kwargs))
        return f"built-{key}"

    function = made(source, key_builder=build)
    assert await function(["a"], other=3) == {"a": "A"}
    assert await function(["a", "b"], other=3) == {"a": "A", "b": "B"}
    assert source.asked == [["a"], ["b"]]
    assert await function.cache.get("built-a") == "A"
    assert seen[0] == ("function", (["a"],), {"other": 3})
    assert function.key(["a"]) == ["built-a"]


async def test_what_is_skipped() -> None:
    function = made(Source(), skip_cache_func=lambda key, value: value is None)
    await function(["a", "none"])
    assert [await function.cache.exists(key) for key in ("a", "none")] == [True, False]


async def test_refresh_and_invalidate() -> None:
    source = Source()
    function = made(source)
    await function(["a", "b"])
    await function.refresh(["a"])
    assert await function.invalidate(["a", "b", "c"]) == 2
    await function(["b"])
    assert source.asked == [["a", "b"], ["a"], ["b"]]


async def test_what_a_call_says_of_the_cache() -> None:
    source = Source()
    function = made(source)
    await function(["a"], cache_write=False)
    await function(["a"])
    await function(["a"], cache_read=False)
    assert source.asked == [["a"], ["a"], ["a"]]


async def test_no_keys() -> None:
    source = Source()
    function = made(source)
    assert await function([]) == {}
    assert await function([]) == {}
    assert source.asked == [[], []]


async def test_a_default() -> None:
    asked: list[Any] = []

    @multi_cached("keys")
    async def function(keys: list[str] | tuple[str, ...] = ("a",)) -> dict[str, int]:
        asked.append(keys)
        return dict.fromkeys(keys, 1)

    assert [await function(), await function()] == [{"a": 1}, {"a": 1}]
    assert asked == [["a"]]


async def test_methods() -> None:
    class Users:
        def __init__(self) -> None:
            self.asked: list[Any] = []

        @multi_cached("ids", key_builder=lambda key, f, self, *args, **kwargs: f"{id(self)}-{key}")
        async def load(self, ids: list[int]) -> dict[int, str]:
            self.asked.append(ids)
            return {id: str(id) for id in ids}

    one, two = Users(), Users()
    assert [await one.load([1]), await one.load([1, 2]), await two.load([1])] == [{1: "1"}, {1: "1", 2: "2"}, {1: "1"}]
    assert [one.asked, two.asked] == [[[1], [2]], [[1]]]
    assert await one.load.invalidate([1, 2]) == 2


async def test_the_function_s_own_result_stays_as_it_is() -> None:
    results: list[dict[str, int]] = []

    @multi_cached("keys")
    async def function(keys: list[str]) -> dict[str, int]:
        results.append(dict.fromkeys(keys, 1))
        return results[-1]

    await function(["a"])
    await function(["a", "b"])
    assert results == [{"a": 1}, {"b": 1}]


async def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source()
    function = made(source)
    await function(["a"])
    monkeypatch.setenv("AIOCACHE_DISABLE", "1")
    assert await function(["a", "b"]) == {"a": "A", "b": "B"}
    assert source.asked == [["a"], ["a", "b"]]


async def test_trouble_with_the_cache(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(SimpleMemoryCache):
        async def multi_get(self, *args: Any, **kwargs: Any) -> Any:
            raise ConnectionError("away")

        async def multi_set(self, *args: Any, **kwargs: Any) -> Any:
            raise ConnectionError("away")

    source = Source()
    function = made(source, cache=Broken)
    assert await function(["a"]) == {"a": "A"}
    assert len(caplog.records) == 2


async def test_a_subclass_of_the_decorator() -> None:
    class Remembering(multi_cached):
        async def get_from_cache(self, *keys: Any) -> list[Any]:
            return [f"from {key}" for key in keys]

    @Remembering("keys")
    async def function(keys: list[str]) -> dict[str, str]:
        raise AssertionError("nothing is missing")

    assert await function(["a"]) == {"a": "from a"}
    assert cast(Any, Remembering("keys")).keys_from_attr == "keys"
