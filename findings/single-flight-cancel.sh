#!/usr/bin/env bash
# cashews 7.6.0 and cachebox 6.2.10: callers who wait for one computation are all cancelled when one of them is.
#
# Expected: cachebox's README: the decorator avoids a cache stampede. cashews: concurrent calls of one key share a call
#   (`protected`, the default). A task that is cancelled is nobody else's affair, as with async-lru 2.4.0, which shields the
#   computation.
# Seen: three tasks ask for the same key at once. cancel() on the first raises CancelledError in all three, and the
#   computation isn't begun again. With cashews it is enough to cancel one that only waits.
# Who meets it: web servers that cancel the handler of a client who went away, and any asyncio.timeout: one impatient caller
#   ends the requests of the others, whose own deadline is far.
# Instead: await asyncio.shield(asyncio.ensure_future(f(key))) at each call, or async-lru in front.
source "$(dirname "$0")/lib.bash"

python_packages cashews==7.6.0 cachebox==6.2.10 async-lru==2.4.0
python_run <<'PYTHON'
import asyncio, cachebox
from async_lru import alru_cache
from cashews import Cache

cache = Cache()
cache.setup("mem://")
calls = 0

async def compute(key):
    global calls
    calls += 1
    await asyncio.sleep(0.3)
    return f"value of {key}"

async def ask(cached, key, cancelled, shielded=False):
    global calls
    calls = 0
    call = (lambda: asyncio.shield(asyncio.ensure_future(cached(key)))) if shielded else (lambda: cached(key))

    async def caller():
        return await call()

    tasks = [asyncio.create_task(caller()) for _ in range(3)]
    await asyncio.sleep(0.1)
    tasks[cancelled].cancel()
    return [type(answer).__name__ for answer in await asyncio.gather(*tasks, return_exceptions=True)], calls

async def main():
    by_cashews = cache(ttl=60, key="k:{key}")(compute)
    by_cachebox = cachebox.cached(cachebox.LRUCache(10))(compute)
    all_cancelled = ["CancelledError"] * 3
    for name, cached in (("cashews", by_cashews), ("cachebox", by_cachebox)):
        seen = await ask(cached, "a", 0)
        print(f"{name}, the first is cancelled: {seen[0]}, {seen[1]} computation")
        assert seen == (all_cancelled, 1), seen
    seen = await ask(by_cashews, "b", 1)
    print(f"cashews, the second is cancelled: {seen[0]}, {seen[1]} computation")
    assert seen == (all_cancelled, 1), seen
    for name, cached in (("cashews", by_cashews), ("cachebox", by_cachebox)):
        seen = await ask(cached, "c", 0, shielded=True)
        print(f"{name}, each shielded: {seen[0]}")
        assert seen[0] == ["CancelledError", "str", "str"], seen
    seen = await ask(alru_cache(compute), "a", 0)
    print(f"async-lru: {seen[0]}")
    assert seen == (["CancelledError", "str", "str"], 1), seen

asyncio.run(main())
PYTHON
