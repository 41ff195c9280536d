"""MessagePack, by the package msgpack."""

from __future__ import annotations

import importlib
from typing import Any

from polycache.serializers.base import BaseSerializer


class MsgPackSerializer(BaseSerializer):
    """Stores MessagePack. It needs the package ``msgpack``: ``pip install polycache[msgpack]``.

    Args:
        use_list: Whether arrays are read as lists; otherwise as tuples.
        encoding: ``"utf-8"``: text is read as text. Anything else: as bytes.
        *args: For another base class.
        **kwargs: For another base class.

    Raises:
        RuntimeError: The package isn't installed.
    """

    def __init__(self, *args: Any, use_list: bool = True, **kwargs: Any) -> None:
        try:
            msgpack: Any = importlib.import_module("msgpack")
        except ImportError:
            raise RuntimeError("MsgPackSerializer needs the package msgpack: pip install polycache[msgpack]") from None
        self.use_list = use_list
        self._msgpack = msgpack
        super().__init__(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        """Without the module, which can't be copied."""
        return {name: value for name, value in self.__dict__.items() if name != "_msgpack"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restores the state of `__getstate__`."""
        self.__dict__.update(state, _msgpack=importlib.import_module("msgpack"))

    def dumps(self, value: Any, /) -> Any:
        """The value as MessagePack."""
        return self._msgpack.packb(value)

    def loads(self, value: Any, /) -> Any:
        """The value of MessagePack. Keys of maps may be of any type that can be written."""
        if value is None:
            return None
        raw = self.encoding != "utf-8"
        return self._msgpack.unpackb(value, raw=raw, use_list=self.use_list, strict_map_key=False)
