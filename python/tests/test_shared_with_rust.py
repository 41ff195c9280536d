"""Ten types of Python in three formats, written by Python and read by the Rust crate, and back, over a real Redis."""

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

SERIALIZERS = {"pickle": "PickleSerializer", "json": "JsonSerializer", "msgpack": "MsgPackSerializer"}

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
        "--features",
        "msgpack",
        "--",
        what,
        server.url,
    ]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def cache(namespace: str, format: str, server: servers.Redis) -> Any:
    import polycache
    from polycache import serializers

    serializer = getattr(serializers, SERIALIZERS[format])()
    return polycache.RedisCache(
        endpoint=servers.HOST, port=server.port, namespace=f"{namespace}-{format}", serializer=serializer
    )


async def test_rust_reads_what_python_writes(redis_server: servers.Redis) -> None:
    wanted = []
    for format in SERIALIZERS:
        async with cache("python", format, redis_server) as writer:
            for name, value in VALUES.items():
                if (format, name) in REFUSED:
                    with pytest.raises(TypeError):
                        await writer.set(name, value)
                    wanted.append(f"{format} {name} is missing")
                else:
                    await writer.set(name, value)
                    wanted.append(f"{format} {name} {READ_BY_RUST[name]}")
    assert rust("read", redis_server) == wanted


async def test_python_reads_what_rust_writes(redis_server: servers.Redis) -> None:
    rust("write", redis_server)
    for format in SERIALIZERS:
        async with cache("rust", format, redis_server) as reader:
            for name, value in VALUES.items():
                wanted = READ_BY_PYTHON.get((format, name), value)
                found = await reader.get(name, default=MISSING)
                assert found == wanted, f"{format} {name}"
                assert type(found) is type(wanted), f"{format} {name}"


async def test_a_round_trip_through_both(redis_server: servers.Redis) -> None:
    """One reads what the other wrote to its own keys, in the order of the commands, with no cache between."""
    async with cache("rust", "json", redis_server) as reader:
        await reader.set("int", 1)
        rust("write", redis_server)
        assert await reader.get("int") == VALUES["int"]
