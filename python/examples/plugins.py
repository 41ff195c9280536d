"""Hooks around the commands of a cache."""

import asyncio
from typing import Any

from polycache import SimpleMemoryCache
from polycache.base import BaseCache
from polycache.plugins import BasePlugin, HitMissRatioPlugin, TimingPlugin


class Journal(BasePlugin):
    """Writes down what is stored and what is asked for in vain."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def pre_set(self, client: BaseCache, key: str, value: object, **options: Any) -> None:
        self.lines.append(f"{key} is set to {value!r}")

    async def post_get(self, client: BaseCache, key: str, *args: Any, ret: object = None, **options: Any) -> None:
        if ret is None:
            self.lines.append(f"there is no {key}")


async def main() -> None:
    journal = Journal()
    cache = SimpleMemoryCache(plugins=[HitMissRatioPlugin(), TimingPlugin(), journal])

    await cache.get("city")
    await cache.set("city", "Zurich")
    await cache.get("city")

    print(*journal.lines, sep="\n")
    print(f"{cache.hit_miss_ratio['hits']} of {cache.hit_miss_ratio['total']} were hits")
    print("the slowest get took", cache.profiling["get_max"], "seconds")


if __name__ == "__main__":
    asyncio.run(main())
