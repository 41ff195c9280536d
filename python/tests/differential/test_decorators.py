"""`cached`, `cached_stampede` and `multi_cached`: keys, arguments, what is stored and how often the function runs."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from .scenarios import differs, same
from .sides import ALL, MEMORY, REDIS, Side, until


def arguments(side: Side, kind: str) -> dict[str, Any]:
    """What leads a decorator to this side's server."""
    return {"cache": getattr(side.package.Cache, kind.upper()), **side.options(kind)}


def keys(side: Side, kind: str, cache: Any) -> list[str]:
    return sorted(side.stored(kind)) if kind != MEMORY else sorted(cache._cache if hasattr(cache, "_cache") else [])


async def raw_keys(cache: Any) -> list[str]:
    return sorted(await cache.raw("keys"))


@same(*ALL)
async def test_a_hit_doesnt_call(side: Side, kind: str) -> None:
    calls: list[object] = []

    @side.package.cached(**arguments(side, kind), key="k")
    async def function(x: int) -> dict[str, int]:
        calls.append(x)
        return {"x": x}

    side.keep(function.cache)
    for x in (1, 2, 3):
        await side.do(function(x))
    side.note(calls)
    if kind != MEMORY:
        side.note(side.stored(kind))


@same(MEMORY)
async def test_default_keys(side: Side, kind: str) -> None:
    """The text of the key is the module, the name, the positional and the sorted keyword arguments."""

    @side.package.cached()
    async def function(*args: object, **options: object) -> int:
        return 1

    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((), {}),
        ((1,), {}),
        ((1.0,), {}),
        ((True,), {}),
        (("1",), {}),
        ((1, 2), {}),
        ((1,), {"b": 2}),
        ((), {"b": 2, "a": 1}),
        ((), {"a": 1, "b": 2}),
        (([1, {"x": None}],), {}),
        ((b"x", "é"), {"z": (1,)}),
    ]
    for args, options in calls:
        await function(*args, **options)
    side.note(await raw_keys(function.cache))


@same(MEMORY)
async def test_key_before_key_builder(side: Side, kind: str) -> None:
    seen: list[object] = []

    def build(function: Any, *args: object, **options: object) -> str:
        seen.append([function.__name__, args, options])
        return f"built {args} {options}"

    @side.package.cached(key_builder=build)
    async def built(x: int, y: int = 0) -> int:
        return x

    @side.package.cached(key="k", key_builder=build)
    async def both(x: int) -> int:
        return x

    await built(1, y=2)
    await built(1)
    await both(1)
    side.note(seen)
    side.note(await raw_keys(built.cache))
    side.note(await raw_keys(both.cache))


@same(MEMORY)
async def test_noself(side: Side, kind: str) -> None:
    calls: list[object] = []

    class Thing:
        @side.package.cached(noself=True)
        async def method(self, x: int, y: int = 0) -> int:
            calls.append((x, y))
            return x

    await Thing().method(1)
    await Thing().method(1)
    await Thing().method(1, y=2)
    side.note(calls)
    side.note(await raw_keys(Thing.method.cache))


@same(MEMORY)
async def test_a_classmethod_over_cached(side: Side, kind: str) -> None:
    calls: list[object] = []

    class Base:
        @classmethod
        @side.package.cached()
        async def method(cls, x: int) -> str:
            calls.append(cls.__name__)
            return cls.__name__

    class Derived(Base):
        pass

    for cls in (Base, Derived, Base):
        await side.do(cls.method(1))
    side.note(calls)


@same(*ALL)
async def test_skip_cache_func(side: Side, kind: str) -> None:
    calls: list[int] = []

    @side.package.cached(
        **arguments(side, kind), key_builder=lambda f, x: f"k{x}", skip_cache_func=lambda result: result > 1
    )
    async def function(x: int) -> int:
        calls.append(x)
        return x

    side.keep(function.cache)
    for x in (1, 1, 2, 2):
        await side.do(function(x))
    side.note(calls)


@same(*ALL)
async def test_injected_arguments(side: Side, kind: str) -> None:
    """`cache_read` and `cache_write` are taken by the wrapper and not handed on."""
    calls: list[object] = []

    @side.package.cached(**arguments(side, kind), key="k")
    async def function(x: int, **options: object) -> int:
        calls.append((x, sorted(options)))
        return x

    side.keep(function.cache)
    await side.do(function(1, cache_write=False))
    await side.do(function.cache.exists("k"))
    await side.do(function(2))
    await side.do(function(3))
    await side.do(function(4, cache_read=False))
    await side.do(function(5))
    side.note(calls)


