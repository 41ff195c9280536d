"""Answers of Sanic from a cache that each worker opens when it starts."""

import os
from datetime import UTC, datetime

from sanic import Request, Sanic, text
from sanic.response import HTTPResponse

from polycache import Cache


def make_app(url: str) -> Sanic:  # type: ignore[type-arg]
    app = Sanic("cached")

    @app.before_server_start
    async def open_cache(app: Sanic) -> None:  # type: ignore[type-arg]
        app.ctx.cache = Cache.from_url(url)

    @app.after_server_stop
    async def close_cache(app: Sanic) -> None:  # type: ignore[type-arg]
        await app.ctx.cache.close()

    @app.get("/<name:str>")
    async def page(request: Request, name: str) -> HTTPResponse:
        made = await app.ctx.cache.get(name)
        if made is None:
            made = f"{name}, made at {datetime.now(UTC).isoformat()}"
            await app.ctx.cache.set(name, made, ttl=60)
        return text(made)

    return app


if __name__ == "__main__":
    make_app(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")).run(single_process=True)
