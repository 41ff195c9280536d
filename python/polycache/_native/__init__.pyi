"""The native half of polycache: caches in memory and on servers, over the Rust crate.

Private: users call the package. Keys are full keys, with their namespace. A ttl is in seconds, above 0; None is no TTL.
"""

from asyncio import Future
from collections.abc import Sequence
from typing import Any, final

from polycache._native.memory import Door as Door
from polycache._native.memory import Doorway as Doorway
from polycache._native.memory import Memory as Memory
from polycache._native.memory import ShortFunction as ShortFunction
from polycache._native.memory import Tally as Tally
from polycache._native.server import Keys as Keys
from polycache._native.server import Lane as Lane
from polycache._native.server import Objects as Objects
from polycache._native.server import Server as Server
from polycache._native.server import Undecoded as Undecoded

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
class Outcome:
    """What a computation returns in place of its result to have it stored with more tags, an etag, or a TTL of its own."""

    def __new__(
        cls, stored: Any, tags: Sequence[str] = (), etag: str | None = None, has_ttl: bool = False, ttl: float | None = None
    ) -> Outcome: ...  # fmt: skip

@final
class Tags:
    """Tags of what a command stores, in the namespace whose keys begin with prefix: the command's keys do.

    With `by_result`, a computation's `Outcome` has more of them.
    """

    def __new__(cls, prefix: str, names: Sequence[str], by_result: bool = False) -> Tags: ...

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
