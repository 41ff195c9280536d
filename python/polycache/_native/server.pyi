"""Bytes on servers. There is no such module: these are names in `polycache._native`."""

from asyncio import Future
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal, final

from polycache._native import Lock, Outcome, Tags, Version

@final
class Objects:
    """The objects that one serializer has decoded of what is near. Those of others, which may read the same bytes, are apart."""

    def __new__(cls) -> Objects: ...
    def get(self, server: Server, key: str, timeout: float | None = None) -> Any:
        """A tuple with the object, or what is to be decoded; None for a miss. What isn't near comes by a future."""
    def peek(self, server: Server, key: str) -> Any:
        """The same of what is near; else False, and the server isn't asked."""

@final
class Lane:
    """The short way of one cache's plain commands, with its present settings. A command that begins is awaited as one of `Server`."""

    def __new__(
        cls,
        server: Server,
        *,
        prefix: str,
        longest: int,
        limit: float | None,
        ttl: float | None,
        unset: object,
        plugins: list[Any],
        environment: dict[Any, Any],
        switches: tuple[Any, Any],
        text: tuple[Any, ...] | None = None,
    ) -> Lane: ...
    def __getitem__(self, key: object) -> Future[Any] | None:
        """Begins a get of bytes, or of text where the serializer is one of text. None if it doesn't: the long way has to be taken."""
    def set(self, key: object, value: object, ttl: object, /) -> Future[None] | None:
        """Begins a set of text; the TTL is whole seconds or `unset`. None if it doesn't."""
    def takes(self, key: object, ttl: object, /) -> bool:
        """Whether `put` would begin with these."""
    def put(self, key: object, value: bytes, ttl: object, /) -> Future[None] | None:
        """Begins a set of bytes, else as `set`."""

@final
class Undecoded:
    """A value that nobody has decoded yet."""

    @property
    def data(self) -> bytes:
        """Its bytes."""
    def keep(self, value: object) -> None:
        """Keeps what was decoded for all who read these bytes, if they are near. The first one stays."""