@same(*ALL)
async def test_a_write_that_isnt_waited_for(side: Side, kind: str) -> None:
    @side.package.cached(**arguments(side, kind), key="k")
    async def function(x: int) -> int:
        return x

    side.keep(function.cache)
    await side.do(function(1, aiocache_wait_for_write=False))
    side.note(await until(lambda: function.cache.exists("k")))
    await side.do(function(2))


@same(REDIS, MEMORY)
async def test_ttl(side: Side, kind: str) -> None:
    @side.package.cached(**arguments(side, kind), key="k", ttl=0.05)
    async def function(x: int) -> int:
        return x

    side.keep(function.cache)
    await side.do(function(1))
    await side.do(function(2))

    async def gone() -> bool:
        return not await function.cache.exists("k")

    side.note(await until(gone))
    await side.do(function(3))


@same(REDIS)
async def test_ttl_on_the_server(side: Side, kind: str) -> None:
    @side.package.cached(**arguments(side, kind), key="k", ttl=100, namespace="ns")
    async def function() -> int:
        return 1

    @side.package.cached(**arguments(side, kind), key="l")
    async def without() -> int:
        return 1

    side.keep(function.cache)
    side.keep(without.cache)
    await function()
    await without()
    side.note(side.stored(kind))


@same(*ALL)
async def test_an_exception_isnt_cached(side: Side, kind: str) -> None:
    calls: list[int] = []

    @side.package.cached(**arguments(side, kind), key="k")
    async def function(x: int) -> int:
        calls.append(x)
        raise LookupError(f"no {x}")

    side.keep(function.cache)
    await side.do(function(1), text=True)
    await side.do(function(2), text=True)
    side.note(calls)


@same(MEMORY)
async def test_what_is_wrapped(side: Side, kind: str) -> None:
    """Name, text, signature and `cache` of the function."""
    import inspect

    @side.package.cached(ttl=5, namespace="ns")
    async def function(x: int, *, y: str = "a") -> int:
        """What it does."""
        return x

    side.note(
        [function.__name__, function.__doc__, str(inspect.signature(function)), asyncio.iscoroutinefunction(function)]
    )
    side.note([type(function.cache).__name__, function.cache.namespace])
    side.note(inspect.unwrap(function) is not function)


@same(MEMORY)
async def test_each_decorated_function_has_a_cache_of_its_own(side: Side, kind: str) -> None:
    @side.package.cached(key="k")
    async def first() -> int:
        return 1

    @side.package.cached(key="k")
    async def second() -> int:
        return 2

    await side.do(first())
    await side.do(second())
    side.note(first.cache is second.cache)


@same(MEMORY)
async def test_alias(side: Side, kind: str) -> None:
    """The alias's cache is used; what is given beside it is ignored, with a warning."""
    package = side.package
    kept = package.caches.get_config()
    records: list[str] = []

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(f"{record.levelname}: {record.getMessage()}")

    keeps = Keeps()
    logger = logging.getLogger(side.name)
    logger.addHandler(keeps)
    try:
        package.caches.set_config({"default": {"cache": f"{side.name}.SimpleMemoryCache", "namespace": "alias"}})

        @package.cached(
            alias="default", namespace="x", serializer=side.module("serializers").JsonSerializer(), plugins=[]
        )
        async def function(x: int) -> int:
            return x

        await function(1)
        side.note(function.cache is package.caches.get("default"))
        side.note(function.cache.namespace)
        side.note(records)
    finally:
        logger.removeHandler(keeps)
        package.caches.set_config(kept)


@differs(
    *ALL,
    theirs=["int 1", "int 2", "list(str 'ERROR', str 'ERROR', str 'ERROR', str 'ERROR')"],
    ours=["int 1", "int 2", "list(str 'ERROR', str 'ERROR')"],  # once a second for reads, and for writes
)
async def test_a_broken_cache_costs_a_call(side: Side, kind: str) -> None:
    """An error of the cache is logged, and the function is called."""
    records: list[str] = []

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.levelname)

    class Breaks(side.module("plugins").BasePlugin):  # type: ignore[misc]
        async def pre_get(self, client: Any, *args: Any, **options: Any) -> None:
            raise LookupError("broken")

        pre_set = pre_get

    keeps = Keeps()
    logger = logging.getLogger(side.name)
    logger.addHandler(keeps)
    logger.propagate = False
    try:

        @side.package.cached(**arguments(side, kind), key="k", plugins=[Breaks()])
        async def function(x: int) -> int:
            return x

        side.keep(function.cache)
        await side.do(function(1))
        await side.do(function(2))
        side.note(records)
    finally:
        logger.propagate = True
        logger.removeHandler(keeps)


