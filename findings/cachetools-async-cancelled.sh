#!/usr/bin/env bash
# cachetools-async 0.0.5: a computation that was cancelled once is CancelledError for each later call; the TTL runs from the
# call on.
#
# Expected: its README: caches as in cachetools; calls wait for the one that is under way. A failed call isn't cached, so one
#   takes a cancelled one for not cached either. cachetools counts a TTL from when the result is stored.
# Seen: the cache holds the future from the call on. If the function ends by CancelledError (raised within it, or because the
#   event loop of the first call was closed meanwhile), each later call of that key raises CancelledError until the entry is
#   evicted. A result that takes longer than the TTL is never a hit: who comes later begins again.
# Who meets it: programs that call asyncio.run more than once, tests first; functions that cancel their own sub-tasks.
# Instead: catch CancelledError in the caller and delete the key (`f.cache.pop(f.cache_key(..), None)`), or async-lru.
source "$(dirname "$0")/lib.bash"

python_packages cachetools-async==0.0.5 cachetools==5.5.2
python_run <<'PYTHON'
import asyncio
from cachetools import LRUCache, TTLCache
from cachetools_async import cached

calls = 0

async def answer(call):
    try:
        return await call
    except (asyncio.CancelledError, TimeoutError, ValueError) as error:
        return type(error).__name__

@cached(LRUCache(10))
async def slow(key):
    global calls
    calls += 1
    await asyncio.sleep(0.5)
    return "result"

async def impatient():
    return await answer(asyncio.wait_for(slow("a"), 0.1))

first = asyncio.run(impatient())
later = [asyncio.run(answer(slow("a"))) for _ in range(3)]
print(f"the first run gives up: {first}; later runs: {later}; computations: {calls}")
assert first == "TimeoutError" and later == ["CancelledError"] * 3 and calls == 1
slow.cache.pop(slow.cache_key("a"))
assert asyncio.run(answer(slow("a"))) == "result"

failures = 0

@cached(LRUCache(10))
async def failing(error):
    global failures
    failures += 1
    if failures == 1:
        raise error
    return "result"

async def once_and_again(error):
    global failures
    failures = 0
    return [await answer(failing(error)) for _ in range(3)]

for error in (asyncio.CancelledError, ValueError):
    print(f"raises {error.__name__} once:", seen := asyncio.run(once_and_again(error)))
    assert seen == (["CancelledError"] * 3 if error is asyncio.CancelledError else ["ValueError", "result", "result"])

@cached(TTLCache(10, ttl=0.2))
async def brief(key):
    global calls
    calls += 1
    await asyncio.sleep(0.4)
    return calls

async def twice():
    return await brief("a"), await brief("a")

calls = 0
print("a TTL that is shorter than the computation, two calls in turn:", seen := asyncio.run(twice()))
assert seen == (1, 2)
PYTHON
