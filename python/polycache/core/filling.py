"""Computing missing values by the native single-flight, whose leases hold for all processes."""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from polycache.core.computed import Compute, Keep
from polycache.core.hooks import call_hooks, given
from polycache.core.sentinels import SENTINEL, Unset
from polycache.core.stock import Stock
from polycache.core.ttl import Seconds, native_ttl

T = TypeVar("T")

logger = logging.getLogger("polycache.base")


class Unkept(Exception):
    """Carries a result that isn't to be stored past the store, to all who wait for it."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


class NativeFill(Stock):
    """A cache whose missing values are computed by the native single-flight."""

    @abstractmethod
    def _native_fill(
        self, full: Any, compute: Callable[[], Awaitable[Any]], ttl: float | None, lease: float, timeout: float | None
    ) -> Awaitable[Any]:
        """The stored form of the value under a full key; if there is none, that of ``compute``'s result."""

    @abstractmethod
    def _loaded(self, stored: Any) -> Any:
        """The value of a stored form."""

    @abstractmethod
    def _dumped(self, value: Any) -> Any:
        """The stored form of a value."""

    async def _fill(
        self,
        key: Any,
        compute: Compute[T],
        ttl: Seconds | Unset,
        lease: float | None,
        namespace: str | None,
        timeout: Seconds | Unset,
        keep: Keep,
    ) -> T:
        if not lease or not self._is_stock():
            return await super()._fill(key, compute, ttl, lease, namespace, timeout, keep)
        seconds = native_ttl(self._get_ttl(ttl))
        computed: list[T] = []
        started = time.monotonic()

        async def computing() -> Any:
            result = await compute()
            if not keep(result) or (seconds is not None and seconds < 0):
                raise Unkept(result)
            await call_hooks(self, "pre_set", (key, result), given(ttl=ttl, namespace=namespace))
            stored = self._dumped_or_unkept(key, result)
            computed.append(result)
            return stored

        full = self._full_key(key, namespace)
        try:
            stored = await self._native_fill(full, computing, seconds, lease, self._fill_limit(timeout))
        except Unkept as unkept:
            result: T = unkept.result
            return result
        if not computed:
            return await self._loaded_or_computed(key, stored, compute, ttl, namespace, timeout, keep)
        told = {"took": time.monotonic() - started, "ret": True, **given(ttl=ttl, namespace=namespace)}
        await call_hooks(self, "post_set", (key, computed[0]), told)
        return computed[0]

    def _fill_limit(self, timeout: Seconds | Unset) -> float | None:
        seconds = native_ttl(self.timeout if timeout is SENTINEL else timeout)
        return None if seconds is None or seconds < 0 else seconds

    def _dumped_or_unkept(self, key: Any, result: Any) -> Any:
        try:
            return self._dumped(result)
        except Exception:
            logger.exception("Couldn't store %s", key)
            raise Unkept(result) from None

    async def _loaded_or_computed(
        self,
        key: Any,
        stored: Any,
        compute: Compute[T],
        ttl: Seconds | Unset,
        namespace: str | None,
        timeout: Seconds | Unset,
        keep: Keep,
    ) -> T:
        """A value that another caller has stored. One that can't be read counts as a miss."""
        try:
            found: T = self._loaded(stored)
        except Exception:
            logger.exception("Couldn't read %s: it counts as a miss", key)
            result = await compute()
            if keep(result):
                await self._try_set(key, result, ttl, namespace, timeout)
            return result
        return found
