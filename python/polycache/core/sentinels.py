"""Values for "not given" and "not there", where ``None`` is a value."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal


class Sentinel(Enum):
    """Marks that equal no value of a caller."""

    UNSET = "unset"
    MISSING = "missing"
    LONG = "long"

    def __repr__(self) -> str:
        """Its name, for signatures."""
        return self.name

    def __deepcopy__(self, memo: object) -> Sentinel:
        """Itself: a copy wouldn't be the mark."""
        return self


#: An argument that was not given.
SENTINEL: Final = Sentinel.UNSET
#: A key that isn't there.
MISSING: Final = Sentinel.MISSING

#: The answer of a short way that is closed: the long way has to be taken.
LONG: Final = Sentinel.LONG

Unset = Literal[Sentinel.UNSET]
Missing = Literal[Sentinel.MISSING]
