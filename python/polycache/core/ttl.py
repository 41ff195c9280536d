"""Times to live, as callers write them and as backends take them."""

from __future__ import annotations

import math
from typing import TypeAlias

from polycache._native import seconds as seconds_of
from polycache.exceptions import InvalidInput

#: Seconds, also as text (``"1.5"``, ``"500ms"``, ``"1h 30m"``); ``None`` for no limit.
Seconds: TypeAlias = "float | str | None"


def read_seconds(value: Seconds) -> float | None:
    """The caller's seconds, a number or text, as a number.

    Raises:
        InvalidInput: For NaN.
        ValueError: For text that is no time.
        TypeError: For anything else.
    """
    if value is None or type(value) is int:
        return value
    try:
        seconds = float(value)
    except ValueError:
        if not isinstance(value, str):
            raise
        seconds = seconds_of(value)
    if math.isnan(seconds):
        raise InvalidInput("NaN is no time: give seconds, or None for no limit")
    return seconds


def read_setting(name: str, value: Seconds) -> float | None:
    """A setting's seconds, as `read_seconds`; an error names the setting."""
    try:
        return read_seconds(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"`{name}`: {error}") from None


def read_lease(value: Seconds) -> float | None:
    """A lease's seconds, as `read_setting`.

    Raises:
        InvalidInput: For fewer than none.
    """
    seconds = read_setting("lease", value)
    if seconds is not None and seconds < 0:
        raise InvalidInput(f"`lease` is {value}; it begins at 0 seconds, which are none")
    return seconds


def native_ttl(value: Seconds) -> float | None:
    """A TTL for a native backend: ``None``, 0 and infinity mean for ever; the caller deals with values below 0."""
    seconds = read_seconds(value)
    if seconds is None or seconds == 0 or seconds == math.inf:
        return None
    return float(seconds)
