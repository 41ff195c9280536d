"""Grace, throttle, breaker, recovery and fallback: where they can be given, and what they do when the server is away."""

from __future__ import annotations

import asyncio
import re
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import servers

from polycache import Cache, MemcachedCache, RedisCache, SimpleMemoryCache, cached, caches
from polycache.core.trouble import GUARDS
from polycache.decorators.base import _OF_THE_CACHE
from polycache.exceptions import InvalidInput, Unanswered, Unavailable
from polycache.factory import _create_cache

CRATE = Path(__file__).parents[2] / "crates" / "polycache"
CLASSES = {"redis": RedisCache, "memcached": MemcachedCache}


@pytest.fixture(params=["redis", "memcached"])
def server(request: pytest.FixtureRequest) -> servers.Server:
    server: servers.Server = request.getfixturevalue(f"{request.param}_server")
    return server


def on(server: servers.Server, **options: Any) -> Any:
    return CLASSES[server.scheme](**{**server.address, **options})


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.01)


# Where they are given.


@pytest.mark.parametrize("value", ["1h", 3600, 3600.0, "3600", "60m"], ids=repr)
async def test_a_time_in_every_place(value: Any) -> None:
    @cached(grace=value)
    async def function() -> None: ...

    made = [
        SimpleMemoryCache(grace=value),
        RedisCache(grace=value),
        MemcachedCache(grace=value),
        Cache(Cache.REDIS, grace=value),
        Cache.from_url(f"memory://?grace={value}"),
        Cache.from_url(f"redis://127.0.0.1?grace={value}"),
        Cache.from_url(f"redis+cluster://h1,h2?grace={value}"),
        Cache.from_url(f"memcached://h1,h2?grace={value}"),
        Cache.from_url("valkey://127.0.0.1?grace=1s", grace=value),
        _create_cache("redis", grace=value),
        _create_cache(url=f"redis://127.0.0.1?grace={value}"),
        _create_cache(url="redis://127.0.0.1?grace=1s", grace=value),
        function.cache,
    ]
    for cache in made:
        assert cache.grace == 3600
        assert cache.throttle == 30


async def test_none_is_none() -> None:
    for none in (None, 0, "0s", "0"):
        cache = SimpleMemoryCache(grace=none)
        assert cache.grace is None
        assert cache._keeps_more is False
    with pytest.raises(AttributeError):
        cache.grace = 5


@pytest.mark.parametrize("kind", [SimpleMemoryCache, RedisCache, MemcachedCache])
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"grace": -1}, "`grace` is -1; it begins at 0"),
        ({"grace": float("nan")}, "NaN"),
        ({"throttle": "-1"}, "`throttle` is -1"),
        ({"soft_timeout": -1}, "`soft_timeout` is -1; it begins at 0"),
        ({"hard_timeout": -1}, "`hard_timeout` is -1; it begins at 0"),
        ({"refresh_early": 1.5}, "`refresh_early` is 1.5; it goes from 0.0 to 1.0"),
        ({"refresh_early": "soon"}, "`refresh_early` is 'soon', which is no number"),
        ({"ttl_jitter": -0.5}, "`ttl_jitter` is -0.5; it goes from 0.0 to 1.0"),
        ({"stale_on_clear": "yes"}, "`stale_on_clear` is 'yes'; it is True or False"),
        ({"on_error": "ignore"}, '`on_error` is \'ignore\'; it is "fail" or "miss"'),
        ({"separator": "123456789"}, "`separator` has 9 bytes; it has at most 8 bytes and no control characters"),
        ({"separator": "\n"}, "`separator` has 1 bytes"),
        ({"breaker": "yes"}, "`breaker` is 'yes'; it is True, or a dict"),
        ({"breaker": {"failure": 5}}, "`breaker` has no `failure`; it has failures, failure_rate, pause"),
        ({"breaker": {"failures": 0}}, "`failures` is 0; it goes from 1 to 4294967295"),
        ({"breaker": {"failures": -1}}, "`failures` is -1, which is no whole number"),
        ({"breaker": {"failures": True}}, "`failures` is True, which is no whole number"),
        ({"breaker": {"failure_rate": 1.5}}, "`failure_rate` is 1.5; it goes from 0.01 to 1"),
        ({"breaker": {"pause": "soon"}}, "`pause` is 'soon', which is no time"),
        ({"breaker": {"pause": 0}}, "`pause` is 0ns; it begins at 1ms"),
        ({"recovery": {"max_pending": 0}}, "`max_pending` is 0"),
        ({"fallback": {"ttl": 0}}, "`ttl` is 0ns; it begins at 1ms"),
        ({"near": "many"}, "`near` is 'many'; it is a number of entries, or a dict with its settings"),
        ({"near": {"ttl": 0}}, "`ttl` is 0ns; it begins at 1ms"),
        ({"near": -1}, "`max_entries` is -1, which is no whole number"),
        ({"fallback": {"max_bytes": "many"}}, "`max_bytes` is 'many', which is no whole number"),
    ],
    ids=str,
)
def test_wrong_settings(kind: Any, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(told)):
        kind(**settings)


