"""Variables of several prompts in one form, and tables that are pasted or uploaded."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.console.workbench import inputs
from playground.console.workbench.opening import literal, shortened
from playground.core.errors import InvalidInput
from playground.prompts.content import MAX_MESSAGES
from tests.prompts.conftest import said_by

NAMED = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def test_it_joins_what_the_columns_read() -> None:
    other = {
        "type": "object",
        "properties": {"name": {}, "job": {"type": "object", "properties": {"title": {}}}},
        "required": ["job"],
    }

    joined = inputs.union([NAMED, other])

    assert {field.name for field in inputs.fields(joined, {})} == {"name", "job.title"}
    assert joined["properties"]["name"] == {"type": "string"}
    assert joined["required"] == ["job", "name"]


def test_it_takes_a_variable_for_anything_where_two_columns_type_it_differently() -> None:
    number = {"type": "object", "properties": {"name": {"type": "number"}}}

    joined = inputs.union([NAMED, number])

    assert joined["properties"]["name"] == {}


def test_it_reads_a_form_back_as_it_was_shown() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "job": {"type": "object", "properties": {"title": {"type": "string"}}},
        },
        "required": ["name"],
    }
    variables = {"name": "Ana", "age": 3, "tags": ["a", "b"], "job": {"title": "Lead"}}

    shown = inputs.flattened(schema, variables)

    assert shown == {"name": "Ana", "age": "3", "tags": "a\nb", "job.title": "Lead"}
    assert inputs.filled(schema, shown) == variables


def test_it_makes_nothing_up_for_what_is_missing() -> None:
    assert inputs.filled(NAMED, {}) == {}


def test_it_lays_a_row_over_the_shared_variables() -> None:
    variables = inputs.row_variables(NAMED, {"name": "Ana", "kept": 1}, {"name": "Bo", "more": "x"})

    assert variables == {"name": "Bo", "kept": 1, "more": "x"}


@pytest.mark.parametrize(
    "text", ["name,city\nAna,Oslo\nBo,Rome", "name\tcity\r\nAna\tOslo\r\nBo\tRome\r\n",
             "\ufeffname;city\nAna;Oslo\n;\nBo;Rome"]
)  # fmt: skip
def test_it_reads_commas_tabs_and_semicolons(text: str) -> None:
    assert inputs.table_of(text) == {
        "names": ["name", "city"],
        "rows": [["Ana", "Oslo"], ["Bo", "Rome"]],
    }


def test_it_keeps_line_breaks_and_quotes_of_a_value() -> None:
    assert inputs.table_of('a,b\n"x\ny","say ""hi"""\n')["rows"] == [["x\ny", 'say "hi"']]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("name,name\n1,2", "workbench.table-invalid"),
        ("name,\n1,2", "workbench.table-invalid"),
        ("name", "workbench.table-invalid"),
        ("name\n1,2", "workbench.table-invalid"),
        ('name\n"open', "workbench.table-invalid"),
        ("a\n" + "1\n" * 201, "workbench.table-too-large"),
        ("a\n" + "x" * 600_000, "workbench.table-too-large"),
    ],
)
def test_it_says_what_is_wrong_with_a_table(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        inputs.table_of(text)

    assert refused.value.code == code


def test_it_lets_no_spreadsheet_run_what_a_model_said() -> None:
    written = inputs.as_csv([["=HYPERLINK(1)", "@x", "plain"]])

    assert next(csv.reader(io.StringIO(written))) == ["'=HYPERLINK(1)", "'@x", "plain"]


@settings(max_examples=150)
@given(st.text(alphabet=st.sampled_from("ab {}%#'\"\\\n-éß\U0001f642"), max_size=40))
def test_it_writes_any_traced_text_as_a_template_that_says_just_that(text: str) -> None:
    assert said_by(literal(text), {}) == text


def test_it_keeps_the_instructions_and_whole_turns_of_a_long_trace() -> None:
    turn = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c"}]},
        {"role": "tool", "tool_call_id": "c", "content": "r"},
        {"role": "assistant", "content": "a"},
    ]
    rules = [
        {"role": "system", "content": "Be kind."},
        {"role": "developer", "content": "Be short."},
    ]

    kept = shortened([*rules, *turn * 30])

    assert kept[:2] == rules
    assert kept[2]["role"] == "user"
    assert kept[-4:] == turn
    assert MAX_MESSAGES - len(turn) < len(kept) <= MAX_MESSAGES


def test_it_begins_with_an_answer_where_the_last_turn_alone_is_too_long() -> None:
    step = [
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c"}]},
        {"role": "tool", "tool_call_id": "c", "content": "r"},
    ]
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, *step * 40]

    kept = shortened(messages)

    assert [each["role"] for each in kept[:2]] == ["system", "assistant"]
    assert len(kept) <= MAX_MESSAGES
