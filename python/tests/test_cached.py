"""`cached`: what it makes of functions, and what is stored of their results."""

from __future__ import annotations

import asyncio
import inspect
import logging
import pickle
from collections.abc import Callable
from typing import Any, cast

import pytest

from polycache import Cache, SimpleMemoryCache, cached, caches, multi_cached
from polycache.decorators import BoundCachedFunction, CachedFunction
from polycache.serializers import JsonSerializer


class Calls:
    """Counts."""

    def __init__(self) -> None:
        self.number = 0

    def one_more(self) -> int:
        self.number += 1
        return self.number


@cached()
async def at_module_level(x: int) -> int:
    """Doubles."""
    return 2 * x


async def test_a_result_is_found_again() -> None:
    calls = Calls()

    @cached(ttl=60)
    async def double(x: int) -> int:
        calls.one_more()
        return 2 * x

    assert [await double(1), await double(1), await double(2)] == [2, 2, 4]
    assert calls.number == 2
    assert await double.cache.get(double.key(1)) == 2
    assert 59 < cast(float, await double.cache.get_ttl(double.key(1))) <= 60


async def test_none_is_a_result() -> None:
    calls = Calls()

    @cached()
    async def nothing() -> None:
        calls.one_more()

    assert await nothing() is None
    assert await nothing() is None
    assert calls.number == 1


async def test_false_results_are_results() -> None:
    calls = Calls()

    @cached()
    async def empty(kind: type) -> Any:
        calls.one_more()
        return kind()

    for kind in (int, str, list, bool):
        assert await empty(kind) == kind()
        assert await empty(kind) == kind()
    assert calls.number == 4


async def test_refresh_and_invalidate() -> None:
    calls = Calls()

    @cached()
    async def number(x: int = 0) -> int:
        return calls.one_more()

    assert await number(1) == 1
    assert await number.refresh(1) == 2
    assert await number(1) == 2
    assert await number.invalidate(1) == 1
    assert await number.invalidate(1) == 0
    assert await number(1) == 3


async def test_what_a_call_says_of_the_cache() -> None:
    calls = Calls()

    @cached()
    async def number() -> int:
        return calls.one_more()

    call = cast(Callable[..., Any], number)
    assert await call(cache_write=False) == 1
    assert await call() == 2
    assert await call(cache_read=False, cache_write=False) == 3
    assert await call() == 2
    assert await call(cache_read=False) == 4
    assert await call() == 4


