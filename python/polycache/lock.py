"""Locks: ``RedLock``, with one holder at a time, and ``OptimisticLock``, where the first writer wins."""

from __future__ import annotations

import uuid
from types import TracebackType
from typing import Any

from polycache.base import BaseCache
from polycache.core.leases import Held, lock_key
from polycache.core.ttl import read_seconds
from polycache.exceptions import OptimisticLockError

__all__ = ["OptimisticLock", "OptimisticLockError", "RedLock"]


class RedLock:
    """A lock with one holder at a time, among all processes that use the same server; on memory, among all who use the cache.

    A task that comes to a held lock waits for it, as long as the lease at most, and then goes on without it. The lock is renewed
    while its holder's block runs, so the work may take longer than the lease. After the lease the lock of a dead process is free.

    The lock spares double work. It doesn't keep out another holder with certainty: if two at once would do harm, let the written
    value decide (`OptimisticLock`).

    Args:
        client: The cache.
        key: The key; the lock is the entry ``<key>-lock`` in the cache's namespace.
        lease: Seconds.

    Example:
        >>> async with RedLock(cache, "report", lease=2):
        ...     value = await cache.get("report")
        ...     if value is None:
        ...         await cache.set("report", await make_report())
    """

    def __init__(self, client: BaseCache, key: str, lease: float) -> None:
        self.client = client
        self.key: Any = lock_key(client, key)
        self.lease = lease
        self._value = ""
        self._held: Held | None = None

    async def __aenter__(self) -> Any:
        """Waits for the lock."""
        return await self._acquire()

    async def _acquire(self) -> None:
        lease = read_seconds(self.lease) or 0
        self._value = str(uuid.uuid4())
        held = Held(self.client, self.key, lease)
        if await held.acquire(self._value, wait=lease):
            self._held = held

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Releases the lock, if it is still this one's."""
        await self._release()

    async def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            await held.release()


class OptimisticLock:
    """Keeps nobody out: `cas` fails if somebody has written the key since the lock was acquired.

    `cas` can always set a key that wasn't there, even if it was written since; `BaseCache.get_versioned` and `BaseCache.cas` tell
    that too. On Redis a rewrite of the same bytes isn't seen. A change of the TTL is no write.

    Args:
        client: The cache.
        key: The key.

    Example:
        >>> async with OptimisticLock(cache, "stock") as lock:
        ...     stock = await cache.get("stock")
        ...     await lock.cas(stock - 1)
    """

    def __init__(self, client: BaseCache, key: Any) -> None:
        self.client = client
        self.key = key
        self.ns_key: Any = client.build_key(key, namespace=getattr(client, "namespace", None))
        self._token: Any = None

    async def __aenter__(self) -> OptimisticLock:
        """Remembers the key's present version."""
        return await self._acquire()

    async def _acquire(self) -> OptimisticLock:
        self._token = await self.client._gets(self.ns_key)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Does nothing: there is nothing to release."""

    async def cas(self, value: Any, **kwargs: Any) -> bool:
        """Stores a value if nobody has written the key since the lock was acquired.

        Args:
            value: The value.
            **kwargs: As for ``set``: ``ttl``, ``dumps_fn``.

        Returns:
            True.

        Raises:
            OptimisticLockError: Somebody has; nothing was changed.
        """
        if not await self.client.set(self.key, value, _cas_token=self._token, **kwargs):
            raise OptimisticLockError("Value has changed since the lock started")
        return True
