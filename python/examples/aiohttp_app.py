"""A page of aiohttp that is made once a minute."""

import os
from datetime import UTC, datetime

from aiohttp import web

from polycache import Cache
from polycache.base import BaseCache

CACHE = web.AppKey("cache", BaseCache)


async def page(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    cache = request.app[CACHE]
    text = await cache.get(name)
    if text is None:
        text = f"{name}, made at {datetime.now(UTC).isoformat()}"
        await cache.set(name, text, ttl=60)
    return web.Response(text=text)


async def close_cache(app: web.Application) -> None:
    await app[CACHE].close()


def make_app(url: str) -> web.Application:
    app = web.Application()
    app[CACHE] = Cache.from_url(url)
    app.add_routes([web.get("/{name}", page)])
    app.on_cleanup.append(close_cache)
    return app


if __name__ == "__main__":
    web.run_app(make_app(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")))
