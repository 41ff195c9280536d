"""Computing missing values by the native single-flight, whose leases hold for all processes."""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from polycache._native import Unkept
from polycache.core.computed import Compute, Keep, KeepOne
from polycache.core.hooks import call_hooks, given
from polycache.core.keys import key_text
from polycache.core.sentinels import SENTINEL, Unset
from polycache.core.trouble import Troubled
from polycache.core.ttl import Seconds, native_ttl

T = TypeVar("T")
K = TypeVar("K")

logger = logging.getLogger("polycache.base")


class NativeFill(Troubled):
    """A cache whose missing values are computed by the native single-flight."""

    @abstractmethod
    def _native_fill(
        self,
        full: Any,
        compute: Callable[[], Awaitable[Any]],
        ttl: float | None,
        lease: float | None,
        timeout: float | None,
    ) -> Awaitable[Any]:
        """The stored form of the value under a full key; if there is none, that of ``compute``'s result."""

    @abstractmethod
    def _native_fill_many(
        self,
        full: list[Any],
        compute: Callable[[list[str]], Awaitable[list[tuple[str, Any]]]],
        ttl: float | None,
        timeout: float | None,
    ) -> Awaitable[dict[str, Any]]:
        """The stored forms of the values under full keys, by their texts; ``compute`` makes those that are missing."""

    @abstractmethod
    def _loaded(self, full: Any, stored: Any) -> Any:
        """The value of a stored form."""

    @abstractmethod
    def _dumped(self, full: Any, value: Any) -> Any:
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
        # Only the native way gives stale values.
        if not self._is_stock() or not (lease or self._has_grace):
            return await super()._fill(key, compute, ttl, lease, namespace, timeout, keep)
        seconds = native_ttl(self._get_ttl(ttl))
        computed: list[T] = []
        started = time.monotonic()
        full = self._full_key(key, namespace)

        async def computing() -> Any:
            result = await compute()
            if not keep(result) or (seconds is not None and seconds < 0):
                return Unkept(result)
            await call_hooks(self, "pre_set", (key, result), given(ttl=ttl, namespace=namespace))
            stored = self._dumped_or_unkept(key, full, result)
            if type(stored) is not Unkept:
                computed.append(result)
            return stored

        stored = await self._native_fill(full, computing, seconds, lease or None, self._fill_limit(timeout))
        if type(stored) is Unkept:
            result: T = stored.result
            return result
        if not computed:
            return await self._loaded_or_computed(key, full, stored, compute, ttl, namespace, timeout, keep)
        told = {"took": time.monotonic() - started, "ret": True, **given(ttl=ttl, namespace=namespace)}
        await call_hooks(self, "post_set", (key, computed[0]), told)
        return computed[0]

    def _fill_limit(self, timeout: Seconds | Unset) -> float | None:
        seconds = native_ttl(self.timeout if timeout is SENTINEL else timeout)
        return None if seconds is None or seconds < 0 else seconds

    def _dumped_or_unkept(self, key: Any, full: Any, result: Any) -> Any:
        try:
            return self._dumped(full, result)
        except Exception:
            logger.exception("Couldn't store %s", key)
            return Unkept(result)

    async def _loaded_or_computed(
        self,
        key: Any,
        full: Any,
        stored: Any,
        compute: Compute[T],
        ttl: Seconds | Unset,
        namespace: str | None,
        timeout: Seconds | Unset,
        keep: Keep,
    ) -> T:
        """A value that another caller has stored. One that can't be read counts as a miss."""
        try:
            found: T = self._loaded(full, stored)
        except Exception:
            logger.exception("Couldn't read %s: it counts as a miss", key)
            result = await compute()
            if keep(result):
                await self._try_set(key, result, ttl, namespace, timeout)
            return result
        return found

    async def _fill_many(
        self,
        missing: list[K],
        compute: Callable[[list[K]], Awaitable[Mapping[K, T]]],
        ttl: Seconds | Unset,
        namespace: str | None,
        timeout: Seconds | Unset,
        keep: KeepOne,
    ) -> dict[K, T]:
        if not self._is_stock() or not self._has_grace:
            return await super()._fill_many(missing, compute, ttl, namespace, timeout, keep)
        seconds = native_ttl(self._get_ttl(ttl))
        ends_at_once = seconds is not None and seconds < 0
        full = {key: self._full_key(key, namespace) for key in missing}
        # Keys with the same text are the same entry.
        asked: dict[str, list[K]] = {}
        for key, name in full.items():
            asked.setdefault(key_text(name), []).append(key)
        computed: dict[K, T] = {}
        started = time.monotonic()
        told: dict[str, Any] = given(ttl=ttl, namespace=namespace)
        stored_pairs: list[tuple[K, T]] = []

        async def computing(texts: list[str]) -> list[tuple[str, Any]]:
            wanted = {key: text for text in texts for key in asked[text]}
            results = dict(await compute(list(wanted)))
            computed.update(results)
            kept = (
                []
                if ends_at_once
                else [(key, results[key]) for key in wanted if key in results and keep(key, results[key])]
            )
            if kept:
                await call_hooks(self, "pre_multi_set", (kept,), told)
            stored_pairs.extend(kept)
            names = {key for key, _ in kept}
            return [
                (text, self._dumped_or_unkept(key, full[key], results[key]) if key in names else Unkept(results[key]))
                for key, text in wanted.items()
                if key in results
            ]

        first = [full[keys[0]] for keys in asked.values()]
        found = await self._native_fill_many(first, computing, seconds, self._fill_limit(timeout))
        if stored_pairs:
            took = time.monotonic() - started
            await call_hooks(self, "post_multi_set", (stored_pairs,), {"took": took, "ret": True, **told})
        unread: list[K] = []
        result: dict[K, T] = {}
        for text, stored in found.items():
            for key in asked[text]:
                try:
                    if key in computed:
                        result[key] = computed[key]
                    else:
                        result[key] = stored.result if type(stored) is Unkept else self._loaded(full[key], stored)
                except Exception:
                    logger.exception("Couldn't read %s: it counts as a miss", key)
                    unread.append(key)
        if unread:
            result.update(await super()._fill_many(unread, compute, ttl, namespace, timeout, keep))
        return result
