"""The last table of the contract: what aiocache does wrong, beside what is done instead."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap
from typing import Any

import servers

from .cases import disabled, serializer
from .scenarios import differs, fixed
from .sides import ALL, MEMCACHED, MEMORY, REDIS, Side, until
from .test_decorators import arguments


async def settle(tasks: list[asyncio.Task[Any]]) -> list[object]:
    """The results, an exception by its class."""
    results = await asyncio.gather(*tasks, return_exceptions=True)
    return [type(result).__name__ if isinstance(result, Exception) else result for result in results]


@fixed(*ALL, ours=[f"list({', '.join(['int 7'] * 20)})", "int 1"])
async def test_stampede_in_one_process(side: Side, kind: str) -> None:
    """Twenty at once on a server: one call, where aiocache makes one or a few, as it happens."""
    calls: list[int] = []

    @side.package.cached_stampede(**arguments(side, kind), lease=10, key="k")
    async def function(x: int) -> int:
        calls.append(x)
        await asyncio.sleep(0.05)
        return x

    side.keep(function.cache)
    side.note(await settle([asyncio.create_task(function(7)) for _ in range(20)]))
    side.note(len(calls))


# Without the current folder in its path, which may have the package's source.
PYTHON = [sys.executable, "-P", "-W", "ignore", "-c"]

PROCESS = """
    import asyncio, sys
    from {package} import Cache, cached_stampede

    @cached_stampede(cache=Cache.{kind}, {options}, lease=5, key="k")
    async def function():
        print("called", flush=True)
        await asyncio.sleep(0.5)
        return 7

    async def main():
        print("ready", flush=True)
        sys.stdin.readline()
        print(await function(), flush=True)
        await function.cache.close()

    asyncio.run(main())
"""


def called_by_processes(side: Side, kind: str) -> list[str]:
    """What four processes print that ask for one key at once, sorted."""
    options = ", ".join(f"{name}={value!r}" for name, value in side.options(kind).items())
    program = textwrap.dedent(PROCESS).format(package=side.name, kind=kind.upper(), options=options)
    processes = [
        subprocess.Popen(
            [*PYTHON, program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    return sorted(line for process in processes for line in process.communicate(timeout=30)[0].split())


@differs(REDIS, theirs=["int 4", "int 4"], ours=["int 1", "int 4"])
async def test_stampede_of_processes(side: Side, kind: str) -> None:
    """aiocache protects no second process; here one of four calls, and all get the value."""
    lines = await asyncio.to_thread(called_by_processes, side, kind)
    side.note(lines.count("called"))
    side.note(lines.count("7"))


@fixed(MEMCACHED, ours=["int 1", "int 4"])
async def test_stampede_of_processes_on_memcached(side: Side, kind: str) -> None:
    lines = await asyncio.to_thread(called_by_processes, side, kind)
    side.note(lines.count("called"))
    side.note(lines.count("7"))


@differs(MEMORY, theirs=["int 5"], ours=["int 1"])
async def test_a_lease_shorter_than_the_work(side: Side, kind: str) -> None:
    """aiocache's waiters all compute when the lease ends; here it is renewed while its holder works."""
    calls: list[int] = []

    @side.package.cached_stampede(**arguments(side, kind), lease=0.1, key="k")
    async def function() -> int:
        calls.append(1)
        await asyncio.sleep(0.4)
        return 1

    side.keep(function.cache)
    await settle([asyncio.create_task(function()) for _ in range(5)])
    side.note(len(calls))


@differs(
    MEMORY, theirs=["int 5", "list(None, None, None, None, None)"], ours=["int 1", "list(None, None, None, None, None)"]
)
async def test_waiters_share_none(side: Side, kind: str) -> None:
    calls: list[int] = []

    @side.package.cached_stampede(**arguments(side, kind), lease=5, key="k")
    async def function() -> None:
        calls.append(1)
        await asyncio.sleep(0.02)

    side.keep(function.cache)
    results = await settle([asyncio.create_task(function()) for _ in range(5)])
    side.note(len(calls))
    side.note(results)


