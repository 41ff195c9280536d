"""The server that a client of redis-py connects to."""

from __future__ import annotations

from typing import Any

#: Arguments of redis-py's connections, and what they are called here.
_NAMES = {
    "host": "endpoint",
    "path": "endpoint",
    "port": "port",
    "db": "db",
    "username": "username",
    "password": "password",
    "socket_connect_timeout": "create_connection_timeout",
    "ssl_ca_certs": "ca",
    "ssl_certfile": "cert",
    "ssl_keyfile": "key",
}


def of_client(client: Any) -> dict[str, Any]:
    """The settings of a client's connections, by this package's names.

    Raises:
        TypeError: It is no client of one server, as ``redis.asyncio.Redis`` is.
    """
    pool = getattr(client, "connection_pool", None)
    arguments = getattr(pool, "connection_kwargs", None)
    if not isinstance(arguments, dict):
        raise TypeError(f"a {type(client).__qualname__} is no redis.asyncio.Redis; give endpoint and port, or a url")
    return of_pool({"connection_class": getattr(pool, "connection_class", None), **arguments})


def of_pool(arguments: dict[str, Any]) -> dict[str, Any]:
    """The settings in the arguments of a connection pool, by this package's names."""
    found = {ours: arguments[theirs] for theirs, ours in _NAMES.items() if arguments.get(theirs) is not None}
    kind = getattr(arguments.get("connection_class"), "__name__", "")
    if "SSL" in kind:
        found["scheme"] = "rediss"
        if arguments.get("ssl_cert_reqs") in ("none", 0):
            found["verify"] = "false"
    return found
