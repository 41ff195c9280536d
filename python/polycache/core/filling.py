"""Computing missing values by the native single-flight, whose leases hold for all processes."""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from polycache._native import Outcome, Tags, Unkept
from polycache.core.computed import Call, Compute
from polycache.core.entries import dict_of, name_of
from polycache.core.hooks import call_hooks, given, within
from polycache.core.keys import key_text
from polycache.core.report import Report
from polycache.core.sentinels import SENTINEL, Unset
from polycache.core.trouble import Troubled
from polycache.core.ttl import Seconds, native_ttl
from polycache.log import tell

T = TypeVar("T")
K = TypeVar("K")

logger = logging.getLogger("polycache.base")


@dataclass(slots=True)
class Terms:
    """How the native half computes: in seconds, with ``None`` for none or its own default."""

    ttl: float | None
    lease: float | None
    timeout: float | None
    tags: Tags | None
    anew: bool = False


class NativeFill(Troubled):
    """A cache whose missing values are computed by the native single-flight."""

    @abstractmethod
    def _native_fill(self, full: Any, compute: Callable[[], Awaitable[Any]], terms: Terms) -> Awaitable[Any]:
        """The stored form of the value under a full key; if there is none, that of ``compute``'s result."""

    @abstractmethod
    def _native_fill_many(
        self, full: list[Any], compute: Callable[[list[str]], Awaitable[list[tuple[str, Any]]]], terms: Terms
    ) -> Awaitable[dict[str, Any]]:
        """The stored forms of the values under full keys, by their texts; ``compute`` makes those that are missing."""

    @abstractmethod
    def _native_renew(self, full: Any, compute: Callable[[Any], Awaitable[Any]], terms: Terms) -> Awaitable[Any]:
        """As `_native_fill`, with what belongs to the value; ``compute`` gets what it is to replace."""

    @abstractmethod
    def _loaded(self, full: Any, stored: Any) -> Any:
        """The value of a stored form."""

    @abstractmethod
    def _dumped(self, full: Any, value: Any) -> Any:
        """The stored form of a value."""

    def _terms(self, lease: float | None, call: Call) -> Terms:
        space = self.namespace if call.namespace is None else call.namespace
        return Terms(
            native_ttl(self._get_ttl(call.ttl)), lease or None, self._fill_limit(call.timeout),
            self._native_tags(space, call.tagging, stores=True), call.anew,
        )  # fmt: skip

    def _tagging_of(self, call: Call) -> Any:
        return call.tagging or self._tagging

    #: Whether other processes may have the entries, so that the native half computes with leases.
    _is_shared = True

    def _is_native(self, lease: float | None, call: Call) -> bool:
        """Whether the native half computes."""
        takes_part = lease or not self._is_shared or self._is_tuned or call.anew or self._tagging_of(call)
        return bool(takes_part) and self._stock

    def _refuse_tags(self, call: Call) -> None:
        if self._tagging_of(call) is not None:
            self._lacks("tags, since an operation is overridden")

    async def _fill(self, key: Any, compute: Compute[T], lease: float | None, call: Call) -> T:
        if not self._is_native(lease, call):
            self._refuse_tags(call)
            return await super()._fill(key, compute, lease, call)
        terms, tagging = self._terms(lease, call), self._tagging_of(call)
        computed: list[T] = []
        started = time.monotonic()
        report = Report(key)

        async def computing() -> Any:
            with report:
                result = await compute()
            if not call.keep(key, result) or (terms.ttl is not None and terms.ttl < 0):
                return Unkept(result)
            told = given(ttl=call.ttl, namespace=call.namespace)
            if not await self._try_hooks("pre_set", (key, result), told, call, key):
                return Unkept(result)
            stored = self._dumped_or_unkept(key, full, result)
            if type(stored) is Unkept:
                return stored
            computed.append(result)
            return stored if tagging is None or tagging.by is None else Outcome(stored, tagging.of(key, result))

        try:
            full = self._full_key(key, call.namespace)
            filling = self._native_fill(full, computing, terms)
        except Exception:  # No key of this backend's, say.
            tell(logger, self, "Couldn't read %s: it counts as a miss", key)
            return await compute()
        try:
            stored = await filling
        except BaseException:
            report.failed()
            raise
        report.ended()
        if type(stored) is Unkept:
            result: T = stored.result
            return result
        if not computed:
            return await self._loaded_or_computed(key, full, stored, compute, call)
        told = {"took": time.monotonic() - started, "ret": True, **given(ttl=call.ttl, namespace=call.namespace)}
        await self._try_hooks("post_set", (key, computed[0]), told, call, key)
        return computed[0]

    async def _try_hooks(
        self, hook: str, args: tuple[Any, ...], told: Mapping[str, Any], call: Call, what: Any
    ) -> bool:
        """Calls hooks of a value that is stored, within the timeout. Returns whether all went well; trouble is logged."""
        if not self.plugins:
            return True
        try:
            await within(self._limit(call.timeout), lambda: call_hooks(self, hook, args, told))
        except Exception:
            tell(logger, self, "Couldn't store %s", what)
            return False
        return True

    def _fill_limit(self, timeout: Seconds | Unset) -> float | None:
        seconds = native_ttl(self.timeout if timeout is SENTINEL else timeout)
        return None if seconds is None or seconds < 0 else seconds

    def _dumped_or_unkept(self, key: Any, full: Any, result: Any) -> Any:
        try:
            return self._dumped(full, result)
        except Exception:
            tell(logger, self, "Couldn't store %s", key)
            return Unkept(result)

    async def _loaded_or_computed(self, key: Any, full: Any, stored: Any, compute: Compute[T], call: Call) -> T:
        """A value that another caller has stored. One that can't be read counts as a miss."""
        try:
            found: T = self._loaded(full, stored)
        except Exception:
            tell(logger, self, "Couldn't read %s: it counts as a miss", key)
            result = await compute()
            if call.keep(key, result):
                await self._try_set(key, result, call)
            return result
        return found

    async def _fill_many(
        self, missing: list[K], compute: Callable[[list[K]], Awaitable[Mapping[K, T]]], call: Call
    ) -> dict[K, T]:
        lease = self._get_lease(call.lease)
        if not self._is_native(lease, call):
            self._refuse_tags(call)
            return await super()._fill_many(missing, compute, call)
        terms, tagging = self._terms(lease, call), self._tagging_of(call)
        ends_at_once = terms.ttl is not None and terms.ttl < 0
        full: dict[K, Any] = {}
        # Keys with the same text are the same entry.
        asked: dict[str, list[K]] = {}
        computed: dict[K, T] = {}
        started = time.monotonic()
        told: dict[str, Any] = given(ttl=call.ttl, namespace=call.namespace)
        stored_pairs: list[tuple[K, T]] = []

        def stored(key: K) -> Any:
            form = self._dumped_or_unkept(key, full[key], computed[key])
            if type(form) is Unkept or tagging is None or tagging.by is None:
                return form
            return Outcome(form, tagging.of(key, computed[key]))

        async def computing(texts: list[str]) -> list[tuple[str, Any]]:
            wanted = {key: text for text in texts for key in asked[text]}
            results = dict_of(await compute(list(wanted)), f"multi_get_or_set: {name_of(compute)}")
            computed.update(results)
            kept = (
                []
                if ends_at_once
                else [(key, results[key]) for key in wanted if key in results and call.keep(key, results[key])]
            )
            if kept and not await self._try_hooks("pre_multi_set", (kept,), told, call, list(wanted)):
                kept = []
            stored_pairs.extend(kept)
            names = {key for key, _ in kept}
            return [
                (text, stored(key) if key in names else Unkept(results[key]))
                for key, text in wanted.items()
                if key in results
            ]

        try:
            for key in missing:
                full[key] = self._full_key(key, call.namespace)
                asked.setdefault(key_text(full[key]), []).append(key)
            filling = self._native_fill_many([full[keys[0]] for keys in asked.values()], computing, terms)
        except Exception:
            tell(logger, self, "Couldn't read %s: they count as misses", missing)
            return dict_of(await compute(missing), f"multi_get_or_set: {name_of(compute)}")
        found = await filling
        if stored_pairs:
            took = time.monotonic() - started
            ended = {"took": took, "ret": True, **told}
            await self._try_hooks("post_multi_set", (stored_pairs,), ended, call, [key for key, _ in stored_pairs])
        unread: list[K] = []
        result: dict[K, T] = {}
        for text, value in found.items():
            for key in asked[text]:
                try:
                    if key in computed:
                        result[key] = computed[key]
                    else:
                        result[key] = value.result if type(value) is Unkept else self._loaded(full[key], value)
                except Exception:
                    tell(logger, self, "Couldn't read %s: it counts as a miss", key)
                    unread.append(key)
        if unread:
            result.update(await super()._fill_many(unread, compute, call))
        return result
