"""Every case that is data: both packages come to the same."""

from __future__ import annotations

import pytest

from . import command_cases, rule_cases
from .cases import Case
from .differences import expected
from .scenarios import told
from .sides import Pair

ALL_CASES = [*command_cases.CASES, *rule_cases.CASES]


@pytest.mark.parametrize(
    ("case", "kind"),
    [pytest.param(case, kind, id=f"{case.title}-{kind}") for case in ALL_CASES for kind in case.kinds],
)
async def test_same(pair: Pair, case: Case, kind: str) -> None:
    theirs, ours = await pair.run(case, kind)
    listed = expected(case.title, kind)
    if listed is None:
        assert ours == theirs, told(theirs, ours)
    else:
        assert theirs == listed.theirs, told(listed.theirs, theirs)
        assert ours == listed.ours, told(listed.ours, ours)


def test_titles_are_unique() -> None:
    titles = [case.title for case in ALL_CASES]
    assert len(set(titles)) == len(titles)
