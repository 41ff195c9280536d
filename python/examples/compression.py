"""A serializer that compresses what another one writes."""

import asyncio
import os
import zlib
from typing import Any

from polycache import Cache
from polycache.serializers import PickleSerializer


class Compressed(PickleSerializer):
    """Pickles, compressed. They are bytes, which `DEFAULT_ENCODING = None` says."""

    DEFAULT_ENCODING = None

    def dumps(self, value: Any) -> bytes:
        return zlib.compress(super().dumps(value))

    def loads(self, value: bytes | None) -> Any:
        return None if value is None else super().loads(zlib.decompress(value))


async def main() -> None:
    url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
    story = "All work and no play makes Jack a dull boy. " * 1000
    async with Cache.from_url(url) as cache:
        cache.serializer = Compressed()
        await cache.set("story", {"text": story})
        assert await cache.get("story") == {"text": story}

        stored = await cache.raw("get", "story")
        print(f"{len(story)} letters are stored in {len(stored)} bytes")
        await cache.delete("story")


if __name__ == "__main__":
    asyncio.run(main())
