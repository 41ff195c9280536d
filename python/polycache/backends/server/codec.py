"""From values to the bytes on a server, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

from polycache.core.state import encoding_of
from polycache.serializers import JsonSerializer, PickleSerializer

Encode = Callable[[Any], bytes]
Decode = Callable[[bytes], Any]


def to_bytes(stored: Any) -> bytes:
    """A serializer's result as bytes.

    Raises:
        TypeError: It is neither text, bytes nor a number.
    """
    if type(stored) is bytes:
        return stored
    if isinstance(stored, str):
        return stored.encode()
    if isinstance(stored, (bytes, bytearray, memoryview)):
        return bytes(stored)
    if isinstance(stored, (int, float)) and not isinstance(stored, bool):
        return repr(stored).encode()
    kind = type(stored).__qualname__
    raise TypeError(f"a server stores text, bytes and numbers, not a {kind}: use a serializer such as JsonSerializer")


def from_bytes(data: bytes, encoding: str | None) -> Any:
    """The stored bytes as the serializer wants them."""
    return data if encoding is None else data.decode(encoding)


_scan_json: Callable[[str, int], tuple[Any, int]] = cast(Any, json.JSONDecoder()).scan_once


def load_json(data: bytes) -> Any:
    """The result of ``json.loads``. Most texts have no space around them, and need only one step of it."""
    text = data.decode()
    try:
        value, end = _scan_json(text, 0)
    except StopIteration:
        return json.loads(text)
    return value if end == len(text) else json.loads(text)


def dump_json(value: Any) -> bytes:
    """The result of ``json.dumps``, as bytes."""
    return json.dumps(value).encode()


def is_plain(serializer: Any, kind: type[Any]) -> bool:
    """Whether the serializer is exactly of this class, with the class's own methods."""
    own = vars(serializer) if type(serializer) is kind else {"dumps": None}
    return "dumps" not in own and "loads" not in own


def codec(serializer: Any) -> tuple[Encode, Decode]:
    """The functions that turn values into the serializer's bytes, and back."""
    if is_plain(serializer, JsonSerializer) and serializer.encoding == "utf-8":
        return dump_json, load_json
    if is_plain(serializer, PickleSerializer) and serializer.encoding is None:
        dumps, loads = serializer.dumps, serializer.loads
        return dumps, loads
    return (
        lambda value: to_bytes(serializer.dumps(value)),
        lambda data: serializer.loads(from_bytes(data, encoding_of(serializer))),
    )
