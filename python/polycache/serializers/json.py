"""JSON, by the standard library."""

from __future__ import annotations

import json
from typing import Any

from polycache.serializers.base import BaseSerializer


class JsonSerializer(BaseSerializer):
    """Stores JSON, as ``json.dumps`` writes it: the serializer of caches on servers.

    It is the standard library's, even if ujson is installed. Tuples are read as lists, and keys of dicts as text.
    """

    def dumps(self, value: Any, /) -> str:
        """The value as JSON."""
        return json.dumps(value)

    def loads(self, value: Any, /) -> Any:
        """The value of a JSON text."""
        # A counter in memory is a number.
        return value if value is None or type(value) is int else json.loads(value)
