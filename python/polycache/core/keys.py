"""Keys, and their text for a backend."""

from __future__ import annotations

from enum import Enum
from typing import Any

from polycache.exceptions import InvalidInput


def ensure_key(key: Any) -> Any:
    """The value of an enum's member; every other key as it is."""
    return key.value if isinstance(key, Enum) else key


def key_text(key: Any) -> str:
    """The text of a key for a native backend.

    Numbers, dates, UUIDs and the like become their ``str``, so ``1`` and ``"1"`` are one key, as on a server. Bytes become the
    text that they encode.

    Raises:
        TypeError: The object's text is its address, which another object may have later.
        InvalidInput: Bytes that encode no text.
    """
    if isinstance(key, str):
        # A member of an enum that is text too would print as its name.
        return str.__str__(key)
    if isinstance(key, (bytes, bytearray, memoryview)):
        try:
            return bytes(key).decode()
        except UnicodeDecodeError:
            raise InvalidInput(f"the key {bytes(key)!r} is no UTF-8: give text, such as its hex()") from None
    key = ensure_key(key)
    if isinstance(key, str):
        return str.__str__(key)
    kind: Any = type(key)
    if kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__:
        raise TypeError(f"a {kind.__qualname__} is no key: its text is its address; give text, or define __str__")
    return str(key)


class SpacedKey(str):
    """A full key that knows its namespace, since a separator need not stand behind that."""

    __slots__ = ("space",)
    space: str | None

    @classmethod
    def of(cls, full: str, space: str | None) -> SpacedKey:
        """The key in this namespace."""
        key = cls(full)
        key.space = space
        return key
