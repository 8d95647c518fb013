"""The pure parts of the planner: whatever is said, they neither raise nor make invalid calls."""

import datetime as dt
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.gateway.planner import (
    coding,
    composing,
    dating,
    following,
    naming,
    numbering,
    remembering,
    structuring,
    wording,
)
from playground.gateway.planner.filling import fill
from playground.gateway.planner.toolbox import Tool, tools_of
from tests.gateway import unseen, unseen_services

TODAY = dt.date(2026, 3, 4)
TOOLS = unseen.TOOLS + unseen_services.TOOLS
SPOKEN = [
    request for each in (unseen, unseen_services) for request, _, _ in each.TUNED + each.HELD_OUT
]
texts = st.one_of(
    st.text(max_size=200),
    st.sampled_from(SPOKEN),
    st.lists(st.sampled_from(" ".join(SPOKEN).split()), max_size=30).map(" ".join),
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["id", "name", "summary", "body", "rows", "x"]), inner)
    ),
    max_leaves=12,
)


@given(text=texts)
def test_it_reads_clauses_when_any_text_is_given(text: str) -> None:
    for goal in wording.goals(text):
        assert goal.strip()
        wording.bare(goal)
        wording.subject_of(goal)
    wording.terms(text)
    wording.quotations(text)


@given(text=texts, which=st.sampled_from(["", "end_date", "checkout"]))
def test_it_reads_values_when_any_text_is_given(text: str, which: str) -> None:
    day = dating.date(text, today=TODAY, which=which)

    assert day is None or dt.date.fromisoformat(day)
    numbering.numbers(text)
    numbering.count(text)
    dating.clock_time(text)
    coding.email(text)
    naming.person(text)
    naming.names(text)


@given(texts=st.lists(texts, min_size=1, max_size=4))
def test_it_reads_a_conversation_when_any_requests_are_given(texts: list[str]) -> None:
    resolved = following.resolve([(text, "") for text in texts], today=TODAY)

    assert isinstance(resolved, str)
    for text in texts:
        said, recalled = remembering.split(text)
        assert recalled or said == text


SCHEMA: dict[str, Any] = {
    "type": "object",
    "$defs": {
        "Line": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "quantity": {"type": "integer", "minimum": 1},
            },
            "required": ["name", "quantity"],
            "additionalProperties": False,
        }
    },
    "properties": {
        "customer": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "Full name"},
                "email": {"type": "string", "format": "email"},
            },
            "required": ["name", "email"],
            "additionalProperties": False,
        },
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        "gift": {"$ref": "#/$defs/Line"},
        "delivery": {"type": "string", "format": "date"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["customer", "lines", "gift", "delivery", "note"],
    "additionalProperties": False,
}


@given(text=texts)
def test_it_answers_with_the_schema_when_any_text_is_given(text: str) -> None:
    answer = structuring.structured(SCHEMA, text, [])

    jsonschema.validate(answer, SCHEMA)


@given(text=texts, tool=st.sampled_from(tools_of(TOOLS)), results=st.lists(json_values, max_size=3))
def test_it_makes_valid_arguments_when_none_is_missing(
    text: str, tool: Tool, results: list[Any]
) -> None:
    arguments, missing = fill(tool, text, whole=text, results=results, today=TODAY)

    if not missing:
        jsonschema.validate(arguments, dict(tool.parameters))


@given(results=st.lists(st.tuples(st.just("look up"), json_values), max_size=4))
def test_it_writes_an_answer_when_tools_return_anything(results: list[tuple[str, Any]]) -> None:
    assert isinstance(composing.answer(results), str)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("tomorrow", "2026-03-05"), ("on 2026-02-31", None), ("in two weeks", "2026-03-18")],
)
def test_it_reads_the_day_that_is_meant_when_a_date_is_said(
    text: str, expected: str | None
) -> None:
    day = dating.date(text, today=TODAY)

    assert day == expected