@differs(
    MEMORY,
    theirs=[
        "int 5",
        "list(str 'LookupError', str 'LookupError', str 'LookupError', str 'LookupError', str 'LookupError')",
    ],
    ours=[
        "int 1",
        "list(str 'LookupError', str 'LookupError', str 'LookupError', str 'LookupError', str 'LookupError')",
    ],
)
async def test_waiters_share_the_error(side: Side, kind: str) -> None:
    calls: list[int] = []

    @side.package.cached_stampede(**arguments(side, kind), lease=5, key="k")
    async def function() -> None:
        calls.append(1)
        await asyncio.sleep(0.02)
        raise LookupError

    side.keep(function.cache)
    results = await settle([asyncio.create_task(function()) for _ in range(5)])
    side.note(len(calls))
    side.note(results)


@fixed(REDIS, MEMCACHED, ours=["int 0"])
async def test_cancelled_calls_leave_the_connection_right(side: Side, kind: str) -> None:
    """A cancelled call of memcached leaves aiocache's connection one reply behind."""
    cache = side.cache(kind)
    for number in range(50):
        await cache.set(f"k{number}", number)
    wrong = 0
    for turn in range(50):
        doomed = [asyncio.create_task(cache.get(f"k{number}")) for number in range(10)]
        # Each turn is cancelled at another moment of the way.
        for _ in range(turn % 7):
            await asyncio.sleep(0)
        for task in doomed:
            task.cancel()
        values = await asyncio.gather(*(cache.get(f"k{number}") for number in range(10, 20)))
        wrong += values != list(range(10, 20))
        await asyncio.gather(*doomed, return_exceptions=True)
    side.note(wrong)


@differs(MEMCACHED, theirs=["None", "str 'of b'"], ours=["str 'of b'", "str 'of b'"])
async def test_one_reply_behind(side: Side, kind: str) -> None:
    """The same with a server that stands still while a call is cancelled: its reply comes afterwards for sure."""
    server = side.memcached
    cache = side.cache(kind, timeout=0, **({} if side.name == "polycache" else {"pool_size": 1}))
    await cache.set("a", "of a")
    await cache.set("b", "of b")
    server.stop()
    task = asyncio.create_task(cache.get("a"))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    server.resume()
    await side.do(cache.get("b"))
    await side.do(cache.get("b"))


@differs(MEMORY, theirs=["False"], ours=["True"])
async def test_clear_takes_timers_along(side: Side, kind: str) -> None:
    """A key that is set anew after `clear` doesn't die of its former TTL."""
    cache = side.cache(kind)
    await cache.set("k", 1, ttl=0.05)
    await cache.clear()
    await cache.set("k", 2)

    async def gone() -> bool:
        return not await cache.exists("k")

    side.note(not await until(gone, 0.2))


@differs(MEMORY, theirs=["None", "None"], ours=["None", "int 2"])
async def test_clear_of_a_prefix(side: Side, kind: str) -> None:
    """`clear("foo")` leaves what is in `foobar` alone."""
    cache = side.cache(kind)
    await cache.set("k", 1, namespace="foo")
    await cache.set("k", 2, namespace="foobar")
    await cache.clear(namespace="foo")
    await side.do(cache.get("k", namespace="foo"))
    await side.do(cache.get("k", namespace="foobar"))


@differs(MEMORY, REDIS, theirs=["None", "None"], ours=["None", "int 2"])
async def test_clear_of_a_cache_with_a_namespace(side: Side, kind: str) -> None:
    """It doesn't flush the database."""
    cache = side.cache(kind, namespace="foo")
    await cache.set("k", 1)
    await cache.set("k", 2, namespace="other")
    await cache.clear()
    await side.do(cache.get("k"))
    await side.do(cache.get("k", namespace="other"))


@differs(REDIS, theirs=["None"], ours=["int 1"])
async def test_clear_takes_the_namespace_by_its_letters(side: Side, kind: str) -> None:
    """A star in a namespace is a star."""
    cache = side.cache(kind)
    await cache.set("k", 1, namespace="axb")
    await cache.clear(namespace="a*b")
    await side.do(cache.get("k", namespace="axb"))


@fixed(MEMORY, ours=["True"])
async def test_memory_is_bounded(side: Side, kind: str) -> None:
    cache = side.cache(kind, max_size=100)
    for number in range(1000):
        await cache.set(f"k{number}", number)
    present = [number for number in range(1000) if await cache.exists(f"k{number}")]
    side.note(0 < len(present) <= 100)