def test_a_text_that_is_no_time() -> None:
    with pytest.raises(
        ValueError, match='"soon" is no time; write seconds as a number, or a text like 500ms, 2s or 1h'
    ):
        SimpleMemoryCache(grace="soon")
    with pytest.raises(ValueError, match="no time"):
        SimpleMemoryCache(ttl="soon")


async def test_texts_are_times_everywhere() -> None:
    cache = SimpleMemoryCache(ttl="1h 30m", timeout="500ms")
    assert (cache.ttl, cache.timeout) == (5400, 0.5)
    await cache.set("k", 1, ttl="2m")
    assert 119 < (await cache.get_ttl("k") or 0) <= 120
    await cache.expire("k", "1day")
    assert await cache.get_ttl("k") > 86000
    assert await cache.get("k", timeout="1s") == 1


async def test_a_setting_of_the_cache_in_the_url_of_a_server() -> None:
    with pytest.raises(InvalidInput, match="`grace` in the url is no setting of a server"):
        RedisCache(url="redis://127.0.0.1?grace=1h")


@pytest.mark.parametrize("kind", [SimpleMemoryCache, RedisCache, MemcachedCache])
def test_a_misspelt_setting(kind: Any) -> None:
    with pytest.raises(TypeError, match=rf"{kind.__name__}\(\) got an .* 'grase'; did you mean 'grace'\?"):
        kind(grase=1)
    with pytest.raises(TypeError, match="'zzz'; it takes allow_flush, .*grace, hard_timeout, key_builder"):
        kind(zzz=1)


def test_an_alias_has_its_own_settings() -> None:
    for setting in _OF_THE_CACHE:
        with pytest.raises(TypeError, match=f"`{setting}` belongs to the cache: give it to the alias 'default'"):

            @cached(alias="default", **{setting: 1})
            async def function() -> None: ...


async def test_an_alias_with_a_grace() -> None:
    before = caches.get_config()
    caches.set_config({"default": {"cache": "memory"}, "graced": {"cache": "memory", "ttl": 0.02, "grace": "1h"}})
    try:
        results = [5]

        @cached(alias="graced", key="k")
        async def function() -> int:
            return results.pop()

        assert await function() == 5

        async def over() -> bool:
            return not await function.cache.exists("k")

        await until(over)
        assert await function() == 5
    finally:
        caches.set_config(before)


async def test_a_configuration_of_the_rust_crate(redis_server: servers.Redis) -> None:
    text = f"""
        [default]
        cache = "memory"

        [sessions]
        cache = "redis"
        endpoint = "127.0.0.1"
        port = {redis_server.port}
        namespace = "sessions"
        ttl = "30m"
        timeout = "500ms"
        grace = "1h"
        serializer = {{ class = "zstd", level = 9, serializer = "msgpack" }}
        plugins = ["hit_miss_ratio", "timing"]
        breaker = {{ failures = 3, pause = "1s" }}
        fallback = true
        near = 100

        [prices]
        url = "redis+cluster://10.0.0.1:7000,10.0.0.2:7000?grace=1m"
        ttl = 60

        [wrong]
        cache = "memory"
        enabled = false
    """
    before = caches.get_config()
    caches.set_config(tomllib.loads(text))
    try:
        sessions, prices = caches.get("sessions"), caches.get("prices")
        assert (sessions.ttl, sessions.timeout, sessions.grace) == (1800, 0.5, 3600)
        assert [type(plugin).__name__ for plugin in sessions.plugins] == ["HitMissRatioPlugin", "TimingPlugin"]
        assert (prices.ttl, prices.grace) == (60, 60)
        await sessions.set("k", [1])
        assert await sessions.get("k") == [1]
        await sessions.close()
        with pytest.raises(TypeError, match="SimpleMemoryCache.* 'enabled'"):
            caches.get("wrong")
    finally:
        caches.set_config(before)


# The names are those of the Rust crate.


def rust_settings() -> set[str]:
    """The settings of a cache in URLs and configurations of the Rust crate."""
    text = (CRATE / "src" / "settings" / "url.rs").read_text()
    found = re.search(r"CACHE: \[&str; \d+\] = \[(.*?)\];", text, re.DOTALL)
    assert found
    return set(re.findall(r'"(\w+)"', found[1]))


