"""``get_or_renew``: a computation that is shown what it is to replace."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from polycache._native import Outcome
from polycache.core.computed import Call
from polycache.core.filling import NativeFill
from polycache.core.hooks import call_hooks, given
from polycache.core.item import Item
from polycache.core.report import Report
from polycache.core.sentinels import MISSING, SENTINEL, Unset
from polycache.core.switch import disabled
from polycache.core.ttl import Seconds, native_ttl
from polycache.exceptions import InvalidInput
from polycache.log import tell

T = TypeVar("T")

logger = logging.getLogger("polycache.base")


class _Unstored(Exception):
    """An item that can't be stored, for all who wait for it."""

    def __init__(self, item: Any) -> None:
        super().__init__("the computed item can't be stored")
        self.item = item


class Renewing(NativeFill):
    """A cache with this command."""

    async def get_or_renew(
        self,
        key: Any,
        compute: Callable[[Item[T] | None], Awaitable[Item[T]]],
        ttl: Seconds | Unset = SENTINEL,
        lease: Seconds | Unset = SENTINEL,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
    ) -> Item[T]:
        """Reads a value with what belongs to it; if there is none, computes and stores it, once for all who ask, as `get_or_set` does.

        ``compute`` is shown the `Item` that it is to replace, where one is stale or to be refreshed early. It returns an `Item`, which
        may have a TTL and an etag of its own; or the one that it was shown, if that is unchanged: then that is stored anew.

        Args:
            key: The key.
            compute: A coroutine function of the present item, or ``None``.
            ttl: Seconds that the value lives, in place of the cache's; 0 or ``None``: for ever.
            lease: As in `get_or_set`.
            namespace: In place of the cache's.
            timeout: Seconds for reading and for storing, in place of the cache's; not for ``compute``.

        Returns:
            The item. While caches are switched off, the result of ``compute``; so too, without an etag in the cache, where the class
            of the cache overrides an operation.

        Raises:
            InvalidInput: A TTL that is below 0.
            TimeoutError: After the ``hard_timeout``.

        Example:
            >>> async def fetch(present):
            ...     if present and present.etag == await server.etag():
            ...         return present
            ...     return Item(await server.body(), etag=await server.etag(), ttl=60)
            >>> item = await cache.get_or_renew("page", fetch)
            >>> item.value, item.freshness, item.age
            ('<html>', 'fresh', 0.0)
        """
        call = Call(ttl, lease, namespace, timeout)
        if disabled():
            return await compute(None)
        if not self._stock:
            return await self._get_or_make(key, compute, call)
        terms, tagging = self._terms(self._get_lease(lease), call), self._tagging
        if terms.ttl is not None and terms.ttl < 0:
            raise InvalidInput(f"a TTL of {ttl} seconds, which ends before it begins")
        report = Report(key)
        computed: list[Item[T]] = []
        unstored: list[Item[T]] = []
        started = time.monotonic()

        async def computing(present: tuple[Any, ...] | None) -> Outcome:
            with report:
                item = await compute(None if present is None else self._item(full, present))
            options = given(ttl=ttl if item.ttl is SENTINEL else item.ttl, namespace=namespace)
            await call_hooks(self, "pre_set", (key, item.value), options)
            try:
                stored = self._dumped(full, item.value)
            except Exception:
                tell(logger, self, "Couldn't store %s", key)
                unstored.append(item)
                raise _Unstored(item) from None
            computed.append(item)
            tags = [] if tagging is None else tagging.of(key, item.value)
            has_ttl = item.ttl is not SENTINEL
            return Outcome(stored, tags, item.etag, has_ttl, native_ttl(self._get_ttl(item.ttl)) if has_ttl else None)

        try:
            full = self._full_key(key, namespace)
            renewing = self._native_renew(full, computing, terms)
        except Exception:  # No key of this backend's, say.
            tell(logger, self, "Couldn't read %s: it counts as a miss", key)
            return await compute(None)
        try:
            found = await renewing
        except _Unstored as shared:
            report.failed()
            return cast("Item[T]", shared.item)
        except BaseException:
            report.failed()
            raise
        report.ended()
        if unstored:  # In its place there was a stale one.
            return unstored[0]
        if computed:
            told = {"took": time.monotonic() - started, "ret": True, **given(ttl=ttl, namespace=namespace)}
            await self._try_hooks("post_set", (key, computed[0].value), told, call, key)
        return self._item(full, found)

    def _item(self, full: Any, found: tuple[Any, ...]) -> Item[Any]:
        stored, etag, freshness, age = found
        return Item(self._loaded(full, stored), etag, SENTINEL, freshness, age)

    async def _get_or_make(
        self, key: Any, compute: Callable[[Item[T] | None], Awaitable[Item[T]]], call: Call
    ) -> Item[T]:
        """For a class with operations of its own, which keep nothing beside a value."""
        value = await self._try_read(key, call.namespace, call.timeout)
        if value is not MISSING:
            return Item(value)
        item = await compute(None)
        ttl = call.ttl if item.ttl is SENTINEL else item.ttl
        await self._try_set(key, item.value, Call(ttl, call.lease, call.namespace, call.timeout))
        return item
