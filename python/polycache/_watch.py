"""For event loops that don't watch files, such as Windows' Proactor: a thread that does."""

from __future__ import annotations

import select
import threading
import weakref
from asyncio import AbstractEventLoop
from collections.abc import Callable

#: How often the thread looks whether the loop is closed, in seconds.
_LOOK = 0.5


def watch(loop: AbstractEventLoop, fd: int, drain: Callable[[], None]) -> None:
    """Has the loop call ``drain`` while the file is readable, once for all that has come, until the loop is closed."""
    arguments = (weakref.ref(loop), fd, drain)
    threading.Thread(target=_watch, args=arguments, name="polycache watch", daemon=True).start()


def _watch(loop_of: Callable[[], AbstractEventLoop | None], fd: int, drain: Callable[[], None]) -> None:
    drained = threading.Event()

    def call() -> None:
        try:
            drain()
        finally:
            drained.set()

    def has_ended() -> bool:
        loop = loop_of()
        return loop is None or loop.is_closed()

    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while not has_ended():
        if not poll.poll(_LOOK * 1000):
            continue
        loop = loop_of()
        if loop is None:
            return
        drained.clear()
        try:
            loop.call_soon_threadsafe(call)
        except RuntimeError:  # It was closed just now.
            return
        del loop
        # The file stays readable until then.
        while not drained.wait(_LOOK):
            if has_ended():
                return
