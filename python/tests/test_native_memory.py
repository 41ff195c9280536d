"""The native `Memory`: what it promises beyond a dict."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import time
import weakref
from typing import Any

import pytest

from polycache._native import Memory
from polycache.exceptions import InvalidInput


class Object:
    """Something that can be referred to weakly."""


def wait_until(condition: Any) -> None:
    """Wait for what another thread does, without a command of the cache's."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_objects_are_kept_as_they_are() -> None:
    memory = Memory()
    value = Object()
    memory.set("k", value)
    assert memory.get("k") is value
    assert memory.multi_get(["k", "missing"], 7) == [value, 7]
    memory.set("none", None)
    assert memory.get("none", 1) is None
    assert memory.delete("none") is True and memory.delete("none") is False


def test_keys_are_any_text_but_lone_surrogates() -> None:
    memory = Memory()
    for key in ("", "é😀", "a\0b", "x" * 100_000):
        memory.set(key, key)
        assert memory.get(key) == key
    with pytest.raises(UnicodeEncodeError):
        memory.get("\ud800")
    with pytest.raises(TypeError):
        memory.get(b"bytes")  # type: ignore[arg-type]


def test_a_namespace_is_cleared_alone() -> None:
    memory = Memory()
    memory.set("foobar", 1, None, 6)
    memory.set("foobaz", 1, None, 3)
    memory.set("foo:nested:k", 1, None, 10)
    memory.set("foox", 1)
    memory.clear("foo")
    assert sorted(memory.keys()) == ["foobar", "foox"]
    memory.clear(None)
    assert memory.keys() == []
    with pytest.raises(ValueError, match="longer than the key"):
        memory.set("k", 1, None, 2)


def test_entries_know_their_namespaces_whichever_came_first() -> None:
    for first in (0, 2):
        memory = Memory()
        memory.set("ns:first", "first", None, first)
        for number, length in enumerate((0, 2, 4)):
            memory.set(f"ns:a{number}", number, 60, length)
        assert memory.multi_get(["ns:a0", "ns:a1", "ns:a2"]) == [0, 1, 2]
        assert {key: length for key, _, _, length in memory.entries()} == {
            "ns:first": first, "ns:a0": 0, "ns:a1": 2, "ns:a2": 4,
        }  # fmt: skip
        memory.clear("ns:a")
        assert memory.get("ns:a2") is None and memory.get("ns:a1") == 1
        memory.clear("ns")
        assert sorted(memory.keys()) == (["ns:a0"] if first == 2 else ["ns:a0", "ns:first"])


def test_increment_is_aiocaches() -> None:
    memory = Memory()
    assert memory.increment("n", 2) == 2
    assert memory.increment("n", 10**30) == 10**30 + 2
    for stored, sum_ in (("5", 6), (1.9, 2), (True, 2)):
        memory.set("k", stored, 100.0)
        assert memory.increment("k", 1) == sum_
        remaining = memory.ttl("k")
        assert remaining is not None and 99 < remaining <= 100
    values: list[object] = ["x", "1.5", None, []]
    for value in values:
        memory.set("k", value)
        with pytest.raises(TypeError):
            memory.increment("k", 1)
        assert memory.get("k") == value


