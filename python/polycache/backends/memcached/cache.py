"""``MemcachedCache``: its servers, and its rules for keys and TTLs."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import Any

from polycache._native import Server
from polycache.backends.memcached.raw import ask
from polycache.backends.server.place import MEMCACHED_SETTINGS, Place, address, known
from polycache.backends.server.short import ServerCommands
from polycache.core.keys import ensure_key, key_text
from polycache.core.sentinels import SENTINEL, Unset
from polycache.core.ttl import Seconds, read_seconds
from polycache.core.whole import read_whole
from polycache.exceptions import BackendError
from polycache.serializers import JsonSerializer

#: The longest key that memcached takes, in bytes.
LONGEST_KEY = 250


class MemcachedBackend(ServerCommands):
    """A cache on memcached with the serializer of ``BaseCache``; see `MemcachedCache`."""

    NAME = "memcached"

    def __init__(
        self,
        endpoint: str = "127.0.0.1",
        port: int | str = 11211,
        pool_size: int | str = 2,
        *,
        username: str | None = None,
        password: str | None = None,
        url: str | None = None,
        loop: Any = None,
        **kwargs: Any,
    ) -> None:
        """Makes a cache. No server is contacted before the first command.

        Args:
            endpoint: The host, or the path of a unix socket.
            port: The port.
            pool_size: Has no effect: one connection carries the calls of all tasks.
            username: The user of ASCII authentication.
            password: The password.
            url: In place of the arguments above: ``memcached://host1,host2,host3``, ``memcacheds://``,
                ``memcached+unix://``.
            loop: Has no effect: the running loop is used.
            **kwargs: ``weights``, ``placement``, ``on_dead`` and the other settings of a memcached URL; the arguments of
                every cache on a server (``grace``, ``soft_timeout``, ``refresh_early``, ``breaker``, ``fallback``, ``near``, ..) and of
                every cache (see ``BaseCache``).
        """
        settings = known(kwargs, MEMCACHED_SETTINGS)
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.port = read_whole("port", port)
        self.pool_size = read_whole("pool_size", pool_size)
        self._username = username
        self._password = password
        self._url = self._own_url(settings) if url is None else self._take_url(url, settings)
        self._open()
        self._finish()

    def _own_url(self, settings: dict[str, str]) -> str:
        if self.endpoint.startswith("/"):
            return Place("memcached+unix", "", self.endpoint, settings=settings).url()
        return Place("memcached", address(self.endpoint, self.port), settings=settings).url()

    def _take_url(self, url: str, settings: dict[str, str]) -> str:
        place = Place.of(url, MEMCACHED_SETTINGS).of_server_alone()
        host, port = place.host_and_port()
        self.endpoint, self.port = host or self.endpoint, port or self.port
        self._username, self._password = place.username or self._username, place.password or self._password
        place.settings |= settings
        return place.url()

    _longest_key = LONGEST_KEY

    def _connect(self) -> Server:
        return Server(self._url, username=self._username, password=self._password, **self._around_server())

    @classmethod
    def parse_uri_path(cls, path: str) -> dict[str, Any]:
        """The settings in the path of a URL: none."""
        return {}

    def _build_key(self, key: Any, namespace: str | None = None) -> Any:
        space = self.namespace if namespace is None else namespace
        key = ensure_key(key)
        if isinstance(key, bytes):
            key = key.decode()
        return f"{self._prefix(space)}{key}".encode()

    def _key(self, key: Any) -> str:
        text = key if type(key) is str else key_text(key)
        if len(text) > LONGEST_KEY or (not text.isascii() and len(text.encode()) > LONGEST_KEY):
            raise TypeError(f"aiomcache error: invalid key: {text.encode()!r} has more than {LONGEST_KEY} bytes")
        return text

    def _get_ttl(self, ttl: Seconds | Unset) -> float | None:
        # The cache's own TTL is rounded up to whole seconds; a call's has to be whole.
        seconds = read_seconds(self.ttl if ttl is SENTINEL else ttl)
        return seconds if ttl is not SENTINEL or seconds is None or math.isinf(seconds) else math.ceil(seconds)

    def _seconds(self, ttl: Seconds) -> float | None:
        seconds = super()._seconds(ttl)
        if seconds is not None and seconds % 1:
            raise TypeError(f"aiomcache error: exptime not int: {seconds}")
        return seconds

    def _lease(self, seconds: float) -> float:
        # The server's clock counts seconds: an entry with a life of one may end at the next tick.
        self._seconds(seconds)
        return seconds + 1

    async def _clear(self, namespace: str | None = None, _conn: Any = None) -> bool:
        try:
            await self._server.clear(self._prefix(namespace))
        except BackendError as error:
            if not namespace:
                raise
            raise ValueError(
                "MemcachedBackend doesnt support flushing by namespace: memcached can't list its keys. "
                "With generations=1 and a namespace that ends with a colon it can be cleared"
            ) from error
        return True

    def _scan(self, namespace: str | None, pattern: str) -> AsyncIterator[str]:
        raise BackendError("memcached can't list its keys")

    async def _raw(
        self, command: str, *args: Any, encoding: str | None = "utf-8", _conn: Any = None, **kwargs: Any
    ) -> Any:
        return await ask(self._server, command, args, kwargs, encoding)

    def __repr__(self) -> str:
        return f"MemcachedCache ({self.endpoint}:{self.port})"


class MemcachedCache(MemcachedBackend):
    """A cache on memcached. Keys are the namespace and the key, with nothing between.

    TTLs are whole seconds: the cache's own is rounded up, a call's fraction is a ``TypeError``.

    Args:
        serializer: By default ``JsonSerializer``.
        endpoint: The host, by default 127.0.0.1, or the path of a unix socket.
        port: The port, by default 11211.
        username: The user of ASCII authentication.
        password: The password.
        url: In place of all these: ``memcached://host1,host2,host3?weights=2,1,1``.
        grace: Seconds that entries stay after their TTL, for when their source fails.
        throttle: Seconds that a source that has failed isn't asked again for. By default 30.
        soft_timeout: Seconds that a caller waits for a computation where there is a stale value.
        hard_timeout: Seconds that a caller waits for a computation at most.
        refresh_early: The part of a TTL after which an entry that is asked for is computed anew in the background.
        breaker: Has calls fail at once while the server can't be reached: ``True``, or a dict of its settings.
        recovery: Remembers deletes and writes that didn't reach the server: ``True``, or a dict of its settings.
        fallback: Works in memory while the server can't be reached: ``True``, or a dict of its settings.
        near: How many entries to keep in memory after a read, or a dict with its settings.
        **kwargs: Settings of the client (``weights``, ``placement``, ``on_dead``, ..); ``plugins``, ``namespace``,
            ``key_builder``, ``timeout``, ``ttl``: see ``BaseCache``.

    Example:
        >>> cache = MemcachedCache(endpoint="memcached.example.com", ttl=60)
        >>> await cache.set("key", [1, 2])
        True
    """

    def __init__(self, serializer: Any = None, **kwargs: Any) -> None:
        super().__init__(serializer=JsonSerializer() if serializer is None else serializer, **kwargs)


def aiocache_key(key: Any, namespace: str | None = None) -> bytes:
    """A key builder for entries that aiocache has stored: a space in a key is a ``_``, so ``a b`` and ``a_b`` are one key.

    Example:
        >>> cache = MemcachedCache(key_builder=aiocache_key)
    """
    return f"{namespace or ''}{ensure_key(key)}".replace(" ", "_").encode()


MemcachedBackend._note_parts()
