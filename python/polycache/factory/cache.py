"""``Cache``: a cache by its class or by a URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar, overload

from polycache.backends.memcached import MemcachedCache
from polycache.backends.memory import SimpleMemoryCache
from polycache.backends.redis import RedisCache
from polycache.backends.server.place import MEMCACHED_SETTINGS, REDIS_SETTINGS, Place
from polycache.base import BaseCache
from polycache.exceptions import InvalidCacheType
from polycache.factory.parts import _part

#: The kinds of caches by the names that URLs have for them.
CACHES: dict[str, type[BaseCache]] = {
    "memory": SimpleMemoryCache,
    "redis": RedisCache,
    "memcached": MemcachedCache,
}

C = TypeVar("C", bound=BaseCache)


class Cache:
    """Makes a cache: ``Cache(Cache.REDIS, endpoint="10.0.0.1")`` is ``RedisCache(endpoint="10.0.0.1")``.

    Example:
        >>> cache = Cache(Cache.MEMORY, ttl=60)
        >>> shared = Cache.from_url("redis://user:password@10.0.0.1:6379/1?namespace=shop&timeout=0.5")
    """

    MEMORY: ClassVar[type[SimpleMemoryCache]] = SimpleMemoryCache
    REDIS: ClassVar[type[RedisCache]] = RedisCache
    MEMCACHED: ClassVar[type[MemcachedCache]] = MemcachedCache

    @overload
    def __new__(cls, cache_class: type[C], **kwargs: Any) -> C: ...  # type: ignore[misc]  # It makes no Cache.
    @overload
    def __new__(cls, **kwargs: Any) -> SimpleMemoryCache: ...  # type: ignore[misc]
    def __new__(cls, cache_class: Any = SimpleMemoryCache, **kwargs: Any) -> Any:
        """Makes a cache.

        Args:
            cache_class: Its class, by default ``SimpleMemoryCache``.
            **kwargs: What the class takes.

        Raises:
            InvalidCacheType: It is no class of a cache.
        """
        if not (isinstance(cache_class, type) and issubclass(cache_class, BaseCache)):
            raise _invalid(
                f" by Cache.MEMORY, Cache.REDIS and Cache.MEMCACHED, or a URL by Cache.from_url; this is {cache_class!r}"
            )
        return cache_class(**kwargs)

    @classmethod
    def _get_cache_class(cls, scheme: str) -> type[BaseCache]:
        return CACHES[scheme]

    @classmethod
    def get_scheme_class(cls, scheme: str) -> type[BaseCache]:
        """The class of a cache by the name that URLs have for it.

        Raises:
            InvalidCacheType: There is none of that name.
        """
        try:
            return cls._get_cache_class(scheme)
        except KeyError:
            raise _invalid(f"; {scheme!r} is none") from None

    @classmethod
    def from_url(cls, url: str, **kwargs: Any) -> Any:
        """Makes the cache that a URL describes. Nothing is contacted.

        User name and password are percent-decoded. The query holds arguments of the cache's constructor (``namespace``,
        ``ttl``, ``timeout``, ``grace``, ``fallback=true``, ``max_size``, ``serializer=msgpack``, ``plugins=timing,hit_miss_ratio``,
        ..) and settings of its client (``connections``, ``heartbeat``, ``ca``, ..). Times are seconds, or texts as ``1h``.

        Args:
            url: ``memory://``; ``redis://user:password@host:port/db``, ``rediss://`` with TLS,
                ``redis+cluster://host1,host2``, ``redis+sentinel://host1,host2/service``, ``redis+unix:///path``;
                ``memcached://host1,host2``, ``memcacheds://``, ``memcached+unix:///path``.
            **kwargs: Arguments of the cache's constructor, which win over those in the URL.

        Returns:
            The cache.

        Raises:
            InvalidCacheType: There is no such kind of cache.
            TypeError: An argument that the kind of cache doesn't take.

        Example:
            >>> Cache.from_url("redis://10.0.0.1:6380/1?timeout=1.5")
            RedisCache (10.0.0.1:6380)
        """
        scheme, is_url, _ = url.partition("://")
        if not is_url:  # It may hold a password.
            raise _invalid(": a URL begins with one of them, as in redis://127.0.0.1:6379")
        # A scheme may be written in capitals; the name of a user's own class is as it is there.
        scheme = scheme if scheme in CACHES else scheme.lower()
        kind = _SCHEMES.get(scheme)
        if kind == "redis":
            return _server(cls.get_scheme_class(kind), url, REDIS_SETTINGS, kwargs)
        if kind == "memcached":
            return _server(cls.get_scheme_class(kind), url, MEMCACHED_SETTINGS, kwargs)
        return _plain(cls.get_scheme_class(scheme), url, kwargs)


_SCHEMES = {
    **dict.fromkeys(("redis", "rediss", "redis+unix", "valkey", "valkeys"), "redis"),
    **dict.fromkeys(("redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel"), "redis"),
    **dict.fromkeys(("memcached", "memcacheds", "memcached+unix"), "memcached"),
}


def _invalid(why: str) -> InvalidCacheType:
    return InvalidCacheType(f"Invalid cache type, you can only use {list(CACHES)}{why}")


def _parts(options: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a constructor: those of the query, with serializers and plugins made of their names, and those given beside."""
    found: dict[str, Any] = dict(options)
    if "serializer" in found:
        found["serializer"] = _part(found["serializer"])
    if "plugins" in found:
        found["plugins"] = [_part(name) for name in found["plugins"].split(",")]
    return {**found, **{name: value for name, value in given.items() if value is not None and value != []}}


def _server(kind: type[BaseCache], url: str, settings: frozenset[str], given: Mapping[str, Any]) -> BaseCache:
    """A cache on a server. One host is given by the arguments that constructors have for it, anything more as a URL."""
    place = Place.of(url, settings)
    if place.scheme not in ("redis", "rediss", "memcached") or "," in place.hosts:
        query_less = Place(place.scheme, place.hosts, place.path, settings=place.settings)
        options: dict[str, Any] = {**place.options, "url": query_less.url()}
    else:
        options = {**place.options, **place.settings, **_one_host(kind, place)}
    if place.username is not None:
        options["username"] = place.username
    if place.password is not None:
        options["password"] = place.password
    return kind(**_parts(options, given))


def _one_host(kind: type[BaseCache], place: Place) -> dict[str, Any]:
    host, port = place.host_and_port()
    found: dict[str, Any] = dict(getattr(kind, "parse_uri_path", lambda path: {})(place.path)) if place.path else {}
    if host is not None:
        found["endpoint"] = host
    if port is not None:
        found["port"] = port
    if place.scheme == "rediss":
        found["ssl"] = True
    return found


def _plain(kind: type[BaseCache], url: str, given: Mapping[str, Any]) -> BaseCache:
    """A cache in memory, or of a user's own class that was put into `CACHES`."""
    place = Place.of(url, frozenset())
    options: dict[str, Any] = {**place.options, **_one_host(kind, place)}
    if place.username is not None:
        options["username"] = place.username
    if place.password is not None:
        options["password"] = place.password
    return kind(**_parts(options, given))
