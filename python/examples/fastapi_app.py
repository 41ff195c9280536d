"""An API of FastAPI whose answers are cached, models of pydantic among them: `uvicorn fastapi_app:app`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI
from pydantic import BaseModel

from polycache import cached, caches
from polycache.serializers import BaseSerializer

URL = os.environ.get("REDIS_URL", "memory://")


class Forecast(BaseModel):
    city: str
    weather: str
    made: datetime


class ModelSerializer(BaseSerializer):
    """Stores objects of a model as JSON, which the `JsonSerializer` of servers can't: it knows lists, dicts and the like."""

    def __init__(self, model: type[BaseModel]) -> None:
        super().__init__()
        self.model = model

    def dumps(self, value: BaseModel) -> str:
        return value.model_dump_json()

    def loads(self, value: str) -> BaseModel:
        return self.model.model_validate_json(value)


caches.set_config(
    {
        "default": {"url": URL},
        "forecasts": {"url": URL, "serializer": {"class": ModelSerializer, "model": Forecast}},
    }
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    for alias in caches.get_config():
        await caches.get(alias).close()


app = FastAPI(lifespan=lifespan)


@app.get("/forecast/{city}")
@cached(ttl=60, alias="forecasts", key_builder=lambda function, city: f"forecast of {city}")
async def forecast(city: str) -> Forecast:
    """Make a forecast, which takes a while."""
    return Forecast(city=city, weather="fine", made=datetime.now(UTC))


@app.get("/visits")
async def visits() -> dict[str, int]:
    return {"visits": await caches.get("default").increment("visits")}
