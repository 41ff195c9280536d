"""Pickle: nearly every Python object."""

from __future__ import annotations

import pickle
from typing import Any

from polycache.serializers.base import BaseSerializer


class PickleSerializer(BaseSerializer):
    """Stores pickles. Whoever can write to the server can have any code run by a reader.

    Args:
        protocol: The protocol of ``pickle``. By default Python's own default.
        encoding: See `BaseSerializer`.
        *args: For another base class.
        **kwargs: For another base class.
    """

    DEFAULT_ENCODING = None

    def __init__(self, *args: Any, protocol: int = pickle.DEFAULT_PROTOCOL, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.protocol = protocol

    def dumps(self, value: Any, /) -> bytes:
        """The value as a pickle."""
        return pickle.dumps(value, protocol=self.protocol)

    def loads(self, value: Any, /) -> Any:
        """The object of a pickle."""
        return None if value is None else pickle.loads(value)
