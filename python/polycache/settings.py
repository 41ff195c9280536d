"""``settings``: the configuration of ``caches``, by the name that early versions of aiocache had for it."""

from __future__ import annotations

from typing import Any

from polycache.factory import caches


class settings:
    """The configuration of ``caches``; use that in new code."""

    _instance: settings | None = None

    def __new__(cls) -> settings:
        """The one instance."""
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    @classmethod
    def get_alias(cls, alias: str) -> dict[str, Any]:
        """The settings of an alias. Raises ``KeyError`` if there is none."""
        return caches.get_alias_config(alias)

    @classmethod
    def get_config(cls) -> dict[str, dict[str, Any]]:
        """All settings."""
        return caches.get_config()

    @classmethod
    def set_config(cls, config: dict[str, dict[str, Any]]) -> None:
        """Replaces all settings. Raises ``ValueError`` if there is no ``default``."""
        caches.set_config(config)
