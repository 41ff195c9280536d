"""Whole numbers: settings, which a URL or the environment gives as text, and what is added to counters."""

from __future__ import annotations

import operator
from typing import SupportsIndex

from polycache.exceptions import InvalidInput


def read_whole(name: str, value: int | str) -> int:
    """A setting's whole number.

    Raises:
        InvalidInput: It is something else; the error names the setting.
    """
    try:
        return int(value)
    except (TypeError, ValueError):
        raise InvalidInput(f"`{name}` is {value!r}, which is no whole number") from None


def read_delta(value: SupportsIndex) -> int:
    """The number that ``increment`` adds: an ``int``, or any other whole number, such as numpy's.

    Raises:
        TypeError: It is something else.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"a delta of {value!r} is not an integer") from None
