"""The settings of a cache: serializer, plugins, namespace, key builder, timeout and TTL."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any, ClassVar

from polycache.core.hooks import Runner
from polycache.core.keys import ensure_key, key_text
from polycache.core.objects import check_plugins, check_serializer
from polycache.core.primitives import Primitives
from polycache.core.sentinels import SENTINEL, Unset
from polycache.core.ttl import Seconds, read_lease, read_seconds, read_setting
from polycache.exceptions import InvalidInput
from polycache.serializers import BaseSerializer, KeyedSerializer, StringSerializer

#: Makes the backend's key from a key and a namespace.
KeyBuilder = Callable[..., Any]


def _no_such_argument(kind: type[Any], name: str) -> TypeError:
    """The error of a constructor that doesn't take an argument of this name."""
    import difflib  # Nobody else needs it.
    import inspect

    known = {
        parameter
        for each in kind.__mro__
        if "__init__" in vars(each)
        for parameter in inspect.signature(vars(each)["__init__"]).parameters
        if parameter not in ("self", "args", "kwargs", "unknown")
    }
    near = difflib.get_close_matches(name, sorted(known), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; it takes {', '.join(sorted(known))}"
    return TypeError(f"{kind.__qualname__}() got an unexpected keyword argument {name!r}{hint}")


#: The most bytes that a separator has.
_LONGEST_SEPARATOR = 8


def _separator(value: str) -> str:
    length = len(value.encode())
    if length > _LONGEST_SEPARATOR or any(unicodedata.category(character) == "Cc" for character in value):
        raise InvalidInput(
            f"`separator` has {length} bytes; it has at most {_LONGEST_SEPARATOR} bytes and no control characters"
        )
    return value


def _choice(name: str, value: str) -> str:
    if value not in ("fail", "miss"):
        raise InvalidInput(f'`{name}` is {value!r}; it is "fail" or "miss"')
    return value


class State(Runner, Primitives):
    """The settings of a cache, which may be changed at any time."""

    #: What stands between a namespace and a key unless the cache is told otherwise.
    _SEPARATOR: ClassVar[str] = ""

    # For caches of one's own whose constructors don't call this one's.
    _separator = ""
    _key_builder: KeyBuilder | None = None
    _own_lease: float | None = 2
    _on_error = "fail"
    _on_decode_error = "fail"

    def __init__(
        self,
        serializer: BaseSerializer | Any | None = None,
        plugins: Any = None,
        namespace: str | None = None,
        key_builder: KeyBuilder | None = None,
        timeout: Seconds = 5,
        ttl: Seconds = None,
        separator: str | None = None,
        lease: Seconds = 2,
        on_error: str = "fail",
        on_decode_error: str = "fail",
        **unknown: Any,
    ) -> None:
        """Makes a cache.

        Args:
            serializer: Turns values into what the backend stores, and back.
            plugins: A list of plugins, whose hooks are run around every command.
            namespace: The beginning of the backend's keys.
            key_builder: Called with a key and ``namespace=``; makes the backend's key in place of the backend's rule.
            timeout: Seconds that a command may take, hooks included. 0 or ``None``: no limit.
            ttl: Seconds that stored values live unless a command says otherwise. 0 or ``None``: for ever.
            separator: What stands between the namespace and a key. By default ``:`` on Redis and nothing elsewhere.
            lease: Seconds that ``get_or_set`` waits for a dead process; see there.
            on_error: ``"miss"`` has ``get``, ``multi_get``, ``exists`` and ``get_ttl`` find nothing while the backend fails or is too
                slow. By default, ``"fail"``, they raise. A failed write always raises.
            on_decode_error: ``"miss"`` has ``get`` and ``multi_get`` find nothing where a stored value can't be read. By default,
                ``"fail"``, they raise.
            **unknown: Arguments that the class doesn't take.

        Seconds may be texts, too: ``"500ms"``, ``"1h 30m"``.

        Raises:
            TypeError: For an argument that the class doesn't take.
            InvalidInput: For one that is out of its bounds.
        """
        if unknown:
            raise _no_such_argument(type(self), next(iter(unknown)))
        limit, lifetime = read_setting("timeout", timeout), read_setting("ttl", ttl)
        self.timeout: float | None = None if limit is None else float(limit)
        self.ttl: float | None = None if lifetime is None else float(lifetime)
        self.namespace: str | None = namespace
        self._separator = self._SEPARATOR if separator is None else _separator(separator)
        self._own_lease: float | None = read_lease(lease)
        self._on_error = _choice("on_error", on_error)
        self._on_decode_error = _choice("on_decode_error", on_decode_error)
        self._key_builder = key_builder
        self._serializer: Any = StringSerializer() if serializer is None else check_serializer(serializer)
        self._plugins: Any = [] if plugins is None else check_plugins(plugins)

    @property
    def separator(self) -> str:
        """What stands between the namespace and a key."""
        return self._separator

    @property
    def lease(self) -> float | None:
        """The seconds that ``get_or_set`` waits for a dead process, unless a call says otherwise."""
        return self._own_lease

    @property
    def on_error(self) -> str:
        """What reads do while the backend fails: ``"fail"`` or ``"miss"``."""
        return self._on_error

    @property
    def on_decode_error(self) -> str:
        """What reads do with a value that can't be read: ``"fail"`` or ``"miss"``."""
        return self._on_decode_error

    @property
    def serializer(self) -> Any:
        """The serializer: it turns values into what the backend stores, and back."""
        return self._serializer

    @serializer.setter
    def serializer(self, value: Any) -> None:
        self._serializer = value

    @property
    def plugins(self) -> Any:
        """The plugins, in the order of their hooks. The list may be changed."""
        return self._plugins

    @plugins.setter
    def plugins(self, value: Any) -> None:
        self._plugins = value

    def build_key(self, key: Any, namespace: str | None = None) -> Any:
        """The backend's key.

        Args:
            key: The key as a caller gives it. Members of an enum stand for their values.
            namespace: In place of the cache's; ``""`` for none.
        """
        return (self._key_builder or self._build_key)(key, namespace=namespace)

    def _build_key(self, key: Any, namespace: str | None = None) -> Any:
        """The rule without a key builder: the namespace, the separator and the key."""
        space = self.namespace if namespace is None else namespace
        return ensure_key(key) if space is None else f"{self._prefix(space)}{ensure_key(key)}"

    def _prefix(self, space: str | None) -> str:
        """What stands before the keys of a namespace."""
        if space is None:
            return ""
        # A number counts by its text, as in aiocache.
        text = f"{space}"
        return f"{text}{self._separator}" if text else ""

    def _full_key(self, key: Any, namespace: str | None) -> Any:
        """The one rule for commands and locks: the call's namespace, or else the cache's."""
        return self.build_key(key, namespace=self.namespace if namespace is None else namespace)

    def _get_lease(self, lease: Seconds | Unset) -> float | None:
        """The call's lease, or else the cache's."""
        return self._own_lease if lease is SENTINEL else read_lease(lease)

    def _get_ttl(self, ttl: Seconds | Unset) -> float | None:
        """The call's TTL, or else the cache's."""
        return self.ttl if ttl is SENTINEL else read_seconds(ttl)

    def _load(self, stored: Any, loads_fn: Callable[[Any], Any] | None) -> Any:
        """The value of its stored form."""
        return (loads_fn or self._serializer.loads)(stored)

    def _dump(self, value: Any, dumps_fn: Callable[[Any], Any] | None) -> Any:
        """The stored form of a value."""
        return (dumps_fn or self._serializer.dumps)(value)

    def _load_of(self, full: Any, stored: Any, loads_fn: Callable[[Any], Any] | None) -> Any:
        """The value of what is stored under this full key, which some serializers want to know."""
        serializer = self._serializer
        if loads_fn is None and isinstance(serializer, KeyedSerializer):
            return serializer.loads(stored, key_text(full))
        return self._load(stored, loads_fn)

    def _dump_for(self, full: Any, value: Any, dumps_fn: Callable[[Any], Any] | None) -> Any:
        """What is to be stored for a value under this full key."""
        serializer = self._serializer
        if dumps_fn is None and isinstance(serializer, KeyedSerializer):
            return serializer.dumps(value, key_text(full))
        return self._dump(value, dumps_fn)
