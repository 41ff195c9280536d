"""Tags: entries that are cleared together."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

from polycache._native import Tags
from polycache.core.api import API
from polycache.core.hooks import given
from polycache.core.sentinels import SENTINEL, Unset
from polycache.core.stock import Stock
from polycache.core.switch import disabled
from polycache.core.ttl import Seconds

#: Makes the tags of a computed value, from its key and the value.
TagsOf = Callable[[Any, Any], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Tagging:
    """The tags of what is stored.

    Attributes:
        names: Those that are known beforehand.
        by: Makes more of a computed value.
    """

    names: tuple[str, ...] = ()
    by: TagsOf | None = None

    def of(self, key: Any, value: Any) -> list[str]:
        """The tags that a computed value has besides."""
        return [] if self.by is None else [str(tag) for tag in self.by(key, value)]


class Tagged(Stock):
    """A cache whose entries may have tags."""

    #: The tags of what this view stores.
    _tagging: Tagging | None = None

    def tagged(self, tags: Iterable[str]) -> Self:
        """A view of this cache that stores with these tags, besides those of this view: `clear_tag` clears all entries with a tag at once.

        A tag belongs to the namespace. All caches on the store read such entries; on a server one that names their tags, such as this
        view, reads them in one round trip, others in two. A counter has no tags.

        Args:
            tags: The tags, each a text.

        Returns:
            A cache on the same store or connections.

        Example:
            >>> await cache.tagged(["product:7", "shop"]).set("price:7", 5)
            True
            >>> await cache.clear_tag("product:7")
            True
            >>> await cache.get("price:7")
        """
        if isinstance(tags, str):
            raise TypeError(f"tagged() takes a list of tags, and this is one text: [{tags!r}]")
        present = self._tagging or Tagging()
        return self._with_tagging(replace(present, names=tuple(dict.fromkeys((*present.names, *map(str, tags))))))

    def tagged_by(self, tags: TagsOf) -> Self:
        """A view of this cache whose computed values have the tags that ``tags`` makes of them, besides those of this view.

        On a server, storing such a value takes two round trips more, and it isn't stored if any tag of the namespace was cleared while it
        was computed: its own tags weren't known by then. Writes such as ``set`` take no notice of it.

        Args:
            tags: Called with a key and its computed value; returns the tags.

        Returns:
            A cache on the same store or connections.

        Example:
            >>> users = cache.tagged_by(lambda key, user: [f"team:{user['team']}"])
            >>> await users.get_or_set("user:7", load)
        """
        return self._with_tagging(replace(self._tagging or Tagging(), by=tags))

    def _with_tagging(self, tagging: Tagging | None) -> Self:
        view = copy.copy(self)
        view._remember(_tagging=tagging)
        view._look_at(self)
        view._changed()
        return view

    def _look_at(self, cache: Any) -> None:
        """Has this view look at the store or the connections of another cache, with its own settings."""
        raise NotImplementedError

    def _for_locks(self) -> Any:
        if self._tagging is None:
            return super()._for_locks()
        return self._with_tagging(None)._for_locks()

    @API.register
    async def clear_tag(
        self, tag: str, namespace: str | None = None, timeout: Seconds | Unset = SENTINEL, _conn: Any = None
    ) -> bool:
        """Clears a tag: all entries with it are gone at once, however many there are.

        A value whose computation began before isn't given after it, in any process.

        Args:
            tag: The tag.
            namespace: In place of the cache's.
            timeout: Seconds, in place of the cache's.

        Returns:
            True. Nothing is cleared while caches are switched off.

        Raises:
            TimeoutError: When it takes longer than the timeout.
        """
        if disabled():
            return True
        options = given(namespace=namespace, _conn=_conn)
        space = self.namespace if namespace is None else namespace
        await self._run("clear_tag", (tag,), options, timeout, lambda: self._clear_tag(self._tag_prefix(space), tag))
        return True

    async def _clear_tag(self, prefix: str, tag: str) -> None:
        """Clears a tag of the namespace with this prefix."""
        self._lacks("_clear_tag")

    def _tag_prefix(self, space: str | None) -> str:
        """What stands before the names of a namespace's tags. Where keys need not begin with their namespace, tags belong to none."""
        if self._key_builder is not None or self._is_other("_build_key") or self._is_other("build_key"):
            return ""
        return self._prefix(space)

    def _native_tags(self, space: str | None, tagging: Tagging | None = None, stores: bool = False) -> Tags | None:
        """The tags for a command; ``stores`` tells that it stores a computed value."""
        tagging = tagging or self._tagging
        if tagging is None or not (tagging.names or (stores and tagging.by)):
            return None
        return Tags(self._tag_prefix(space), list(tagging.names), stores and tagging.by is not None)
