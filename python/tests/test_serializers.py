"""Serializers: what is stored, and what is read back."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import zlib
from decimal import Decimal
from importlib import metadata
from typing import Any
from unittest import mock

import pytest

from polycache import RedisCache, SimpleMemoryCache
from polycache.serializers import (
    BaseSerializer,
    DefaultSerializer,
    JsonSerializer,
    MsgPackSerializer,
    NullSerializer,
    PickleSerializer,
    StringSerializer,
)

VALUES: list[Any] = [None, True, 0, -7, 2**63, 1.5, "", "é😀\0\n", [1, [2]], {"a": {"b": None}}, " 1 ", "null"]


@pytest.mark.parametrize("serializer", [JsonSerializer(), PickleSerializer(), MsgPackSerializer()])
async def test_values(make: Any, serializer: BaseSerializer) -> None:
    cache = make(serializer=serializer)
    for value in VALUES:
        await cache.set("k", value)
        assert await cache.get("k", default="missing") == value
        assert await cache.multi_get(["k", "missing"]) == [value, None]
        await cache.multi_set([("a", value), ("b", value)])
        assert await cache.multi_get(["a", "b"]) == [value, value]


async def test_what_each_stores(make: Any) -> None:
    cache = make(serializer=StringSerializer())
    await cache.set("k", 1)
    assert await cache.get("k") == "1"
    cache = make(serializer=PickleSerializer(protocol=2))
    await cache.set("k", {1, Decimal("1.5")})
    assert await cache.get("k") == {1, Decimal("1.5")}
    cache = make(serializer=MsgPackSerializer(use_list=False))
    await cache.set("k", [1, {2: b"\xff"}])
    assert await cache.get("k") == (1, {2: b"\xff"})


async def test_another_serializer_at_any_time(make: Any) -> None:
    cache = make(serializer=JsonSerializer())
    await cache.set("k", [1])
    cache.serializer = StringSerializer()
    assert await cache.get("k") == "[1]"
    cache.serializer = NullSerializer()
    assert await cache.get("k") == "[1]"


async def test_the_functions_of_a_call(make: Any) -> None:
    cache = make(serializer=JsonSerializer())
    await cache.set("k", 5, dumps_fn=lambda value: f"<{value}>")
    assert await cache.get("k", loads_fn=lambda value: value) == "<5>"
    assert await cache.get("missing", default=1, loads_fn=int) == 1
    assert await cache.multi_get(["k", "missing"], loads_fn=lambda value: value.strip("<>")) == ["5", None]
    await cache.multi_set([("a", 1)], dumps_fn=lambda value: str(value + 1))
    await cache.add("b", 1, dumps_fn=lambda value: str(value + 2))
    assert await cache.multi_get(["a", "b"]) == [2, 3]


async def test_bytes_of_a_server(redis_server: Any) -> None:
    cache = RedisCache(**redis_server.address)
    await cache.set("k", {"a": [1, "é"]})
    assert await cache.raw("get", "k") == json.dumps({"a": [1, "é"]})
    cache.serializer = NullSerializer()
    for value, read in [("text", "text"), (b"bytes", "bytes"), (5, "5"), (1.5, "1.5")]:
        await cache.set("k", value)
        assert await cache.get("k") == read
    for other in (None, [1], True, object()):
        with pytest.raises(TypeError, match="a server stores text, bytes and numbers"):
            await cache.set("k", other)
    cache.serializer = JsonSerializer()
    await cache.raw("set", "k", " [1, 2] ")
    assert await cache.get("k") == [1, 2]
    for broken in ("[1", "1 2", ""):
        await cache.raw("set", "k", broken)
        with pytest.raises(ValueError, match=r"line 1|Expecting"):
            await cache.get("k")
    await cache.raw("set", "k", b"\xff")
    with pytest.raises(UnicodeDecodeError):
        await cache.get("k")
    await cache.close()


class Compressed(BaseSerializer):
    DEFAULT_ENCODING = None

    def dumps(self, value: str) -> bytes:
        return zlib.compress(value.encode())

    def loads(self, value: bytes) -> str:
        return zlib.decompress(value).decode()


class Other:
    """A base class that leaves its siblings' constructors uncalled."""

    def __init__(self, name: str = "other") -> None:
        self.name = name


