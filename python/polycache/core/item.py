"""``Item``: a value and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

from polycache.core.sentinels import SENTINEL, Unset
from polycache.core.ttl import Seconds

T = TypeVar("T")

#: How a value stands to its TTL: it is over when a value is stale, and when it is early the value is to be computed anew.
Freshness: TypeAlias = Literal["fresh", "early", "stale"]


@dataclass(frozen=True, slots=True)
class Item(Generic[T]):
    """A value and what belongs to it: what a computation for ``get_or_renew`` returns, and what its callers get.

    Attributes:
        value: The value.
        etag: A text that tells it from other versions of the value.
        ttl: Seconds that it is to live, in place of the call's and the cache's; 0 or ``None``: for ever. Only for storing it.
        freshness: How it stands to its TTL. What has just been computed is fresh.
        age: The seconds since it was computed, or found unchanged, by the clocks of the machine that did so and of this one.

    Example:
        >>> Item("7 euros", etag="v7", ttl=60)
    """

    value: T
    etag: str | None = None
    ttl: Seconds | Unset = SENTINEL
    freshness: Freshness = "fresh"
    age: float = 0.0
