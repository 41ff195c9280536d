"""From a serializer's result to bytes, and back."""

from __future__ import annotations

from typing import Any

from polycache.serializers.msgpack import MsgPackSerializer


def encoding_of(serializer: Any) -> str | None:
    """The encoding of stored text for the serializer; ``None`` if it wants bytes."""
    if isinstance(serializer, MsgPackSerializer):
        return None  # Its ``encoding`` is that of the text within.
    encoding: str | None = getattr(serializer, "encoding", "utf-8")
    return encoding


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
