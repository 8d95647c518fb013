"""The planner on skills from other fields, for which nobody wrote a rule."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from playground.gateway import planner
from playground.gateway.planner.filling import fill
from playground.gateway.planner.planning import plan
from playground.gateway.planner.toolbox import Tool, tools_of
from tests.gateway import unseen, unseen_services

Requests = list[tuple[str, str, dict[str, Any]]]
SETS = (unseen, unseen_services)
SMALL_TALK = ("Hello there", "Tell me a joke", "Thanks, that was great!", "Who are you?")
SAMPLE_WORDS = re.compile(
    r"(?<![a-z])(hiring|candidate|recruit\w*|outreach|resume|job|applicant|salary|seniority)s?"
    r"(?![a-z])",
    re.IGNORECASE,
)


def planned(request: str, offered: Sequence[Tool]) -> tuple[str, dict[str, Any], bool]:
    """Return the first tool, its arguments, and whether they satisfy its schema."""
    steps = plan(request, offered)
    if not steps:
        return "", {}, False
    tool = steps[0].tool
    arguments, _ = fill(tool, steps[0].goal, whole=request)
    return (
        tool.name,
        arguments,
        jsonschema.Draft202012Validator(tool.parameters).is_valid(arguments),
    )


def as_expected(value: Any, expected: Any) -> bool:
    if isinstance(expected, Mapping):
        return isinstance(value, Mapping) and all(
            as_expected(value.get(name), each) for name, each in expected.items()
        )
    if isinstance(expected, set):
        return any(as_expected(value, each) for each in expected)
    return said(value) == said(expected)


def said(value: Any) -> str:
    return (
        f"{float(value)}" if isinstance(value, int | float) else str(value).casefold().strip(" .")
    )


@pytest.mark.parametrize(
    ("tools", "requests"),
    [
        pytest.param(each.TOOLS, requests, id=f"{each.__name__.rpartition('.')[2]}-{half}")
        for each in SETS
        for half, requests in (("tuned", each.TUNED), ("held-out", each.HELD_OUT))
    ],
)
def test_it_picks_tools_and_fills_arguments_when_it_never_saw_the_skills(
    tools: list[dict[str, Any]], requests: Requests
) -> None:
    offered = tools_of(tools)
    right, filled = [], []
    for request, tool, expected in requests:
        name, arguments, valid = planned(request, offered)
        if name == tool:
            right.append(request)
            if valid and as_expected(arguments, expected):
                filled.append(request)

    missed = [request for request, _, _ in requests if request not in filled]
    assert len(right) >= 0.8 * len(requests), missed
    assert len(filled) >= 0.7 * len(requests), missed


@pytest.mark.parametrize("each", SETS)
def test_it_measures_ten_skills_and_forty_requests_when_a_set_is_counted(each: Any) -> None:
    assert len(each.TOOLS) == 10
    assert len({request for request, _, _ in each.TUNED + each.HELD_OUT}) == 40


@pytest.mark.parametrize("each", SETS)
@pytest.mark.parametrize("talk", SMALL_TALK)
def test_it_calls_no_tool_when_somebody_only_talks(each: Any, talk: str) -> None:
    steps = plan(talk, tools_of(each.TOOLS))

    assert steps == []


def test_it_knows_nothing_of_the_sample_when_its_source_is_read() -> None:
    sources = list(Path(planner.__path__[0]).glob("*.py"))

    named = {
        f"{source.name}: {match.group(0)}"
        for source in sources
        for match in SAMPLE_WORDS.finditer(source.read_text())
    }

    assert sources
    assert named == set()
