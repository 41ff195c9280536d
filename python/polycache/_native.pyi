"""The native half of polycache: caches in memory and on servers, over the Rust crate.

Private: what users call is in the package. Keys are full keys, with their namespace. A ttl is in seconds, above 0; None is no TTL.
"""

from asyncio import Future
from collections.abc import Iterable
from typing import Any, Literal, final

__version__: str

@final
class Version:
    """Which write made a value. Good only for the key that it was read from. Equal versions are one write."""

    @property
    def is_absent(self) -> bool:
        """Whether there was no value."""

@final
class Memory:
    """Python objects in this process, kept as they are. Synchronous: a command has taken effect when it returns.

    Objects in it take part in garbage collection. Expired ones are given back by a thread of its own within about 250 ms.
    A `namespace_length` says how many bytes (of UTF-8) at the beginning of the key are its namespace, for `clear`.

    Args:
        max_size: The most entries; the least useful make room. None: unbounded.
        max_memory: The most bytes. An entry counts `sys.getsizeof(value)`, which doesn't follow references, the bytes of its key, and
            128. Not together with max_size.

    Raises:
        InvalidInput: For a bound of 0, and for both at once.
    """

    def __new__(cls, *, max_size: int | None = None, max_memory: int | None = None) -> Memory: ...
    def get(self, key: str, default: Any = None) -> Any:
        """The object under key, or the default."""
    def multi_get(self, keys: Iterable[str], default: Any = None) -> list[Any]:
        """The objects under keys, in their order, each or the default."""
    def set(self, key: str, value: object, ttl: float | None = None, namespace_length: int = 0) -> None:
        """Stores an object.

        Raises:
            InvalidInput: For a ttl that isn't above 0, and a value that is above max_memory by itself.
        """
    def multi_set(
        self, pairs: Iterable[tuple[str, object]], ttl: float | None = None, namespace_length: int = 0
    ) -> None:
        """Stores several; of pairs with the same key the last stays. Raises as `set`, with nothing stored."""
    def add(self, key: str, value: object, ttl: float | None = None, namespace_length: int = 0) -> bool:
        """Stores an object where there is none; whether it did."""
    def exists(self, key: str) -> bool:
        """Whether there is an object."""
    def increment(self, key: str, delta: int, namespace_length: int = 0) -> int:
        """Adds delta to int(the present object), and returns the sum. A missing one starts at delta, without a TTL.

        Raises:
            TypeError: Where the present object is no number. Nothing was changed.
        """
    def expire(self, key: str, ttl: float | None) -> bool:
        """Gives an entry another TTL; False where there is none."""
    def ttl(self, key: str) -> float | None:
        """The seconds that remain; None for an entry without a TTL.

        Raises:
            KeyError: Where there is no entry.
        """
    def delete(self, key: str) -> bool:
        """Deletes an entry; whether there was one."""
    def multi_delete(self, keys: Iterable[str]) -> int:
        """Deletes entries; how many there were."""
    def clear(self, namespace: str | None) -> None:
        """Deletes what was stored under this namespace, or one nested in it (`namespace:…`); None or "": everything."""
    def get_versioned(self, key: str, default: Any = None) -> tuple[Any, Version]:
        """The object or the default, and the version, for `cas`."""
    def cas(
        self, key: str, value: object, version: Version, ttl: float | None = None, namespace_length: int = 0
    ) -> bool:
        """Stores an object if nobody has written since; whether it did."""
    def delete_if(self, key: str, version: Version) -> bool:
        """Deletes an entry if nobody has written since; whether it did."""
    def keys(self) -> list[str]:
        """The keys of all entries that live."""
    def __len__(self) -> int:
        """The number of entries, expired ones that weren't given back yet included."""
    def __bool__(self) -> Literal[True]:
        """True, empty or not."""

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
    ) -> Server: ...
    @property
    def kind(self) -> Literal["redis", "memcached"]:
        """What the servers are."""
    def get(self, key: str, default: Any = None, timeout: float | None = None) -> Future[Any]:
        """The bytes under key, or the default."""
    def multi_get(self, keys: Iterable[str], default: Any = None, timeout: float | None = None) -> Future[list[Any]]:
        """The bytes under keys, in their order, each or the default."""
    def set(self, key: str, value: bytes, ttl: float | None = None, timeout: float | None = None) -> Future[None]:
        """Stores bytes."""
    def multi_set(
        self, pairs: Iterable[tuple[str, bytes]], ttl: float | None = None, timeout: float | None = None
    ) -> Future[None]:
        """Stores several; of pairs with the same key the last stays. After an error some may be stored."""
    def add(self, key: str, value: bytes, ttl: float | None = None, timeout: float | None = None) -> Future[bool]:
        """Stores bytes where there are none; whether it did."""
    def exists(self, key: str, timeout: float | None = None) -> Future[bool]:
        """Whether there is a value."""
    def increment(self, key: str, delta: int, timeout: float | None = None) -> Future[int]:
        """Adds delta to the number under key, and gives the sum. A missing one starts at delta, without a TTL.

        Raises:
            TypeError: Where the value is no integer.
            BackendError: Where the sum would leave 64 bits.
        """
    def expire(self, key: str, ttl: float | None, timeout: float | None = None) -> Future[bool]:
        """Gives an entry another TTL; False where there is none."""
    def ttl(self, key: str, timeout: float | None = None) -> Future[float | None]:
        """The seconds that remain; None for an entry without a TTL.

        Raises:
            KeyError: Where there is no entry.
        """
    def delete(self, key: str, timeout: float | None = None) -> Future[bool]:
        """Deletes an entry; whether there was one."""
    def multi_delete(self, keys: Iterable[str], timeout: float | None = None) -> Future[int]:
        """Deletes entries; how many there were."""
    def clear(self, prefix: str = "", timeout: float | None = None) -> Future[None]:
        """Deletes every key that begins with prefix; "" empties the database.

        Raises:
            BackendError: On memcached, with a prefix.
        """
    def get_versioned(self, key: str, default: Any = None, timeout: float | None = None) -> Future[tuple[Any, Version]]:
        """The bytes or the default, and the version, for `cas`."""
    def cas(
        self, key: str, value: bytes, version: Version, ttl: float | None = None, timeout: float | None = None
    ) -> Future[bool]:
        """Stores bytes if nobody has written since; whether it did. Redis compares the bytes, memcached counts writes."""
    def delete_if(self, key: str, version: Version, timeout: float | None = None) -> Future[bool]:
        """Deletes an entry if nobody has written since; whether it did."""
    def raw(
        self, command: str, args: Iterable[bytes | str | int | float] = ..., timeout: float | None = None
    ) -> Future[Any]:
        """A command of the server's own, and its answer: bytes, str (a status), int, float, bool, None, lists and dicts of them."""
    def close(self, timeout: float | None = None) -> Future[None]:
        """Ends the connections. Every later command raises CacheError."""
