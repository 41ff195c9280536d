"""What users derive from, replace and mock."""

from __future__ import annotations

import contextlib
import functools
import inspect
from typing import Any
from unittest.mock import AsyncMock, MagicMock, create_autospec, patch

import pytest

import polycache
from polycache import MemcachedCache, RedisCache, SimpleMemoryCache, cached, cached_stampede, multi_cached
from polycache.backends.memory import SimpleMemoryBackend
from polycache.base import API, SENTINEL, BaseCache, _Conn
from polycache.lock import OptimisticLock, RedLock
from polycache.serializers import StringSerializer

COMMANDS = [
    "add",
    "get",
    "multi_get",
    "set",
    "multi_set",
    "delete",
    "exists",
    "increment",
    "expire",
    "clear",
    "raw",
    "close",
]


class Operations(BaseCache):
    """A cache whose operations are mocks."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in ("_add", "_get", "_multi_get", "_set", "_multi_set", "_delete", "_exists", "_increment", "_expire"):
            setattr(self, name, AsyncMock(return_value=None))
        for name in ("_clear", "_raw", "_close", "_redlock_release", "_gets"):
            setattr(self, name, AsyncMock(return_value=None))


async def test_what_operations_are_given() -> None:
    cache: Any = Operations(namespace="ns", ttl=5)
    await cache.add("k", 1)
    cache._add.assert_called_once_with("nsk", "1", ttl=5, _conn=None)
    await cache.get("k")
    cache._get.assert_called_once_with("nsk", encoding="utf-8", _conn=None)
    cache._multi_get.return_value = ["1", None]
    assert await cache.multi_get(["a", "b"]) == ["1", None]
    cache._multi_get.assert_called_once_with(["nsa", "nsb"], encoding="utf-8", _conn=None)
    await cache.set("k", 1, ttl=None)
    cache._set.assert_called_once_with("nsk", "1", ttl=None, _cas_token=None, _conn=None)
    await cache.multi_set([("a", 1)], ttl=2)
    cache._multi_set.assert_called_once_with([("nsa", "1")], ttl=2, _conn=None)
    await cache.delete("k", namespace="other")
    cache._delete.assert_called_once_with("otherk", _conn=None)
    await cache.exists("k")
    cache._exists.assert_called_once_with("nsk", _conn=None)
    await cache.increment("k", 2)
    cache._increment.assert_called_once_with("nsk", 2, _conn=None)
    await cache.expire("k", 3)
    cache._expire.assert_called_once_with("nsk", 3, _conn=None)
    await cache.clear(namespace="other")
    cache._clear.assert_called_once_with("other", _conn=None)
    await cache.raw("command", 1, option=2)
    cache._raw.assert_called_once_with("command", 1, encoding="utf-8", _conn=None, option=2)
    await cache.close()
    cache._close.assert_called_once_with(_conn=None)


async def test_a_backend_without_an_operation() -> None:
    cache = BaseCache()
    for call in (
        cache.get("k"),
        cache.set("k", 1),
        cache.clear(),
        cache.raw("x"),
        cache.get_ttl("k"),
        cache.multi_get(["k"]),
    ):
        with pytest.raises(NotImplementedError, match="BaseCache has no _"):
            await call
    with pytest.raises(NotImplementedError):
        [key async for key in cache.scan()]
    await cache.close()


async def test_unknown_arguments() -> None:
    with pytest.raises(TypeError):
        await SimpleMemoryCache().get("k", unknown=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        SimpleMemoryCache(unknown=1)


async def test_a_subclass_s_operations_are_asked() -> None:
    class Upper(SimpleMemoryCache):
        async def _get(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
            value = await super()._get(key, encoding, _conn)
            return value and value.upper()

        async def _multi_get(self, keys: Any, encoding: str | None = "utf-8", _conn: Any = None) -> list[Any]:
            return [await self._get(key) for key in keys]

        async def _set(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
            return await super()._set(key, value + "!", *args, **kwargs)

    cache = Upper()
    await cache.set("k", "v")
    assert await cache.get("k") == "V!"
    assert await cache.multi_get(["k", "missing"]) == ["V!", None]

    @cached(cache=Upper)
    async def function() -> str:
        return "v"

    assert [await function(), await function()] == ["v", "V!"]


async def test_a_subclass_s_key_rules() -> None:
    class Prefixed(SimpleMemoryCache):
        def _build_key(self, key: Any, namespace: str | None = None) -> Any:
            return f"p-{super()._build_key(key, namespace)}"

    class Built(SimpleMemoryCache):
        def build_key(self, key: Any, namespace: str | None = None) -> Any:
            return f"b-{super().build_key(key, namespace)}"

    for kind, prefix in ((Prefixed, "p-"), (Built, "b-")):
        cache = kind(namespace="ns")
        await cache.set("k", 1)
        assert await cache.get("k") == 1
        assert list(await cache.raw("keys")) == [f"{prefix}nsk"]


async def test_a_subclass_s_commands() -> None:
    class Counting(SimpleMemoryCache):
        gets = 0

        async def get(self, *args: Any, **kwargs: Any) -> Any:
            self.gets += 1
            return await super().get(*args, **kwargs)

    @cached(cache=Counting)
    async def function() -> int:
        return 5

    @cached_stampede(cache=Counting)
    async def stampede() -> int:
        return 5

    assert [await function(), await function()] == [5, 5]
    assert function.cache.gets == 2
    assert [await stampede(), await stampede()] == [5, 5]
    assert stampede.cache.gets >= 2


@pytest.mark.parametrize("kind", [SimpleMemoryCache, RedisCache, MemcachedCache])
async def test_replaced_operations(kind: Any) -> None:
    cache = kind()
    with patch.object(cache, "_get", AsyncMock(return_value='"mocked"')):
        assert "mocked" in await cache.get("k")
    cache._set = AsyncMock(return_value=True)
    assert await cache.set("k", 1) is True
    assert cache._set.call_count == 1
    del cache._set
    cache.build_key = lambda key, namespace=None: f"replaced-{key}"
    if kind is SimpleMemoryCache:
        await cache.set("k", 1)
        assert list(await cache.raw("keys")) == ["replaced-k"]
    await cache.close()


@pytest.mark.parametrize("kind", [SimpleMemoryCache, RedisCache, MemcachedCache])
async def test_operations_replaced_in_the_class(kind: Any, redis_server: Any, memcached_server: Any) -> None:
    class Own(kind):  # type: ignore[misc]
        pass

    port = {RedisCache: redis_server.port, MemcachedCache: memcached_server.port}.get(kind)
    place = {} if port is None else {"port": port}
    cache, own = kind(**place), Own(**place)
    for patched, mocked in ((kind, [cache, own]), (Own, [own])):
        with patch.object(patched, "_get", AsyncMock(return_value='"mocked"')):
            for one in (cache, own):
                assert ("mocked" in str(await one.get("k"))) == (one in mocked)
        assert await cache.get("k") is None and await own.get("k") is None
    with patch.object(kind, "build_key", lambda self, key, namespace=None: f"replaced-{key}"):
        await cache.set("k", "1")
    assert await cache.get("k") is None and await cache.get("replaced-k") == "1"
    await cache.close()
    await own.close()


async def test_replaced_commands() -> None:
    @cached()
    async def function() -> int:
        return 5

    await function()
    function.cache.get = AsyncMock(return_value=6)
    function.cache.set = AsyncMock()
    assert await function() == 6
    function.cache.get.assert_called_once_with(function.key())
    function.cache.get = AsyncMock(return_value=None)
    assert await function() == 5
    function.cache.set.assert_called_once_with(function.key(), 5, ttl=SENTINEL)


async def test_settings_may_change() -> None:
    cache = SimpleMemoryCache()
    await cache.set("k", 1)
    cache.namespace = "ns"
    assert await cache.get("k") is None
    await cache.set("k", 2)
    assert sorted(await cache.raw("keys")) == ["k", "nsk"]
    cache.ttl = 60
    await cache.set("k", 3)
    assert 59 < (await cache.get_ttl("k") or 0) <= 60
    cache.serializer = StringSerializer()
    await cache.set("k", 4)
    assert await cache.get("k") == "4"


def test_mocks() -> None:
    for mock in (
        MagicMock(spec=BaseCache),
        create_autospec(BaseCache, instance=True),
        create_autospec(SimpleMemoryCache),
    ):
        for command in COMMANDS:
            assert isinstance(getattr(mock, command), AsyncMock) or inspect.iscoroutinefunction(getattr(mock, command))
    for command in [*COMMANDS, "get_or_set", "multi_get_or_set", "get_ttl", "persist", "multi_delete", "cas"]:
        for kind in (BaseCache, SimpleMemoryCache, RedisCache, MemcachedCache):
            assert inspect.iscoroutinefunction(getattr(kind, command))


async def test_decorators_and_locks_over_mocks() -> None:
    mock = create_autospec(BaseCache, instance=True)
    with patch("polycache.decorators._get_cache", return_value=mock):

        @cached(key="k")
        async def function() -> int:
            return 5

        @cached_stampede(key="k")
        async def stampede() -> int:
            return 5

    mock.get.return_value = None
    assert await function() == 5
    mock.get.assert_called_once_with("k")
    mock.set.assert_called_once_with("k", 5, ttl=SENTINEL)
    lock = create_autospec(RedLock, instance=True)
    with patch("polycache.decorators.RedLock", return_value=lock):
        assert await stampede() == 5
    assert lock.__aenter__.call_count == lock.__aexit__.call_count == 1
    mock.get.return_value = 6
    assert [await function(), await stampede()] == [6, 6]

    mock._add = AsyncMock()
    mock._redlock_release = AsyncMock()
    async with RedLock(mock, "k", lease=5) as _:
        pass
    assert mock._add.call_args.kwargs == {"ttl": 5}
    mock._gets = AsyncMock(return_value="token")
    mock.set.return_value = True
    async with OptimisticLock(mock, "k") as optimistic:
        await optimistic.cas(1, ttl=2)
    mock.set.assert_called_with("k", 1, _cas_token="token", ttl=2)


async def test_connections() -> None:
    seen: list[Any] = []

    class Pooled(SimpleMemoryCache):
        async def acquire_conn(self) -> Any:
            seen.append("acquired")
            return "connection"

        async def release_conn(self, conn: Any) -> None:
            seen.append(f"released {conn}")

        async def _get(self, key: Any, encoding: str | None = "utf-8", _conn: Any = None) -> Any:
            seen.append(_conn)
            return await super()._get(key, encoding, _conn)

    cache = Pooled()
    async with cache.get_connection() as connection:
        assert isinstance(connection, _Conn)
        await connection.set("k", 1)
        assert await connection.get("k") == 1
        assert connection.namespace is None
    assert seen == ["acquired", "connection", "released connection"]
    async with SimpleMemoryCache().get_connection() as plain:
        await plain.set("k", 1)
        assert await plain.get("k") == 1


async def test_commands_of_one_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    class Plugin:
        async def pre_price(self, client: Any, *args: Any, **kwargs: Any) -> None:
            seen.append(("pre", args, kwargs))

        async def post_price(self, client: Any, *args: Any, took: float, ret: Any, **kwargs: Any) -> None:
            seen.append(("post", args, ret))

    class Shop(SimpleMemoryCache):
        @API.register
        @API.aiocache_enabled(fake_return="off")
        @API.timeout
        @API.plugins
        async def price(self, article: str, _conn: Any = None) -> Any:
            return await self._get("price:" + article)

    try:
        shop: Any = Shop(plugins=[Plugin()])
        await shop.set("price:a", 5)
        assert await shop.price("a", timeout=1) == 5
        assert seen == [("pre", ("a",), {}), ("post", ("a",), 5)]
        async with shop.get_connection() as connection:
            assert await connection.price("a") == 5
        monkeypatch.setenv("AIOCACHE_DISABLE", "1")
        assert await shop.price("a") == "off"
    finally:
        API.unregister(Shop.price)
        API.unregister(Shop.price)
    assert Shop.price not in API.CMDS


def test_classes() -> None:
    assert issubclass(SimpleMemoryCache, SimpleMemoryBackend)
    assert [kind.NAME for kind in (SimpleMemoryCache, RedisCache, MemcachedCache)] == ["memory", "redis", "memcached"]
    assert repr(RedisCache()) == "RedisCache (127.0.0.1:6379)"
    assert type(SimpleMemoryBackend().serializer) is StringSerializer
    assert RedisCache.parse_uri_path("/3/4") == {"db": "3"}
    assert polycache.__version__


def noted(seen: list[str], function: Any) -> Any:
    """A wrapper that looks as the function, as tracing puts in its place."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        seen.append(function.__name__)
        return await function(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize("derived", [True, False])
@pytest.mark.parametrize("decorator", [cached, cached_stampede])
async def test_wrappers_that_look_as_what_they_wrap(derived: bool, decorator: Any) -> None:
    seen: list[str] = []
    wrapped = {name: noted(seen, getattr(SimpleMemoryCache, name)) for name in ("get", "set", "multi_get", "multi_set")}
    kind = type("Traced", (SimpleMemoryCache,), wrapped) if derived else SimpleMemoryCache
    with contextlib.nullcontext() if derived else patch.multiple(SimpleMemoryCache, **wrapped):

        @decorator(cache=kind)
        async def one() -> int:
            return 1

        @multi_cached("keys", cache=kind)
        async def many(keys: list[str]) -> dict[str, int]:
            return dict.fromkeys(keys, 1)

        assert [await one(), await one()] == [1, 1]
        assert [name for number, name in enumerate(seen) if name != "get" or number == len(seen) - 1] == ["set", "get"]
        seen.clear()
        assert [await many(["a"]), await many(["a"])] == [{"a": 1}, {"a": 1}]
        assert seen == ["multi_get", "multi_set", "multi_get"]


@pytest.mark.parametrize("decorator", [cached, cached_stampede])
async def test_a_wrapped_method_of_a_decorator(decorator: Any) -> None:
    seen: list[str] = []
    kind = type("Traced", (decorator,), {"decorator": noted(seen, decorator.decorator)})

    @kind()
    async def function() -> int:
        return 1

    assert [await function(), await function(), await function()] == [1, 1, 1]
    assert seen == ["decorator"] * 3
