"""The package's logger, and trouble that every call may meet."""

from __future__ import annotations

import logging
import sys
from time import monotonic
from typing import Any

logger = logging.getLogger("polycache")

#: The seconds for which trouble of one kind is told once.
_QUIET = 1.0


def tell(log: logging.Logger, owner: object, message: str, *args: Any, level: int = logging.ERROR) -> None:
    """Logs the exception that is being handled: at most once a second for one kind of it, of one owner in one place.

    The next one has the number of those between. While a server is away each call has the same to tell.

    Args:
        log: The logger.
        owner: The cache or decorator that met it.
        message: What is told, which is also the place.
        *args: The message's arguments.
        level: The level. From ``ERROR`` on there is a traceback.
    """
    told: dict[tuple[Any, ...], tuple[float, int]] = vars(owner).setdefault("_told", {})
    place, now = (message, sys.exc_info()[0]), monotonic()
    last, left_out = told.get(place, (-_QUIET, 0))
    if now - last < _QUIET:
        told[place] = (last, left_out + 1)
        return
    told[place] = (now, 0)
    if left_out:
        message += " (and %s times more since this was last told)"
        args = (*args, left_out)
    log.log(level, message, *args, exc_info=level >= logging.ERROR)
