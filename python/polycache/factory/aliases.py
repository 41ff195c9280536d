"""``caches``: caches by the names of a configuration."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from polycache.factory.parts import _create_cache

Config = dict[str, Any]


def _made(alias: str, config: Config) -> Any:
    """The cache of these settings. An error has a note that names the alias."""
    try:
        return _create_cache(**config)
    except Exception as error:
        error.add_note(f"in the settings of the cache {alias!r}")
        raise


class CacheHandler:
    """Caches by alias: `get` always returns the same cache for an alias, `create` a new one each time."""

    _config: dict[str, Config] = {  # noqa: RUF012  # Replaced as a whole, as test suites do.
        "default": {
            "cache": "polycache.SimpleMemoryCache",
            "serializer": {"class": "polycache.serializers.StringSerializer"},
        }
    }

    def __init__(self) -> None:
        self._caches: dict[str, Any] = {}

    def add(self, alias: str, config: Config) -> None:
        """Adds an alias, or gives one other settings.

        Args:
            alias: The name.
            config: Its settings, as in `set_config`.
        """
        self._config[alias] = config

    def get(self, alias: str) -> Any:
        """The cache of this name, made at the first call.

        Raises:
            KeyError: There is no such alias.
        """
        try:
            return self._caches[alias]
        except KeyError:
            # Two threads that make it at once both get the same one.
            return self._caches.setdefault(alias, _made(alias, self.get_alias_config(alias)))

    def create(self, alias: str, **kwargs: Any) -> Any:
        """Makes a new cache with the settings of an alias.

        Args:
            alias: The name.
            **kwargs: Settings in place of the alias's.

        Raises:
            KeyError: There is no such alias.

        Example:
            >>> other = caches.create("default", namespace="other")
        """
        return _made(alias, {**self.get_alias_config(alias), **kwargs})

    def get_alias_config(self, alias: str) -> Config:
        """A copy of the settings of an alias.

        Raises:
            KeyError: There is no such alias.
        """
        config = self.get_config()
        if alias not in config:
            raise KeyError(f"Could not find config for '{alias}': give it to caches.set_config or caches.add")
        return config[alias]

    def get_config(self) -> dict[str, Config]:
        """A copy of all settings."""
        return deepcopy(self._config)

    def set_config(self, config: dict[str, Config]) -> None:
        """Replaces all settings. `get` makes the caches of aliases in ``config`` anew at its next call.

        Args:
            config: By alias: ``cache``, a class or its dotted name; ``serializer`` and ``plugins``, each a ``class`` and its
                arguments; and the cache's arguments. An alias ``default`` is needed.

        Raises:
            ValueError: There is no ``default``.

        Example:
            >>> caches.set_config({
            ...     "default": {
            ...         "cache": "polycache.SimpleMemoryCache",
            ...         "serializer": {"class": "polycache.serializers.StringSerializer"},
            ...     },
            ...     "redis_alt": {
            ...         "cache": "polycache.RedisCache",
            ...         "endpoint": "127.0.0.1",
            ...         "timeout": 1,
            ...         "serializer": {"class": "polycache.serializers.PickleSerializer"},
            ...         "plugins": [{"class": "polycache.plugins.TimingPlugin"}],
            ...     },
            ... })
        """
        if "default" not in config:
            raise ValueError("default config must be provided")
        for alias in config:
            self._caches.pop(alias, None)
        self._config = config


caches = CacheHandler()