@differs(*ALL, theirs=["None", "None", "int 2"], ours=["None", "None", "int 1"])
async def test_none_is_a_value_of_decorators(side: Side, kind: str) -> None:
    calls: list[int] = []

    @side.package.cached(**arguments(side, kind), key="k")
    async def function() -> None:
        calls.append(1)

    side.keep(function.cache)
    await side.do(function())
    await side.do(function())
    side.note(len(calls))


@differs(MEMORY, theirs=["True", "int 0"], ours=["True", "int 1"])
async def test_delete_of_none(side: Side, kind: str) -> None:
    cache = side.cache(kind)
    await side.do(cache.set("k", None))
    await side.do(cache.delete("k"))


@fixed(MEMORY, ours=["int 0"])
async def test_methods_of_other_objects(side: Side, kind: str) -> None:
    """No instance gets what was stored for another that had its address."""

    class Thing:
        def __init__(self, number: int) -> None:
            self.number = number

        @side.package.cached()
        async def method(self) -> int:
            return self.number

    wrong = 0
    for number in range(50):
        thing = Thing(number)
        wrong += await thing.method() != number
        del thing
    side.note(wrong)


@differs(MEMORY, theirs=["int 2"], ours=["int 2"])
async def test_default_keys_are_kept_for_compatibility(side: Side, kind: str) -> None:
    """`f(1)` and `f(x=1)` are two keys, as they were."""
    calls: list[int] = []

    @side.package.cached()
    async def function(x: int) -> None:
        calls.append(x)

    await function(1)
    await function(x=1)
    side.note(len(calls))


@differs(REDIS, theirs=["True"], ours=["False"])
async def test_multi_cached_leaves_hits_alone(side: Side, kind: str) -> None:
    """A hit's TTL isn't renewed when another key is missing."""

    @side.package.multi_cached("ids", **arguments(side, kind), ttl=1000)
    async def function(ids: list[str]) -> dict[str, str]:
        return {each: each for each in ids}

    cache = side.keep(function.cache)
    await function(["a"])
    await cache.expire("a", 10)
    await function(["a", "b"])
    side.note(await cache.raw("ttl", "a") > 10)


@differs(
    MEMORY,
    theirs=["list(list(str 'p_a'), list(str 'p_a'))", "list(str 'p_a')", "list(str 'p_p_a')"],
    ours=["list(list(str 'a'))", "list(str 'a')", "list(str 'p_a')"],
)
async def test_multi_cached_builds_keys_once(side: Side, kind: str) -> None:
    """The function gets the caller's keys, and so does the result."""
    asked: list[list[str]] = []

    @side.package.multi_cached("ids", key_builder=lambda key, f, *args, **options: f"p_{key}")
    async def function(ids: list[str]) -> dict[str, str]:
        asked.append(list(ids))
        return {each: each for each in ids}

    await function(["a"])
    result = await function(["a"])
    side.note(asked)
    side.note(list(result))
    side.note(sorted(await function.cache.raw("keys")))


@differs(MEMCACHED, theirs=["TypeError", "False"], ours=["True", "True"])
async def test_the_default_ttl_on_memcached(side: Side, kind: str) -> None:
    cache = side.cache(kind, ttl=100)
    await side.do(cache.set("k", 1))
    side.note(bool(await cache.exists("k")))


@differs(MEMCACHED, theirs=["int 5", "int -5", "int 3"], ours=["int 5", "int 0", "int 3"])
async def test_counting_on_memcached(side: Side, kind: str) -> None:
    cache = side.cache(kind)
    await side.do(cache.increment("n", 5))
    await side.do(cache.increment("n", -5))
    await side.do(cache.increment("n", 3))


@differs(
    REDIS,
    theirs=["True", "UnicodeDecodeError"],
    ours=["True", "dict(str 'a': list(int 1, int 200))"],
)
async def test_msgpack_is_binary_safe(side: Side, kind: str) -> None:
    cache = side.cache(kind, **{name: part.make(side) for name, part in serializer("MsgPackSerializer").items()})
    await side.do(cache.set("k", {"a": [1, 200]}))
    await side.do(cache.get("k"))


