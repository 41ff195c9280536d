"""Dicts of counts that the native half keeps until somebody looks at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, SupportsIndex

from polycache._native import Tally


class Tallied(dict[str, Any]):
    """A dict that takes in the native counts whenever somebody reads or changes it."""

    def __init__(self, take_in: Callable[[Tallied], None]) -> None:
        super().__init__()
        self.tally = Tally()
        self._take_in = take_in

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """Copies and pickles are plain dicts."""
        return dict, (dict(self),)


def _after_taking_in(name: str) -> Callable[..., Any]:
    """The method of ``dict`` that first takes in the native counts."""
    original = getattr(dict, name)

    def method(self: Tallied, *args: Any, **kwargs: Any) -> Any:
        for counts in (self, *args):
            if type(counts) is Tallied:
                counts._take_in(counts)
        return original(self, *args, **kwargs)

    method.__name__, method.__doc__ = name, original.__doc__
    return method


for _name in (
    "__contains__", "__delitem__", "__eq__", "__ge__", "__getitem__", "__gt__", "__ior__", "__iter__", "__le__", "__len__",
    "__lt__", "__ne__", "__or__", "__repr__", "__reversed__", "__ror__", "__setitem__", "clear", "copy", "get", "items", "keys",
    "pop", "popitem", "setdefault", "update", "values",
):  # fmt: skip
    setattr(Tallied, _name, _after_taking_in(_name))


def _add_times(profiling: Tallied) -> None:
    """Takes in the times of commands."""
    for command, count, total, longest, shortest in profiling.tally.take_times():
        known, average = (dict.get(profiling, f"{command}_{what}", 0) for what in ("total", "avg"))
        known += count
        average += (total - average * count) / known
        dict.update(
            profiling,
            {
                f"{command}_total": known,
                f"{command}_avg": average,
                f"{command}_max": max(longest, dict.get(profiling, f"{command}_max", 0)),
                f"{command}_min": min(shortest, dict.get(profiling, f"{command}_min", shortest)),
            },
        )


def _add_hits(ratio: Tallied) -> None:
    """Takes in the hits."""
    asked, hits = ratio.tally.take_hits()
    if asked:
        total, hits = dict.get(ratio, "total", 0) + asked, dict.get(ratio, "hits", 0) + hits
        dict.update(ratio, total=total, hits=hits, hit_ratio=hits / total)


def counts(attribute: str) -> Tallied:
    """An empty dict for this attribute of a cache, ``profiling`` or ``hit_miss_ratio``."""
    return Tallied(_add_times if attribute == "profiling" else _add_hits)
