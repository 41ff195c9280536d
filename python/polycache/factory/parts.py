"""Making a cache and its parts from a configuration."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

#: The package whose settings are taken as they are.
_AIOCACHE = "aiocache."


def _class_from_string(class_path: str) -> Any:
    """The class of a dotted name. A name that begins with ``aiocache.`` is this package's class.

    Raises:
        ImportError: There is no such module.
        AttributeError: There is no such class.
    """
    if class_path.startswith(_AIOCACHE):
        class_path = "polycache." + class_path.removeprefix(_AIOCACHE)
    module, _, name = class_path.rpartition(".")
    return getattr(importlib.import_module(module or "builtins"), name)


def _part(config: Mapping[str, Any]) -> Any:
    """A serializer or a plugin from its settings, which stay as they are."""
    settings = dict(config)
    kind = settings.pop("class")
    return (_class_from_string(kind) if isinstance(kind, str) else kind)(**settings)


def _create_cache(
    cache: Any,
    serializer: Mapping[str, Any] | None = None,
    plugins: Iterable[Mapping[str, Any]] | None = None,
    **kwargs: Any,
) -> Any:
    """The cache for a configuration.

    Args:
        cache: Its class, or the class's dotted name.
        serializer: ``class`` and its arguments.
        plugins: ``class`` and its arguments, for each plugin.
        **kwargs: The arguments of the cache's class.
    """
    kind = _class_from_string(cache) if isinstance(cache, str) else cache
    made = None if serializer is None else _part(serializer)
    return kind(serializer=made, plugins=[_part(plugin) for plugin in plugins or ()], **kwargs)