@final
class Server:
    """Bytes on Redis or memcached. No server is contacted before the first command.

    Every command begins when it is called, within a running event loop, and returns a future of that loop. It may be cancelled at any
    moment. A `timeout` is in seconds, above 0; None: no limit.

    After a fork the child has connections of its own.

    Args:
        url: redis, rediss, redis+cluster, rediss+cluster, redis+sentinel, rediss+sentinel, redis+unix, memcached, memcacheds or
            memcached+unix, with a user and a password, percent-encoded, and options, as the Rust crate has them.
        username, password, db, connections, connect_timeout, heartbeat: In place of what the URL says; times in seconds.
        settings: As for `Memory`.
        breaker, recovery, fallback, near: What is put around the server, with some of its settings. With the first three the core
            measures timeouts.

    Raises:
        InvalidInput: For a URL or an option that is wrong. Its text has no password.

    Every command raises TimeoutError, Unavailable, BackendError, InvalidInput (a key or a value that the server doesn't take),
    CacheError after `close`; those that can't be done twice also UnknownOutcome.
    """

    def __new__(
        cls,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        db: int | None = None,
        connections: int | None = None,
        connect_timeout: float | None = None,
        heartbeat: float | None = None,
        settings: dict[str, Any] | None = None,
        breaker: dict[str, Any] | None = None,
        recovery: dict[str, Any] | None = None,
        fallback: dict[str, Any] | None = None,
        near: dict[str, Any] | None = None,
    ) -> Server: ...
    def bare(self) -> Server:
        """The same server, on the same connections, which keeps nothing beside the values."""
    def view(self, settings: dict[str, Any]) -> Server:
        """The same server, on the same connections, with another grace, soft and hard timeout, and early refresh."""
    @property
    def is_open(self) -> bool:
        """Whether the breaker has calls fail at once."""
    @property
    def is_away(self) -> bool:
        """Whether the fallback works in memory."""
    def pending(self) -> tuple[list[str], list[str], int]:
        """The keys and prefixes that recovery is to delete, and how many it couldn't remember."""
    @property
    def kind(self) -> Literal["redis", "memcached"]:
        """The kind of the servers."""
    def get(self, key: str, default: Any = None, timeout: float | None = None, tags: Tags | None = None) -> Future[Any]:
        """The bytes under key, or the default."""
    def get_now(self, key: str, default: Any = None, timeout: float | None = None) -> Any:
        """As `get`, but what is near is the result itself in place of a future, and needs no loop."""
    def multi_get(
        self, keys: Iterable[str], default: Any = None, timeout: float | None = None, tags: Tags | None = None
    ) -> Future[list[Any]]:
        """The bytes under keys, in their order, each or the default."""
    def set(
        self, key: str, value: bytes, ttl: float | None = None, timeout: float | None = None, tags: Tags | None = None
    ) -> Future[None]:
        """Stores bytes."""
    def multi_set(
        self,
        pairs: Iterable[tuple[str, bytes]],
        ttl: float | None = None,
        timeout: float | None = None,
        tags: Tags | None = None,
    ) -> Future[None]:
        """Stores several; of pairs with the same key the last one stays. After an error some may be stored."""
    def add(
        self, key: str, value: bytes, ttl: float | None = None, timeout: float | None = None, tags: Tags | None = None
    ) -> Future[bool]:
        """Stores bytes if there are none. Returns whether they were stored."""
    def exists(self, key: str, timeout: float | None = None) -> Future[bool]:
        """Whether there is a value."""
    def increment(self, key: str, delta: int, timeout: float | None = None) -> Future[int]:
        """Adds delta to the number under key, and returns the sum. A missing number starts at delta, without a TTL.

        Raises:
            TypeError: Where the value is no integer.
            BackendError: Where the sum would leave 64 bits.
        """
    def expire(self, key: str, ttl: float | None, timeout: float | None = None) -> Future[bool]:
        """Gives an entry another TTL. False if there is no entry."""
    def ttl(self, key: str, timeout: float | None = None) -> Future[float | None]:
        """The seconds until its end; None for an entry without a TTL.

        Raises:
            KeyError: Where there is no entry.
        """
    def delete(self, key: str, timeout: float | None = None) -> Future[bool]:
        """Deletes an entry. Returns whether there was one."""
    def multi_delete(self, keys: Iterable[str], timeout: float | None = None) -> Future[int]:
        """Deletes entries. Returns how many there were."""
    def clear(self, prefix: str = "", timeout: float | None = None) -> Future[None]:
        """Deletes every key that begins with prefix; "" empties the database.

        Raises:
            BackendError: On memcached, with a prefix.
        """
    def get_versioned(self, key: str, default: Any = None, timeout: float | None = None) -> Future[tuple[Any, Version]]:
        """The bytes or the default, and the version, for `cas`."""
    def cas(
        self,
        key: str,
        value: bytes,
        version: Version,
        ttl: float | None = None,
        timeout: float | None = None,
        tags: Tags | None = None,
    ) -> Future[bool]:
        """Stores bytes if nobody has written since. Returns whether they were stored. Redis compares the bytes, memcached counts writes."""
    def delete_if(self, key: str, version: Version, timeout: float | None = None) -> Future[bool]:
        """Deletes an entry if nobody has written since. Returns whether it was deleted."""
    def get_or_set(
        self,
        key: str,
        compute: Callable[[], Awaitable[bytes]],
        ttl: float | None = None,
        lease: float | None = None,
        timeout: float | None = None,
        tags: Tags | None = None,
        anew: bool = False,
    ) -> Future[Any]:
        """The bytes under key; if there are none, the result of `compute`, which is stored unless it is an `Unkept`.

        Of all who miss a key at the same time one computes, in a task of its loop with its context; the others of this process share the
        result, or the exception, which isn't stored; those of other processes wait for the value, for as long as the one renews its
        lease. If the one is cancelled another takes over. A write to the key meanwhile wins: the result isn't stored then.
        Trouble with the server counts as a miss. If `compute` asks for the same key, that call computes for itself. With `anew` nobody
        looks for a present value. With a soft timeout or an early refresh, the computation goes on without its caller.

        Args:
            lease: Seconds until others stop waiting for a dead process; None: 2.
            timeout: Seconds for the read, and for the store; `compute` has no limit.
        """
    def multi_get_or_set(
        self,
        keys: list[str],
        compute: Callable[[list[str]], Awaitable[list[tuple[str, Any]]]],
        ttl: float | None = None,
        lease: float | None = None,
        timeout: float | None = None,
        tags: Tags | None = None,
        anew: bool = False,
    ) -> Future[dict[str, Any]]:
        """The bytes under keys, each once; `compute` gets those that are missing, and returns pairs. It may leave keys out."""
    def get_or_renew(
        self,
        key: str,
        compute: Callable[[tuple[bytes, str | None, str, float] | None], Awaitable[Outcome]],
        ttl: float | None = None,
        lease: float | None = None,
        timeout: float | None = None,
        tags: Tags | None = None,
    ) -> Future[tuple[bytes, str | None, str, float]]:
        """As `get_or_set`, with the value's etag, `fresh`, `early` or `stale`, and its age in seconds. `compute` gets what it replaces."""
    def clear_tag(self, prefix: str, tag: str, timeout: float | None = None) -> Future[None]:
        """Clears a tag of the namespace whose keys begin with prefix."""
    def lock(self, key: str, lease: float = 2.0) -> Lock:
        """A lock among all processes that use the server, apart from any value under the same key."""
    def scan(self, prefix: str = "", pattern: str = "*", timeout: float | None = None) -> Keys:
        """The keys that begin with prefix and whose rest matches the pattern (`*`, `?`, `[a-z]`, a backslash), in batches."""
    def raw(
        self, command: str, args: Iterable[bytes | str | int | float] = ..., timeout: float | None = None
    ) -> Future[Any]:
        """Sends one of the server's own commands. The answer: bytes, str (a status), int, float, bool, None, lists and dicts of them."""
    def close(self, timeout: float | None = None) -> Future[None]:
        """Ends the connections. Every later command raises CacheError."""

@final
class Keys:
    """The keys that a scan finds."""

    def next(self) -> Future[list[str] | None]:
        """A batch of keys, without the prefix; None at the end. A key may come twice.

        Raises:
            InvalidInput: For a broken pattern.
            BackendError: On memcached, which can't list keys.
        """
