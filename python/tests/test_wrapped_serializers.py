"""Serializers that hold another one. That the Rust crate reads their values is in `test_shared_with_rust`."""

from __future__ import annotations

from typing import Any

import pytest
import servers

from polycache import Cache, RedisCache, cached, cached_stampede
from polycache.exceptions import DecodeError, InvalidInput
from polycache.factory import _create_cache
from polycache.lock import OptimisticLock
from polycache.serializers import (
    JsonSerializer,
    KeyedSerializer,
    Lz4Serializer,
    NullSerializer,
    PickleSerializer,
    SealedSerializer,
    SignedSerializer,
    ZstdSerializer,
)

KEYS = {"old": "a1" * 32, "new": "5e" * 32}


def sealed(inner: Any = None) -> SealedSerializer:
    return SealedSerializer(inner, keys=KEYS, key="new")


def signed(inner: Any = None) -> SignedSerializer:
    return SignedSerializer(inner, keys=KEYS, key="new")


class Bound(KeyedSerializer):
    """One of a user's own."""

    def dumps(self, value: Any, /, key: str = "") -> str:
        return f"{key}={value}"

    def loads(self, value: Any, /, key: str = "") -> Any:
        name, _, rest = str(value).rpartition("=")
        assert name == key
        return rest


SERIALIZERS: dict[str, Any] = {
    "zstd": lambda: ZstdSerializer(PickleSerializer(), threshold=0),
    "lz4": lambda: Lz4Serializer(threshold=0),
    "sealed": sealed,
    "signed": lambda: signed(PickleSerializer()),
    "sealed signed zstd": lambda: sealed(signed(ZstdSerializer(threshold=0))),
    "bound": lambda: ZstdSerializer(Bound(), threshold=0),
}


@pytest.mark.parametrize("namespace", [None, "n"])
@pytest.mark.parametrize("name", SERIALIZERS)
async def test_every_command(kind: Any, name: str, namespace: str | None) -> None:
    make, address = kind
    async with make(serializer=SERIALIZERS[name](), namespace=namespace, **address) as cache:
        text = "text " * 500
        await cache.set("k", text)
        assert await cache.get("k") == text
        assert await cache.get("k", namespace="other") is None
        assert await cache.add("l", "l" * 50)
        await cache.multi_set([("m", "m"), ("k", text)])
        assert await cache.multi_get(["l", "none", "m", "k"]) == ["l" * 50, None, "m", text]
        value, version = await cache.get_versioned("m")
        assert value == "m"
        assert await cache.cas("m", "new", version)
        assert await cache.get("m") == "new"
        async with OptimisticLock(cache, "m") as lock:
            await lock.cas("newer")
        assert await cache.get("m") == "newer"

        async def compute() -> str:
            return "computed"

        async def compute_many(keys: list[str]) -> dict[str, str]:
            return {key: key * 3 for key in keys}

        assert await cache.get_or_set("c", compute) == await cache.get_or_set("c", compute) == "computed"
        assert await cache.multi_get_or_set(["c", "d"], compute_many) == {"c": "computed", "d": "ddd"}
        assert await cache.get("d") == "ddd"


@pytest.mark.parametrize("decorator", [cached, cached_stampede])
async def test_decorated_functions(kind: Any, decorator: Any) -> None:
    make, address = kind
    calls = 0

    @decorator(cache=make, serializer=sealed(PickleSerializer()), grace=60, ttl=60, **address)
    async def function(number: int) -> set[int]:
        nonlocal calls
        calls += 1
        return {number}

    assert await function(1) == await function(1) == {1}
    assert calls == 1
    await function.cache.close()


async def test_what_is_packed() -> None:
    long, short, random = "a" * 10_000, "a" * 100, bytes(range(256)) * 3

    def stored(serializer: Any, value: Any) -> bytes:
        data: bytes = serializer.dumps(value)
        assert serializer.loads(data) == value
        return data

    for made, magic in ((ZstdSerializer(), b"\x28\xb5\x2f\xfd"), (Lz4Serializer(), b"\x04\x22\x4d\x18")):
        assert stored(made, long).startswith(magic)
        assert len(stored(made, long)) < 200
        assert stored(made, short) == JsonSerializer().dumps(short).encode()
        assert stored(type(made)(PickleSerializer(), threshold=0), random) is not None
    assert ZstdSerializer().loads(Lz4Serializer().dumps(long)) == long
    assert ZstdSerializer().loads(JsonSerializer().dumps(long).encode()) == long
    with pytest.raises(DecodeError, match="`max_unpacked` is 100"):
        ZstdSerializer(max_unpacked=100).loads(ZstdSerializer().dumps(long))


async def test_keys_rotate() -> None:
    for kind in (SealedSerializer, SignedSerializer):
        old, new = kind(keys=KEYS, key="old"), kind(keys=KEYS, key="new")
        after = kind(keys={"new": KEYS["new"]})
        assert new.loads(old.dumps([1], "k"), "k") == old.loads(new.dumps([1], "k"), "k") == [1]
        assert after.loads(new.dumps([1], "k"), "k") == [1]
        with pytest.raises(DecodeError, match="its key id"):
            after.loads(old.dumps([1], "k"), "k")
        with pytest.raises(DecodeError, match="stored under another key"):
            new.loads(new.dumps([1], "k"), "l")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: SealedSerializer(keys={"a": "5e" * 31 + "zz"}), "64 hexadecimal digits"),
        (lambda: SignedSerializer(keys=KEYS), "`key` is missing"),
        (lambda: SignedSerializer(keys=KEYS, key="none"), '`key` is "none", which is none of `keys`'),
        (lambda: SealedSerializer(keys={}), "`key` is missing"),
        (lambda: ZstdSerializer(level=23), "`level` is 23"),
    ],
)
def test_wrong_settings(make: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as refused:
        make()
    assert "5e5e" not in str(refused.value)
    assert "5e5e" not in repr(sealed())
    assert "5e5e" not in repr(sealed()._coat)


async def test_in_configurations(redis_server: servers.Redis) -> None:
    settings: dict[str, Any] = {
        "cache": "polycache.RedisCache",
        **redis_server.address,
        "serializer": {
            "class": "polycache.serializers.SealedSerializer",
            "keys": KEYS,
            "key": "new",
            "serializer": {"class": "zstd", "level": 9, "serializer": "pickle"},
        },
    }
    async with (
        _create_cache(**settings) as cache,
        RedisCache(**redis_server.address, serializer=NullSerializer()) as raw,
    ):
        assert type(cache.serializer.serializer.serializer) is PickleSerializer
        await cache.set("k", {1, 2})
        assert await cache.get("k") == {1, 2}
        await raw.set("k", "forged")
        with pytest.raises(DecodeError, match="can't decode this"):
            await cache.get("k")
        with pytest.raises(TypeError, match="Value is not an integer"):
            await cache.increment("k")
    from_url = Cache.from_url(f"{redis_server.url}?serializer=zstd&plugins=timing,hit_miss_ratio")
    assert type(from_url.serializer) is ZstdSerializer
    assert len(from_url.plugins) == 2
    await from_url.close()
