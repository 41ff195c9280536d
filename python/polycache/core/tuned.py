"""The settings of a cache that the core keeps: what is stored beside values, and how computations go."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self, TypeAlias

from polycache.core.tags import Tagged
from polycache.core.ttl import Seconds, read_lease, read_setting
from polycache.exceptions import InvalidInput

#: Yes or no; a URL says ``true`` or ``false``.
Switch: TypeAlias = "bool | str"

#: Settings that a function may have for itself on the cache of an alias.
FUNCTION_SETTINGS = ("grace", "soft_timeout", "hard_timeout", "refresh_early", "lease", "write_behind")

_SWITCHES = {"true": True, "1": True, "false": False, "0": False, "": False}

#: More seconds than clocks have.
_ENDLESS = 2.0**62


class Tuned(Tagged):
    """A cache with these settings."""

    _settings: dict[str, Any]
    #: Whether something is stored beside the values, which other programs can't read then.
    _keeps_more: bool = False
    #: Whether only the core knows how a computation goes.
    _is_tuned: bool = False
    #: Whether a hit may begin a computation.
    _is_early: bool = False

    def __init__(
        self,
        *,
        grace: Seconds = None,
        throttle: Seconds = 30,
        soft_timeout: Seconds = None,
        hard_timeout: Seconds = None,
        refresh_early: float | str | None = None,
        stale_on_clear: Switch = False,
        ttl_jitter: float | str = 0,
        allow_flush: Switch = True,
        write_behind: Switch = False,
        **kwargs: Any,
    ) -> None:
        """Makes a cache.

        Args:
            grace: Seconds that entries stay after their TTL, for when their source fails: then ``get_or_set`` and decorated
                functions give them. 0 or ``None``: none.
            throttle: Seconds that a source that has failed isn't asked again for, where there is a stale value.
            soft_timeout: Seconds that a caller waits for a computation where there is a stale value, which it is given then. The
                computation goes on. 0: not at all. ``None``: as long as it takes.
            hard_timeout: Seconds that a caller waits for a computation at most: then it is given a stale value, or a
                ``TimeoutError``. 0 or ``None``: as long as it takes.
            refresh_early: The part of a TTL after which an entry that is asked for is computed anew in the background, 0.8 for the
                last fifth. 1 or ``None``: never.
            stale_on_clear: Whether ``clear_tag`` makes entries stale that have a grace, rather than gone.
            ttl_jitter: A random part of up to this fraction (0 to 1) is taken off the TTL of every write.
            allow_flush: Whether ``clear()`` without a namespace may empty the database.
            write_behind: Whether computed values are given before they are stored.
            **kwargs: The arguments of every cache: see ``BaseCache``.
        """
        super().__init__(**kwargs)
        self._tune(
            grace=grace,
            throttle=throttle,
            soft_timeout=soft_timeout,
            hard_timeout=hard_timeout,
            refresh_early=refresh_early,
            stale_on_clear=stale_on_clear,
            ttl_jitter=ttl_jitter,
            allow_flush=allow_flush,
            write_behind=write_behind,
        )

    def _tune(self, **given: Any) -> None:
        settings = {name: _READERS[name](name, value) for name, value in given.items()}
        early = settings["refresh_early"] is not None and settings["refresh_early"] != 1
        waits = settings["soft_timeout"] is not None or settings["hard_timeout"] is not None
        keeps_more = early or settings["grace"] is not None
        self._remember(_settings=settings, _keeps_more=keeps_more, _is_tuned=keeps_more or waits, _is_early=early)

    def _native_settings(self) -> dict[str, Any]:
        """The settings for the native half, which may find something beside a value that it can't read."""
        return {**self._settings, "on_decode_error": self._on_decode_error}

    def _with_settings(self, **settings: Any) -> Self:
        """A view of this cache that has some of `FUNCTION_SETTINGS` for itself."""
        view = copy.copy(self)
        if "lease" in settings:
            view._remember(_own_lease=read_lease(settings.pop("lease")))
        view._tune(**{**self._settings, **settings})
        view._look_at(self)
        view._changed()
        return view

    @property
    def grace(self) -> float | None:
        """The seconds that entries stay after their TTL; ``None`` for none."""
        return self._seconds_of("grace")

    @property
    def throttle(self) -> float | None:
        """The seconds that a source that has failed isn't asked again for."""
        return self._seconds_of("throttle")

    @property
    def soft_timeout(self) -> float | None:
        """The seconds that a caller waits for a computation where there is a stale value; ``None`` for as long as it takes."""
        return self._seconds_of("soft_timeout")

    @property
    def hard_timeout(self) -> float | None:
        """The seconds that a caller waits for a computation at most; ``None`` for as long as it takes."""
        return self._seconds_of("hard_timeout")

    @property
    def refresh_early(self) -> float | None:
        """The part of a TTL after which an entry is computed anew in the background; ``None`` for never."""
        return self._seconds_of("refresh_early")

    def _seconds_of(self, name: str) -> float | None:
        found: float | None = self._settings[name]
        return found

    @property
    def ttl_jitter(self) -> float:
        """The part of a TTL of which a random part is taken off."""
        return self._settings["ttl_jitter"] or 0.0

    @property
    def stale_on_clear(self) -> bool:
        """Whether ``clear_tag`` makes entries stale that have a grace."""
        return bool(self._settings["stale_on_clear"])

    @property
    def allow_flush(self) -> bool:
        """Whether ``clear()`` without a namespace may empty the database."""
        return bool(self._settings["allow_flush"])

    @property
    def write_behind(self) -> bool:
        """Whether computed values are given before they are stored."""
        return bool(self._settings["write_behind"])


def _seconds(name: str, value: Seconds) -> float | None:
    seconds = read_setting(name, value)
    if seconds is None:
        return None
    if seconds < 0:
        raise InvalidInput(f"`{name}` is {value}; it begins at 0 seconds")
    return min(float(seconds), _ENDLESS)


def _part(name: str, value: float | str | None) -> float | None:
    """A part of a whole, whose bounds the core knows."""
    try:
        return None if value is None else float(value)
    except ValueError:
        raise InvalidInput(f"`{name}` is {value!r}, which is no number") from None


def read_switch(name: str, value: Switch) -> bool:
    """A setting that is on or off, which a URL gives as text.

    Raises:
        InvalidInput: It is something else.
    """
    if isinstance(value, str) and value.lower() in _SWITCHES:
        return _SWITCHES[value.lower()]
    if isinstance(value, bool):
        return value
    raise InvalidInput(f"`{name}` is {value!r}; it is True or False")


def _seconds_or_none(name: str, value: Seconds) -> float | None:
    """Seconds, of which 0 are none."""
    return _seconds(name, value) or None


#: Read the settings, each with its name.
_READERS: dict[str, Callable[[str, Any], Any]] = {
    "grace": _seconds_or_none,
    "throttle": _seconds,
    "soft_timeout": _seconds,
    "hard_timeout": _seconds_or_none,
    "refresh_early": _part,
    "stale_on_clear": read_switch,
    "ttl_jitter": _part,
    "allow_flush": read_switch,
    "write_behind": read_switch,
}
