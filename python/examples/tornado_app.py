"""A handler of Tornado that keeps what it has made."""

import asyncio
import os
from datetime import UTC, datetime

import tornado.web

from polycache import Cache
from polycache.base import BaseCache


class Page(tornado.web.RequestHandler):
    def initialize(self, cache: BaseCache) -> None:
        self.cache = cache

    async def get(self, name: str) -> None:
        made = await self.cache.get(name)
        if made is None:
            made = f"{name}, made at {datetime.now(UTC).isoformat()}"
            await self.cache.set(name, made, ttl=60)
        self.write(made)


def make_app(cache: BaseCache) -> tornado.web.Application:
    return tornado.web.Application([(r"/(\w+)", Page, {"cache": cache})])


async def main() -> None:
    async with Cache.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")) as cache:
        make_app(cache).listen(8888)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
