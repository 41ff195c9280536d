#!/usr/bin/env bash
# cashews 7.6.0 on Redis: a negative integer is stored, and is always a miss.
#
# Expected: cashews' README: set stores any value, get returns it; in memory -5 comes back as -5.
# Seen: integers are stored as decimal text. Reading takes text that consists of digits for an integer and everything else
#   for a serialized value; "-5" is neither, so get returns its default, without an error or a line in the log. A function
#   that is cached is called each time. A counter that incr has taken below zero can't be read either.
# Who meets it: balances, temperatures, differences, error codes: the entries that are below zero never hit, which a test in
#   memory doesn't show.
# Instead: wrap what may be negative, e.g. in a tuple of one.
source "$(dirname "$0")/lib.bash"

start_valkey
python_packages cashews==7.6.0 redis==8.1.0
python_run "$port" <<'PYTHON'
import asyncio, sys
from cashews import Cache

async def reads(url):
    cache = Cache()
    cache.setup(url)
    calls = 0

    @cache(ttl=60, key="degrees:{city}")
    async def degrees(city):
        nonlocal calls
        calls += 1
        return -5

    for _ in range(3):
        assert await degrees("Oslo") == -5
    seen = {}
    for value in (5, -5, (-5,), -5.0):
        await cache.set("key", value, expire=60)
        seen[repr(value)] = await cache.get("key", default="missing")
    counted = await cache.incr("counter", -3)
    seen["counter"] = counted, await cache.get("counter", default="missing")
    await cache.close()
    return seen, calls

async def main():
    memory, redis = await reads("mem://"), await reads(f"redis://127.0.0.1:{sys.argv[1]}")
    print(f"memory: {memory[0]}, calls of a cached function that was asked three times: {memory[1]}")
    print(f"Redis:  {redis[0]}, calls: {redis[1]}")
    assert memory == ({"5": 5, "-5": -5, "(-5,)": (-5,), "-5.0": -5.0, "counter": (-3, -3)}, 1)
    assert redis == ({"5": 5, "-5": "missing", "(-5,)": (-5,), "-5.0": -5.0, "counter": (-3, "missing")}, 3)

asyncio.run(main())
PYTHON
