"""The address of a server, from constructors and URLs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from polycache.exceptions import InvalidInput

#: What TLS is set up with, in the query of a URL.
TLS_SETTINGS = frozenset({"ca", "cert", "key", "verify"})
#: The settings of a Redis client that stand in the query of its URL.
REDIS_SETTINGS = TLS_SETTINGS | {
    "connect_timeout", "connections", "heartbeat", "protocol", "sentinel_password", "sentinel_username",
}  # fmt: skip
#: Those of a memcached client.
MEMCACHED_SETTINGS = TLS_SETTINGS | {
    "connect_timeout", "eject_after", "generations", "heartbeat", "max_value", "on_dead", "placement", "weights",
}  # fmt: skip

#: Settings of a cache that may be empty. Another one that is, as where a variable isn't set, is as if it weren't there.
_EMPTY = frozenset({"separator"})


@dataclass
class Place:
    """The parts of a URL, decoded: the client's settings apart from the cache's."""

    scheme: str
    hosts: str
    path: str = ""
    username: str | None = None
    password: str | None = None
    #: For the native client.
    settings: dict[str, str] = field(default_factory=dict)
    #: For the constructor of the cache.
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, url: str, settings: frozenset[str]) -> Place:
        """Takes a URL apart.

        Args:
            url: The URL.
            settings: The names in the query that are the client's settings.

        Raises:
            InvalidInput: The URL isn't one.
        """
        scheme, separator, rest = url.partition("://")
        if not separator:
            raise InvalidInput("this is no URL: it has no ://")
        rest, _, query = rest.partition("?")
        # Behind the last @: a password may hold one that isn't encoded.
        user, has_user, place = rest.rpartition("@")
        username, has_password, password = user.partition(":")
        hosts, slash, path = place.partition("/")
        pairs = dict(parse_qsl(query, keep_blank_values=True))
        return cls(
            scheme=scheme.lower(),
            hosts=hosts,
            path=slash + path,
            username=unquote(username) or None if has_user else None,
            password=unquote(password) if has_password else None,
            settings={name: value for name, value in pairs.items() if name in settings},
            options={
                name: value for name, value in pairs.items() if name not in settings and (value or name in _EMPTY)
            },
        )

    def host_and_port(self) -> tuple[str | None, int | None]:
        """The first host, without brackets, and its port.

        Raises:
            InvalidInput: The port is no number.
        """
        first = self.hosts.split(",")[0]
        if first.startswith("["):
            host, _, port = first[1:].partition("]")
            port = port.removeprefix(":")
        elif first.count(":") == 1:
            host, _, port = first.partition(":")
        else:
            host, port = first, ""
        if port and not port.isdigit():
            raise InvalidInput(f"the port {port!r} is no number")
        return unquote(host) or None, int(port) if port else None

    def of_server_alone(self) -> Place:
        """This place, which may not have settings of the cache.

        Raises:
            InvalidInput: It has one.
        """
        for name in self.options:
            raise InvalidInput(
                f"`{name}` in the url is no setting of a server: give it as an argument, or the URL to Cache.from_url"
            )
        return self

    def url(self) -> str:
        """The URL for the native client. User and password aren't in it: they are given beside it."""
        query = f"?{urlencode(self.settings)}" if self.settings else ""
        return f"{self.scheme}://{self.hosts}{self.path}{query}"


def address(endpoint: str, port: int) -> str:
    """A host and its port as in a URL."""
    if ":" in endpoint and not endpoint.startswith("["):
        return f"[{endpoint}]:{port}"
    return f"{quote(endpoint, safe='.-_[]:')}:{port}"


def known(given: dict[str, Any], settings: frozenset[str]) -> dict[str, str]:
    """Takes a client's settings out of the keyword arguments. Returns them as text."""
    found = {setting: given.pop(setting) for setting in sorted(settings) if setting in given}
    return {setting: _text(value) for setting, value in found.items() if value is not None}


def _text(value: Any) -> str:
    """A setting as in a URL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(_text(item) for item in value)
    return str(value)