class Beside(Other, BaseSerializer):
    def dumps(self, value: Any) -> str:
        return f"{self.name}:{value}"

    def loads(self, value: str) -> str:
        assert isinstance(value, str)
        return value.partition(":")[2]


class Before(BaseSerializer, Other):
    encoding = None

    def dumps(self, value: Any) -> str:
        return str(value)

    def loads(self, value: Any) -> Any:
        return value


async def test_serializers_of_one_s_own(make: Any) -> None:
    cache = make(serializer=Compressed())
    await cache.set("k", "text")
    assert await cache.get("k") == "text"
    assert (await cache.multi_get(["k"])) == ["text"]
    cache = make(serializer=Beside("name"))
    await cache.set("k", "text")
    assert await cache.get("k") == "text"
    before = Before(name="n")
    assert (before.name, before.encoding) == ("n", None)
    cache = make(serializer=before)
    await cache.set("k", "text")
    assert await cache.get("k") == ("text" if isinstance(cache, SimpleMemoryCache) else b"text")


def test_encodings() -> None:
    assert JsonSerializer().encoding == "utf-8"
    assert PickleSerializer().encoding is None
    assert StringSerializer(encoding="latin-1").encoding == "latin-1"
    assert StringSerializer(encoding=None).encoding is None
    assert Compressed().encoding is None
    assert Beside().encoding == "utf-8"


async def test_another_encoding(redis_server: Any) -> None:
    cache = RedisCache(**redis_server.address, serializer=StringSerializer(encoding="latin-1"))
    await cache.raw("set", "k", b"\xe9")
    assert await cache.get("k") == "é"
    cache.serializer = StringSerializer(encoding=None)
    assert await cache.get("k") == b"\xe9"
    await cache.close()


def test_names_and_copies() -> None:
    assert DefaultSerializer is StringSerializer
    for serializer in (JsonSerializer(), MsgPackSerializer(use_list=False), PickleSerializer(protocol=1)):
        for copied in (copy.deepcopy(serializer), pickle.loads(pickle.dumps(serializer))):
            assert copied.loads(copied.dumps([1])) in ([1], (1,))
    assert JsonSerializer().loads(None) is PickleSerializer().loads(None) is MsgPackSerializer().loads(None) is None
    with pytest.raises(NotImplementedError, match="BaseSerializer has no dumps"):
        BaseSerializer().dumps(1)
    with pytest.raises(NotImplementedError, match="loads"):
        BaseSerializer().loads(1)


def test_without_msgpack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgpack", None)
    with pytest.raises(RuntimeError, match=r"pip install polycache\[msgpack\]"):
        MsgPackSerializer()


def test_the_extras_of_aiocache_are_there() -> None:
    told = metadata.metadata("polycache")
    assert {"msgpack", "redis", "memcached"} <= set(told.get_all("Provides-Extra") or ())
    assert any(line.startswith("msgpack") for line in told.get_all("Requires-Dist") or ())


async def test_a_replaced_method_of_the_null_serializer() -> None:
    cache = SimpleMemoryCache()
    await cache.set("k", 1)
    with mock.patch.object(NullSerializer, "loads", lambda self, value: value * 10):
        assert await cache.get("k") == 10
    assert await cache.get("k") == 1
    with mock.patch.object(cache.serializer, "dumps", lambda value: value * 10):
        await cache.set("k", 2)
    assert await cache.get("k") == 20


async def test_counters_in_json(make: Any) -> None:
    cache = make(serializer=JsonSerializer())
    await cache.set("k", 1)
    assert [await cache.increment("k"), await cache.increment("n", 5)] == [2, 5]
    assert [await cache.get("k"), await cache.multi_get(["k", "n"])] == [2, [2, 5]]
