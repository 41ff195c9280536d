"""Values that stand for "not given" and "not there", where ``None`` is a value."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal


class Sentinel(Enum):
    """Marks that no caller's value can be equal to."""

    UNSET = "unset"
    MISSING = "missing"
    LONG = "long"

    def __repr__(self) -> str:
        """Its name, as it shows in signatures."""
        return self.name

    def __deepcopy__(self, memo: object) -> Sentinel:
        """Itself: a copy would no longer be the mark."""
        return self


#: An argument that was not given.
SENTINEL: Final = Sentinel.UNSET
#: A key that isn't there.
MISSING: Final = Sentinel.MISSING

#: The answer of a short way that isn't open: the long one has to be taken.
LONG: Final = Sentinel.LONG

Unset = Literal[Sentinel.UNSET]
Missing = Literal[Sentinel.MISSING]
