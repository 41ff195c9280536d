"""``RedisCache``: its servers, and its rule for keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from polycache._native import Server
from polycache.backends.redis.clients import of_client, of_pool
from polycache.backends.redis.raw import ask
from polycache.backends.server.place import REDIS_SETTINGS, Place, address, known
from polycache.backends.server.short import ServerCommands
from polycache.core.keys import ensure_key
from polycache.core.sentinels import SENTINEL, Unset
from polycache.core.tuned import Switch, read_switch
from polycache.core.whole import read_whole
from polycache.serializers import JsonSerializer


class RedisBackend(ServerCommands):
    """A cache on Redis with the serializer of ``BaseCache``; see `RedisCache`."""

    NAME = "redis"
    _SEPARATOR = ":"

    def __init__(
        self,
        endpoint: str = "127.0.0.1",
        port: int | str = 6379,
        db: int | str = 0,
        password: str | None = None,
        pool_min_size: int | str | Unset = SENTINEL,
        pool_max_size: int | str | None = None,
        create_connection_timeout: float | str | None = None,
        ssl: Switch = False,
        connection_pool_class: Any = None,
        connection_pool_kwargs: dict[str, Any] | None = None,
        *,
        username: str | None = None,
        url: str | None = None,
        client: Any = None,
        loop: Any = None,
        **kwargs: Any,
    ) -> None:
        """Makes a cache. No server is contacted before the first command.

        Args:
            endpoint: The host, or the path of a unix socket.
            port: The port.
            db: The number of the database.
            password: The password.
            pool_min_size: Has no effect: see ``pool_max_size``.
            pool_max_size: Has no effect. One connection carries the calls of all tasks; ``connections`` asks for more.
            create_connection_timeout: Seconds that connecting may take. By default 2.
            ssl: Whether to use TLS, with the settings ``ca``, ``cert``, ``key`` and ``verify``.
            connection_pool_class: Has no effect.
            connection_pool_kwargs: Arguments of a connection of redis-py; only the server's address and the log-in are used.
            username: The ACL user.
            url: In place of the arguments above: ``redis://``, ``rediss://``, ``redis+cluster://``, ``redis+sentinel://``,
                ``redis+unix://``.
            client: A client of redis-py, whose address, user and password are used. The client itself isn't used.
            loop: Has no effect: the running loop is used.
            **kwargs: ``connections``, ``heartbeat``, ``protocol`` and the other settings of a Redis URL; the arguments of
                every cache on a server (``grace``, ``soft_timeout``, ``refresh_early``, ``breaker``, ``fallback``, ``near``, ..) and of
                every cache (see ``BaseCache``).
        """
        place = known(kwargs, REDIS_SETTINGS)
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.port = read_whole("port", port)
        self.db = read_whole("db", db)
        self.username = username
        self.password = password
        self.pool_min_size = None if pool_min_size is SENTINEL else int(pool_min_size)
        self.pool_max_size = None if pool_max_size is None else int(pool_max_size)
        self.create_connection_timeout = float(create_connection_timeout) if create_connection_timeout else None
        if client is not None:
            place |= self._take(of_client(client))
        elif connection_pool_kwargs:
            place |= self._take(of_pool(connection_pool_kwargs))
        is_secure = read_switch("ssl", ssl) if isinstance(ssl, str) else ssl
        scheme = place.pop("scheme", "rediss" if is_secure else "redis")
        self._url = self._take_url(url, place) if url is not None else self._own_url(scheme, place)
        self._open()
        self._finish()

    def _take(self, found: dict[str, Any]) -> dict[str, str]:
        """Takes the address and log-in of a client of redis-py. Returns the settings for the URL."""
        for name in ("endpoint", "port", "db", "username", "password", "create_connection_timeout"):
            if found.get(name) is not None:
                setattr(self, name, found.pop(name))
        return {name: value for name, value in found.items() if value is not None}

    def _own_url(self, scheme: str, settings: dict[str, str]) -> str:
        if self.endpoint.startswith("/"):
            return Place("redis+unix", "", self.endpoint, settings={**settings, "db": str(self.db)}).url()
        return Place(scheme, address(self.endpoint, self.port), f"/{self.db}", settings=settings).url()

    def _take_url(self, url: str, settings: dict[str, str]) -> str:
        place = Place.of(url, REDIS_SETTINGS | {"db"}).of_server_alone()
        host, port = place.host_and_port()
        self.endpoint, self.port = host or self.endpoint, port or self.port
        self.username, self.password = place.username or self.username, place.password or self.password
        place.settings |= settings
        return place.url()

    def _connect(self) -> Server:
        options: dict[str, Any] = {"username": self.username, "password": self.password, **self._around_server()}
        if self.create_connection_timeout is not None:
            options["connect_timeout"] = self.create_connection_timeout
        return Server(self._url, **options)

    @classmethod
    def parse_uri_path(cls, path: str) -> dict[str, Any]:
        """The settings in the path of a URL: ``/0`` is the number of the database."""
        db = path[1:].split("/")[0]
        return {"db": db} if db else {}

    def _build_key(self, key: Any, namespace: str | None = None) -> Any:
        space = self.namespace if namespace is None else namespace
        key = ensure_key(key)
        return key if space is None else f"{self._prefix(space)}{key}"

    async def _clear(self, namespace: str | None = None, _conn: Any = None) -> bool:
        await self._server.clear(self._prefix(namespace))
        return True

    async def _scan(self, namespace: str | None, pattern: str) -> AsyncIterator[str]:
        found = self._server.scan(self._prefix(namespace), pattern)
        while (batch := await found.next()) is not None:
            for name in batch:
                yield name

    async def _raw(
        self, command: str, *args: Any, encoding: str | None = "utf-8", _conn: Any = None, **kwargs: Any
    ) -> Any:
        return await ask(self._server, command, args, kwargs, encoding)

    def __repr__(self) -> str:
        return f"RedisCache ({self.endpoint}:{self.port})"


class RedisCache(RedisBackend):
    """A cache on Redis, Valkey or Redict. Keys are ``namespace:key``.

    Args:
        serializer: By default ``JsonSerializer``.
        endpoint: The host, by default 127.0.0.1, or the path of a unix socket.
        port: The port, by default 6379.
        db: The number of the database, by default 0.
        password: The password.
        username: The ACL user.
        ssl: Whether to use TLS.
        create_connection_timeout: Seconds that connecting may take. By default 2.
        url: In place of all these: ``redis+cluster://host1:7000,host2:7000``, ``redis+sentinel://host:26379/service``.
        client: A client of redis-py, whose address, user and password are used.
        grace: Seconds that entries stay after their TTL, for when their source fails.
        throttle: Seconds that a source that has failed isn't asked again for. By default 30.
        soft_timeout: Seconds that a caller waits for a computation where there is a stale value.
        hard_timeout: Seconds that a caller waits for a computation at most.
        refresh_early: The part of a TTL after which an entry that is asked for is computed anew in the background.
        breaker: Has calls fail at once while the server can't be reached: ``True``, or a dict of its settings.
        recovery: Remembers deletes and writes that didn't reach the server: ``True``, or a dict of its settings.
        fallback: Works in memory while the server can't be reached: ``True``, or a dict of its settings.
        near: How many entries to keep in memory after a read, or a dict with its settings.
        **kwargs: Settings of the client (``connections``, ``heartbeat``, ``ca``, ..); ``plugins``, ``namespace``,
            ``key_builder``, ``timeout``, ``ttl``: see ``BaseCache``.

    Example:
        >>> cache = RedisCache(endpoint="redis.example.com", namespace="shop", ttl=60)
        >>> await cache.set("price:7", 12.5)
        True
    """

    def __init__(self, serializer: Any = None, **kwargs: Any) -> None:
        super().__init__(serializer=JsonSerializer() if serializer is None else serializer, **kwargs)


RedisBackend._note_parts()
