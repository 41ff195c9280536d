"""Entries as callers give them: pairs of a key and a value, or a mapping."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def pairs_of(given: Iterable[tuple[Any, Any]] | Mapping[Any, Any]) -> Sequence[tuple[Any, Any]]:
    """The pairs that ``multi_set`` is to store.

    Raises:
        TypeError: They are no pairs.
    """
    if isinstance(given, Mapping):
        return list(given.items())
    told = "it takes pairs of a key and a value, or a dict"
    if isinstance(given, (list, tuple)):
        pairs: Sequence[tuple[Any, Any]] = given
    elif hasattr(type(given), "__iter__"):
        pairs = list(given)
    else:
        raise TypeError(f"multi_set: {_kind(given)} has no pairs; {told}")
    pair: Any = None
    try:
        for pair in pairs:
            _, _ = pair
    except (TypeError, ValueError):
        size = f" of length {len(pair)}" if isinstance(pair, (str, list, tuple)) else ""
        raise TypeError(f"multi_set: one of the pairs is {_kind(pair)}{size}; {told}") from None
    return pairs


def dict_of(result: Any, who: str) -> dict[Any, Any]:
    """The values that a computation has returned, by their keys, as a dict of its own.

    Raises:
        TypeError: They have no keys.
    """
    if isinstance(result, Mapping):
        return dict(result)
    kind = _kind(result)
    try:
        if not hasattr(result, "keys"):
            result = list(result)
            if any(isinstance(pair, (str, bytes)) for pair in result):  # Two characters would be a key and a value.
                raise TypeError
        return dict(result)
    except (TypeError, ValueError):
        raise TypeError(f"{who} returned {kind}; it returns a dict of values by their keys") from None


def name_of(function: Any) -> str:
    """A function's name for errors."""
    return getattr(function, "__qualname__", None) or repr(function)


def _kind(thing: Any) -> str:
    """What a thing is, without its contents, which may be secret."""
    if thing is None:
        return "None"
    name = type(thing).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
