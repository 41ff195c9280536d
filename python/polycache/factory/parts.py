"""Making a cache and its parts from a configuration."""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Iterable, Mapping
from typing import Any

#: The package whose settings are taken as they are.
_AIOCACHE = "aiocache."


#: The names of the parts in the Rust crate's configurations.
_NAMES = {
    "memory": "polycache.SimpleMemoryCache",
    "redis": "polycache.RedisCache",
    "memcached": "polycache.MemcachedCache",
    "null": "polycache.serializers.NullSerializer",
    "json": "polycache.serializers.JsonSerializer",
    "text": "polycache.serializers.StringSerializer",
    "msgpack": "polycache.serializers.MsgPackSerializer",
    "pickle": "polycache.serializers.PickleSerializer",
    "zstd": "polycache.serializers.ZstdSerializer",
    "lz4": "polycache.serializers.Lz4Serializer",
    "sealed": "polycache.serializers.SealedSerializer",
    "signed": "polycache.serializers.SignedSerializer",
    "timing": "polycache.plugins.TimingPlugin",
    "hit_miss_ratio": "polycache.plugins.HitMissRatioPlugin",
}


def _class_from_string(class_path: str) -> Any:
    """The class of a dotted name, or of a short one. A name that begins with ``aiocache.`` is this package's class.

    Raises:
        ImportError: There is no such module.
        AttributeError: There is no such class.
    """
    class_path = _NAMES.get(class_path, class_path)
    if class_path.startswith(_AIOCACHE):
        class_path = "polycache." + class_path.removeprefix(_AIOCACHE)
    module, _, name = class_path.rpartition(".")
    if not module and not hasattr(builtins, name):
        raise AttributeError(f"{name!r} is no dotted name of a class, and none of the short names {', '.join(_NAMES)}")
    return getattr(importlib.import_module(module or "builtins"), name)


def _part(config: Mapping[str, Any] | str) -> Any:
    """A serializer or a plugin from its name or its settings, which stay as they are."""
    if isinstance(config, str):
        return _class_from_string(config)()
    settings = dict(config)
    kind = settings.pop("class")
    if isinstance(settings.get("serializer"), (Mapping, str)):  # One around another.
        settings["serializer"] = _part(settings["serializer"])
    return (_class_from_string(kind) if isinstance(kind, str) else kind)(**settings)


def _create_cache(
    cache: Any = None,
    serializer: Mapping[str, Any] | str | None = None,
    plugins: Iterable[Mapping[str, Any] | str] | None = None,
    **kwargs: Any,
) -> Any:
    """The cache for a configuration.

    Args:
        cache: Its class, the class's dotted name, or ``memory``, ``redis`` or ``memcached``; by default that of the ``url``.
        serializer: ``class`` and its arguments; or its name alone.
        plugins: The same for each plugin.
        **kwargs: The arguments of the cache's class.

    Raises:
        TypeError: There is neither a ``cache`` nor a ``url``.
    """
    from polycache.factory.cache import Cache  # It makes parts, too.

    made = None if serializer is None else _part(serializer)
    listed = [_part(plugin) for plugin in plugins or ()]
    if cache is None and "url" in kwargs:
        return Cache.from_url(serializer=made, plugins=listed, **kwargs)
    if cache is None:
        raise TypeError("`cache` is missing, or a `url` in its place")
    kind: Any = _class_from_string(cache) if isinstance(cache, str) else cache
    return kind(serializer=made, plugins=listed, **kwargs)
