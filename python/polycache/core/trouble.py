"""What is put around a source and a server, for speed and for trouble: grace and throttle, breaker, recovery, fallback, near."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from polycache.core.stock import Stock
from polycache.core.ttl import Seconds, read_seconds
from polycache.exceptions import InvalidInput

#: A setting that is a table of others: ``True`` is all defaults, ``False`` and ``None`` are none. A URL says ``true``.
Guard: TypeAlias = "bool | str | Mapping[str, Any] | None"

#: How many entries, or a table with other settings.
Near: TypeAlias = "int | str | Mapping[str, Any] | None"

#: The settings of a cache that are about trouble. They are called so in the Rust crate and in its configurations, too.
TROUBLE_SETTINGS = ("grace", "throttle", "breaker", "recovery", "fallback", "near")

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


class Troubled(Stock):
    """A cache with these settings."""

    #: Whether entries stay after their TTL.
    _has_grace: bool = False

    def __init__(
        self,
        *,
        grace: Seconds = None,
        throttle: Seconds = 30,
        breaker: Guard = None,
        recovery: Guard = None,
        fallback: Guard = None,
        near: Near = None,
        **kwargs: Any,
    ) -> None:
        """Makes a cache.

        Args:
            grace: Seconds that entries stay after their TTL, for when their source fails: then ``get_or_set`` and decorated
                functions give them. 0 or ``None``: none.
            throttle: Seconds that a source that has failed isn't asked again for, where there is a stale value.
            breaker: Has calls fail at once while the server can't be reached: ``True``, or a dict with ``failures`` (5),
                ``failure_rate`` (none) and ``pause`` (5 seconds).
            recovery: Remembers deletes and writes that didn't reach the server, and deletes their keys later: ``True``, or a
                dict with ``max_pending`` (10,000) and ``close_timeout`` (2 seconds).
            fallback: Works in memory while the server can't be reached: ``True``, or a dict with ``max_bytes`` (64 MiB) and
                ``ttl`` (30 seconds). It has a recovery in it.
            near: Keeps what was read in memory, for a while that is bounded: how many entries, or a dict with ``max_entries``
                (10,000), ``tracking`` (True), ``ttl`` (a second; none with tracking) and ``misses`` (0).
            **kwargs: The arguments of every cache: see ``BaseCache``.

        The last four are for servers. Around memory there is nothing for them to do.
        """
        super().__init__(**kwargs)
        self._remember(
            _grace=_seconds("grace", grace) or None,
            _throttle=_seconds("throttle", throttle),
            _guards={
                "breaker": _table("breaker", breaker),
                "recovery": _table("recovery", recovery),
                "fallback": _table("fallback", fallback),
                "near": _near(near),
            },
        )
        self._remember(_has_grace=self._grace is not None)

    _grace: float | None
    _throttle: float | None
    _guards: dict[str, dict[str, Any] | None]

    @property
    def grace(self) -> float | None:
        """The seconds that entries stay after their TTL; ``None`` for none."""
        return self._grace

    @property
    def throttle(self) -> float | None:
        """The seconds that a source that has failed isn't asked again for."""
        return self._throttle


def _seconds(name: str, value: Seconds) -> float | None:
    seconds = read_seconds(value)
    if seconds is None:
        return None
    if seconds < 0:
        raise InvalidInput(f"`{name}` is {value}; it begins at 0 seconds")
    return float(seconds)


def _near(value: Near) -> dict[str, Any] | None:
    """The fields of ``near``, ``None`` if it isn't wanted."""
    if value is None or value is False or value in (0, "0"):
        return None
    return dict(value) if isinstance(value, Mapping) else {"max_entries": value}


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