def test_increments_of_threads_add_up() -> None:
    memory = Memory()

    def count() -> None:
        for _ in range(2_000):
            memory.increment("n", 1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert memory.get("n") == 8_000


def test_versions() -> None:
    memory = Memory()
    missing, absent = memory.get_versioned("k", "default")
    assert missing == "default" and absent.is_absent
    assert memory.cas("k", 1, absent) and not memory.cas("k", 2, absent)
    _, version = memory.get_versioned("k")
    memory.set("k", 1)
    assert not memory.cas("k", 3, version) and not memory.delete_if("k", version)
    _, version = memory.get_versioned("k")
    assert memory.delete_if("k", version) and not memory.exists("k")


@pytest.mark.parametrize("ttl", [0, -1.0, float("nan")])
def test_a_ttl_is_above_zero(ttl: float) -> None:
    with pytest.raises(InvalidInput):
        Memory().set("k", 1, ttl)


def test_ttls() -> None:
    memory = Memory()
    memory.set("k", 1, 1e300)
    assert memory.ttl("k") is None
    assert memory.expire("k", 0.001)
    wait_until(lambda: not memory.exists("k"))
    assert not memory.expire("k", 1.0)
    with pytest.raises(KeyError):
        memory.ttl("k")


def test_expired_objects_are_given_back_without_a_call() -> None:
    memory = Memory()
    values = [Object() for _ in range(1_000)]
    references = [weakref.ref(value) for value in values]
    for number, value in enumerate(values):
        memory.set(f"k{number}", value, 0.05)
    del values, value
    wait_until(lambda: all(reference() is None for reference in references))


def test_expiry_does_not_wait_for_a_thread_that_never_rests() -> None:
    memory = Memory()
    done = threading.Event()

    def spin() -> None:
        while not done.is_set():
            sum(range(1_000))

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        references = []
        for number in range(20_000):
            value = Object()
            references.append(weakref.ref(value))
            memory.set(f"k{number}", value, 0.05)
        del value
        wait_until(lambda: all(reference() is None for reference in references))
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("settings", [{}, {"max_memory": 10_000}, {"settings": {"grace": 10.0}}], ids=str)
@pytest.mark.parametrize("namespace_length", [0, 1])
def test_cycles_are_collected(settings: dict[str, Any], namespace_length: int) -> None:
    memory = Memory(**settings)
    memory.set("first", None)
    value = Object()
    value.cache = memory  # type: ignore[attr-defined]
    memory.set("k", value, 60, namespace_length)
    gc.collect()
    assert memory.get("k") is value
    reference, itself = weakref.ref(value), weakref.ref(memory)
    del value, memory
    gc.collect()
    assert reference() is None and itself() is None


def test_the_last_handle_gives_the_objects_back() -> None:
    memory = Memory()
    value = Object()
    for key, namespace_length in (("first", 0), ("a:", 1)):
        memory.set(key, value, None, namespace_length)
    reference = weakref.ref(value)
    del value, memory
    assert reference() is None


def test_what_is_cached_is_not_collected() -> None:
    memory = Memory()
    value = Object()
    value.itself = value  # type: ignore[attr-defined]
    memory.set("k", value)
    reference = weakref.ref(value)
    del value
    gc.collect()
    assert memory.get("k") is reference()


def test_finalizers_may_call_the_cache() -> None:
    memory = Memory(max_size=10)
    deaths = []

    class Chatty:
        def __init__(self, number: int) -> None:
            self.number = number

        def __del__(self) -> None:
            deaths.append(self.number)
            memory.get("k0")
            memory.set("grave", self.number)

    for number in range(100):
        memory.set(f"k{number}", Chatty(number))
    memory.clear(None)
    memory.set("last", Chatty(100))
    memory.delete("last")
    gc.collect()
    assert len(deaths) >= 91 and 100 in deaths


def test_bounds() -> None:
    memory = Memory(max_size=100)
    for number in range(1_000):
        memory.set(f"k{number}", number)
    assert len(memory) == 100
    memory = Memory(max_memory=100_000)
    for number in range(1_000):
        memory.set(f"k{number}", b"x" * 1_000)
    assert 60 < len(memory) < 100
    with pytest.raises(InvalidInput):
        memory.set("k", b"x" * 200_000)
    for bounds in ({"max_size": 0}, {"max_memory": 0}, {"max_size": 1, "max_memory": 1}):
        with pytest.raises(InvalidInput):
            Memory(**bounds)


def test_scan_lists_what_matches() -> None:
    memory = Memory()
    for key in ("user:1", "user:2", "user:x", "other:1"):
        memory.set(key, 1)
    assert sorted(memory.scan("user:", "[0-9]*")) == ["1", "2"]
    assert sorted(memory.scan("", "*1")) == ["other:1", "user:1"]


async def test_one_computes_for_all() -> None:
    memory = Memory()
    calls = 0
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")

    async def compute() -> str:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        return variable.get()

    async def ask() -> str:
        return str(await memory.get_or_set("k", compute, 100.0))

    variable.set("mine")
    assert await asyncio.gather(*(ask() for _ in range(20))) == ["mine"] * 20
    assert calls == 1 and memory.get("k") == "mine" and memory.ttl("k") is not None
    assert await memory.get_or_set("k", compute) == "mine" and calls == 1


async def test_all_share_a_none_and_an_error() -> None:
    memory = Memory()
    calls = 0
    error = LookupError("gone")

    async def nothing() -> None:
        await asyncio.sleep(0.01)

    async def fail() -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        raise error

    assert await memory.get_or_set("none", nothing) is None
    assert memory.exists("none")
    asked = (memory.get_or_set("error", fail) for _ in range(20))
    assert await asyncio.gather(*asked, return_exceptions=True) == [error] * 20
    assert calls == 1 and not memory.exists("error")


async def test_who_computes_may_leave() -> None:
    memory = Memory()
    started = asyncio.Event()
    cancelled = []

    async def slow() -> str:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return "slow"

    async def quick() -> str:
        return "quick"

    async def ask(compute: Any) -> Any:
        return await memory.get_or_set("k", compute)

    first = asyncio.create_task(ask(slow))
    await started.wait()
    second = asyncio.create_task(ask(quick))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "quick"
    assert cancelled == [True]
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_write_meanwhile_wins() -> None:
    memory = Memory()

    async def compute() -> str:
        memory.set("k", "written")
        return "computed"

    assert await memory.get_or_set("k", compute) == "computed"
    assert memory.get("k") == "written"


async def test_a_computation_that_cannot_begin_is_an_error() -> None:
    memory = Memory()

    def broken() -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await memory.get_or_set("k", broken)

    def future() -> asyncio.Future[str]:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        future.set_result("future")
        return future

    assert await memory.get_or_set("k", future) == "future"


async def test_locks_of_one_memory() -> None:
    memory = Memory()
    lock, other = memory.lock("k"), memory.lock("k")
    assert await lock.acquire() and lock.is_held
    assert not await other.acquire(0.01)
    waiting = asyncio.ensure_future(other.acquire())
    await asyncio.sleep(0)
    assert await lock.release() and not lock.is_held
    assert await waiting
    third = asyncio.ensure_future(lock.acquire())
    await asyncio.sleep(0)
    third.cancel()
    assert await other.release()
    assert await memory.lock("k").acquire(5.0)
    assert await Memory().lock("k").acquire(0)
