"""Scenarios that take code: a function of one side, run for both, as a test."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from .sides import Pair, Scenario

Test = Callable[..., Awaitable[None]]


def same(*kinds: str) -> Callable[[Scenario], Test]:
    """Make a test: both packages come to the same, on each kind of cache."""

    def wrap(scenario: Scenario) -> Test:
        @pytest.mark.parametrize("kind", kinds)
        async def test(pair: Pair, kind: str) -> None:
            theirs, ours = await pair.run(scenario, kind)
            assert theirs, "the scenario noted nothing"
            assert ours == theirs, told(theirs, ours)

        return named(test, scenario)

    return wrap


def differs(*kinds: str, theirs: list[str], ours: list[str]) -> Callable[[Scenario], Test]:
    """Make a test: each package comes to what is listed, on each kind of cache."""

    def wrap(scenario: Scenario) -> Test:
        @pytest.mark.parametrize("kind", kinds)
        async def test(pair: Pair, kind: str) -> None:
            of_theirs, of_ours = await pair.run(scenario, kind)
            assert of_theirs == theirs, told(theirs, of_theirs)
            if pair.ours.name != pair.theirs.name:
                assert of_ours == ours, told(ours, of_ours)

        return named(test, scenario)

    return wrap


def fixed(*kinds: str, ours: list[str]) -> Callable[[Scenario], Test]:
    """Make a test of polycache alone, where aiocache's outcome is a matter of luck or of long waits."""

    def wrap(scenario: Scenario) -> Test:
        @pytest.mark.parametrize("kind", kinds)
        async def test(pair: Pair, kind: str) -> None:
            if pair.ours.name != pair.theirs.name:
                of_ours = await pair.ours.run(scenario, kind)
                assert of_ours == ours, told(ours, of_ours)

        return named(test, scenario)

    return wrap


def told(wanted: list[str], found: list[str]) -> str:
    """The outcomes in two columns of lines."""
    return "\n".join(difflib.unified_diff(wanted, found, "wanted", "found", lineterm="", n=50))


def named(test: Any, scenario: Scenario) -> Any:
    """The test under the name and the text of its scenario."""
    test.__name__ = scenario.__name__  # type: ignore[attr-defined]
    test.__doc__ = scenario.__doc__
    return test
