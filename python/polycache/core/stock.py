"""Telling a cache with its original parts from one with replaced parts.

A cache takes a short way past its own methods if that makes no difference: no subclass and no test has replaced an operation,
the key rule or the serializer. Plugins and the off switch are looked at on each call instead.
"""

from __future__ import annotations

import weakref
from abc import ABCMeta
from types import SimpleNamespace
from typing import Any

from polycache.base import BaseCache

#: The parts that a subclass or an instance may replace. With any of them replaced, the long way is taken.
PARTS = (
    "_add", "_cas", "_clear", "_delete", "_exists", "_expire", "_full_key", "_get", "_get_ttl", "_gets", "_increment", "_limit",
    "_load", "_dump", "_lookup", "_multi_delete", "_multi_get", "_multi_lookup", "_multi_read", "_multi_set", "_read", "_run",
    "_set", "_ttl", "_versioned", "acquire_conn", "build_key", "plugins", "serializer",
)  # fmt: skip


#: All caches: a change of a class concerns them.
_CACHES: weakref.WeakValueDictionary[int, Stock] = weakref.WeakValueDictionary()


class Noticing(ABCMeta):
    """Has the caches of a class look at their parts again when somebody changes the class, as ``mock.patch`` does."""

    def __setattr__(cls, name: str, value: Any) -> None:
        """Sets the attribute, which may be a part."""
        super().__setattr__(name, value)
        cls._parts_changed()

    def __delattr__(cls, name: str) -> None:
        """Takes away an attribute, which may have hidden an inherited part."""
        super().__delattr__(name)
        cls._parts_changed()

    def _parts_changed(cls) -> None:
        for cache in list(_CACHES.values()):
            if isinstance(cache, cls):
                cache._changed()


def look_again() -> None:
    """Has all caches choose their way anew."""
    for cache in list(_CACHES.values()):
        cache._changed()


class Stock(BaseCache, metaclass=Noticing):
    """A cache that knows whether its parts are the original ones."""

    #: The parts of the class that count as the original ones.
    _ORIGINAL: SimpleNamespace
    #: False until the constructor is done.
    _made = False

    @classmethod
    def _note_parts(cls) -> None:
        """Has the parts of this class count as the original ones."""
        cls._ORIGINAL = SimpleNamespace(**{part: getattr(cls, part) for part in dir(cls)})

    def _finish(self) -> None:
        """For the end of the constructor. From now on a change of an attribute or of the class decides anew on the short way."""
        self._remember(_made=True)
        _CACHES[id(self)] = self
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
        return not any(map(self._is_other, PARTS))

    def _changed(self) -> None:
        """Called after every change of an attribute: chooses between the short way and the long one."""
        raise NotImplementedError
