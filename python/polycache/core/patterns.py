"""The patterns of ``scan``."""

from __future__ import annotations

import re
from collections.abc import Callable

from polycache.exceptions import InvalidInput


def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a name matches: ``*`` is any text, ``?`` a character, ``[a-c]`` one of several, ``[^a]`` another one.

    Raises:
        InvalidInput: A ``[`` without its ``]``, or a backslash at the end.
    """
    compiled = re.compile(_expression(pattern), re.DOTALL)
    return lambda name: compiled.fullmatch(name) is not None


def _expression(pattern: str) -> str:
    """The regular expression of a pattern."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        mark = pattern[at]
        at += 1
        if mark == "*":
            parts.append(".*")
        elif mark == "?":
            parts.append(".")
        elif mark == "\\":
            parts.append(re.escape(_character(pattern, at)))
            at += 1
        elif mark == "[":
            at, members = _members(pattern, at)
            parts.append(members)
        else:
            parts.append(re.escape(mark))
    return "".join(parts)


def _character(pattern: str, at: int) -> str:
    if at >= len(pattern):
        raise InvalidInput(f"the pattern {pattern!r} ends within a [ or behind a backslash")
    return pattern[at]


def _members(pattern: str, at: int) -> tuple[int, str]:
    """The class that begins behind a ``[``, and where it ends."""
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[str] = []
    while _character(pattern, at) != "]":
        at, first = _member(pattern, at)
        last = first
        if _character(pattern, at) == "-" and _character(pattern, at + 1) != "]":
            at, last = _member(pattern, at + 1)
        low, high = sorted((first, last))
        ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    if not ranges:
        return at + 1, "." if negated else "(?!)"
    return at + 1, f"[{'^' if negated else ''}{''.join(ranges)}]"


def _member(pattern: str, at: int) -> tuple[int, str]:
    """A character of a class, which a backslash may stand before, and where it ends."""
    if _character(pattern, at) == "\\":
        at += 1
    return at + 1, _character(pattern, at)
