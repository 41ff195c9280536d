"""Serializers and plugins as arguments: objects, which are easily mistaken for their classes and names."""

from __future__ import annotations

from typing import Any

from polycache.core.noticing import Heard
from polycache.serializers.base import BaseSerializer


def check_serializer(value: Any) -> Any:
    """The serializer.

    Raises:
        TypeError: It is a name, or a class of serializers.
    """
    if isinstance(value, str) or (isinstance(value, type) and issubclass(value, BaseSerializer)):
        raise TypeError(f"`serializer` is {_shown(value, 'JsonSerializer')}")
    return value


def check_plugins(value: Any) -> Any:
    """The list of plugins.

    Raises:
        TypeError: It is no list, or a name or a class of plugins is in it.
    """
    if isinstance(value, (str, Heard)) or isinstance(type(value), Heard):
        raise TypeError(f"`plugins` is {value!r}; it is a list, also of one plugin")
    for plugin in value if isinstance(value, (list, tuple)) else ():
        if isinstance(plugin, (str, Heard)):
            raise TypeError(f"one of `plugins` is {_shown(plugin, 'TimingPlugin')}")
    return value


def _shown(value: Any, example: str) -> str:
    shown, made = (f"the class {value.__name__}", value.__name__) if isinstance(value, type) else (repr(value), example)
    return f"{shown}; it is an object, such as {made}()"
