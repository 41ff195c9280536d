"""Random sequences of commands on both packages, which answer the same at every step."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import servers
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from .sides import MEMORY, REDIS, Pair, Side

# No namespace is the beginning of another, or of a key: there the two differ on purpose (test_bugs.py).
NAMESPACES = st.sampled_from([None, "", "one.", "two."])
KEYS = st.sampled_from(["a", "b", "c", "é 😀"])
TTLS = st.sampled_from([None, 100, 100.5])
# None is left out: whether deleting one counts differs on purpose.
SCALARS = st.one_of(st.integers(-(2**40), 2**40), st.booleans(), st.floats(-1e9, 1e9), st.text(max_size=5))
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.text(max_size=3), SCALARS, max_size=3))
DELTAS = st.integers(-1000, 1000)

MARK = ["what a miss answers"]


class Machine(RuleBasedStateMachine):
    """Two caches that are to behave alike."""

    def __init__(self, sides: list[Side], kind: str, options: Callable[[Side], dict[str, Any]]) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.sides = sides
        self.changes = 0
        self.kind = kind
        sides[0].redis.flush()
        self.caches = [side.cache(kind, **options(side)) for side in sides]

    def teardown(self) -> None:
        for cache in self.caches:
            self.loop.run_until_complete(cache.close())
        for side in self.sides:
            side.caches.clear()
        self.loop.close()

    def both(self, call: Callable[[Any], Awaitable[Any]]) -> None:
        async def one(side: Side, cache: Any) -> str:
            await side.do(call(cache))
            return side.outcomes.pop()

        theirs, ours = (self.loop.run_until_complete(one(*each)) for each in zip(self.sides, self.caches, strict=True))
        assert ours == theirs, f"aiocache {theirs}, polycache {ours}"

    @rule(key=KEYS, value=VALUES, ttl=TTLS, namespace=NAMESPACES)
    def set(self, key: str, value: object, ttl: float | None, namespace: str | None) -> None:
        self.both(lambda cache: cache.set(key, value, ttl=ttl, namespace=namespace))

    @rule(key=KEYS, value=VALUES, ttl=TTLS, namespace=NAMESPACES)
    def add(self, key: str, value: object, ttl: float | None, namespace: str | None) -> None:
        self.both(lambda cache: cache.add(key, value, ttl=ttl, namespace=namespace))

    @rule(key=KEYS, namespace=NAMESPACES)
    def get(self, key: str, namespace: str | None) -> None:
        self.both(lambda cache: cache.get(key, namespace=namespace))
        self.both(lambda cache: cache.get(key, default=MARK, namespace=namespace))

    @rule(keys=st.lists(KEYS, min_size=1, max_size=5), namespace=NAMESPACES)
    def read(self, keys: list[str], namespace: str | None) -> None:
        self.multi_get(keys, namespace)

    def multi_get(self, keys: list[str], namespace: str | None) -> None:
        self.both(lambda cache: cache.multi_get(keys, namespace=namespace))

    @rule(pairs=st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=5), ttl=TTLS, namespace=NAMESPACES)
    def multi_set(self, pairs: list[tuple[str, object]], ttl: float | None, namespace: str | None) -> None:
        self.both(lambda cache: cache.multi_set(pairs, ttl=ttl, namespace=namespace))

    @rule(key=KEYS, namespace=NAMESPACES)
    def delete(self, key: str, namespace: str | None) -> None:
        self.both(lambda cache: cache.delete(key, namespace=namespace))

    @rule(key=KEYS, namespace=NAMESPACES)
    def exists(self, key: str, namespace: str | None) -> None:
        self.both(lambda cache: cache.exists(key, namespace=namespace))

    @rule(key=KEYS, delta=DELTAS, namespace=NAMESPACES)
    def increment(self, key: str, delta: int, namespace: str | None) -> None:
        self.both(lambda cache: cache.increment(key, delta, namespace=namespace))

    @rule(key=KEYS, ttl=st.sampled_from([0, 100]), namespace=NAMESPACES)
    def expire(self, key: str, ttl: int, namespace: str | None) -> None:
        # On Redis, what 0 answers where there is no TTL differs on purpose.
        if self.kind == REDIS:
            ttl = ttl or 200
        self.both(lambda cache: cache.expire(key, ttl, namespace=namespace))

    @rule(namespace=st.sampled_from([None, "one.", "two."]))
    def clear(self, namespace: str | None) -> None:
        # Without a namespace of its own a cache clears all; with one, differences are on purpose.
        if namespace is not None or self.caches[0].namespace is None:
            self.both(lambda cache: cache.clear(namespace=namespace))

    @rule(key=KEYS, value=VALUES, conflict=st.booleans())
    def optimistic(self, key: str, value: object, conflict: bool) -> None:
        async def change(side: Side, cache: Any) -> None:
            async with side.module("lock").OptimisticLock(cache, key) as held:
                if conflict:
                    await cache.set(key, f"change {self.changes}")
                await held.cas(value)

        # Each is another value: one that is set to what it was is no conflict to aiocache.
        self.changes += 1
        outcomes = []
        for side, cache in zip(self.sides, self.caches, strict=True):
            self.loop.run_until_complete(side.do(change(side, cache)))
            outcomes.append(side.outcomes.pop())
        assert outcomes[0] == outcomes[1]

    @invariant()
    def the_same_is_stored(self) -> None:
        for namespace in (None, "", "one.", "two."):
            self.multi_get(["a", "b", "c", "é 😀"], namespace)


def namespaced(side: Side) -> dict[str, Any]:
    return {"namespace": "mine."}


def plain(side: Side) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize(
    ("kind", "options", "examples"),
    [(MEMORY, plain, 60), (MEMORY, namespaced, 30), (REDIS, plain, 25), (REDIS, namespaced, 15)],
    ids=["memory", "memory in a namespace", "Redis", "Redis in a namespace"],
)
def test_random_commands(
    redis_server: servers.Redis,
    memcached_server: servers.Memcached,
    pair: Pair,
    kind: str,
    options: Callable[[Side], dict[str, Any]],
    examples: int,
) -> None:
    # The gate tries the same sequences each time; a search is random.
    wanted = os.environ.get("POLYCACHE_TEST_EXAMPLES")
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Machine([pair.theirs, pair.ours], kind, options),
        settings=settings(
            max_examples=int(wanted or examples),
            derandomize=wanted is None,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
