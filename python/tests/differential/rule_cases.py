"""Keys, namespaces, serializers and constructors: the second table of the contract."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from .cases import Case, Part, do, serializer
from .sides import ALL, MEMCACHED, MEMORY, REDIS

SERVERS = (REDIS, MEMCACHED)
FRACTIONS = (MEMORY, REDIS)


class Colour(enum.Enum):
    RED = "red"


class Fruit(enum.StrEnum):
    APPLE = "apple"


@dataclass
class Point:
    x: int
    y: Any


KEYS = [
    Case(
        "a namespace of the cache",
        (do.set("k", 1), do.get("k"), do.get("k", namespace=""), do.get("k", namespace=None)),
        ALL,
        {"namespace": "ns"},
    ),
    Case(
        "a namespace of the call wins",
        (do.set("k", 1, namespace="other"), do.get("k"), do.get("k", namespace="other")),
        ALL,
        {"namespace": "ns"},
    ),
    Case(
        "an empty namespace means none",
        (do.set("k", 1, namespace=""), do.get("k"), do.get("k", namespace="")),
        ALL,
        {"namespace": "ns"},
    ),
    Case(
        "a namespace in each command",
        (
            do.add("a", 1, namespace="n"),
            do.multi_set([("b", 2)], namespace="n"),
            do.multi_get(["a", "b"], namespace="n"),
            do.exists("a", namespace="n"),
            do.increment("c", namespace="n"),
            do.expire("a", 100, namespace="n"),
            do.delete("b", namespace="n"),
            do.exists("a"),
        ),
        ALL,
    ),
    Case("an Enum key by its value", (do.set(Colour.RED, 1), do.get("red")), FRACTIONS, {"namespace": "ns"}),
    Case("a text Enum key", (do.set(Fruit.APPLE, 1), do.get(Fruit.APPLE)), FRACTIONS),
    Case("a number as a key in a namespace", (do.set(5, 1), do.get("5"), do.get(5)), ALL, {"namespace": "ns"}),
    Case("a key of unusual letters", (do.set("ключ é 😀", 1), do.get("ключ é 😀")), FRACTIONS),
    Case("an empty key", (do.set("", 1), do.get("")), FRACTIONS),
    Case(
        "a key_builder",
        (
            do.set("k", 1),
            do.get("k"),
            do.get("k", namespace="m"),
            do.multi_set([("a", 2)]),
            do.exists("a"),
            do.delete("a"),
        ),
        ALL,
        {"namespace": "ns", "key_builder": lambda key, namespace: f"<{namespace}|{key}>"},
    ),
    Case(
        "build_key",
        (
            do.build_key("k"),
            do.build_key("k", namespace="m"),
            do.build_key("k", "m"),
            do.build_key("k", ""),
            do.build_key("k", namespace=None),
        ),
        FRACTIONS,
        {"namespace": "ns"},
    ),
    Case(
        "build_key without a namespace", (do.build_key("k"), do.build_key("k", "m"), do.build_key("k", "")), FRACTIONS
    ),
    Case("a space in a key of memcached", (do.set("a b", 1), do.get("a b")), (MEMCACHED,)),
    Case("a key that is too long for memcached", (do.set("k" * 251, 1), do.get("k" * 251)), (MEMCACHED,)),
    Case("the longest key of memcached", (do.set("k" * 250, 1), do.get("k" * 250)), (MEMCACHED,)),
    Case("a fractional ttl on memcached", (do.set("k", 1, ttl=0.1), do.exists("k")), (MEMCACHED,), text=True),
]

VALUES: dict[str, Any] = {
    "text": 'é😀\0\n"quote"',
    "empty text": "",
    "integer": 42,
    "negative": -7,
    "big": 2**70,
    "float": 1.5,
    "nan": float("nan"),
    "infinity": float("inf"),
    "true": True,
    "list": [1, "a", None, [2.5]],
    "tuple": (1, 2),
    "dict": {"a": 1, "b": [True, None]},
    "int keys": {1: "a"},
    "bytes": b"ab\xff",
    "set": {1},
    "object": Point(1, "x"),
    "text subclass": Fruit.APPLE,
}

JSON = (
    "text",
    "empty text",
    "integer",
    "negative",
    "big",
    "float",
    "nan",
    "infinity",
    "true",
    "list",
    "tuple",
    "dict",
    "int keys",
    "bytes",
    "set",
    "object",
    "text subclass",
)


def read_back(name: str, options: dict[str, Any], title: str, kinds: tuple[str, ...]) -> Case:
    return Case(
        f"{title}: {name}",
        (do.set("k", VALUES[name]), do.get("k"), do.multi_set([("m", VALUES[name])]), do.multi_get(["m", "k"])),
        kinds,
        options,
    )


SERIALIZERS = [
    *(read_back(name, {}, "memory as it comes", (MEMORY,)) for name in VALUES),
    *(read_back(name, {}, "the default of servers", SERVERS) for name in JSON),
    *(read_back(name, serializer("JsonSerializer"), "JsonSerializer", ALL) for name in JSON),
    *(read_back(name, serializer("PickleSerializer"), "PickleSerializer", ALL) for name in VALUES),
    *(read_back(name, serializer("StringSerializer"), "StringSerializer", ALL) for name in VALUES if name != "nan"),
    *(read_back(name, serializer("NullSerializer"), "NullSerializer", (MEMORY,)) for name in VALUES),
    *(read_back("text", serializer("NullSerializer"), "NullSerializer on servers", SERVERS) for _ in range(1)),
    Case(
        "an integer by NullSerializer",
        (do.set("k", 5), do.get("k"), do.set("f", 1.5), do.get("f")),
        (REDIS,),
        serializer("NullSerializer"),
    ),
    *(
        read_back(name, serializer("MsgPackSerializer"), "MsgPackSerializer on memory", (MEMORY,))
        for name in VALUES
        if name not in ("int keys", "nan", "object", "set", "big")
    ),
    *(
        read_back(name, serializer("MsgPackSerializer"), "MsgPackSerializer refuses", (MEMORY,))
        for name in ("object", "set", "big")
    ),
    Case(
        "PickleSerializer with a protocol",
        (do.set("k", [1, 2]), do.get("k")),
        ALL,
        serializer("PickleSerializer", protocol=2),
    ),
    Case(
        "MsgPackSerializer keeps tuples when told",
        (do.set("k", (1, 2)), do.get("k")),
        (MEMORY,),
        serializer("MsgPackSerializer", use_list=False),
    ),
    Case("None on memory", (do.set("k", None), do.get("k"), do.exists("k"), do.get("k", default=5)), (MEMORY,)),
    Case("None by JSON on servers", (do.set("k", None), do.get("k"), do.exists("k")), SERVERS),
    Case("None by pickle", (do.set("k", None), do.get("k"), do.exists("k")), ALL, serializer("PickleSerializer")),
    Case("None by StringSerializer", (do.set("k", None), do.get("k")), ALL, serializer("StringSerializer")),
    Case(
        "StringSerializer counts",
        (do.set("k", 5), do.increment("k"), do.get("k")),
        FRACTIONS,
        serializer("StringSerializer"),
    ),
    Case(
        "pickle reads what JSON wrote on memory",
        (do.set("k", "v", dumps_fn=str), do.get("k")),
        (REDIS,),
        serializer("PickleSerializer"),
    ),
    Case("JSON that can't be read", (do.set("k", "{", dumps_fn=str), do.get("k"), do.multi_get(["k"])), SERVERS),
]

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    MEMORY: ("NAME", "namespace", "ttl", "timeout", "serializer", "plugins"),
    REDIS: ("endpoint", "password", "pool_max_size", "create_connection_timeout"),
    MEMCACHED: ("endpoint", "pool_size"),
}


def attributes(title: str, kinds: tuple[str, ...], **options: Any) -> list[Case]:
    """What a cache says of itself."""
    found = []
    for kind in kinds:
        names = ATTRIBUTES[MEMORY] + (ATTRIBUTES[kind] if kind != MEMORY else ()) + (("db",) if "db" in options else ())
        calls = tuple(do.attribute(name) for name in names)
        found.append(Case(f"{title}: {kind}", calls, (kind,), options, store=False))
    return found


CONSTRUCTORS = [
    *attributes("a cache as it comes", ALL),
    *attributes("a cache with options", ALL, namespace="ns", ttl=5, timeout=2),
    *attributes("options as text", ALL, ttl="5", timeout="2.5"),
    *attributes("a cache without a time limit", ALL, timeout=None),
    *attributes(
        "options of Redis", (REDIS,), password="secret", db="3", pool_max_size="5", create_connection_timeout="1.5"
    ),
    *attributes("options of memcached", (MEMCACHED,), pool_size="5"),
]

CUSTOM = [
    Case(
        "a serializer with an encoding of its own",
        (do.set("k", "é"), do.get("k")),
        SERVERS,
        {"serializer": Part(lambda side: _bytes_serializer(side))},
    ),
    Case(
        "a serializer of a subclass",
        (do.set("k", "v"), do.get("k"), do.multi_set([("a", "b")]), do.multi_get(["a"])),
        ALL,
        {"serializer": Part(lambda side: _reverse_serializer(side))},
    ),
]


def _bytes_serializer(side: Any) -> Any:
    class Latin(side.module("serializers").BaseSerializer):  # type: ignore[misc]
        DEFAULT_ENCODING = None

        def dumps(self, value: str) -> bytes:
            return value.encode("latin-1")

        def loads(self, value: bytes | None) -> str | None:
            return None if value is None else value.decode("latin-1")

    return Latin()


def _reverse_serializer(side: Any) -> Any:
    class Reverse(side.module("serializers").StringSerializer):  # type: ignore[misc]
        def dumps(self, value: str) -> str:
            return super().dumps(value)[::-1]

        def loads(self, value: str | None) -> str | None:
            return None if value is None else value[::-1]

    return Reverse()


CASES = [*KEYS, *SERIALIZERS, *CONSTRUCTORS, *CUSTOM]
