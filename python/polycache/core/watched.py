"""Objects that notice when somebody replaces their methods, as tests and ``mock.patch`` do."""

from __future__ import annotations

from typing import Any


class Watched:
    """Remembers which methods an instance has of its own."""

    #: The methods that this instance has of its own.
    _replaced: frozenset[str] = frozenset()

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets an attribute, which may replace a method."""
        object.__setattr__(self, name, value)
        if callable(getattr(type(self), name, None)):
            self._remember(_replaced=self._replaced | {name})

    def __delattr__(self, name: str) -> None:
        """Removes an attribute, as ``mock.patch`` does at its end."""
        object.__delattr__(self, name)
        if name in self._replaced:
            self._remember(_replaced=self._replaced - {name})

    def _remember(self, **attributes: Any) -> None:
        """Sets attributes unnoticed. Not by ``__dict__``: once made, it slows reads of attributes down."""
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    def _is_replaced(self, method: str, original: Any) -> bool:
        """Whether a subclass of ``original`` or this instance has replaced this method."""
        return method in self._replaced or getattr(type(self), method) is not getattr(original, method)