def rust_ranges(*files: str) -> set[str]:
    texts = "".join((CRATE / "src" / "backends" / file).read_text() for file in files)
    own = set(re.findall(r'Range::\w+\("(\w+)"', texts))
    return own | ({"max_bytes"} if "settings.ranged(&MAX_BYTES)" in texts else set())


#: Settings of the Rust crate that Python doesn't have: what takes their place.
RUST_ALONE = {"enabled": "AIOCACHE_DISABLE and POLYCACHE_DISABLE in the environment"}


def test_the_settings_of_a_cache_have_the_same_names() -> None:
    import inspect

    from polycache.core.state import State
    from polycache.core.trouble import Troubled
    from polycache.core.tuned import Tuned

    python = {name for kind in (State, Tuned, Troubled) for name in inspect.signature(kind.__init__).parameters}
    assert set(GUARDS) <= python
    assert rust_settings() - python == set(RUST_ALONE)
    assert python - rust_settings() == {"self", "kwargs", "unknown", "key_builder"}


def test_the_page_of_all_settings_has_each_of_them() -> None:
    page = (CRATE.parents[1] / "docs" / "configuration.md").read_text()
    table = page.partition("## All settings")[2].partition("\n## ")[0]
    listed = {name for line in table.splitlines() for name in re.findall(r"^\| (?:\[)?`([\w.]+)`", line)}
    assert rust_settings() <= listed
    fields = {
        f"{setting}.{field}"
        for setting, file in (
            ("breaker", "breaker.rs"),
            ("recovery", "recovery/builder.rs"),
            ("fallback", "fallback.rs"),
            ("near", "near/builder.rs"),
        )
        for field in rust_ranges(file) - {"near"}
    }
    assert fields <= listed


