"""Noticing that somebody changes a class of caches, as ``mock.patch`` does."""

from __future__ import annotations

import weakref
from abc import ABCMeta
from collections.abc import Callable
from typing import Any

#: The caches that choose a short way by their classes: a change of a class concerns them.
CACHES: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()

#: Called after each change of a class.
ON_CHANGE: list[Callable[[], None]] = []


class Noticing(ABCMeta):
    """Has the caches of a class look at their parts again when somebody changes the class."""

    def __setattr__(cls, name: str, value: Any) -> None:
        """Sets the attribute, which may be a part."""
        super().__setattr__(name, value)
        cls._parts_changed()

    def __delattr__(cls, name: str) -> None:
        """Takes away an attribute, which may have hidden an inherited part."""
        super().__delattr__(name)
        cls._parts_changed()

    def _parts_changed(cls) -> None:
        for call in ON_CHANGE:
            call()
        for cache in _present():
            if isinstance(cache, cls):
                cache._changed()


def _present() -> list[Any]:
    """The caches that there are. Not by ``values()``, which another thread that makes a cache meanwhile breaks off."""
    return [cache for reference in CACHES.valuerefs() if (cache := reference()) is not None]


def look_again() -> None:
    """Has all caches choose their way anew."""
    for cache in _present():
        cache._changed()


class Heard(ABCMeta):
    """Has all caches choose their way anew when somebody changes the class, of plugins or of serializers."""

    def __setattr__(cls, name: str, value: Any) -> None:
        """Sets the attribute, which may be a hook or a method."""
        super().__setattr__(name, value)
        look_again()

    def __delattr__(cls, name: str) -> None:
        """Takes away an attribute, which may have replaced an inherited one."""
        super().__delattr__(name)
        look_again()
