"""Any Python object in Redis, by pickle. Whoever can write to the Redis can run code here: keep it to yourself."""

import asyncio
import os
from collections import namedtuple
from datetime import UTC, datetime

from polycache import Cache
from polycache.serializers import PickleSerializer

Measurement = namedtuple("Measurement", "sensor value at")


async def main() -> None:
    url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
    async with Cache.from_url(url) as cache:
        cache.serializer = PickleSerializer()
        cache.namespace = "measurements"
        measured = Measurement("north", 21.5, datetime(2024, 5, 1, 12, tzinfo=UTC))
        await cache.set("last", measured, ttl=60)
        found = await cache.get("last")
        assert found == measured
        print(f"{found.sensor}: {found.value} degrees at {found.at:%H:%M}")
        await cache.delete("last")


if __name__ == "__main__":
    asyncio.run(main())
