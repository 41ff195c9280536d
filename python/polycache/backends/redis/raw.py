"""``raw`` on Redis: commands by the names of redis-py's methods, with the answers that these give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from polycache._native import Server
from polycache.serializers.stored import to_bytes

#: Methods of redis-py that are called another way than their command.
_COMMANDS = {"delete": "DEL", "memory_usage": "MEMORY USAGE"}
#: Commands of two words, by their first.
_FAMILIES = (
    "acl", "client", "cluster", "command", "config", "debug", "function", "latency", "memory", "script", "slowlog", "xgroup",
    "xinfo",
)  # fmt: skip
#: Options that are a word alone.
_FLAGS = frozenset(
    {"nx", "xx", "gt", "lt", "ch", "incr", "keepttl", "get", "withscores", "replace", "rev", "desc", "alpha"}
)
#: Options that are called another way than the word of their command.
_OPTIONS = {"keepttl": "KEEPTTL", "desc": "REV"}
#: Arguments of redis-py that have no name in the command.
_BARE = frozenset({"name", "key", "keys", "value", "values", "amount", "time", "pattern", "section", "src", "dst"})

_TRUE_OR_FALSE = (
    "COPY", "EXPIRE", "EXPIREAT", "HEXISTS", "HSETNX", "MOVE", "MSETNX", "PERSIST", "PEXPIRE", "PEXPIREAT", "RENAMENX", "SETNX",
    "SISMEMBER", "SMOVE",
)  # fmt: skip
_SETS = frozenset({"SMEMBERS", "SINTER", "SUNION", "SDIFF"})
_NUMBERS = frozenset({"INCRBYFLOAT", "HINCRBYFLOAT", "ZSCORE", "ZINCRBY", "GEODIST"})
_MAPS = frozenset({"HGETALL", "CONFIG GET"})
#: Whose text is decoded where the serializer has an encoding.
_DECODED = frozenset({"GET", "KEYS", "MGET"})


async def ask(
    server: Server, command: str, args: Iterable[Any], options: Mapping[str, Any], encoding: str | None
) -> Any:
    """Sends a command.

    Args:
        server: The client.
        command: A command, or a method of redis-py: ``get``, ``hgetall``, ``execute_command``.
        args: Its arguments; lists and dicts among them are spread out.
        options: Options by the names that redis-py gives them: ``ex=5``, ``nx=True``, ``match="a*"``.
        encoding: The encoding of the text in the answers to ``get``, ``mget`` and ``keys``; ``None``: they are bytes.

    Returns:
        The answer: bytes, numbers, lists, dicts; ``True`` for OK.
    """
    words = list(args)
    by_method = command != "execute_command"
    if not by_method:
        first, *words = words
        command = str(first)
    name = _name(command)
    sent = [to_bytes(part) for part in _flat(words)]
    sent += [to_bytes(part) for option, value in options.items() for part in _option(option, value)]
    answer = _as_redis_py(name, await server.raw(name, sent))
    return _decoded(answer, encoding) if by_method and name in _DECODED and encoding is not None else answer


def _name(command: str) -> str:
    """The command of a method."""
    lower = command.lower()
    if lower in _COMMANDS:
        return _COMMANDS[lower]
    family, _, rest = lower.partition("_")
    return f"{family} {rest}".upper() if rest and family in _FAMILIES else command.upper()


def _flat(words: Iterable[Any]) -> list[Any]:
    flat: list[Any] = []
    for word in words:
        if isinstance(word, Mapping):
            flat.extend(part for pair in word.items() for part in pair)
        elif isinstance(word, (list, tuple, set, frozenset)):
            flat.extend(_flat(word))
        else:
            flat.append(word)
    return flat


def _option(name: str, value: Any) -> list[Any]:
    """The words of an option. An option that is off has none."""
    if value is None or value is False:
        return []
    if name == "mapping" or name in _BARE:
        return _flat([value])
    word = _OPTIONS.get(name, name.upper())
    return [word] if value is True and name in _FLAGS else [word, *_flat([value])]


def _as_redis_py(name: str, answer: Any) -> Any:
    """The answer as redis-py would give it."""
    if isinstance(answer, str):
        return True if answer in ("OK", "PONG") else answer.encode()
    if answer is None:
        return None
    convert = _CONVERT.get(name)
    return answer if convert is None else convert(answer)


def _to_map(answer: Any) -> Any:
    return answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))


_CONVERT: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_TRUE_OR_FALSE, bool),
    **dict.fromkeys(_SETS, set),
    **dict.fromkeys(_NUMBERS, float),
    **dict.fromkeys(_MAPS, _to_map),
}


def _decoded(answer: Any, encoding: str) -> Any:
    if isinstance(answer, bytes):
        return answer.decode(encoding)
    if isinstance(answer, list):
        return [_decoded(item, encoding) for item in answer]
    return answer