@differs(REDIS, theirs=["UnicodeDecodeError"], ours=["True"])
async def test_optimistic_lock_with_pickle(side: Side, kind: str) -> None:
    cache = side.cache(kind, serializer=side.module("serializers").PickleSerializer())
    await cache.set("k", [1, 2])

    async def change() -> bool:
        async with side.module("lock").OptimisticLock(cache, "k") as held:
            return bool(await held.cas([3]))

    await side.do(change())


@fixed(MEMORY, ours=["True", "True"])
async def test_a_background_write_is_held(side: Side, kind: str) -> None:
    """A write that isn't waited for survives garbage collection."""

    @side.package.cached(key="k")
    async def function() -> int:
        return 1

    await function(aiocache_wait_for_write=False)
    gc.collect()
    side.note(await until(lambda: function.cache.exists("k")))
    side.note(not asyncio.all_tasks() - {asyncio.current_task()})


@differs(MEMORY, REDIS, theirs=["True"], ours=["OptimisticLockError"])
async def test_locks_with_a_key_builder(side: Side, kind: str) -> None:
    """Locks and commands agree on the key, so the conflict is seen."""
    cache = side.cache(kind, namespace="ns", key_builder=lambda key, namespace=None: f"{namespace}/{key}")
    await cache.set("k", "old")

    async def change() -> bool:
        async with side.module("lock").OptimisticLock(cache, "k") as held:
            await cache.set("k", "another's")
            return bool(await held.cas("new"))

    await side.do(change())


@differs(REDIS, theirs=["TypeError", "ResponseError"], ours=["list()", "True"])
async def test_nothing_at_once_on_redis(side: Side, kind: str) -> None:
    cache = side.cache(kind)
    await side.do(cache.multi_get([]))
    await side.do(cache.multi_set([]))


@differs(MEMORY, theirs=["dict()", "str 'none'"], ours=["dict(str 'a': int 1)", "str 'a default'"])
async def test_disabled_caches_let_functions_work(side: Side, kind: str) -> None:
    """`multi_cached` gives the function's result, `get` the default."""

    @side.package.multi_cached("ids")
    async def function(ids: list[str]) -> dict[str, int]:
        return dict.fromkeys(ids, 1)

    with disabled():
        await side.do(function(["a"]))
        value = await side.cache(kind).get("k", default="a default")
    side.note("none" if value is None else value)


URL = "redis://user:p%40ss@127.0.0.1:6380/2"


@differs(MEMORY, theirs=["str 'p%40ss'"], ours=["str 'p@ss'"])
async def test_passwords_in_urls(side: Side, kind: str) -> None:
    side.note(side.keep(side.package.Cache.from_url(URL)).password)


@differs(MEMORY, theirs=["InvalidCacheType"], ours=["str 'RedisCache'"])
async def test_rediss(side: Side, kind: str) -> None:
    def name() -> str:
        return type(side.keep(side.package.Cache.from_url("rediss://127.0.0.1:6380"))).__name__

    await side.do(name)


LOCKS = """
    import asyncio, sys
    from {package} import RedisCache
    from {package}.lock import RedLock

    async def main():
        cache = RedisCache({options})
        async with RedLock(cache, "k", lease=20):
            print("held", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            print("leaving", flush=True)
        await cache.close()

    asyncio.run(main())
"""


