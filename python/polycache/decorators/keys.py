"""The keys of cached functions' results."""

from __future__ import annotations

import inspect
import os
import re
import uuid
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from types import MethodType
from typing import Any

#: Part of an object's text if that is made of its address.
ADDRESS = " at 0x"
_ADDRESSES = re.compile(r" at 0x([0-9A-Fa-f]+)")
_SIMPLE = (str, int, float, bool, complex, bytes, type(None))


class NoKey(Exception):
    """The arguments have no text that tells them from others."""


def default_key(module: str | None, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """``module + name + str(args) + str(sorted(kwargs.items()))``, as aiocache makes it.

    If that text has the address of an object, which another object may have later, a token takes its place that no other
    object has, in this process or another.

    Raises:
        NoKey: An argument can't be told from another one.
    """
    text = str(args) + (str(sorted(kwargs.items())) if kwargs else "[]")
    if ADDRESS in text:
        try:
            text = _text(args) + _text(sorted(kwargs.items()))
        except RecursionError:
            raise NoKey("an argument holds itself") from None
    return (module or "") + name + text


def signature_key(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> str:
    """A key builder by the function's signature: ``f(1)``, ``f(x=1)`` and, if 1 is the default, ``f()`` are one key.

    Args:
        function: The cached function.
        *args: The arguments of the call.
        **kwargs: The keyword arguments of the call.

    Returns:
        ``module.function(x=1, y='a')``.

    Raises:
        TypeError: The arguments don't fit the function.

    Example:
        >>> @cached(key_builder=signature_key)
        ... async def price(article, currency="EUR"): ...
    """
    function, args, kwargs = named(function, args, kwargs)
    signature = signature_of(function)
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    arguments = bound.arguments
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:  # In any order.
            arguments[name] = dict(sorted(arguments[name].items()))
    told = ", ".join(f"{name}={_text(value)}" for name, value in arguments.items())
    return f"{function.__module__}.{function.__qualname__}({told})"


def named(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """The function with a name behind what is called, and its arguments: a partial's function, or an object's method."""
    while isinstance(function, partial):
        args, kwargs = (*function.args, *args), {**function.keywords, **kwargs}
        function = function.func
    if not hasattr(function, "__name__"):
        args, function = (function, *args), type(function).__call__
    return function, args, kwargs


@lru_cache(maxsize=4096)
def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """The function's signature."""
    return inspect.signature(function)


def _text(value: Any) -> str:
    """The ``repr`` of a value, with tokens in place of addresses."""
    kind = type(value)
    if kind in _SIMPLE:
        return repr(value)
    if kind is tuple:
        return f"({_joined(value)}{',' if len(value) == 1 else ''})"
    if kind is list:
        return f"[{_joined(value)}]"
    if kind is set and value:
        return f"{{{_joined(value)}}}"
    if kind is frozenset and value:
        return f"frozenset({{{_joined(value)}}})"
    if kind is dict:
        return f"{{{', '.join(f'{_text(key)}: {_text(item)}' for key, item in value.items())}}}"
    if kind is MethodType:
        return f"<bound method {value.__func__.__qualname__} of {_text(value.__self__)}>"
    return _of_object(value)


def _joined(values: Iterable[Any]) -> str:
    return ", ".join(map(_text, values))


def _of_object(value: Any) -> str:
    text = repr(value)
    addresses = _ADDRESSES.findall(text)
    if not addresses:
        return text
    # The other address is that of an object within this one, and nothing says which.
    if any(int(address, 16) != id(value) for address in addresses):
        raise NoKey(f"{text}: what it holds has no text of its own; give it a __repr__, or the function a key_builder")
    return f"{_ADDRESSES.sub('', text)} {_TOKENS.of(value)}"


class _Tokens:
    """Names that only one object ever has: not even others after its end, or in another process."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], str]] = {}
        self._process = uuid.uuid4().hex
        self._next = 0

    def of(self, value: Any) -> str:
        """The object's name.

        Raises:
            NoKey: The object's class doesn't allow weak references, which would tell of the object's end.
        """
        place = id(value)
        known = self._known.get(place)
        if known is not None and known[0]() is value:
            return known[1]
        self._next += 1
        name = f"#{self._process}.{self._next}"
        try:
            reference = weakref.ref(value, lambda gone: self._forget(place, gone))
        except TypeError:
            kind = type(value).__qualname__
            raise NoKey(f"a {kind} has neither a __repr__ of its own nor weak references") from None
        self._known[place] = (reference, name)
        return name

    def _forget(self, place: int, gone: weakref.ref[Any]) -> None:
        known = self._known.get(place)
        if known is not None and known[0] is gone:
            del self._known[place]

    def renew(self) -> None:
        """In the child of a fork: its objects aren't the parent's."""
        self._process = uuid.uuid4().hex
        self._known.clear()


_TOKENS = _Tokens()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_TOKENS.renew)
