"""Where polycache answers otherwise than aiocache on purpose: what each gives, and why. Both are asserted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """A row.

    Attributes:
        title: The case's.
        kinds: The backends.
        theirs: What aiocache's calls come to.
        ours: What polycache's come to.
        why: The reason, in a few words.
    """

    title: str
    kinds: tuple[str, ...]
    theirs: list[str]
    ours: list[str]
    why: str


DIFFERENCES = [
    Difference(
        "None on memory",
        ("memory",),
        ["True", "None", "True", "int 5"],
        ["True", "None", "True", "None"],
        "None is a value, and no miss",
    ),
    Difference(
        "expire with 0 where there is no ttl",
        ("redis",),
        ["True", "False", "str 'v'", "dict(str 'k': bytes b'\"v\"')"],
        ["True", "True", "str 'v'", "dict(str 'k': bytes b'\"v\"')"],
        "as on memory: the key is there",
    ),
    Difference(
        "raw of an unknown command",
        ("redis",),
        ["AttributeError", "dict()"],
        ["InvalidInput", "dict()"],
        "the error says which commands there are",
    ),
    Difference(
        "a key_builder",
        ("memcached",),
        ["TypeError", *["ValidationException"] * 2, "TypeError", *["ValidationException"] * 2, "dict()"],
        ["True", "int 1", "None", "True", "True", "int 1", "dict(str '<ns|k>': bytes b'1')"],
        "a key_builder may return text on every backend",
    ),
    Difference(
        "a space in a key of memcached",
        ("memcached",),
        ["True", "int 1", "dict(str 'a_b': bytes b'1')"],
        ["True", "int 1", "dict(str 'a b': bytes b'1')"],
        '"a b" and "a_b" are two keys',
    ),
    Difference(
        "a key that is too long for memcached",
        ("memcached",),
        ["TypeError", "ValidationException", "dict()"],
        ["TypeError", "TypeError", "dict()"],
        "one error for every command, and no exception of aiomcache",
    ),
]


def expected(title: str, kind: str) -> Difference | None:
    """The row of a case, if it has one."""
    rows = [row for row in DIFFERENCES if row.title == title and kind in row.kinds]
    assert len(rows) <= 1, f"two rows for {title} on {kind}"
    return rows[0] if rows else None
