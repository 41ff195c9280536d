"""Serializers around another one, whose bytes they pack, encrypt or sign. The Rust crate reads what they write, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polycache._native import Coat
from polycache.serializers.base import BaseSerializer, KeyedSerializer
from polycache.serializers.json import JsonSerializer
from polycache.serializers.stored import encoding_of, from_bytes, to_bytes


class _Around(KeyedSerializer):
    """What they have in common."""

    DEFAULT_ENCODING = None

    def __init__(self, coat: Coat, serializer: BaseSerializer | Any | None) -> None:
        super().__init__()
        #: The serializer whose bytes are changed.
        self.serializer: Any = JsonSerializer() if serializer is None else serializer
        self._coat = coat

    def dumps(self, value: Any, /, key: str = "") -> bytes:
        """The stored form of a value under this full key."""
        inner = self.serializer
        stored = inner.dumps(value, key) if isinstance(inner, KeyedSerializer) else inner.dumps(value)
        return self._coat.put_on(to_bytes(stored), key)

    def loads(self, value: Any, /, key: str = "") -> Any:
        """The value of what is stored under this full key.

        Raises:
            DecodeError: It is broken, forged, or of another key. Nothing of it has reached the inner serializer.
        """
        if value is None:
            return None
        inner = self.serializer
        data = from_bytes(self._coat.take_off(value, key), encoding_of(inner))
        return inner.loads(data, key) if isinstance(inner, KeyedSerializer) else inner.loads(data)

    def __repr__(self) -> str:
        """Its name, and that of the inner one."""
        return f"{type(self).__qualname__}({type(self.serializer).__qualname__})"


class ZstdSerializer(_Around):
    """Packs what another serializer makes, by zstd, if that makes it smaller.

    What was stored unpacked, or by lz4, is read too. A counter can't be packed.

    Args:
        serializer: The inner one. By default ``JsonSerializer``.
        level: From 1 (fast) to 22 (small).
        threshold: The fewest bytes that are packed.
        max_unpacked: The most bytes that may come out, so that a small forged value can't fill the memory.

    Raises:
        InvalidInput: For a level that zstd doesn't have.

    Example:
        >>> cache = RedisCache(serializer=ZstdSerializer(PickleSerializer(), level=9))
    """

    def __init__(
        self,
        serializer: BaseSerializer | Any | None = None,
        *,
        level: int | str = 3,
        threshold: int | str = 512,
        max_unpacked: int | str = 64 << 20,
    ) -> None:
        super().__init__(Coat.zstd(int(level), int(threshold), int(max_unpacked)), serializer)


class Lz4Serializer(_Around):
    """Packs what another serializer makes, by lz4, if that makes it smaller: faster than zstd, and larger.

    Args:
        serializer: The inner one. By default ``JsonSerializer``.
        threshold: The fewest bytes that are packed.
        max_unpacked: The most bytes that may come out.

    Example:
        >>> cache = RedisCache(serializer=Lz4Serializer())
    """

    def __init__(
        self,
        serializer: BaseSerializer | Any | None = None,
        *,
        threshold: int | str = 512,
        max_unpacked: int | str = 64 << 20,
    ) -> None:
        super().__init__(Coat.lz4(int(threshold), int(max_unpacked)), serializer)


class SealedSerializer(_Around):
    """Encrypts what another serializer makes, by XChaCha20-Poly1305, together with its key.

    Who reads the server learns keys, lengths and times, but no value; who writes there can't change a value or put it under
    another key without a ``DecodeError``.

    Args:
        serializer: The inner one. By default ``JsonSerializer``.
        keys: Secret keys by their ids, each 64 hexadecimal digits (``openssl rand -hex 32`` makes one). All of them read.
        key: The id of the one that writes; needed if there are several.

    Raises:
        InvalidInput: For a key of another form. The text doesn't show it.

    Example:
        >>> cache = RedisCache(serializer=SealedSerializer(keys={"2026-11": os.environ["CACHE_KEY"]}))
    """

    def __init__(
        self, serializer: BaseSerializer | Any | None = None, *, keys: Mapping[str, str], key: str | None = None
    ) -> None:
        super().__init__(Coat.sealed(dict(keys), key), serializer)


class SignedSerializer(_Around):
    """Signs what another serializer makes, by HMAC-SHA-256, together with its key.

    A value that was forged, changed or put under another key is a ``DecodeError``, before the inner serializer sees a byte of it. So
    pickles are safe on a server that others write to.

    Args:
        serializer: The inner one. By default ``JsonSerializer``.
        keys: As for `SealedSerializer`.
        key: As for `SealedSerializer`.

    Raises:
        InvalidInput: For a key of another form. The text doesn't show it.

    Example:
        >>> cache = RedisCache(serializer=SignedSerializer(PickleSerializer(), keys={"2026-11": os.environ["CACHE_KEY"]}))
    """

    def __init__(
        self, serializer: BaseSerializer | Any | None = None, *, keys: Mapping[str, str], key: str | None = None
    ) -> None:
        super().__init__(Coat.signed(dict(keys), key), serializer)
