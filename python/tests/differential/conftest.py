"""Fixtures: both packages, each with a database and a memcached of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import servers

from .sides import Pair, Side, ours, theirs


@pytest.fixture(scope="session")
def second_memcached() -> Iterator[servers.Memcached]:
    server = servers.Memcached()
    yield server
    server.close()


@pytest.fixture
def pair(redis_server: servers.Redis, memcached_server: servers.Memcached, second_memcached: servers.Memcached) -> Pair:
    """aiocache and polycache, with empty servers."""
    second_memcached.ensure()
    return Pair(Side(theirs(), redis_server, 1, memcached_server), Side(ours(), redis_server, 2, second_memcached))
