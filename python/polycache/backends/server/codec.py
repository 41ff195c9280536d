"""From values to the bytes on a server, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

from polycache.serializers import JsonSerializer, PickleSerializer, StringSerializer
from polycache.serializers.stored import encoding_of, from_bytes, to_bytes

Encode = Callable[[Any], bytes]
Decode = Callable[[bytes], Any]


_DUMPS, _LOADS = JsonSerializer.dumps, JsonSerializer.loads
_scan_json: Callable[[str, int], tuple[Any, int]] = cast(Any, json.JSONDecoder()).scan_once


def load_json(data: bytes) -> Any:
    """The result of ``json.loads``. Most texts have no space around them, and need only one step of it."""
    text = data.decode()
    if JsonSerializer.loads is not _LOADS:  # A test has replaced it.
        return JsonSerializer().loads(text)
    try:
        value, end = _scan_json(text, 0)
    except StopIteration:
        return json.loads(text)
    return value if end == len(text) else json.loads(text)


def dump_json(value: Any) -> bytes:
    """The result of ``json.dumps``, as bytes."""
    if JsonSerializer.dumps is not _DUMPS:
        return to_bytes(JsonSerializer().dumps(value))
    return json.dumps(value).encode()


_DUMPS_TEXT, _LOADS_TEXT = StringSerializer.dumps, StringSerializer.loads


def text_codec(serializer: StringSerializer) -> tuple[Encode, Decode]:
    """The functions of a serializer whose bytes are the text alone, as long as nobody sets an attribute of it."""
    own = vars(serializer)

    def dump(value: Any) -> bytes:
        if own or StringSerializer.dumps is not _DUMPS_TEXT:
            return to_bytes(serializer.dumps(value))
        return str(value).encode()

    def load(data: bytes) -> Any:
        if own or StringSerializer.loads is not _LOADS_TEXT:
            return serializer.loads(from_bytes(data, encoding_of(serializer)))
        return data.decode()

    return dump, load


def is_text(serializer: Any) -> bool:
    """Whether `text_codec` is the serializer's."""
    return type(serializer) is StringSerializer and serializer.encoding == "utf-8"


def text_methods(serializer: StringSerializer) -> tuple[Any, ...]:
    """What native code looks at before it does the same: the class, its methods as they were, the serializer's own attributes."""
    return StringSerializer, _DUMPS_TEXT, _LOADS_TEXT, vars(serializer)


def is_plain(serializer: Any, kind: type[Any]) -> bool:
    """Whether the serializer is exactly of this class, with the class's own methods."""
    own = vars(serializer) if type(serializer) is kind else {"dumps": None}
    return "dumps" not in own and "loads" not in own


def codec(serializer: Any) -> tuple[Encode, Decode]:
    """The functions that turn values into the serializer's bytes, and back."""
    if is_plain(serializer, JsonSerializer) and serializer.encoding == "utf-8":
        return dump_json, load_json
    if is_text(serializer):
        return text_codec(serializer)
    if is_plain(serializer, PickleSerializer) and serializer.encoding is None:
        # Looked up at each call: a test may replace the class's.
        return lambda value: to_bytes(serializer.dumps(value)), lambda data: serializer.loads(data)
    return (
        lambda value: to_bytes(serializer.dumps(value)),
        lambda data: serializer.loads(from_bytes(data, encoding_of(serializer))),
    )
