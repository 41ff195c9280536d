"""Whole numbers among the settings, which a URL or the environment gives as text."""

from __future__ import annotations

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