@differs(REDIS, theirs=["False"], ours=["True"])
async def test_a_lock_of_another_process(side: Side, kind: str) -> None:
    """It is waited for; aiocache enters at once."""
    options = ", ".join(f"{name}={value!r}" for name, value in side.options(kind).items())
    program = textwrap.dedent(LOCKS).format(package=side.name, options=options)
    process = subprocess.Popen([*PYTHON, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdin
    assert await asyncio.to_thread(process.stdout.readline) == "held\n"
    cache = side.cache(kind)
    entered = asyncio.Event()

    async def enter() -> None:
        async with side.module("lock").RedLock(cache, "k", lease=20):
            entered.set()

    task = asyncio.create_task(enter())
    waited = not await until(lambda: asyncio.sleep(0, entered.is_set()), 0.3)
    process.stdin.write("\n")
    process.stdin.flush()
    await task
    await asyncio.to_thread(process.communicate)
    side.note(waited)


@differs(MEMORY, theirs=["False", "KeyError"], ours=["False", "str 'left'"])
async def test_a_lock_over_two_memory_caches(side: Side, kind: str) -> None:
    """Two caches are two lock spaces, and leaving never raises; aiocache stumbles over the other's lock."""
    lock = side.module("lock").RedLock
    one, other = side.cache(kind), side.cache(kind)
    entered = asyncio.Event()

    async def enter() -> str:
        async with lock(other, "k", lease=5):
            entered.set()
        return "left"

    async def both() -> str:
        async with lock(one, "k", lease=5):
            task = asyncio.create_task(enter())
            side.note(not await until(lambda: asyncio.sleep(0, entered.is_set()), 0.1))
            if entered.is_set():
                await task
        return await task

    await side.do(both())


@differs(
    MEMORY,
    theirs=["dict(str 'total': int 1, str 'hits': int 1, str 'hit_ratio': float 1.0)"],
    ours=["dict(str 'total': int 1, str 'hits': int 0, str 'hit_ratio': float 0.0)"],
)
async def test_a_default_is_no_hit(side: Side, kind: str) -> None:
    cache = side.cache(kind, plugins=[side.module("plugins").HitMissRatioPlugin()])
    await cache.get("missing", default=5)
    side.note(cache.hit_miss_ratio)


@differs(MEMCACHED, theirs=["int 2", "int 2"], ours=["int 1", "int 2"])
async def test_two_keys_on_memcached(side: Side, kind: str) -> None:
    """A key with a space and one with a `_` aren't one."""
    cache = side.cache(kind)
    await cache.set("a b", 1)
    await cache.set("a_b", 2)
    await side.do(cache.get("a b"))
    await side.do(cache.get("a_b"))


@differs(MEMORY, theirs=["True", "ValueError"], ours=["True", "dict(int 1: str 'a')"])
async def test_int_keys_by_msgpack(side: Side, kind: str) -> None:
    cache = side.cache(kind, serializer=side.module("serializers").MsgPackSerializer())
    await side.do(cache.set("k", {1: "a"}))
    await side.do(cache.get("k"))


@differs(REDIS, theirs=["ResponseError", "None"], ours=["True", "int 1"])
async def test_ttl_of_zero(side: Side, kind: str) -> None:
    """0 means no TTL, as on memory."""
    cache = side.cache(kind)
    await side.do(cache.set("k", 1, ttl=0))
    await side.do(cache.get("k"))


@fixed(*ALL, ours=["True", "None", "False"])
async def test_ttl_below_zero(side: Side, kind: str) -> None:
    """Gone at once."""
    cache = side.cache(kind)
    await side.do(cache.set("k", 1, ttl=-1))
    await side.do(cache.get("k"))
    side.note(bool(await cache.exists("k")))


@differs(REDIS, theirs=["True", "ResponseError"], ours=["True", "True"])
async def test_expire_with_a_fraction(side: Side, kind: str) -> None:
    cache = side.cache(kind)
    await side.do(cache.set("k", 1))
    await side.do(cache.expire("k", 1.5))


@differs(MEMORY, theirs=["float 2.5", "True"], ours=["TypeError", "False"])
async def test_increment_by_a_fraction(side: Side, kind: str) -> None:
    cache = side.cache(kind)
    await side.do(cache.increment("n", 2.5))
    side.note(bool(await cache.exists("n")))


@fixed(REDIS, MEMCACHED, ours=["TypeError", "False"])
async def test_increment_by_a_fraction_on_servers(side: Side, kind: str) -> None:
    cache = side.cache(kind)
    await side.do(cache.increment("n", 2.5))
    side.note(bool(await cache.exists("n")))


@fixed(REDIS, MEMCACHED, ours=["True", "True"])
async def test_nobody_listens(side: Side, kind: str) -> None:
    """The error is the package's own, and a ConnectionError."""
    cache = side.cache(kind, port=servers.free_port())
    try:
        await cache.get("k")
    except Exception as error:
        side.note(isinstance(error, side.module("exceptions").CacheError))
        side.note(isinstance(error, ConnectionError))
