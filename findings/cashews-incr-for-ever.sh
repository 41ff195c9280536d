#!/usr/bin/env bash
# cashews 7.6.0: a counter that begins with another step than 1 never expires, whatever `expire` says.
#
# Expected: the signature incr(key, value=1, expire=None): a counter gets this TTL when it is made.
# Seen: the TTL is set when the counter's value after the call is 1, in memory as on Redis. incr("k", 5, expire=10) makes a
#   counter without a TTL, and later calls don't give it one. A counter that has a TTL and comes back to 1 is given a new one.
# Who meets it: quotas by bytes, tokens or costs: the first request that costs more than 1 makes a quota that is never
#   restored.
# Instead: `await cache.set(key, 0, expire=10, exist=False)` before each incr; that is atomic on Redis.
source "$(dirname "$0")/lib.bash"

start_valkey
python_packages cashews==7.6.0 redis==8.1.0
python_run "$port" <<'PYTHON'
import asyncio, sys
from cashews import Cache

async def main():
    for url in ("mem://", f"redis://127.0.0.1:{sys.argv[1]}"):
        cache = Cache()
        cache.setup(url)
        left = {}
        for first in (1, 2, 5):
            await cache.incr(f"counter:{first}", first, expire=100)
            await cache.incr(f"counter:{first}", 1, expire=100)
            left[first] = await cache.get_expire(f"counter:{first}")
        await cache.set("prepared", 0, expire=100, exist=False)
        await cache.incr("prepared", 5)
        left["prepared"] = await cache.get_expire("prepared")
        await cache.incr("returning", 1, expire=100)
        await cache.incr("returning", 1, expire=100)
        await cache.incr("returning", -1, expire=5000)
        left["returning"] = await cache.get_expire("returning")
        await cache.close()
        print(f"{url[:6]}: seconds left of counters by their first step: {left} (-1: no TTL)")
        assert left[1] > 90 and left["prepared"] > 90 and left["returning"] > 4000 and left[2] == left[5] == -1, left

asyncio.run(main())
PYTHON
