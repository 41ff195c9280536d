"""Serializers that change nothing, or little: objects as they are, and text."""

from __future__ import annotations

from typing import Any

from polycache.core.noticing import Heard, look_again
from polycache.serializers.base import BaseSerializer


class NullSerializer(BaseSerializer, metaclass=Heard):
    """Stores values as they are: the serializer of memory caches.

    A read returns the stored object, not a copy. On a server, which stores bytes, values have to be text, bytes or numbers, and
    are read as text.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets the attribute, which may be a method."""
        super().__setattr__(name, value)
        look_again()

    def __delattr__(self, name: str) -> None:
        """Takes away an attribute, which may have replaced a method."""
        super().__delattr__(name)
        look_again()

    def dumps(self, value: Any, /) -> Any:
        """The value."""
        return value

    def loads(self, value: Any, /) -> Any:
        """The value."""
        return value


_DUMPS, _LOADS = NullSerializer.dumps, NullSerializer.loads


def keeps_objects(serializer: Any) -> bool:
    """Whether a serializer is a `NullSerializer` of which nobody has replaced a method."""
    if type(serializer) is not NullSerializer or "dumps" in vars(serializer) or "loads" in vars(serializer):
        return False
    return NullSerializer.dumps is _DUMPS and NullSerializer.loads is _LOADS


class StringSerializer(BaseSerializer):
    """Stores ``str(value)``, and reads text: a stored ``1`` is read as ``"1"``."""

    def dumps(self, value: Any, /) -> str:
        """The value as text."""
        return str(value)

    def loads(self, value: Any, /) -> Any:
        """The text."""
        return value


#: The name of `StringSerializer` in early versions of aiocache.
DefaultSerializer = StringSerializer
