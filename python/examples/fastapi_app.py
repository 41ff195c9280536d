"""An API of FastAPI whose answers are cached: `uvicorn fastapi_app:app`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI

from polycache import Cache, cached

URL = os.environ.get("REDIS_URL", "memory://")


@cached(ttl=60, key_builder=lambda function, city: f"forecast of {city}")
async def forecast(city: str) -> dict[str, str]:
    """Make a forecast, which takes a while."""
    return {"city": city, "weather": "fine", "made": datetime.now(UTC).isoformat()}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with Cache.from_url(URL) as cache:
        app.state.cache = cache
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/forecast/{city}")
async def get_forecast(city: str) -> dict[str, str]:
    return await forecast(city)


@app.get("/visits")
async def visits() -> dict[str, int]:
    return {"visits": await app.state.cache.increment("visits")}
