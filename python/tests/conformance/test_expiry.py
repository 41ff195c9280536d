"""How long entries live."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import MakeCache
from .waiting import until

SHORT = {"memory": 0.05, "redis": 0.05, "memcached": 1}


async def test_an_entry_lives_as_long_as_its_ttl(cache: Any, kind: str) -> None:
    await cache.set("k", 1, ttl=SHORT[kind])
    assert await cache.get("k") == 1

    async def gone() -> bool:
        return await cache.get("k") is None

    await until(gone)
    assert await cache.exists("k") is False
    assert await cache.multi_get(["k"]) == [None]
    assert await cache.delete("k") == 0
    assert await cache.add("k", 2) is True


async def test_ttl_tells_what_remains(cache: Any) -> None:
    await cache.set("k", 1, ttl=100)
    assert 98 < await cache.get_ttl("k") <= 100
    await cache.set("k", 1)
    assert await cache.get_ttl("k") is None
    with pytest.raises(KeyError):
        await cache.get_ttl("missing")


async def test_expire_changes_the_ttl_alone(cache: Any) -> None:
    await cache.set("k", 1)
    assert await cache.expire("k", 100) is True
    assert 98 < await cache.get_ttl("k") <= 100
    assert await cache.get("k") == 1
    assert await cache.expire("missing", 100) is False
    assert await cache.exists("missing") is False


async def test_persist_takes_it_away(cache: Any) -> None:
    await cache.set("k", 1, ttl=100)
    assert await cache.persist("k") is True
    assert await cache.get_ttl("k") is None
    assert await cache.persist("k") is True
    assert await cache.persist("missing") is False


@pytest.mark.parametrize("ttl", [0, None, 0.0], ids=repr)
async def test_no_ttl(cache: Any, ttl: float | None) -> None:
    await cache.set("k", 1, ttl=100)
    await cache.set("k", 2, ttl=ttl)
    await cache.add("l", 1, ttl=ttl)
    await cache.multi_set([("m", 1)], ttl=ttl)
    for key in "klm":
        assert await cache.get_ttl(key) is None
    await cache.expire("k", 100)
    assert await cache.expire("k", ttl) is True
    assert await cache.get_ttl("k") is None


async def test_below_zero_it_is_gone(cache: Any) -> None:
    await cache.set("k", 1)
    await cache.set("k", 2, ttl=-1)
    assert await cache.get("k") is None
    await cache.set("k", 1)
    assert await cache.expire("k", -1) is True
    assert await cache.get("k") is None


async def test_the_default_ttl_is_for_every_write(make_cache: MakeCache) -> None:
    cache = make_cache(ttl=100)
    await cache.set("a", 1)
    await cache.add("b", 1)
    await cache.multi_set([("c", 1)])
    for key in "abc":
        assert 98 < await cache.get_ttl(key) <= 100
    await cache.set("a", 1, ttl=50)
    assert await cache.get_ttl("a") <= 50
    await cache.increment("n")
    assert await cache.get_ttl("n") is None


async def test_a_life_beyond_30_days_is_no_date(cache: Any) -> None:
    await cache.set("k", 1, ttl=60 * 86_400)
    assert await cache.get("k") == 1
    # memcached counts whole seconds: a date that it is given in place of a long TTL is rounded up, and its clock may be a second behind.
    assert 59 * 86_400 < await cache.get_ttl("k") <= 60 * 86_400 + 2
