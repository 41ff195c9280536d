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


DIFFERENCES: list[Difference] = []


def expected(title: str, kind: str) -> Difference | None:
    """The row of a case, if it has one."""
    rows = [row for row in DIFFERENCES if row.title == title and kind in row.kinds]
    assert len(rows) <= 1, f"two rows for {title} on {kind}"
    return rows[0] if rows else None