@pytest.mark.parametrize(
    ("setting", "files"),
    [
        ("breaker", ["breaker.rs"]),
        ("recovery", ["recovery/builder.rs"]),
        ("fallback", ["fallback.rs"]),
        ("near", ["near/builder.rs"]),
    ],
)
def test_the_fields_have_the_same_names(setting: str, files: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        SimpleMemoryCache(**{setting: {"none": 1}})
    told = str(refused.value).rpartition("it has ")[2]
    # Some are neither a number nor a time.
    assert set(told.split(", ")) - {"tracking", "channel", "shared"} == rust_ranges(*files) - {"near"}


# What they do.


async def test_recovery_deletes_later(server: servers.Server) -> None:
    cache = on(server, recovery={"close_timeout": "0s"})
    assert await cache.set("k", "old")
    server.kill()
    with pytest.raises((Unavailable, TimeoutError)):
        await cache.delete("k")
    assert cache.pending().keys == ["k"]
    assert await cache.get("k") is None
    assert not cache.is_away and not cache.is_open
    server.start()

    async def settled() -> bool:
        return not cache.pending().keys

    await until(settled)
    assert await cache.set("k", "new")
    assert await cache.get("k") == "new"
    await cache.close()


async def test_a_fallback_works_in_memory(server: servers.Server) -> None:
    cache = on(server, fallback=True, namespace="n")
    assert await cache.set("k", "on the server")
    assert not cache.is_away
    server.kill()
    calls = 0

    async def compute() -> str:
        nonlocal calls
        calls += 1
        return "computed"

    async with asyncio.timeout(20):
        assert await cache.get("k") is None
        assert cache.is_away
        assert await cache.set("l", [1]) is True
        assert await cache.get("l") == [1]
        assert await cache.get_or_set("m", compute) == await cache.get_or_set("m", compute) == "computed"
        assert calls == 1
        assert await cache.increment("i") == 1
    assert len(cache.pending().keys) >= 3
    server.start()

    async def back() -> bool:
        return not cache.is_away

    await until(back)
    assert await cache.get("l") is None
    await cache.close()


async def test_a_fallback_sees_a_server_that_stands_still(server: servers.Server) -> None:
    """Its first call takes the timeout; who measured that in Python alone wouldn't tell the fallback."""
    cache = on(server, fallback={"ttl": 5})
    assert await cache.set("k", 1)
    assert not cache.is_away
    server.stop()
    try:
        with pytest.raises((TimeoutError, Unavailable)):
            await cache.get("k", timeout=0.3)
        assert cache.is_away
        assert await cache.set("k", 2)
        assert await cache.get("k") == 2
    finally:
        server.resume()

    async def back() -> bool:
        return not cache.is_away

    await until(back)
    await cache.close()


async def test_a_breaker_opens(server: servers.Server) -> None:
    cache = on(server, breaker={"failures": 2, "pause": 0.05})
    server.kill()
    for _ in range(2):
        with pytest.raises((Unavailable, TimeoutError)):
            await cache.get("k")
    assert cache.is_open
    with pytest.raises(Unavailable, match="breaker"):
        await cache.get("k")
    server.start()

    async def works() -> bool:
        try:
            return bool(await cache.set("k", 1))
        except Unavailable:
            return False

    await until(works)
    assert not cache.is_open
    await cache.close()


async def test_a_grace_in_the_memory_of_a_fallback(server: servers.Server) -> None:
    cache = on(server, fallback=True, grace=100, ttl=1, throttle=0)
    server.kill()
    results: list[Any] = [ValueError("away"), 5]

    async def compute() -> int:
        result = results.pop()
        if isinstance(result, Exception):
            results.append(result)
            raise result
        return int(result)

    assert await cache.get_or_set("k", compute) == 5
    assert cache.is_away

    async def over() -> bool:
        return not await cache.exists("k")

    await until(over)
    assert await cache.get_or_set("k", compute) == 5
    server.start()
    await cache.close()


async def test_a_near_cache(server: servers.Server) -> None:
    near, far = on(server, near={"max_entries": 100, "tracking": False, "ttl": "1h"}), on(server)
    assert await near.set("k", {"a": 1})
    assert await near.get("k") == {"a": 1}
    await far.set("k", 2)
    assert await near.get("k") == {"a": 1}
    assert await near.set("k", 3)
    assert await near.get("k") == 3
    assert await near.delete("k") == 1
    assert await near.get("k") is None
    await near.close()
    await far.close()
    none = on(server, near=0)
    assert none._guards["near"] is None
    assert Cache.from_url(f"{server.url}?near=100")._guards["near"] == {"max_entries": "100"}


async def test_redis_tells_a_near_cache_of_changes(redis_server: servers.Redis) -> None:
    near, far = on(redis_server, near=100), on(redis_server)
    assert await near.set("k", 1)
    assert await near.get("k") == 1
    await far.set("k", 2)

    async def seen() -> bool:
        return await near.get("k") == 2

    await until(seen)
    await near.close()
    await far.close()


async def test_near_caches_tell_each_other_on_a_channel(
    memcached_server: servers.Memcached, redis_server: servers.Redis
) -> None:
    near = {"ttl": "1h", "channel": redis_server.url}
    one, two = on(memcached_server, near=near), on(memcached_server, near=near)
    for value in range(20):
        await one.set("k", value)

        async def seen(value: int = value) -> bool:
            return await two.get("k") == value

        await until(seen)
    await one.close()
    await two.close()
    with pytest.raises(InvalidInput) as refused:
        on(memcached_server, near={"channel": "redis://:s3cret@:x"})
    assert "s3cret" not in str(refused.value)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
async def test_a_child_of_a_fork_has_its_own(redis_server: servers.Redis) -> None:
    import os

    cache = on(redis_server, fallback=True, grace=60, ttl=60)
    await cache.set("k", 1)
    child = os.fork()
    if child == 0:
        try:
            code = 0 if asyncio.new_event_loop().run_until_complete(cache.get("k")) == 1 and not cache.is_away else 1
        except BaseException:
            code = 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert await cache.get("k") == 1
    await cache.close()


async def test_not_every_call_waits_for_a_server_that_stands_still(server: servers.Server) -> None:
    # The heartbeat comes too late to have a part in it.
    cache = on(server, heartbeat=60, timeout=0.3)
    await cache.set("k", 1, timeout=30)
    calls = [lambda: cache.get("k"), lambda: cache.set("k", 2), lambda: cache.multi_get(["k", "l"])] * 10
    waited = at_once = 0
    server.stop()
    try:
        for call in calls:
            try:
                await call()
            except Unanswered:
                at_once += 1
            except TimeoutError:
                waited += 1
            except Unavailable:
                pass
    finally:
        server.resume()
    # One, and a few more on a machine that stands still itself.
    assert 1 <= waited <= 5
    # Who handles timeouts handles the others, too.
    assert at_once > 0
    assert issubclass(Unanswered, TimeoutError)

    async def back() -> bool:
        try:
            return await cache.get("k") in (1, 2)
        except (TimeoutError, Unavailable):
            return False

    await until(back)
    await cache.close()


async def test_a_loop_that_stands_still_says_nothing_of_the_server(server: servers.Server) -> None:
    cache = on(server, heartbeat=60, timeout=0.3)
    await cache.set("k", 1, timeout=30)
    server.stop()
    try:
        call = asyncio.ensure_future(cache.get("k"))
        await asyncio.sleep(0)
        time.sleep(0.5)  # The timer comes too late, as a reply would.
        with pytest.raises(TimeoutError):
            await call
        # The next call waits for the server, which is not known to be silent.
        call = asyncio.ensure_future(cache.get("k", timeout=60))
        await asyncio.wait([call], timeout=0.05)
        assert not call.done()
    finally:
        server.resume()
    assert await call == 1
    await cache.close()
