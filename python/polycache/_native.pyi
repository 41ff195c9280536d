"""The native half of polycache: caches in memory and on servers, over the Rust crate.

Private: users call the package. Keys are full keys, with their namespace. A ttl is in seconds, above 0; None is no TTL.
"""

from asyncio import Future
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Literal, Self, final

__version__: str

def abandon(future: Future[Any]) -> None:
    """Ends the call of a future whose task was cancelled: a request that isn't sent yet never is. Does nothing if the call has ended."""

def seconds(text: str) -> float:
    """The seconds of a text such as `500ms` or `1h 30m`. ValueError if it is none."""

def check_guards(
    breaker: dict[str, Any] | None = None,
    recovery: dict[str, Any] | None = None,
    fallback: dict[str, Any] | None = None,
    near: dict[str, Any] | None = None,
) -> None:
    """Raises InvalidInput for settings that `Server` would refuse."""

@final
class Unkept:
    """What a computation returns in place of its result to have it given to all who wait, and not stored."""

    def __new__(cls, result: Any) -> Unkept: ...
    @property
    def result(self) -> Any:
        """The result."""

@final
class Coat:
    """What serializers of the core put around the bytes of another one. InvalidInput for wrong settings, whose text shows no key."""

    @staticmethod
    def zstd(level: int = 3, threshold: int | None = None, max_unpacked: int | None = None) -> Coat: ...
    @staticmethod
    def lz4(threshold: int | None = None, max_unpacked: int | None = None) -> Coat: ...
    @staticmethod
    def sealed(keys: dict[str, str], key: str | None = None) -> Coat: ...
    @staticmethod
    def signed(keys: dict[str, str], key: str | None = None) -> Coat: ...
    def put_on(self, data: bytes, key: str) -> bytes:
        """What is stored under this full key for these bytes."""
    def take_off(self, stored: bytes, key: str) -> bytes:
        """The bytes of what is stored under this full key. DecodeError if it is broken, forged, or another key's."""

@final
class Version:
    """The version of a value: which write made it. Good only for the key that it was read from. Equal versions are one write."""

    @property
    def is_absent(self) -> bool:
        """Whether there was no value."""

