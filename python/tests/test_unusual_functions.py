"""Decorated functions with unusual arguments, and copies and pickles of their methods."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from polycache import SimpleMemoryCache, cached, cached_stampede, multi_cached, signature_key

DECORATORS: list[Callable[..., Any]] = [cached, cached_stampede]
#: Ways of `multi_cached`: by Python, and by the core.
WAYS: list[dict[str, Any]] = [{}, {"grace": 60, "ttl": 60}, {"tags": ["kept"]}]


@pytest.mark.parametrize("decorator", DECORATORS)
async def test_arguments_called_as_the_decorator_s_own(decorator: Any) -> None:
    @decorator()
    async def function(f: int = 0, self: int = 0) -> tuple[int, int]:
        return f, self

    assert [await function(f=3), await function(self=4), await function(f=3)] == [(3, 0), (0, 4), (3, 0)]
    assert await function.invalidate(f=3) == 1
    assert await function.refresh(self=4) == (0, 4)
    assert function.key(self=4).endswith("[('self', 4)]")


async def test_signature_key_takes_any_argument() -> None:
    @cached(key_builder=signature_key)
    async def call(function: str) -> str:
        return function

    assert [await call("f"), await call(function="f")] == ["f", "f"]
    assert call.key(function="f") == call.key("f")


@pytest.mark.parametrize("options", WAYS)
async def test_keys_that_stand_behind_any_number_of_arguments(options: Any) -> None:
    @multi_cached("ids", **options)
    async def function(*parts: str, ids: Any = ("x", "y")) -> dict[str, Any]:
        return dict.fromkeys(ids, parts)

    for _ in range(2):
        assert await function("a", "b", "c") == {"x": ("a", "b", "c"), "y": ("a", "b", "c")}
    assert await function("a", ids=["z"]) == {"z": ("a",)}


@pytest.mark.parametrize("options", WAYS)
async def test_a_default_of_keys_that_have_no_name_for_callers(options: Any) -> None:
    @multi_cached("ids", **options)
    async def function(start: int = 1, ids: Any = ("x", "y"), /, *, end: int = 2) -> dict[str, int]:
        return dict.fromkeys(ids, start + end)

    for _ in range(2):
        assert await function() == {"x": 3, "y": 3}
    assert await function(5, ["z"], end=5) == {"z": 10}


def test_keys_that_are_any_number_of_arguments() -> None:
    with pytest.raises(TypeError, match=r"function takes its keys as `\*ids`; they are one argument, a list"):

        @multi_cached("ids")
        async def function(*ids: int) -> dict[int, int]:
            return {}


@pytest.mark.parametrize("options", WAYS)
async def test_keys_that_a_builder_makes_the_same(options: Any) -> None:
    asked: list[list[str]] = []

    @multi_cached("words", key_builder=lambda key, f, *args, **kwargs: key.lower(), **options)
    async def lengths(words: list[str]) -> dict[str, int]:
        asked.append(words)
        return {word: len(word) for word in words}

    assert await lengths(["One", "ONE", "two"]) == {"One": 3, "ONE": 3, "two": 3}
    assert await lengths(["one", "One", "TWO"]) == {"one": 3, "One": 3, "TWO": 3}
    assert [sorted(words) for words in asked] == [["ONE", "One", "two"]]


class Cautious(SimpleMemoryCache):
    """One whose class has a command of its own."""

    async def get(self, *args: Any, **kwargs: Any) -> Any:
        return await super().get(*args, **kwargs)


async def test_functions_of_one_decorator_share_no_computation() -> None:
    decorator = cached_stampede(key="all", cache=Cautious, lease=0)

    @decorator
    async def one() -> str:
        await asyncio.sleep(0.01)
        return "one"

    @decorator
    async def two() -> str:
        await asyncio.sleep(0.01)
        return "two"

    assert await asyncio.gather(one(), two()) == ["one", "two"]


@dataclass
class Shop:
    name: str

    @cached()
    async def price(self) -> str:
        return self.name

    @cached()
    @classmethod
    async def of_class(cls) -> str:
        return cls.__name__


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda method: pickle.loads(pickle.dumps(method))])
async def test_copies_of_bound_methods(copied: Callable[[Any], Any]) -> None:
    shop = Shop("ours")
    method: Any = shop.price
    again = copied(method)
    assert await again() == "ours"
    assert again.__self__ == shop
    assert (again.__self__ is shop) == (copied is copy.copy)
    assert copied({"call": method})["call"].cache is Shop.price.cache
    assert await copied(Shop.of_class)() == "Shop"


def test_the_module_of_a_bound_method() -> None:
    assert Shop("ours").price.__module__ == __name__  # type: ignore[attr-defined]
