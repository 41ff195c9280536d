"""Namespaces: what a command keeps to, what clear and scan take."""

from __future__ import annotations

from typing import Any

import pytest

from polycache.exceptions import CacheError

from .conftest import MakeCache

ODD = ["foo", "foobar", "foo*", "f[o]o", "f?o", "foo\\", "é", "a b"]

where_keys_can_be_listed = pytest.mark.parametrize("kind", ["memory", "redis"], indirect=True)


async def test_every_command_keeps_to_its_namespace(cache: Any) -> None:
    await cache.set("k", 1, namespace="a")
    await cache.set("k", 2, namespace="b")
    await cache.set("k", 3)
    assert await cache.get("k", namespace="a") == 1
    assert await cache.multi_get(["k"], namespace="b") == [2]
    assert await cache.increment("k", namespace="a") == 2
    assert await cache.expire("k", 100, namespace="a") is True
    assert await cache.get_ttl("k", namespace="b") is None
    assert await cache.exists("k", namespace="c") is False
    assert await cache.delete("k", namespace="a") == 1
    assert await cache.multi_delete(["k"], namespace="b") == 1
    assert await cache.get("k") == 3


async def test_clear_takes_its_namespace_alone(make_cache: MakeCache, kind: str) -> None:
    if kind == "memcached":
        cache = make_cache(namespace="foo")
        await cache.set("k", 1)
        # memcached can't list its keys; what is in other namespaces is never flushed along.
        with pytest.raises(ValueError, match="namespace"):
            await cache.clear()
        assert await cache.get("k") == 1
        return
    cache = make_cache()
    for namespace in ODD:
        await cache.set("k", namespace, namespace=namespace)
    await cache.set("k", "none")
    for position, namespace in enumerate(ODD):
        assert await cache.clear(namespace=namespace) is True
        left = [each for each in ODD if await cache.exists("k", namespace=each)]
        assert left == ODD[position + 1 :]
    assert await cache.get("k") == "none"


async def test_clear_without_a_namespace(cache: Any) -> None:
    await cache.set("k", 1, namespace="a")
    await cache.set("k", 1)
    assert await cache.clear() is True
    assert await cache.exists("k", namespace="a") is False
    assert await cache.exists("k") is False


@where_keys_can_be_listed
async def test_clear_takes_thousands(make_cache: MakeCache, kind: str) -> None:
    cache = make_cache(namespace="many")
    await cache.multi_set([(f"k{number}", number) for number in range(5000)])
    await cache.set("k", 1, namespace="other")
    await cache.clear()
    assert await cache.multi_get([f"k{number}" for number in range(5000)]) == [None] * 5000
    assert await cache.get("k", namespace="other") == 1


async def scanned(cache: Any, pattern: str = "*") -> list[str]:
    return sorted([key async for key in cache.scan(pattern)])


async def test_scan_lists_the_keys_of_the_namespace(make_cache: MakeCache, kind: str) -> None:
    cache = make_cache(namespace="mine")
    await cache.multi_set([("a1", 1), ("a2", 2), ("b1", 3)])
    await cache.set("c", 1, namespace="other")
    if kind == "memcached":
        with pytest.raises(CacheError):
            await scanned(cache)
        return
    assert await scanned(cache) == ["a1", "a2", "b1"]
    assert await scanned(cache, "a*") == ["a1", "a2"]
    assert await scanned(cache, "?1") == ["a1", "b1"]
    assert await scanned(cache, "[b-z]1") == ["b1"]


@where_keys_can_be_listed
async def test_scan_lists_five_thousand_keys(make_cache: MakeCache, kind: str) -> None:
    cache = make_cache(namespace="many")
    keys = sorted(f"k{number}" for number in range(5000))
    await cache.multi_set([(key, 1) for key in keys])
    assert await scanned(cache) == keys
