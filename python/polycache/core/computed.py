"""The commands that compute missing values: get_or_set, multi_get_or_set."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from polycache.core.entries import dict_of, name_of
from polycache.core.flights import Flights
from polycache.core.leases import leased
from polycache.core.reads import Reads
from polycache.core.sentinels import MISSING, SENTINEL, Unset
from polycache.core.switch import disabled
from polycache.core.ttl import Seconds
from polycache.core.writes import Writes
from polycache.log import tell

T = TypeVar("T")
K = TypeVar("K")
Compute = Callable[[], Awaitable[T]]

logger = logging.getLogger("polycache.base")


def _who(compute: Any) -> str:
    return f"multi_get_or_set: {name_of(compute)}"


def _keep_all(key: Any, value: Any) -> bool:
    return True


@dataclass(slots=True)
class Call:
    """How a call computes and stores what is missing.

    Attributes:
        ttl: That of the call, as its other arguments.
        keep: Whether a computed value is to be stored, by its key and the value.
        tagging: Its tags, in place of the cache's.
        anew: Whether it computes in any case.
    """

    ttl: Seconds | Unset = SENTINEL
    lease: Seconds | Unset = SENTINEL
    namespace: str | None = None
    timeout: Seconds | Unset = SENTINEL
    keep: Callable[[Any, Any], bool] = _keep_all
    tagging: Any = None
    anew: bool = False


class Computed(Reads, Writes):
    """The commands that compute missing values."""

    __flights: Flights | None = None

    def _flights(self) -> Flights:
        if self.__flights is None:
            self.__flights = Flights()
        return self.__flights

    async def get_or_set(
        self,
        key: Any,
        compute: Compute[T],
        ttl: Seconds | Unset = SENTINEL,
        lease: Seconds | Unset = SENTINEL,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
    ) -> T:
        """Reads a value; if there is none, computes and stores it, once for all who ask.

        All who wait get the result: the value, a ``None``, or the error, which isn't stored. On a server this holds for all
        processes. Trouble with the cache is logged and counts as a miss.

        Args:
            key: The key.
            compute: A coroutine function without arguments. If it asks for the same key, that call computes for itself.
            ttl: Seconds that the value lives, in place of the cache's; 0 or ``None``: for ever.
            lease: Seconds after which other processes stop waiting for a dead one. The lease is renewed during the
                computation, so it may be shorter. 0 or ``None``: other processes don't wait, unless the cache has a grace. By
                default the cache's, which is 2 seconds unless it is told otherwise.
            namespace: In place of the cache's.
            timeout: Seconds for reading and for storing, in place of the cache's; not for ``compute``.

        Returns:
            The value. While caches are switched off, the result of ``compute``.

        Example:
            >>> async def load():
            ...     return await database.user(7)
            >>> user = await cache.get_or_set("user:7", load, ttl=60)
        """
        return await self._get_or_compute(key, compute, Call(ttl, lease, namespace, timeout))

    async def _get_or_compute(self, key: Any, compute: Compute[T], call: Call) -> T:
        """`get_or_set`, as the call says."""
        if disabled():
            return await compute()
        lease = self._get_lease(call.lease)
        if not (call.anew or self._fill_reads(lease)):
            value = await self._try_read(key, call.namespace, call.timeout)
            if value is not MISSING and not self._is_early:
                found: T = value
                return found
        return await self._fill(key, compute, lease, call)

    #: Whether a hit may begin a computation.
    _is_early: bool = False

    def _fill_reads(self, lease: Seconds) -> bool:
        """Whether `_fill` may look for a value itself, with nothing lost."""
        return False

    async def _fill(self, key: Any, compute: Compute[T], lease: float | None, call: Call) -> T:
        """Computes and stores a missing value."""

        async def lead() -> T:
            async with leased(self, key, call.namespace, lease) as alone:
                if not alone:  # Somebody else may have stored it while this process waited.
                    value = await self._try_read(key, call.namespace, call.timeout)
                    if value is not MISSING:
                        found: T = value
                        return found
                result = await compute()
                if call.keep(key, result):
                    await self._try_set(key, result, call)
                return result

        return await self._flights().share(self._full_key(key, call.namespace), lead, compute)

    async def _try_read(self, key: Any, namespace: str | None, timeout: Seconds | Unset) -> Any:
        options = {} if namespace is None else {"namespace": namespace}
        try:
            return await self._read(key, namespace=namespace, timeout=timeout, options=options)
        except Exception:
            tell(logger, self, "Couldn't read %s: it counts as a miss", key)
            return MISSING

    async def _try_set(self, key: Any, value: Any, call: Call) -> None:
        try:
            await self.set(key, value, ttl=call.ttl, namespace=call.namespace, timeout=call.timeout)
        except Exception:
            tell(logger, self, "Couldn't store %s", key)

    async def multi_get_or_set(
        self,
        keys: Iterable[K],
        compute: Callable[[list[K]], Awaitable[Mapping[K, T]]],
        ttl: Seconds | Unset = SENTINEL,
        namespace: str | None = None,
        timeout: Seconds | Unset = SENTINEL,
    ) -> dict[K, T]:
        """Reads many values; the missing ones are computed together, and stored together.

        If another task is computing a key, this call waits for it; on a server with leases this holds for all processes. Trouble with the
        cache is logged and counts as a miss.

        Args:
            keys: The keys.
            compute: A coroutine function of the list of missing keys. Returns a mapping; it may leave keys out.
            ttl: Seconds that the values live, in place of the cache's; 0 or ``None``: for ever.
            namespace: In place of the cache's.
            timeout: Seconds for reading and for storing, in place of the cache's; not for ``compute``.

        Returns:
            The values by key, in the order of the keys. Keys that ``compute`` left out aren't in it.
        """
        return await self._multi_get_or_compute(keys, compute, Call(ttl, SENTINEL, namespace, timeout))

    async def _multi_get_or_compute(
        self, keys: Iterable[K], compute: Callable[[list[K]], Awaitable[Mapping[K, T]]], call: Call
    ) -> dict[K, T]:
        """`multi_get_or_set`, as the call says."""
        asked = list(dict.fromkeys(keys))
        if disabled():
            return dict_of(await compute(asked), _who(compute))
        # Not left to the native half: a call that finds all costs half as much so, though one that misses reads twice.
        found = {} if call.anew else await self._try_multi_read(asked, call.namespace, call.timeout)
        missing = [key for key in asked if key not in found]
        if missing:
            found.update(await self._fill_many(missing, compute, call))
        return {key: found[key] for key in asked if key in found}

    async def _try_multi_read(self, keys: list[K], namespace: str | None, timeout: Seconds | Unset) -> dict[K, Any]:
        options = {} if namespace is None else {"namespace": namespace}
        try:
            values = await self._multi_read(keys, namespace=namespace, timeout=timeout, options=options)
        except Exception:
            tell(logger, self, "Couldn't read %s: they count as misses", keys)
            return {}
        return {key: value for key, value in zip(keys, values, strict=True) if value is not MISSING}

    async def _fill_many(
        self, missing: list[K], compute: Callable[[list[K]], Awaitable[Mapping[K, T]]], call: Call
    ) -> dict[K, T]:
        """Computes the keys that nobody computes, and waits for the others."""

        async def lead(keys: list[K]) -> dict[K, T]:
            computed = dict_of(await compute(keys), _who(compute))
            kept = [pair for pair in computed.items() if call.keep(*pair)]
            if kept:
                try:
                    await self.multi_set(kept, ttl=call.ttl, namespace=call.namespace, timeout=call.timeout)
                except Exception:
                    tell(logger, self, "Couldn't store %s", list(computed))
            return computed

        return await self._flights().share_many(
            missing, lambda key: ("many", self._full_key(key, call.namespace)), lead, compute
        )
