"""What is put around a server, for speed and for trouble: breaker, recovery, fallback, near."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from polycache.core.tuned import Tuned
from polycache.exceptions import InvalidInput

#: A setting that is a table of others: ``True`` is all defaults, ``False`` and ``None`` are none. A URL says ``true``.
Guard: TypeAlias = "bool | str | Mapping[str, Any] | None"

#: How many entries, or a table with other settings.
Near: TypeAlias = "int | str | Mapping[str, Any] | None"

#: These settings, as they are called in the Rust crate and in its configurations.
GUARDS = ("breaker", "recovery", "fallback", "near")

_SWITCHES = {"true": True, "1": True, "false": False, "0": False, "": False}


class Pending(NamedTuple):
    """What a cache with ``recovery`` or ``fallback`` still has to delete on its server.

    Attributes:
        keys: Full keys.
        prefixes: The beginnings of keys that are to be cleared.
        lost: How many lost writes couldn't be remembered: what is stored under their keys may be stale until it expires.
    """

    keys: list[str]
    prefixes: list[str]
    lost: int


class Troubled(Tuned):
    """A cache with these settings."""

    def __init__(
        self,
        *,
        breaker: Guard = None,
        recovery: Guard = None,
        fallback: Guard = None,
        near: Near = None,
        **kwargs: Any,
    ) -> None:
        """Makes a cache.

        Args:
            breaker: Has calls fail at once while the server can't be reached: ``True``, or a dict with ``failures`` (5),
                ``failure_rate`` (none) and ``pause`` (5 seconds).
            recovery: Remembers deletes and writes that didn't reach the server, and deletes their keys later: ``True``, or a
                dict with ``max_pending`` (10,000) and ``close_timeout`` (2 seconds).
            fallback: Works in memory while the server can't be reached: ``True``, or a dict with ``max_bytes`` (64 MiB) and
                ``ttl`` (30 seconds). It has a recovery in it.
            near: Keeps what was read in memory, for a while that is bounded: how many entries, or a dict with ``max_entries``
                (10,000), ``tracking`` (True), ``ttl`` (a second; none with tracking), ``misses`` (0), ``channel`` (the URL of a
                Redis by which processes tell each other what they write) and ``shared`` (False: whether reads of what is near
                return the same object, decoded once, which nobody may change; else each decodes its own).
            **kwargs: The other settings of a cache.

        They are for servers. Around memory there is nothing for them to do.
        """
        super().__init__(**kwargs)
        self._remember(
            _guards={
                "breaker": _table("breaker", breaker),
                "recovery": _table("recovery", recovery),
                "fallback": _table("fallback", fallback),
                "near": _near(near),
            },
        )

    _guards: dict[str, dict[str, Any] | None]


def _near(value: Near) -> dict[str, Any] | None:
    """The fields of ``near``, ``None`` if it isn't wanted."""
    if value is None or value is False or value in (0, "0"):
        return None
    if isinstance(value, Mapping):
        return dict(value)
    if value is True or not (isinstance(value, int) or str(value).strip().isdecimal()):
        raise InvalidInput(f"`near` is {value!r}; it is a number of entries, or a dict with its settings")
    return {"max_entries": value}


def _table(name: str, value: Guard) -> dict[str, Any] | None:
    """The fields of a setting, ``None`` if it isn't wanted."""
    if isinstance(value, str) and value.lower() in _SWITCHES:
        value = _SWITCHES[value.lower()]
    if value is None or value is False:
        return None
    if value is True:
        return {}
    if isinstance(value, Mapping):
        return dict(value)
    raise InvalidInput(f"`{name}` is {value!r}; it is True, or a dict with its settings")
