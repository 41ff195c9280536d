"""The tags of what a decorated function stores: texts with the names of arguments, and functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from string import Formatter
from typing import Any, TypeAlias

from polycache.core.tags import Tagging
from polycache.decorators.keys import signature_of

#: A text such as ``"user:{id}"``, or a function that makes a tag, or several.
Tag: TypeAlias = "str | Callable[..., str | Iterable[str]]"

#: The name of the computed value in a text, unless an argument has it.
RESULT = "result"

_END_OF_NAME = re.compile(r"[.\[]")


class TagRule:
    """The tags that a decorator gives, for one function.

    Args:
        tags: As the decorator has them.
        function: The function.
        one_of: The name of the argument of which one element is meant, of a function about many keys.
    """

    def __init__(self, tags: Iterable[Tag], function: Callable[..., Any], one_of: str | None = None) -> None:
        self._signature = signature_of(function)
        self._one_of = one_of
        late = {one_of} if RESULT in self._signature.parameters else {one_of, RESULT}
        self._early: list[str] = []
        self._late: list[Tag] = []
        for tag in tags:
            names = set() if callable(tag) else set(self._names(tag))
            if callable(tag) or names & late:
                self._late.append(tag)
            else:
                self._early.append(tag)

    def _names(self, text: str) -> Iterable[str]:
        """The names in a text.

        Raises:
            ValueError: One is none of an argument.
        """
        for _, field, _, _ in Formatter().parse(text):
            if field is None:
                continue
            name = _END_OF_NAME.split(field, maxsplit=1)[0]
            if name not in self._signature.parameters and name != RESULT:
                known = ", ".join((*self._signature.parameters, RESULT))
                raise ValueError(f"the tag {text!r} names {name!r}, which is none of {known}")
            yield name

    def of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tagging:
        """The tags of what a call stores."""
        arguments: dict[str, Any] = {}
        if self._early or self._late:
            bound = self._signature.bind(*args, **kwargs)
            bound.apply_defaults()
            arguments = bound.arguments

        def by(key: Any, value: Any) -> Iterable[str]:
            for tag in self._late:
                if not callable(tag):
                    known = {RESULT: value, **arguments}
                    yield tag.format_map(known if self._one_of is None else {**known, self._one_of: key})
                    continue
                made = tag(key, value) if self._one_of is not None else tag(value, *args, **kwargs)
                yield from (made,) if isinstance(made, str) else made

        return Tagging(tuple(tag.format_map(arguments) for tag in self._early), by if self._late else None)


def checked(tags: Iterable[Tag] | str) -> tuple[Tag, ...]:
    """The tags of a decorator.

    Raises:
        TypeError: They are one text.
    """
    if isinstance(tags, str):
        raise TypeError(f"`tags` is a list, and this is one text: [{tags!r}]")
    return tuple(tags)
