"""Telling a cache with its original parts from one with replaced parts.

A cache takes a short way past its own methods if that makes no difference: no subclass and no test has replaced an operation,
the key rule or the serializer. Plugins and the off switch are looked at on each call instead.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Self

from polycache.base import BaseCache
from polycache.core.counts import Tallied
from polycache.core.noticing import CACHES

#: The parts that a subclass or an instance may replace. With any of them replaced, the long way is taken.
PARTS = (
    "_add", "_cas", "_clear", "_delete", "_exists", "_expire", "_full_key", "_get", "_get_ttl", "_gets", "_increment",
    "_limit", "_load", "_load_of", "_dump", "_dump_for", "_lookup", "_multi_delete", "_multi_get", "_multi_lookup",
    "_multi_read", "_multi_set", "_read", "_run", "_set", "_ttl", "_versioned", "acquire_conn", "build_key", "plugins",
    "serializer",
)  # fmt: skip


#: The commands that the caches of this package override, as they were written.
_COMMANDS = {
    name: getattr(BaseCache, name) for name in ("get", "multi_get", "set", "multi_set", "delete", "exists", "increment")
}


class Stock(BaseCache):
    """A cache that knows whether its parts are the original ones."""

    #: The parts of the class that count as the original ones.
    _ORIGINAL: SimpleNamespace
    #: False until the constructor is done.
    _made = False
    #: Whether all parts but the serializer were the original ones when the way was last decided on.
    _stock = False

    @classmethod
    def _note_parts(cls) -> None:
        """Has the parts of this class count as the original ones."""
        cls._ORIGINAL = SimpleNamespace(**{part: getattr(cls, part) for part in dir(cls)})

    def _finish(self) -> None:
        """For the end of the constructor. From now on a change of an attribute or of the class decides anew on the short way."""
        self._remember(_made=True)
        CACHES[id(self)] = self
        self._changed()

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets the attribute, which may be a part or a setting."""
        super().__setattr__(name, value)
        if self._made:
            self._changed()

    def __delattr__(self, name: str) -> None:
        """Removes an attribute, which may have replaced a part."""
        super().__delattr__(name)
        if self._made:
            self._changed()

    def _is_other(self, part: str) -> bool:
        """Whether a subclass or this instance has replaced this part."""
        return self._is_replaced(part, self._ORIGINAL)

    def _is_stock(self) -> bool:
        """Whether all parts but the serializer are the original ones."""
        if any(getattr(BaseCache, name) is not command for name, command in _COMMANDS.items()):
            return False
        return not any(map(self._is_other, PARTS))

    #: Attributes that a copy makes anew.
    _OWN: frozenset[str] = frozenset({"_made", "_stock"})

    def __copy__(self) -> Self:
        """A cache with the same settings on the same store or connections."""
        other = type(self).__new__(type(self))
        other._remember(**vars(self))
        other._finish()
        return other

    def __getstate__(self) -> dict[str, Any]:
        """The settings, for ``pickle`` and ``copy.deepcopy``."""
        own = {name: value for name, value in super().__getstate__().items() if name not in self._OWN}
        return {name: dict(value) if isinstance(value, Tallied) else value for name, value in own.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Makes a cache of these settings."""
        self._remember(**state)
        self._open()
        self._finish()

    def _open(self) -> None:
        """Makes the native store or client."""
        raise NotImplementedError

    def _changed(self) -> None:
        """Called after every change of an attribute: chooses between the short way and the long one."""
        raise NotImplementedError