@final
class Memory:
    """Python objects in this process, kept as they are. Synchronous: a command has taken effect when it returns.

    The objects take part in garbage collection. A thread of the store's own gives expired ones back within about 250 ms.
    A `namespace_length` is the length of the namespace at the beginning of the key, in bytes of UTF-8, for `clear`.

    Args:
        max_size: The most entries; the least useful make room. None: unbounded.
        max_memory: The most bytes. An entry counts `sys.getsizeof(value)`, which doesn't follow references, the bytes of its key, and
            128. Not together with max_size.
        grace: Seconds that entries stay after their TTL. They are stale then: only `get_or_set` and `multi_get_or_set` give them, if
            the computation fails.
        throttle: Seconds that a computation isn't tried again after it has failed. None: 30.

    Raises:
        InvalidInput: For a bound of 0, and for both at once.
    """

    def __new__(
        cls,
        *,
        max_size: int | None = None,
        max_memory: int | None = None,
        grace: float | None = None,
        throttle: float | None = None,
    ) -> Memory: ...
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
        """Stores several; of pairs with the same key the last one stays. Raises as `set`, with nothing stored."""
    def add(self, key: str, value: object, ttl: float | None = None, namespace_length: int = 0) -> bool:
        """Stores an object if there is none. Returns whether it was stored."""
    def exists(self, key: str) -> bool:
        """Whether there is an object."""
    def increment(self, key: str, delta: int, namespace_length: int = 0) -> int:
        """Adds delta to int(the present object), and returns the sum. A missing number starts at delta, without a TTL.

        Raises:
            TypeError: Where the present object is no number. Nothing was changed.
        """
    def expire(self, key: str, ttl: float | None) -> bool:
        """Gives an entry another TTL. False if there is no entry."""
    def ttl(self, key: str) -> float | None:
        """The seconds until its end; None for an entry without a TTL.

        Raises:
            KeyError: Where there is no entry.
        """
    def delete(self, key: str) -> bool:
        """Deletes an entry. Returns whether there was one."""
    def multi_delete(self, keys: Iterable[str]) -> int:
        """Deletes entries. Returns how many there were."""
    def clear(self, namespace: str | None) -> None:
        """Deletes the entries of this namespace, and of those nested in it (`namespace:…`); None or "": everything."""
    def get_versioned(self, key: str, default: Any = None) -> tuple[Any, Version]:
        """The object or the default, and the version, for `cas`."""
    def cas(
        self, key: str, value: object, version: Version, ttl: float | None = None, namespace_length: int = 0
    ) -> bool:
        """Stores an object if nobody has written since. Returns whether it was stored."""
    def delete_if(self, key: str, version: Version) -> bool:
        """Deletes an entry if nobody has written since. Returns whether it was deleted."""
    def get_or_set(
        self,
        key: str,
        compute: Callable[[], Awaitable[Any]],
        ttl: float | None = None,
        timeout: float | None = None,
        namespace_length: int = 0,
    ) -> Future[Any]:
        """The object under key; if there is none, the result of `compute`, which is stored.

        Of all who miss a key at the same time one computes, in a task of its loop with its context; the others share the result, or the
        exception, which isn't stored. If the one is cancelled another takes over. A write to the key meanwhile wins: the result isn't
        stored then. If `compute` asks for the same key, that call computes for itself. The timeout has no meaning on memory.
        """
    def multi_get_or_set(
        self,
        keys: list[str],
        compute: Callable[[list[str]], Awaitable[list[tuple[str, Any]]]],
        ttl: float | None = None,
        namespace_length: int = 0,
    ) -> Future[dict[str, Any]]:
        """The objects under keys, each once; `compute` gets those that are missing, and returns pairs. It may leave keys out."""
    def lock(self, key: str, lease: float = 2.0) -> Lock:
        """A lock of this store, apart from any value under the same key."""
    def scan(self, prefix: str, pattern: str) -> list[str]:
        """The keys that begin with the prefix and whose rest matches the pattern (`*`, `?`, `[a-z]`, a backslash), without the prefix.

        Raises:
            InvalidInput: For a broken pattern.
        """
    def keys(self) -> list[str]:
        """The keys of all live entries."""
    def entries(self) -> list[tuple[str, Any, float | None, int]]:
        """The live entries: key, object, the seconds until their end, and the length of the namespace."""
    def __len__(self) -> int:
        """The number of entries, including expired ones that aren't given back yet."""
    def __bool__(self) -> Literal[True]:
        """True, empty or not."""

@final
class Doorway:
    """Where a memory cache's present `Door` is, for the cached functions on it; None while the short way is closed."""

    def hang(self, door: Door | None) -> None: ...

class ShortFunction:
    """A cached function: a call looks in memory at once, and else is one of `_call`, which counts a miss, too.

    `_aim` opens the way through the doorway of its cache, and closes it with None or any doorway but the first.
    """

    def __new__(cls, decorator: object, function: Callable[..., Any]) -> Self: ...
    def _aim(self, doorway: Doorway | None) -> None: ...

