"""Cases as data: a cache, calls on it one after another, and all that is compared."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .sides import ALL, MEMORY, Side, until


@dataclass(frozen=True)
class Call:
    """A command with its arguments. An argument that is a `Part` is made of each package."""

    command: str
    args: tuple[Any, ...]
    options: dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A value that a package makes: `Part(lambda side: side.module("serializers").JsonSerializer())`."""

    make: Callable[[Side], Any]


@dataclass(frozen=True)
class Case:
    """Calls whose outcomes are compared, and what the server holds after them.

    Attributes:
        title: What is shown, in a few words.
        calls: The calls, in order.
        kinds: The backends it is for.
        options: Arguments of the cache.
        text: Whether the texts of exceptions are the same too.
        disabled: Whether AIOCACHE_DISABLE is set during the calls.
        store: Whether what is stored is compared.
    """

    title: str
    calls: tuple[Call, ...]
    kinds: tuple[str, ...] = ALL
    options: dict[str, Any] = field(default_factory=dict)
    text: bool = False
    disabled: bool = False
    store: bool = True

    async def __call__(self, side: Side, kind: str) -> None:
        cache = side.cache(kind, **{name: _made(value, side) for name, value in self.options.items()})
        with disabled() if self.disabled else enabled():
            for call in self.calls:
                await self.one(side, cache, call)
        if self.store and kind != MEMORY:
            side.note(side.stored(kind))

    async def one(self, side: Side, cache: Any, call: Call) -> None:
        args = [_made(arg, side) for arg in call.args]
        options = {name: _made(value, side) for name, value in call.options.items()}
        if call.command == "gone":

            async def gone() -> bool:
                return not await cache.exists(*args, **options)

            side.note(await until(gone))
            return
        if call.command == "attribute":
            await side.do(lambda: getattr(cache, *args))
            return
        method = getattr(cache, call.command)
        await side.do(lambda: method(*args, **options), text=self.text)


def _made(value: Any, side: Side) -> Any:
    return value.make(side) if isinstance(value, Part) else value


@contextmanager
def disabled(value: str = "1") -> Iterator[None]:
    """The switch that turns caches off."""
    os.environ["AIOCACHE_DISABLE"] = value
    try:
        yield
    finally:
        del os.environ["AIOCACHE_DISABLE"]


@contextmanager
def enabled() -> Iterator[None]:
    yield


class Calls:
    """Writes a call as one: `do.set("key", 1, ttl=2)`."""

    def __getattr__(self, command: str) -> Callable[..., Call]:
        return lambda *args, **options: Call(command, args, options)


do = Calls()


def serializer(name: str, **options: Any) -> dict[str, Any]:
    """The option of a cache that names a serializer of the package."""
    return {"serializer": Part(lambda side: getattr(side.module("serializers"), name)(**options))}
