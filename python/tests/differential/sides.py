"""One package with its servers, and what its calls come to, as text that can be compared."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import servers

from polycache.core.counts import Tallied

from .store import contents

MEMORY = "memory"
REDIS = "redis"
MEMCACHED = "memcached"
ALL = (MEMORY, REDIS, MEMCACHED)

CLASSES = {MEMORY: "SimpleMemoryCache", REDIS: "RedisCache", MEMCACHED: "MemcachedCache"}


def theirs() -> ModuleType:
    """aiocache. It takes ujson instead of the json module where that is installed, so it doesn't find it here."""
    found = sys.modules.get("ujson")
    sys.modules["ujson"] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("aiocache")
    finally:
        if found is None:
            del sys.modules["ujson"]
        else:
            sys.modules["ujson"] = found


def ours() -> ModuleType:
    """polycache; another package where one is named, which shows what the comparison itself does."""
    return importlib.import_module(os.environ.get("POLYCACHE_TEST_PACKAGE", "polycache"))


def shown(value: object) -> str:
    """The type and the value. Anything without a repr of its own is its type alone."""
    # The dicts of the stock plugins on a memory cache are of a class of their own.
    kind = "dict" if isinstance(value, Tallied) else type(value).__name__
    if isinstance(value, list | tuple):
        return f"{kind}({', '.join(shown(each) for each in value)})"
    if isinstance(value, dict):
        return f"{kind}({', '.join(f'{shown(key)}: {shown(each)}' for key, each in value.items())})"
    if isinstance(value, bool) or value is None:
        return repr(value)
    text = repr(value)
    return kind if " at 0x" in text else f"{kind} {text}"


@dataclass
class Side:
    """One of the packages.

    Attributes:
        package: Its top module.
        outcomes: What the calls so far have come to.
    """

    package: ModuleType
    redis: servers.Redis
    db: int
    memcached: servers.Memcached
    outcomes: list[str] = field(default_factory=list)
    caches: list[Any] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.package.__name__

    def module(self, path: str) -> Any:
        """A module of the package, as `serializers`."""
        return importlib.import_module(f"{self.name}.{path}")

    def options(self, kind: str) -> dict[str, Any]:
        """The arguments that lead to this side's server."""
        if kind == REDIS:
            return {"endpoint": servers.HOST, "port": self.redis.port, "db": self.db}
        if kind == MEMCACHED:
            return {"endpoint": servers.HOST, "port": self.memcached.port}
        return {}

    def cache(self, kind: str, **options: Any) -> Any:
        """A cache of the kind, which is closed at the end."""
        cache = getattr(self.package, CLASSES[kind])(**{**self.options(kind), **options})
        self.caches.append(cache)
        return cache

    def keep(self, cache: Any) -> Any:
        """Have a cache closed at the end."""
        self.caches.append(cache)
        return cache

    def note(self, value: object) -> None:
        """Write a value down."""
        self.outcomes.append(shown(value))

    async def do(self, call: Awaitable[Any] | Callable[[], Any], *, text: bool = False) -> Any:
        """Await or call, and write down what comes of it; with `text`, an exception's text too."""
        try:
            value = call() if callable(call) else await call
            if inspect.isawaitable(value):
                value = await value
        except Exception as error:
            if os.environ.get("POLYCACHE_TEST_SHOW_ERRORS"):
                traceback.print_exc()
            self.outcomes.append(f"{type(error).__name__}: {error}" if text else type(error).__name__)
            return None
        self.note(value)
        return value

    def stored(self, kind: str) -> dict[str, bytes]:
        """What the server holds, by key."""
        return contents(self.redis, self.db) if kind == REDIS else contents(self.memcached)

    async def run(self, scenario: Scenario, kind: str) -> list[str]:
        """What the scenario's calls come to, and what is stored after them."""
        try:
            await scenario(self, kind)
        finally:
            for cache in self.caches:
                await cache.close()
            self.caches.clear()
        outcomes, self.outcomes = self.outcomes, []
        return outcomes


Scenario = Callable[[Side, str], Awaitable[None]]


@dataclass
class Pair:
    """Both packages."""

    theirs: Side
    ours: Side

    async def run(self, scenario: Scenario, kind: str) -> tuple[list[str], list[str]]:
        """The outcomes of both, aiocache's first."""
        return await self.theirs.run(scenario, kind), await self.ours.run(scenario, kind)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 5) -> bool:
    """Answer True when the condition holds, False if it doesn't within so many seconds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.005)
    return True


def names(values: Iterable[object]) -> list[str]:
    return [str(value) for value in values]
