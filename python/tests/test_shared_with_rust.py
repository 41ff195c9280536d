"""Ten types of Python in three formats, written by Python and read by the Rust crate, and back, over a real Redis.

They are stored as they are, and packed, sealed or signed, with a grace.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import servers

ROOT = Path(__file__).parents[2]
MISSING = object()

VALUES: dict[str, Any] = {
    "int": -42,
    "float": 1.5,
    "str": "é😀\n",
    "bool": True,
    "none": None,
    "bytes": b"ab\xff",
    "list": [1, 2],
    "tuple": (1, "a"),
    "dict": {"a": [1], "b": []},
    "set": {1},
}

# What the Rust program prints of what Python wrote.
READ_BY_RUST: dict[str, str] = {
    "int": "-42",
    "float": "1.5",
    "str": '"é😀\\n"',
    "bool": "true",
    "none": "None",
    "bytes": "[97, 98, 255]",
    "list": "[1, 2]",
    "tuple": '(1, "a")',
    "dict": '{"a": [1], "b": []}',
    "set": "{1}",
}

# What has no form in the format: Python refuses to write it.
REFUSED = {("json", "bytes"), ("json", "set"), ("msgpack", "set")}

# What Python reads of what Rust wrote, where it isn't the value of the table: serde has no sets, and JSON and
# MessagePack have no tuples.
READ_BY_PYTHON: dict[tuple[str, str], Any] = {
    ("json", "bytes"): [97, 98, 255],
    ("json", "tuple"): [1, "a"],
    ("msgpack", "tuple"): [1, "a"],
    ("pickle", "set"): [1],
    ("json", "set"): [1],
    ("msgpack", "set"): [1],
}

KEYS = {"old": "a1" * 32, "new": "5e" * 32}


def signed(inner: str) -> dict[str, Any]:
    return {"class": "signed", "keys": KEYS, "key": "new", "serializer": inner}


# The innermost format, and the settings, which the Rust program has too.
FORMATS: dict[str, tuple[str, Any]] = {
    "pickle": ("pickle", "pickle"),
    "json": ("json", "json"),
    "msgpack": ("msgpack", "msgpack"),
    "zstd": ("pickle", {"class": "zstd", "level": 9, "threshold": 0, "serializer": "pickle"}),
    "lz4": ("msgpack", {"class": "lz4", "threshold": 0, "serializer": "msgpack"}),
    "sealed": ("pickle", {"class": "sealed", "keys": KEYS, "key": "new", "serializer": "pickle"}),
    "signed": ("pickle", signed("pickle")),
    "sealed-zstd": (
        "json",
        {"class": "sealed", "keys": KEYS, "key": "old", "serializer": {"class": "zstd", "threshold": 0}},
    ),
    "zstd-signed": ("json", {"class": "zstd", "threshold": 0, "serializer": signed("json")}),
}

pytestmark = pytest.mark.slow


def rust(what: str, server: servers.Redis) -> list[str]:
    """What the Rust program prints."""
    command = [
        "cargo",
        "run",
        "--quiet",
        "--locked",
        "--example",
        "python",
        "--all-features",
        "--",
        what,
        server.url,
    ]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def cache(namespace: str, format: str, server: servers.Redis) -> Any:
    from polycache.factory import _create_cache

    settings = {"url": server.url, "namespace": f"{namespace}-{format}", "serializer": FORMATS[format][1]}
    return _create_cache(**settings, ttl="1h", grace="1h")


async def test_rust_reads_what_python_writes(redis_server: servers.Redis) -> None:
    wanted = []
    for format, (inner, _) in FORMATS.items():
        async with cache("python", format, redis_server) as writer:
            for name, value in VALUES.items():
                if (inner, name) in REFUSED:
                    with pytest.raises(TypeError):
                        await writer.set(name, value)
                    wanted.append(f"{format} {name} is missing")
                else:
                    await writer.set(name, value)
                    wanted.append(f"{format} {name} {READ_BY_RUST[name]}")
    assert rust("read", redis_server) == wanted


async def test_python_reads_what_rust_writes(redis_server: servers.Redis) -> None:
    rust("write", redis_server)
    for format, (inner, _) in FORMATS.items():
        async with cache("rust", format, redis_server) as reader:
            for name, value in VALUES.items():
                wanted = READ_BY_PYTHON.get((inner, name), value)
                found = await reader.get(name, default=MISSING)
                assert found == wanted, f"{format} {name}"
                assert type(found) is type(wanted), f"{format} {name}"


async def test_a_round_trip_through_both(redis_server: servers.Redis) -> None:
    """One reads what the other wrote to its own keys, in the order of the commands, with no cache between."""
    async with cache("rust", "json", redis_server) as reader:
        await reader.set("int", 1)
        rust("write", redis_server)
        assert await reader.get("int") == VALUES["int"]


async def test_a_forged_pickle_is_refused_before_it_is_read(redis_server: servers.Redis) -> None:
    from polycache import RedisCache
    from polycache.exceptions import DecodeError
    from polycache.serializers import NullSerializer, PickleSerializer, SignedSerializer

    class Watched(PickleSerializer):
        read = 0

        def loads(self, value: Any, /) -> Any:
            Watched.read += 1
            return super().loads(value)

    options = {**redis_server.address, "namespace": "n"}
    async with (
        RedisCache(serializer=SignedSerializer(Watched(), keys=KEYS, key="new"), **options) as cache,
        RedisCache(serializer=NullSerializer(encoding=None), **options) as raw,
    ):
        await cache.set("k", {"a": 1})
        assert await cache.get("k") == {"a": 1}
        assert Watched.read == 1
        stored = await raw.get("k")
        plain = PickleSerializer().dumps({"a": 1})
        for forged in (plain, stored[:-1] + b"x", stored[:-1], b"\x01\x03new" + bytes(32) + plain, b""):
            await raw.set("k", forged)
            with pytest.raises(DecodeError):
                await cache.get("k")
        await raw.set("l", stored)
        with pytest.raises(DecodeError, match="stored under another key"):
            await cache.get("l")
        await raw.set("k", stored)
        assert Watched.read == 1
        assert await cache.multi_get(["k"]) == [{"a": 1}]
