"""Locks that hold across processes, and changes that notice another's change."""

import asyncio
import os

from polycache import Cache
from polycache.base import BaseCache
from polycache.lock import OptimisticLock, OptimisticLockError, RedLock

runs: list[str] = []


async def expensive(cache: BaseCache) -> str:
    """Work that nobody else should do at the same time: who waited finds it done."""
    async with RedLock(cache, "report", lease=5):
        found = await cache.get("report")
        if found is None:
            runs.append("computed")
            found = "the report"
            await cache.set("report", found, ttl=60)
        return str(found)


async def main() -> None:
    url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
    async with Cache.from_url(url) as cache:
        cache.namespace = "locks"
        await asyncio.gather(*(expensive(cache) for _ in range(10)))
        print(f"{len(runs)} of 10 computed")

        await cache.set("stock", 10)
        async with OptimisticLock(cache, "stock") as lock:
            await lock.cas(9)
        try:
            async with OptimisticLock(cache, "stock") as lock:
                await cache.set("stock", 5)  # somebody else
                await lock.cas(8)
        except OptimisticLockError:
            print("somebody else was faster; the stock is", await cache.get("stock"))
        await cache.clear(namespace="locks")


if __name__ == "__main__":
    asyncio.run(main())
