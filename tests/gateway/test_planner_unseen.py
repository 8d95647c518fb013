"""The planner on skills from other fields, for which nobody wrote a rule."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from playground.gateway import planner
from playground.gateway.planner.filling import fill
from playground.gateway.planner.planning import plan
from playground.gateway.planner.toolbox import tools_of
from tests.gateway.unseen import HELD_OUT, TOOLS, TUNED

OFFERED = tools_of(TOOLS)
SAMPLE_WORDS = re.compile(
    r"(?<![a-z])(hiring|candidate|recruit\w*|outreach|resume|job|applicant|salary|seniority)s?"
    r"(?![a-z])",
    re.IGNORECASE,
)


def planned(request: str) -> tuple[str, dict[str, Any], bool]:
    """Return the first tool, its arguments, and whether they satisfy its schema."""
    steps = plan(request, OFFERED)
    if not steps:
        return "", {}, False
    tool = steps[0].tool
    arguments, _ = fill(tool, steps[0].goal, whole=request)
    return (
        tool.name,
        arguments,
        jsonschema.Draft202012Validator(tool.parameters).is_valid(arguments),
    )


def as_expected(arguments: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    return all(
        said(arguments.get(name))
        in ({said(each) for each in value} if isinstance(value, set) else {said(value)})
        for name, value in expected.items()
    )


def said(value: Any) -> str:
    return (
        f"{float(value)}" if isinstance(value, int | float) else str(value).casefold().strip(" .")
    )


@pytest.mark.parametrize("requests", [TUNED, HELD_OUT], ids=["tuned", "held-out"])
def test_it_picks_tools_and_fills_arguments_when_it_never_saw_the_skills(
    requests: list[tuple[str, str, dict[str, Any]]],
) -> None:
    right, filled = [], []
    for request, tool, expected in requests:
        name, arguments, valid = planned(request)
        if name == tool:
            right.append(request)
            if valid and as_expected(arguments, expected):
                filled.append(request)

    missed = [request for request, _, _ in requests if request not in filled]
    assert len(right) >= 0.8 * len(requests), missed
    assert len(filled) >= 0.7 * len(requests), missed


def test_it_measures_ten_skills_and_forty_requests_when_the_sample_is_counted() -> None:
    assert len(OFFERED) == 10
    assert len({request for request, _, _ in TUNED + HELD_OUT}) == 40


def test_it_knows_nothing_of_the_sample_when_its_source_is_read() -> None:
    sources = list(Path(planner.__path__[0]).glob("*.py"))

    named = {
        f"{source.name}: {match.group(0)}"
        for source in sources
        for match in SAMPLE_WORDS.finditer(source.read_text())
    }

    assert sources
    assert named == set()
