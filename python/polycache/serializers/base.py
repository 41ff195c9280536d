"""``BaseSerializer``, the base class of serializers."""

from __future__ import annotations

from typing import Any, cast

_NOT_GIVEN = cast(Any, object())


class _DefaultEncoding:
    """The class's ``DEFAULT_ENCODING``, until a subclass or an instance sets ``encoding``.

    Not set by ``__init__``, which another base class may leave uncalled.
    """

    def __get__(self, instance: object, owner: type[BaseSerializer]) -> str | None:
        return owner.DEFAULT_ENCODING


class BaseSerializer:
    """Turns values into what a backend stores, and back.

    A serializer of your own overrides ``dumps`` and ``loads``, and has a ``DEFAULT_ENCODING`` of ``None`` if it makes bytes.
    It may have another base class beside this one.

    Args:
        encoding: The encoding by which stored bytes become text for ``loads``; ``None``: ``loads`` gets the bytes.
        *args: For another base class.
        **kwargs: For another base class.

    Example:
        >>> class Compressed(BaseSerializer):
        ...     DEFAULT_ENCODING = None
        ...     def dumps(self, value):
        ...         return zlib.compress(value.encode())
        ...     def loads(self, value):
        ...         return zlib.decompress(value).decode()
    """

    DEFAULT_ENCODING: str | None = "utf-8"
    encoding: str | None = cast(Any, _DefaultEncoding())

    def __init__(self, *args: Any, encoding: str | None = _NOT_GIVEN, **kwargs: Any) -> None:
        if encoding is not _NOT_GIVEN:
            self.encoding = encoding
        super().__init__(*args, **kwargs)

    def dumps(self, value: Any, /) -> Any:
        """The stored form of a value: text or bytes."""
        raise NotImplementedError(f"{type(self).__qualname__} has no dumps")

    def loads(self, value: Any, /) -> Any:
        """The value of a stored form. Not called for a miss."""
        raise NotImplementedError(f"{type(self).__qualname__} has no loads")


class KeyedSerializer(BaseSerializer):
    """A serializer that is told the full key: with its namespace, as it is on the server.

    Example:
        >>> class Bound(KeyedSerializer):
        ...     def dumps(self, value, key=""):
        ...         return f"{key}={value}"
        ...     def loads(self, value, key=""):
        ...         name, _, rest = value.rpartition("=")
        ...         if name != key:
        ...             raise ValueError("this is the value of another key")
        ...         return rest
    """

    def dumps(self, value: Any, /, key: str = "") -> Any:
        """The stored form of a value under this key: text or bytes."""
        raise NotImplementedError(f"{type(self).__qualname__} has no dumps")

    def loads(self, value: Any, /, key: str = "") -> Any:
        """The value of what is stored under this key. Not called for a miss."""
        raise NotImplementedError(f"{type(self).__qualname__} has no loads")
