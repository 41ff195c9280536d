"""get, set, add, delete, exists, and the commands for many keys."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import MakeCache

VALUES = ["", "é😀\0\n", 0, -7, 2**62, 1.5, True, False, None, [], [1, "a", None], {}, {"a": {"b": [1]}}, "x" * 100_000]


async def test_a_missing_key_is_a_miss(cache: Any) -> None:
    assert await cache.get("k") is None
    assert await cache.get("k", default="d") == "d"
    assert await cache.exists("k") is False
    assert await cache.delete("k") == 0
    assert await cache.multi_get(["k", "l"]) == [None, None]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
async def test_what_is_set_is_read(cache: Any, value: object) -> None:
    assert await cache.set("k", value) is True
    found = await cache.get("k", default="nothing")
    assert (found, type(found)) == (value, type(value))
    assert await cache.multi_get(["k"]) == [value]


async def test_a_stored_none_is_there(cache: Any) -> None:
    await cache.set("k", None)
    assert await cache.get("k", default="d") is None
    assert await cache.exists("k") is True
    with pytest.raises(ValueError, match="k"):
        await cache.add("k", 1)
    assert await cache.delete("k") == 1


async def test_add_changes_nothing_where_a_value_is(cache: Any) -> None:
    assert await cache.add("k", 1) is True
    with pytest.raises(ValueError, match=r"already exists, use \.set to update the value"):
        await cache.add("k", 2, ttl=100)
    assert await cache.get("k") == 1
    assert await cache.get_ttl("k") is None


async def test_delete_says_whether_there_was_one(cache: Any) -> None:
    await cache.set("k", 1)
    assert await cache.delete("k") == 1
    assert await cache.delete("k") == 0


async def test_values_come_in_the_order_asked(cache: Any) -> None:
    await cache.multi_set([(f"k{number}", number) for number in range(10)])
    keys = ["k7", "missing", "k0", "k7", "k9"]
    assert await cache.multi_get(keys) == [7, None, 0, 7, 9]


async def test_none_at_all_is_fine(cache: Any) -> None:
    assert await cache.multi_get([]) == []
    assert await cache.multi_set([]) is True
    assert await cache.multi_delete([]) == 0


async def test_the_last_of_duplicate_keys_wins(cache: Any) -> None:
    await cache.multi_set([("k", 1), ("k", 2)])
    assert await cache.get("k") == 2


async def test_multi_delete_counts_what_there_was(cache: Any) -> None:
    await cache.multi_set([("a", 1), ("b", 2), ("c", 3)])
    assert await cache.multi_delete(["a", "missing", "c"]) == 2
    assert await cache.multi_get(["a", "b", "c"]) == [None, 2, None]


async def test_a_thousand_at_once(cache: Any) -> None:
    pairs = [(f"k{number}", f"v{number}") for number in range(1000)]
    await cache.multi_set(pairs, ttl=100)
    assert await cache.multi_get([key for key, _ in pairs]) == [value for _, value in pairs]
    assert await cache.multi_delete([key for key, _ in pairs]) == 1000


ODD_KEYS = ["", " ", "a b", "a_b", "a\tb", "a\nb", "a\0b", "a:b", "é", "e\u0301", "*", "k" * 300, "%20", "a%20b", "😀"]


async def test_odd_keys_are_kept_apart(make_cache: MakeCache, kind: str) -> None:
    keys = [key for key in ODD_KEYS if kind != "memcached" or len(key) <= 180]
    for namespace in (None, "ns", "a b"):
        cache = make_cache(namespace=namespace)
        for number, key in enumerate(keys):
            await cache.set(key, number)
        assert await cache.multi_get(keys) == list(range(len(keys)))
        for number, key in enumerate(keys):
            assert await cache.get(key) == number


async def test_a_key_that_memcached_cant_have(make_cache: MakeCache, kind: str) -> None:
    cache = make_cache()
    key = "k" * 251
    if kind == "memcached":
        for command in (cache.get(key), cache.set(key, 1), cache.delete(key), cache.exists(key)):
            with pytest.raises(TypeError, match=r"^aiomcache error: invalid key"):
                await command
    else:
        await cache.set(key, 1)
        assert await cache.get(key) == 1