@final
class Door:
    """The short way of a memory cache's commands, with the cache's present settings.

    A command is answered at once, unless there is a plugin in the list or a switch in the environment, or the key isn't exactly a `str`:
    then it does nothing, and answers with the mark `long` (`set` with False).

    `environment` is the mapping behind `os.environ`, and `switches` two names in it that close the way. `missing` is the result of `peek`
    for a miss. `counted` are the plugins whose work the door does itself, in `times` and `hits`; others in the list close the way.
    """

    def __new__(
        cls, memory: Memory, *, prefix: str, ttl: float | None, plugins: list[Any], environment: Any, switches: tuple[Any, Any],
        long: Any, missing: Any, counted: Sequence[Any] = (), times: Tally | None = None, hits: Tally | None = None,
    ) -> Door: ...  # fmt: skip
    def get(self, key: Any, default: Any, /) -> Any:
        """The object under key, the default, or the mark."""
    def peek(self, key: Any, /) -> Any:
        """The object under key, `missing`, or the mark."""
    def multi_get(self, keys: list[Any], /) -> Any:
        """The objects under keys, in their order, each or None; or the mark."""
    def set(self, key: Any, value: object, ttl: float | None = None, /) -> bool:
        """Stores an object. Returns whether it was stored."""
    def delete(self, key: Any) -> Any:
        """How many there were, 0 or 1; or the mark."""
    def exists(self, key: Any) -> Any:
        """Whether there is an object; or the mark."""

@final
class Tally:
    """The counts since somebody last looked."""

    def __new__(cls) -> Tally: ...
    def take_times(self) -> list[tuple[str, int, float, float, float]]:
        """For each counted command: its name and count, and the sum, maximum and minimum of its seconds."""
    def take_hits(self) -> tuple[int, int]:
        """How many keys were asked for, and how many were found."""

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
        grace, throttle: As for `Memory`.
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
        grace: float | None = None,
        throttle: float | None = None,
        breaker: dict[str, Any] | None = None,
        recovery: dict[str, Any] | None = None,
        fallback: dict[str, Any] | None = None,
        near: dict[str, Any] | None = None,
    ) -> Server: ...
    def ungraced(self) -> Server:
        """The same server, on the same connections, whose entries have no grace."""
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
    def get(self, key: str, default: Any = None, timeout: float | None = None) -> Future[Any]:
        """The bytes under key, or the default."""
    def multi_get(self, keys: Iterable[str], default: Any = None, timeout: float | None = None) -> Future[list[Any]]:
        """The bytes under keys, in their order, each or the default."""
    def set(self, key: str, value: bytes, ttl: float | None = None, timeout: float | None = None) -> Future[None]:
        """Stores bytes."""
    def multi_set(
        self, pairs: Iterable[tuple[str, bytes]], ttl: float | None = None, timeout: float | None = None
    ) -> Future[None]:
        """Stores several; of pairs with the same key the last one stays. After an error some may be stored."""
    def add(self, key: str, value: bytes, ttl: float | None = None, timeout: float | None = None) -> Future[bool]:
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
        self, key: str, value: bytes, version: Version, ttl: float | None = None, timeout: float | None = None
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
    ) -> Future[Any]:
        """The bytes under key; if there are none, the result of `compute`, which is stored unless it is an `Unkept`.

        Of all who miss a key at the same time one computes, in a task of its loop with its context; the others of this process share the
        result, or the exception, which isn't stored; those of other processes wait for the value, for as long as the one renews its
        lease. If the one is cancelled another takes over. A write to the key meanwhile wins: the result isn't stored then.
        Trouble with the server counts as a miss. If `compute` asks for the same key, that call computes for itself.

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
    ) -> Future[dict[str, Any]]:
        """The bytes under keys, each once; `compute` gets those that are missing, and returns pairs. It may leave keys out."""
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

@final
class Lock:
    """A lock with one holder at a time. Renewed while it is held; free when its lease ends after its process has died.

    Not a proof: a process that is suspended for longer than the lease loses it. A Lock is for one holder, one after another.
    """

    def acquire(self, within: float | None = None) -> Future[bool]:
        """Waits for the lock, for at most so many seconds (0: a single try; None: no limit). Returns whether it has the lock.

        Raises:
            InvalidInput: For a lease of less than a millisecond or more than a day.
        """
    def release(self) -> Future[bool]:
        """Releases the lock. Returns whether it was held until then."""
    @property
    def is_held(self) -> bool:
        """Whether nobody else can have the lock yet, by this process's clock."""
