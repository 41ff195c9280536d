"""Python objects in this process. There is no such module: these are names in `polycache._native`."""

from asyncio import Future
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Literal, Self, final

from polycache._native import Lock, Outcome, Tags, Version

@final
class Memory:
    """Python objects in this process, kept as they are. Synchronous: a command has taken effect when it returns.

    The objects take part in garbage collection. A thread of the store's own gives expired ones back within about 250 ms.
    A `namespace_length` is the length of the namespace at the beginning of the key, in bytes of UTF-8, for `clear`.

    Args:
        max_size: The most entries; the least useful make room. None: unbounded.
        max_memory: The most bytes. An entry counts `sys.getsizeof(value)`, which doesn't follow references, the bytes of its key, and
            128. Not together with max_size.
        settings: Some of `polycache.core.tuned`'s, times in seconds. None: the core's default.
        separated: Whether a separator stands behind namespaces.

    Raises:
        InvalidInput: For a bound of 0, for both at once, and for a setting out of its bounds.
    """

    def __new__(
        cls,
        *,
        max_size: int | None = None,
        max_memory: int | None = None,
        settings: dict[str, Any] | None = None,
        separated: bool = False,
    ) -> Memory: ...
    def view(self, settings: dict[str, Any]) -> Memory:
        """The same store with another grace, soft and hard timeout, and early refresh."""
    def get(self, key: str, default: Any = None) -> Any:
        """The object under key, or the default."""
    def multi_get(self, keys: Iterable[str], default: Any = None) -> list[Any]:
        """The objects under keys, in their order, each or the default."""
    def set(
        self, key: str, value: object, ttl: float | None = None, namespace_length: int = 0, tags: Tags | None = None
    ) -> None:
        """Stores an object.

        Raises:
            InvalidInput: For a ttl that isn't above 0, and a value that is above max_memory by itself.
        """
    def multi_set(
        self,
        pairs: Iterable[tuple[str, object]],
        ttl: float | None = None,
        namespace_length: int = 0,
        tags: Tags | None = None,
    ) -> None:
        """Stores several; of pairs with the same key the last one stays. Raises as `set`, with nothing stored."""
    def add(
        self, key: str, value: object, ttl: float | None = None, namespace_length: int = 0, tags: Tags | None = None
    ) -> bool:
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
        self,
        key: str,
        value: object,
        version: Version,
        ttl: float | None = None,
        namespace_length: int = 0,
        tags: Tags | None = None,
    ) -> bool:
        """Stores an object if nobody has written since. Returns whether it was stored."""
    def delete_if(self, key: str, version: Version) -> bool:
        """Deletes an entry if nobody has written since. Returns whether it was deleted."""
    def get_or_set(
        self,
        key: str,
        compute: Callable[[], Awaitable[Any]],
        ttl: float | None = None,
        namespace_length: int = 0,
        tags: Tags | None = None,
        anew: bool = False,
    ) -> Future[Any]:
        """The object under key; if there is none, the result of `compute`, which is stored.

        Of all who miss a key at the same time one computes, in a task of its loop with its context; the others share the result, or the
        exception, which isn't stored. If the one is cancelled another takes over. A write to the key meanwhile wins: the result isn't
        stored then. If `compute` asks for the same key, that call computes for itself. With `anew` nobody looks for a present object.

        With a soft timeout or an early refresh, the computation goes on when its caller is cancelled, or is given an older value.
        """
    def multi_get_or_set(
        self,
        keys: list[str],
        compute: Callable[[list[str]], Awaitable[list[tuple[str, Any]]]],
        ttl: float | None = None,
        namespace_length: int = 0,
        tags: Tags | None = None,
        anew: bool = False,
    ) -> Future[dict[str, Any]]:
        """The objects under keys, each once; `compute` gets those that are missing, and returns pairs. It may leave keys out."""
    def get_or_renew(
        self,
        key: str,
        compute: Callable[[tuple[Any, str | None, str, float] | None], Awaitable[Outcome]],
        ttl: float | None = None,
        namespace_length: int = 0,
        tags: Tags | None = None,
    ) -> Future[tuple[Any, str | None, str, float]]:
        """As `get_or_set`, with the object's etag, `fresh`, `early` or `stale`, and its age in seconds. `compute` gets what it replaces."""
    def clear_tag(self, prefix: str, tag: str) -> None:
        """Clears a tag of the namespace whose keys begin with prefix."""
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
    for a miss; with `early` that is the mark, as it is for what is to be refreshed. `counted` are the plugins whose work the door does
    itself, in `times` and `hits`; others in the list close the way.
    """

    def __new__(
        cls, memory: Memory, *, prefix: str, ttl: float | None, plugins: list[Any], environment: Any, switches: tuple[Any, Any],
        long: Any, missing: Any, counted: Sequence[Any] = (), times: Tally | None = None, hits: Tally | None = None,
        early: bool = False,
    ) -> Door: ...  # fmt: skip
    def __getitem__(self, key: Any, /) -> Any:
        """The object under key, if there is one and the way is open. The quickest of all. None isn't counted: `get` tells what it means."""
    def get(self, key: Any, default: Any, /) -> Any:
        """The object under key, the default, or the mark."""
    def peek(self, key: Any, /) -> Any:
        """The object under key, `missing`, or the mark."""
    def multi_get(self, keys: tuple[Any, ...], /) -> Any:
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
