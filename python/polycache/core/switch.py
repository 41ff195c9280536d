"""The off switch: ``AIOCACHE_DISABLE=1`` or ``POLYCACHE_DISABLE=1`` in the environment, looked at on every call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, cast

_NAMES = ("AIOCACHE_DISABLE", "POLYCACHE_DISABLE")


def _raw_environment() -> tuple[Mapping[Any, Any], Any, Any, Any]:
    """The mapping behind ``os.environ``, with the two names and the "1" in its own form.

    ``os.environ`` decodes names and values at each look, which costs more than a hit in memory. If an interpreter keeps its
    environment another way, ``os.environ`` itself is used.
    """
    environ = cast(Any, os.environ)
    data = getattr(environ, "_data", None)
    encode = getattr(environ, "encodekey", None)
    if isinstance(data, dict) and encode is not None:
        return data, encode(_NAMES[0]), encode(_NAMES[1]), environ.encodevalue("1")
    return os.environ, *_NAMES, "1"


#: A hot path looks only at these: nothing is switched off while neither name is in the environment.
ENVIRONMENT, AIOCACHE_NAME, POLYCACHE_NAME, _ON = _raw_environment()


def disabled() -> bool:
    """Whether the environment switches caches off, which only the value ``1`` does."""
    return _ON in (ENVIRONMENT.get(AIOCACHE_NAME), ENVIRONMENT.get(POLYCACHE_NAME))
