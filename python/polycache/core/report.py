"""Telling of computations that fail unseen: their callers get an older value, or have left."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any

logger = logging.getLogger("polycache.base")


class Report:
    """The computation of one call: a ``with`` block around it. Afterwards the call tells how it has ended itself."""

    def __init__(self, key: Any) -> None:
        self._key = key
        self._error: BaseException | None = None
        self._is_over = False

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            self._error = error
            if self._is_over:
                self._tell()

    def failed(self) -> None:
        """The call has failed: its caller gets an error."""
        self._is_over = True

    def ended(self) -> None:
        """The call has a result. Tells of an error that the caller doesn't get."""
        self._is_over = True
        if self._error is not None:
            self._tell()

    def _tell(self) -> None:
        logger.warning("The computation of %s has failed, and its caller got no error", self._key, exc_info=self._error)
