"""The callback of a loop's reader: what runs when calls have ended."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Iterable
from contextvars import Context
from typing import Any, Protocol

#: What goes on with a task when this future has ended, and in which context.
_Task = tuple[Callable[[Future[Any]], object], Context]


class _Drain(Protocol):
    """The native half: what it does is in ``drain.rs``."""

    def take(self) -> list[tuple[Future[Any], _Task]]: ...
    def send(self) -> None: ...


def waker(drain: _Drain) -> Callable[[], None]:
    """Makes the callback, which goes on with the tasks that await the calls.

    A future would hand its task to the loop, which looks for events once more before it runs that. In Python, since no native code may be
    on the stack below a task: it can run for long, in a thread that the interpreter's end doesn't wait for.
    """
    take, send = drain.take, drain.send

    def wake() -> None:
        tasks: Iterable[tuple[Future[Any], _Task]] = ()
        try:
            tasks = iter(take())
            for future, (callback, context) in tasks:
                context.run(callback, future)
        finally:
            # If a task has ended the program, as by Ctrl-C, the others are the loop's.
            for future, (callback, context) in tasks:
                future.get_loop().call_soon(callback, future, context=context)
            send()

    return wake
