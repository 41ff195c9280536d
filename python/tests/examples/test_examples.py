"""The examples run, and print what they say; those of web frameworks answer twice with what they made once."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import servers

EXAMPLES = Path(__file__).parents[2] / "examples"
FRAMEWORKS = {"aiohttp_app", "fastapi_app", "sanic_app", "tornado_app"}

PRINTED = {
    "decorators": ["asked for:", "  one: apple", "  many: apple pear", "  many: plum", "  report"],
    "plugins": ["there is no city", "city is set to 'Zurich'", "1 of 2 were hits", "the slowest get took"],
    "compression": ["44000 letters are stored in "],
    "marshmallow_schema": [
        "Book(title='Emma', published=datetime.date(1815, 12, 23))",
        '{"title": "Emma", "published": "1815-12-23"}',
    ],
    "python_objects": ["north: 21.5 degrees at 12:00"],
    "locks": ["1 of 10 computed", "somebody else was faster; the stock is 5"],
    "testing": ["all of them hold"],
}


def load(name: str) -> ModuleType:
    """The module of an example, anew."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == PRINTED.keys() | FRAMEWORKS


@pytest.mark.parametrize("name", PRINTED)
async def test_program(
    name: str,
    redis_server: servers.Redis,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    if name == "python_objects":
        # Pickle looks the class up in its module.
        import sys

        monkeypatch.setitem(sys.modules, name, module := load(name))
    else:
        module = load(name)
    await module.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(PRINTED[name])
    for line, wanted in zip(lines, PRINTED[name], strict=True):
        assert line.startswith(wanted)


async def test_aiohttp(redis_server: servers.Redis) -> None:
    from aiohttp.test_utils import TestClient, TestServer

    async with TestClient(TestServer(load("aiohttp_app").make_app(redis_server.url))) as client:
        first = await (await client.get("/news")).text()
        assert first.startswith("news, made at ")
        assert await (await client.get("/news")).text() == first
        assert await (await client.get("/sport")).text() != first


async def test_fastapi(redis_server: servers.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    from httpx import ASGITransport, AsyncClient

    from polycache import RedisCache, caches

    monkeypatch.setenv("REDIS_URL", redis_server.url)
    before = caches.get_config()
    app = load("fastapi_app").app
    client = AsyncClient(transport=ASGITransport(app), base_url="http://test")
    try:
        async with app.router.lifespan_context(app), client, RedisCache(**redis_server.address) as stored:
            first = (await client.get("/forecast/zurich")).json()
            assert first["weather"] == "fine"
            assert (await client.get("/forecast/zurich")).json() == first
            assert await stored.get("forecast of zurich") == first
            assert (await client.get("/forecast/bern")).json() != first
            assert [(await client.get("/visits")).json()["visits"] for _ in range(3)] == [1, 2, 3]
    finally:
        caches.set_config(before)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what it imports
def test_sanic(redis_server: servers.Redis) -> None:
    from sanic import Sanic

    Sanic.test_mode = True
    app = load("sanic_app").make_app(redis_server.url)
    app.config.DEPRECATION_FILTER = "ignore"  # of what its own test client does
    # Each request is to a server that is started for it.
    _, first = app.test_client.get("/news")
    assert first.text.startswith("news, made at ")
    _, second = app.test_client.get("/news")
    assert second.text == first.text


async def test_tornado(redis_server: servers.Redis) -> None:
    from tornado.httpclient import AsyncHTTPClient
    from tornado.httpserver import HTTPServer
    from tornado.testing import bind_unused_port

    from polycache import Cache

    socket, port = bind_unused_port()
    async with Cache.from_url(redis_server.url) as cache:
        server = HTTPServer(load("tornado_app").make_app(cache))
        server.add_socket(socket)
        client = AsyncHTTPClient()
        first = (await client.fetch(f"http://127.0.0.1:{port}/news")).body
        assert first.startswith(b"news, made at ")
        assert (await client.fetch(f"http://127.0.0.1:{port}/news")).body == first
        server.stop()
        await server.close_all_connections()
        client.close()
