"""Fixtures: one Redis and one memcached a session, emptied before each test that asks for them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import servers

from polycache import MemcachedCache, RedisCache, SimpleMemoryCache

# What runs on every Python; the rest compares with other packages, which are installed for one Python alone.
COMPARISONS = ("differential", "examples")

#: The tests of what older versions of Python lack.
NEEDS = {"test_eager_tasks.py": (3, 12)}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--own", action="store_true", help="leave out the tests that need other packages, and the slow ones"
    )


def pytest_configure(config: pytest.Config) -> None:
    # aiocache and its clients leave connections to the garbage collector, which finds them in whatever test runs then.
    # The runs of the package's own tests are without them, and take every warning for an error.
    if not config.getoption("--own"):
        config.addinivalue_line("filterwarnings", "ignore::ResourceWarning")
        config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:aiocache")
        config.addinivalue_line("filterwarnings", "ignore::pytest.PytestUnraisableExceptionWarning")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if config.getoption("--own") and collection_path.name in COMPARISONS:
        return True
    return True if sys.version_info < NEEDS.get(collection_path.name, ()) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--own"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


def pytest_report_header() -> str:
    package = importlib.util.find_spec("polycache")
    return f"polycache of {package.origin if package else None}, Python {sys.version.split()[0]}"


@pytest.fixture(scope="session")
def redis_process() -> Iterator[servers.Redis]:
    server = servers.Redis()
    yield server
    server.close()


@pytest.fixture(scope="session")
def memcached_process() -> Iterator[servers.Memcached]:
    server = servers.Memcached()
    yield server
    server.close()


@pytest.fixture
def redis_server(redis_process: servers.Redis) -> servers.Redis:
    """A running, empty Redis. A test may stop, kill and restart it."""
    redis_process.ensure()
    return redis_process


@pytest.fixture
def memcached_server(memcached_process: servers.Memcached) -> servers.Memcached:
    """A running, empty memcached. A test may stop, kill and restart it."""
    memcached_process.ensure()
    return memcached_process


@pytest.fixture(params=["memory", "redis", "memcached"])
def kind(request: pytest.FixtureRequest) -> tuple[Callable[..., Any], dict[str, Any]]:
    """A class of caches, and the arguments that lead it to its empty server."""
    if request.param == "memory":
        return SimpleMemoryCache, {}
    server: servers.Server = request.getfixturevalue(f"{request.param}_server")
    return {"redis": RedisCache, "memcached": MemcachedCache}[request.param], server.address


@pytest.fixture
async def make(kind: Any) -> AsyncIterator[Callable[..., Any]]:
    """Makes caches of each kind, which are closed at the end."""
    made_by, address = kind
    made: list[Any] = []

    def make(**options: Any) -> Any:
        made.append(made_by(**options, **address))
        return made[-1]

    yield make
    for cache in made:
        await cache.close()
