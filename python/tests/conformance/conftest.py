"""Each case runs on every backend, in asyncio's loop and in uvloop's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
import servers
import uvloop

import polycache

MakeCache = Callable[..., Any]

CLASSES = {
    "memory": polycache.SimpleMemoryCache,
    "redis": polycache.RedisCache,
    "memcached": polycache.MemcachedCache,
}


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=CLASSES)
def kind(request: pytest.FixtureRequest) -> str:
    """The name of a backend."""
    return str(request.param)


@pytest_asyncio.fixture
async def make_cache(kind: str, request: pytest.FixtureRequest) -> AsyncIterator[MakeCache]:
    """Makes caches on an empty backend. On memory each is a store of its own."""
    options: dict[str, Any] = {}
    if kind != "memory":
        server: servers.Server = request.getfixturevalue(f"{kind}_server")
        options = server.address
    made = []

    def make(**more: Any) -> Any:
        made.append(CLASSES[kind](**{**options, **more}))
        return made[-1]

    yield make
    for cache in made:
        await cache.close()


@pytest_asyncio.fixture
async def cache(make_cache: MakeCache) -> Any:
    """A cache as it comes."""
    return make_cache()
