"""``raw`` on memcached: the methods of aiomcache, whose keys and values are bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from polycache._native import Server
from polycache.core.ttl import native_ttl
from polycache.exceptions import InvalidInput


async def ask(
    server: Server, command: str, args: tuple[Any, ...], options: Mapping[str, Any], encoding: str | None
) -> Any:
    """Calls a method of aiomcache's client: ``get``, ``multi_get``, ``set``, ``incr``, ``stats``, ..

    Raises:
        AttributeError: There is no such method.
    """
    method = _METHODS.get(command)
    if method is None:
        raise AttributeError(f"raw knows no command {command!r} of memcached; it knows {', '.join(sorted(_METHODS))}")
    answer = await method(server, *args, **options)
    return answer.decode(encoding) if command == "get" and encoding is not None and answer is not None else answer


def _text(key: Any) -> str:
    if not isinstance(key, bytes):
        raise InvalidInput(f"key must be bytes: {key!r}")
    return key.decode()


async def _get(server: Server, key: bytes, default: Any = None) -> Any:
    found = await server.get(_text(key))
    return default if found is None else found


async def _gets(server: Server, key: bytes, default: Any = None) -> Any:
    found, version = await server.get_versioned(_text(key))
    return (default, None) if found is None else (found, version)


async def _multi_get(server: Server, *keys: bytes) -> tuple[Any, ...]:
    return tuple(await server.multi_get([_text(key) for key in keys]))


async def _set(server: Server, key: bytes, value: bytes, exptime: int = 0) -> bool:
    await server.set(_text(key), value, native_ttl(exptime))
    return True


async def _add(server: Server, key: bytes, value: bytes, exptime: int = 0) -> bool:
    return await server.add(_text(key), value, native_ttl(exptime))


async def _cas(server: Server, key: bytes, value: bytes, cas_token: Any, exptime: int = 0) -> bool:
    return await server.cas(_text(key), value, cas_token, native_ttl(exptime))


async def _change(server: Server, key: bytes, new: Callable[[bytes], bytes], exptime: int | None) -> bool:
    """Replaces a value that is there. The entry gets the given TTL, or keeps its own."""
    name = _text(key)
    while True:
        present, version = await server.get_versioned(name)
        if present is None:
            return False
        try:
            ttl = await server.ttl(name) if exptime is None else native_ttl(exptime)
        except KeyError:
            return False
        if await server.cas(name, new(present), version, ttl):
            return True


async def _replace(server: Server, key: bytes, value: bytes, exptime: int = 0) -> bool:
    return await _change(server, key, lambda present: value, exptime)


async def _append(server: Server, key: bytes, value: bytes, exptime: int = 0) -> bool:
    return await _change(server, key, lambda present: present + value, None)


async def _prepend(server: Server, key: bytes, value: bytes, exptime: int = 0) -> bool:
    return await _change(server, key, lambda present: value + present, None)


async def _delete(server: Server, key: bytes) -> bool:
    return await server.delete(_text(key))


async def _touch(server: Server, key: bytes, exptime: int) -> bool:
    return await server.expire(_text(key), native_ttl(exptime))


async def _incr(server: Server, key: bytes, increment: int = 1) -> int | None:
    return await server.increment(_text(key), increment) if await server.exists(_text(key)) else None


async def _decr(server: Server, key: bytes, decrement: int = 1) -> int | None:
    return await _incr(server, key, -decrement)


async def _version(server: Server) -> bytes:
    answer = bytes(await server.raw("version"))
    return answer.strip().removeprefix(b"VERSION ")


async def _stats(server: Server, args: bytes | None = None) -> dict[bytes, bytes | None]:
    answer = bytes(await server.raw("stats", [] if args is None else [args]))
    rows = (line.split(b" ", 2) for line in answer.splitlines() if line.startswith(b"STAT "))
    return {row[1]: row[2] if len(row) > 2 else None for row in rows}


async def _flush_all(server: Server) -> None:
    await server.clear("")


_METHODS: dict[str, Callable[..., Awaitable[Any]]] = {
    "add": _add,
    "append": _append,
    "cas": _cas,
    "decr": _decr,
    "delete": _delete,
    "flush_all": _flush_all,
    "get": _get,
    "gets": _gets,
    "incr": _incr,
    "multi_get": _multi_get,
    "prepend": _prepend,
    "replace": _replace,
    "set": _set,
    "stats": _stats,
    "touch": _touch,
    "version": _version,
}