async def test_a_write_in_the_background_is_done() -> None:
    written = asyncio.Event()

    class Slow(SimpleMemoryCache):
        async def set(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            result = await super().set(key, value, *args, **kwargs)
            written.set()
            return result

    @cached(cache=Slow)
    async def number() -> int:
        return 5

    assert await cast(Callable[..., Any], number)(aiocache_wait_for_write=False) == 5
    await asyncio.wait_for(written.wait(), 5)
    assert await number.cache.get(number.key()) == 5


async def test_results_that_are_skipped() -> None:
    @cached(skip_cache_func=lambda result: result is None)
    async def maybe(x: int) -> int | None:
        return x or None

    await maybe(0)
    await maybe(1)
    assert not await maybe.cache.exists(maybe.key(0))
    assert await maybe.cache.exists(maybe.key(1))


async def test_keys() -> None:
    async def f(x: int, y: int = 2) -> int:
        return x

    by_text = cached()(f)
    assert by_text.key(1, y=3) == f"{__name__}f(1,)[('y', 3)]"
    assert by_text.key(1) == f"{__name__}f(1,)[]"
    assert cached(key="fixed")(f).key(1) == "fixed"
    assert cached(key_builder=lambda f, *args, **kwargs: f"{f.__name__}-{args}")(f).key(1) == "f-(1,)"
    assert cached(key_from_attr="y")(f).key(1) == 2
    assert cached(noself=True)(f).key(1, 5) == f"{__name__}f(5,)[]"


async def test_namespace_and_serializer() -> None:
    @cached(namespace="ns", serializer=JsonSerializer(), key="k")
    async def pair() -> tuple[int, int]:
        return 1, 2

    assert await pair() == (1, 2)
    assert cast(Any, await pair()) == [1, 2]
    assert await pair.cache.raw("get", "nsk") == "[1, 2]"


async def test_each_function_has_a_cache_of_its_own() -> None:
    same = cached(key="k")

    @same
    async def one() -> int:
        return 1

    @same
    async def two() -> int:
        return 2

    assert [await one(), await two(), await one(), await two()] == [1, 2, 1, 2]
    assert one.cache is not two.cache


async def test_an_alias(caplog: pytest.LogCaptureFixture) -> None:
    before = caches.get_config()
    try:
        caches.add("of-decorators", {"cache": SimpleMemoryCache, "namespace": "alias"})
        with caplog.at_level(logging.WARNING, "polycache.decorators"):

            @cached(alias="of-decorators", namespace="other", key="k")
            async def one() -> int:
                return 1

        assert [record.getMessage() for record in caplog.records] == [
            "Using cache alias; ignoring 'namespace' argument."
        ]
        await one()
        assert one.cache is caches.get("of-decorators")
        assert await caches.get("of-decorators").get("k") == 1
    finally:
        caches.set_config(before)


async def test_trouble_with_the_cache_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(SimpleMemoryCache):
        async def get(self, *args: Any, **kwargs: Any) -> Any:
            raise ConnectionError("away")

        async def set(self, *args: Any, **kwargs: Any) -> Any:
            raise ConnectionError("away")

    @cached(cache=Broken)
    async def one() -> int:
        return 1

    assert await one() == 1
    assert len(caplog.records) == 2


async def test_errors_are_not_stored() -> None:
    calls = Calls()

    @cached()
    async def fails() -> int:
        if calls.one_more() == 1:
            raise LookupError
        return 5

    with pytest.raises(LookupError):
        await fails()
    assert await fails() == 5


async def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls()

    @cached()
    async def number() -> int:
        return calls.one_more()

    for name in ("AIOCACHE_DISABLE", "POLYCACHE_DISABLE"):
        monkeypatch.setenv(name, "1")
        before = calls.number
        assert [await number(), await number()] == [before + 1, before + 2]
        monkeypatch.delenv(name)
    assert [await number(), await number()] == [5, 5]


class Account:
    """Whose text says nothing of which one it is."""

    made = Calls()

    def __init__(self, name: str) -> None:
        self.name = name

    @cached()
    async def load(self, x: int = 0) -> str:
        """What a method says."""
        return f"{self.name}{x}"

    @cached()
    @classmethod
    async def of_class(cls, x: int) -> str:
        return f"{cls.__name__}{x}"

    @classmethod
    @cached()
    async def below_classmethod(cls, x: int) -> str:
        return f"{cls.__name__}{x}"

    @cached()
    @staticmethod
    async def of_static(x: int) -> int:
        return Account.made.one_more() + x

    @staticmethod
    @cached()
    async def below_staticmethod(x: int) -> int:
        return Account.made.one_more() + x


class Special(Account):
    pass


async def test_methods_belong_to_their_object() -> None:
    one, two = Account("one"), Account("two")
    assert [await one.load(1), await two.load(1), await one.load(x=1)] == ["one1", "two1", "one1"]
    assert isinstance(one.load, BoundCachedFunction)
    assert isinstance(Account.load, CachedFunction)
    one.name = "other"
    assert await one.load(1) == "one1"
    assert await one.load.invalidate(1) == 1
    assert await one.load(1) == "other1"
    assert await two.load(1) == "two1"
    assert await Account.load(two, 1) == "two1"
    two.name = "new"
    assert await two.load.refresh(1) == "new1"
    assert one.load == one.load
    assert one.load != two.load
    assert len({one.load, one.load, two.load}) == 2


async def test_objects_that_are_gone_leave_no_answers() -> None:
    """Their addresses are used again."""
    answers = [(name := f"name {number}", await Account(name).load()) for number in range(200)]
    assert all(name + "0" == answer for name, answer in answers)


async def test_class_methods_and_static_methods() -> None:
    assert [await Account.of_class(1), await Special.of_class(1), await Account("a").of_class(1)] == [
        "Account1",
        "Special1",
        "Account1",
    ]
    assert [await Account.below_classmethod(1), await Special.below_classmethod(1)] == ["Account1", "Special1"]
    assert await Account.of_class.invalidate(1) == 1
    first = await Account.of_static(10)
    assert await Account("a").of_static(10) == first
    second = await Account.below_staticmethod(10)
    assert await Account("a").below_staticmethod(10) == second


def test_it_looks_like_the_function() -> None:
    assert at_module_level.__name__ == "at_module_level"  # type: ignore[attr-defined]
    assert at_module_level.__doc__ == "Doubles."
    assert str(inspect.signature(at_module_level)) == "(x: 'int') -> 'int'"
    assert str(inspect.signature(Account("a").load)) == "(x: 'int' = 0) -> 'str'"
    assert Account("a").load.__doc__ == "What a method says."
    for function in (at_module_level, Account.load, Account("a").load, Account.of_class):
        assert inspect.iscoroutinefunction(function)
        assert asyncio.iscoroutinefunction(function)
    assert pickle.loads(pickle.dumps(at_module_level)) is at_module_level
    assert "at_module_level" in repr(at_module_level)


@pytest.mark.parametrize("decorator", [cached(), multi_cached("keys")], ids=["cached", "multi_cached"])
def test_what_cannot_be_awaited_is_refused(decorator: Any) -> None:
    def plain() -> int:
        return 1

    async def generates() -> Any:
        yield 1

    class AClass:
        pass

    with pytest.raises(TypeError, match=r"plain is a sync function; make it `async def`"):
        decorator(plain)
    with pytest.raises(TypeError, match="yields"):
        decorator(generates)
    with pytest.raises(TypeError, match="sync function"):
        decorator(staticmethod(plain))
    for other in (AClass, 5):
        with pytest.raises(TypeError, match="is for coroutine functions"):
            decorator(other)


async def test_a_sync_function_around_a_coroutine_function_is_fine() -> None:
    async def inner() -> int:
        return 1

    import functools

    @cached()
    @functools.wraps(inner)
    def outer() -> Any:
        return inner()

    assert await outer() == 1


async def test_a_subclass_of_the_decorator() -> None:
    seen: list[Any] = []

    class Noting(cached):
        def get_cache_key(self, f: Any, args: Any, kwargs: Any) -> Any:
            return f"mine{args}"

        async def get_from_cache(self, key: str) -> Any:
            seen.append(("get", key))
            return await super().get_from_cache(key)

        async def set_in_cache(self, key: str, value: Any) -> None:
            seen.append(("set", key))
            await super().set_in_cache(key, value)

    @Noting()
    async def one(x: int) -> int:
        return x

    assert [await one(1), await one(1)] == [1, 1]
    assert seen == [("get", "mine(1,)"), ("set", "mine(1,)"), ("get", "mine(1,)")]


async def test_a_cache_on_a_server(redis_server: Any) -> None:
    calls = Calls()

    @cached(cache=Cache.REDIS, **redis_server.address)
    async def number() -> int | None:
        calls.one_more()
        return None

    assert [await number(), await number()] == [None, None]
    assert calls.number == 1
    assert await number.cache.raw("get", number.key()) == "null"
    await number.cache.close()
