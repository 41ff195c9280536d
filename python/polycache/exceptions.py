"""The errors that caches raise.

A timeout is the builtin ``TimeoutError`` (which ``asyncio.TimeoutError`` is). Wrong use, such as adding a present key or
counting a value that is no number, is a ``ValueError`` or a ``TypeError``, as in aiocache.
"""

from __future__ import annotations

__all__ = [
    "BackendError",
    "CacheError",
    "DecodeError",
    "InvalidCacheType",
    "InvalidInput",
    "OptimisticLockError",
    "Unanswered",
    "Unavailable",
    "UnknownOutcome",
]


class CacheError(Exception):
    """The base of the errors that come from a cache."""


class Unavailable(CacheError, ConnectionError):
    """The server can't be reached, or has no room for the request. The command was not executed, and may be tried again."""


class Unanswered(Unavailable, TimeoutError):
    """Another call has waited for the server in vain, so this one wasn't sent. A ``TimeoutError`` too, as it would have ended in one."""


class UnknownOutcome(CacheError):
    """The connection was lost while a write was under way: it may have been executed, or not."""


class InvalidInput(CacheError, ValueError):
    """An argument that no server would take: a key, a TTL, a URL, an option."""


class BackendError(CacheError):
    """The server refused the command, or its reply makes no sense."""


class DecodeError(CacheError, ValueError):
    """A stored value that can't be read as the wanted type."""


class InvalidCacheType(Exception):
    """There is no such kind of cache: the scheme of a URL, or the class, is unknown."""


class OptimisticLockError(Exception):
    """Somebody wrote the key after the optimistic lock was acquired."""
