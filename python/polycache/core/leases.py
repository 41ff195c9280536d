"""Keeping other processes from computing the same value, on caches that have no leases of their own."""

from __future__ import annotations

import asyncio
import logging
import math
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

logger = logging.getLogger("polycache.base")

#: How often a waiting process looks whether the lock is free, in seconds.
LOOK = 0.02


class Held:
    """A lock made of ``_add``, ``_redlock_renew`` and ``_redlock_release``: an entry whose value only its holder knows."""

    def __init__(self, cache: Any, key: Any, lease: float) -> None:
        # A mock of a cache has none of these.
        self.cache = cache._for_locks() if hasattr(type(cache), "_for_locks") else cache
        self.key = key
        self.lease = lease
        self.ttl = cache._lease(lease) if hasattr(type(cache), "_lease") else lease
        self.value = ""
        self._renewal: asyncio.Task[None] | None = None

    async def try_acquire(self, value: str) -> bool:
        """One attempt."""
        try:
            await self.cache._add(self.key, value, ttl=self.ttl)
        except ValueError:
            return False
        self.value = value
        self._renewal = asyncio.get_running_loop().create_task(self._renew())
        return True

    async def acquire(self, value: str, wait: float) -> bool:
        """Waits for the lock, ``wait`` seconds at most. Returns whether it holds the lock now."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while not await self.try_acquire(value):
            left = until - loop.time()
            if left <= 0:
                return False
            await asyncio.sleep(min(LOOK, left))
        return True

    async def _renew(self) -> None:
        """Keeps the entry from ending while the holder works. If it can't be renewed, it ends by itself."""
        while True:
            await asyncio.sleep(self.lease / 3)
            try:
                if not await self.cache._redlock_renew(self.key, self.value, self.ttl):
                    return
            except Exception:
                logger.debug("Couldn't renew the lock %s", self.key, exc_info=True)
                return

    async def release(self) -> Any:
        """Gives the lock back. Returns whether it was still there."""
        if self._renewal is None:
            return None
        renewal, self._renewal = self._renewal, None
        renewal.cancel()
        await asyncio.wait([renewal])
        return await self.cache._redlock_release(self.key, self.value)


def lock_key(cache: Any, key: Any, namespace: str | None = None) -> Any:
    """The key of the lock on a key, in the same namespace."""
    # A mock of a cache has no namespace.
    space = getattr(cache, "namespace", None) if namespace is None else namespace
    return cache.build_key(f"{key}-lock", namespace=space)


@asynccontextmanager
async def leased(cache: Any, key: Any, namespace: str | None, lease: float | None) -> AsyncIterator[bool]:
    """Holds a key's lock. Yields whether the lock was free at once.

    A caller that has waited for the lease in vain goes on without the lock, and so does everybody if the cache can't lock.
    """
    if not lease:
        yield True
        return
    held = Held(cache, lock_key(cache, key, namespace), math.ceil(lease))
    value = str(uuid.uuid4())
    try:
        at_once = await held.try_acquire(value)
        if not at_once:
            await held.acquire(value, lease)
    except NotImplementedError:
        at_once = True
    except Exception:
        logger.exception("Couldn't lock %s", key)
        at_once = True
    try:
        yield at_once
    finally:
        try:
            await held.release()
        except Exception:
            logger.exception("Couldn't release the lock on %s", key)