@same(MEMORY)
async def test_stampede(side: Side, kind: str) -> None:
    """Of many at once, one calls."""
    calls: list[int] = []
    release = asyncio.Event()

    @side.package.cached_stampede(**arguments(side, kind), lease=10, key="k")
    async def function(x: int) -> int:
        calls.append(x)
        await release.wait()
        return x

    side.keep(function.cache)
    tasks = [asyncio.create_task(function(7)) for _ in range(20)]

    async def called() -> bool:
        return bool(calls)

    await until(called)
    release.set()
    side.note(await asyncio.gather(*tasks))
    side.note(calls)
    await side.do(function(8))


@same(MEMORY)
async def test_stampede_keys_and_arguments(side: Side, kind: str) -> None:
    @side.package.cached_stampede(lease=2, ttl=10, namespace="ns", skip_cache_func=lambda result: result == 0)
    async def function(x: int, y: int = 1) -> int:
        return x

    for args in ((0,), (1,), (1, 2)):
        await side.do(function(*args))
    side.note(await raw_keys(function.cache))


@same(*ALL)
async def test_multi(side: Side, kind: str) -> None:
    asked: list[object] = []

    @side.package.multi_cached("ids", **arguments(side, kind))
    async def function(ids: list[str]) -> dict[str, str]:
        asked.append(list(ids))
        return {each: f"v{each}" for each in ids}

    side.keep(function.cache)
    await side.do(function(["a", "b"]))
    await side.do(function(["a", "b"]))
    await side.do(function(ids=["a"]))
    side.note(sorted((await function(["b", "c"])).items()))
    side.note(asked)
    if kind != MEMORY:
        side.note(side.stored(kind))


@same(MEMORY)
async def test_multi_takes_any_iterable(side: Side, kind: str) -> None:
    @side.package.multi_cached(keys_from_attr="ids")
    async def function(prefix: str, ids: Any = None, other: int = 0) -> dict[str, str]:
        return {each: prefix + each for each in ids}

    for ids in (["a"], ("b", "c"), {"d": 1}, "ef", (each for each in "gh")):
        await side.do(function("x", ids))
    await side.do(function("x", ids=("a", "z"), other=1))
    side.note(await raw_keys(function.cache))


@same(MEMORY)
async def test_multi_with_fewer_or_no_results(side: Side, kind: str) -> None:
    asked: list[object] = []

    @side.package.multi_cached("ids")
    async def function(ids: list[str]) -> dict[str, str]:
        asked.append(list(ids))
        return {each: each for each in ids if each != "missing"}

    await side.do(function(["a", "missing"]))
    await side.do(function(["a", "missing"]))
    await side.do(function([]))
    side.note(asked)


@same(MEMORY)
async def test_multi_skip_cache_func(side: Side, kind: str) -> None:
    @side.package.multi_cached("ids", skip_cache_func=lambda key, value: key == "a" or value is None)
    async def function(ids: list[str]) -> dict[str, str | None]:
        return {each: None if each == "b" else each for each in ids}

    await side.do(function(["a", "b", "c"]))
    side.note(await raw_keys(function.cache))


@same(MEMORY)
async def test_multi_injected_arguments(side: Side, kind: str) -> None:
    asked: list[object] = []

    @side.package.multi_cached("ids", ttl=10)
    async def function(ids: list[str], **options: object) -> dict[str, int]:
        asked.append((list(ids), sorted(options)))
        return {each: len(asked) for each in ids}

    await side.do(function(["a"], cache_write=False))
    await side.do(function(["a"]))
    await side.do(function(["a"], cache_read=False))
    await side.do(function(["a"]))
    await side.do(function(["b"], aiocache_wait_for_write=False))
    side.note(await until(lambda: function.cache.exists("b")))
    side.note(asked)


@same(MEMORY)
async def test_multi_on_a_method(side: Side, kind: str) -> None:
    class Thing:
        @side.package.multi_cached("ids")
        async def method(self, ids: list[str]) -> dict[str, str]:
            return {each: each * 2 for each in ids}

    await side.do(Thing().method(["a"]))
    await side.do(Thing().method(ids=["a", "b"]))
    side.note(await raw_keys(Thing.method.cache))


@same(MEMORY)
async def test_multi_exception(side: Side, kind: str) -> None:
    @side.package.multi_cached("ids")
    async def function(ids: list[str]) -> dict[str, str]:
        raise LookupError("none of them")

    await side.do(function(["a"]), text=True)
    side.note(await raw_keys(function.cache))
