"""Serializers that change nothing, or little: objects as they are, and text."""

from __future__ import annotations

from typing import Any

from polycache.serializers.base import BaseSerializer


class NullSerializer(BaseSerializer):
    """Stores values as they are: the serializer of memory caches.

    A read returns the stored object, not a copy. On a server, which stores bytes, values have to be text, bytes or numbers, and
    are read as text.
    """

    def dumps(self, value: Any, /) -> Any:
        """The value."""
        return value

    def loads(self, value: Any, /) -> Any:
        """The value."""
        return value


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
