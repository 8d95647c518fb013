"""The editor's form says what a content says, and gives back whatever was typed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.prompts.content import PromptKind, content_of
from playground.prompts.pages.editing import Sheet, read_json, sheet_of, typed

TEXT = st.text(st.characters(exclude_characters="\x00\r", exclude_categories=("Cs",)), max_size=30)
MESSAGE = st.one_of(
    st.builds(
        lambda role, template: {"role": role, "template": template},
        st.sampled_from(["system", "developer", "user", "assistant", "tool"]),
        TEXT,
    ),
    st.builds(
        lambda template, name: {"role": "tool", "template": template, "tool_call_id": name},
        TEXT,
        TEXT,
    ),
    st.sampled_from(
        [{"role": "placeholder", "name": "history"}, {"role": "placeholder", "name": "notes"}]
    ),
)
BODIES = st.fixed_dictionaries(
    {"kind": st.just("chat"), "messages": st.lists(MESSAGE, min_size=1, max_size=5)},
    optional={
        "settings": st.fixed_dictionaries(
            {"temperature": st.floats(0, 2)},
            optional={"model": st.just("offline/planner"), "stop": st.lists(TEXT, max_size=2)},
        ),
        "tools": st.just([{"type": "function", "function": {"name": "f"}}]),
        "inputs": st.just({"type": "object", "properties": {"a": {"type": "string"}}}),
        "response_format": st.just({"type": "json_object"}),
    },
)


def _form(sheet: Sheet) -> dict[str, list[str]]:
    """Return the fields as a browser sends them."""
    return {
        "role": [card.role for card in sheet.cards],
        "template": [card.template.replace("\n", "\r\n") for card in sheet.cards],
        "placeholder": [card.name for card in sheet.cards],
        "extra": [card.extra for card in sheet.cards],
        "inputs_mode": ["own" if sheet.own_inputs else "discover"],
        **{
            name: [getattr(sheet, name)]
            for name in (
                "model", "temperature", "max_tokens", "settings", "inputs", "tools",
                "response_format",
            )
        },
    }  # fmt: skip


@given(BODIES)
def test_it_gives_back_the_content_that_it_was_filled_from(body: dict[str, Any]) -> None:
    sheet = sheet_of(body, own_inputs="inputs" in body)

    written = typed(PromptKind.CHAT, _form(sheet))

    assert written.errors == {}
    assert content_of(written.body) == content_of(body)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
FIELDS = ("kind", "settings", "inputs", "tools", "response_format")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(FIELDS, JSON),
            "messages": st.one_of(
                JSON,
                st.lists(
                    st.fixed_dictionaries(
                        {}, optional=dict.fromkeys(("role", "template", "name"), JSON)
                    )
                ),
            ),
        },
    )
)
def test_it_shows_any_draft_that_can_be_kept(body: dict[str, Any]) -> None:
    sheet = sheet_of(body, own_inputs=True)

    assert sheet.kind in PromptKind
    assert sheet.cards
    assert all(isinstance(text, str) for card in sheet.cards for text in (card.role, card.template))


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("tools", "[1,", "Line 1, column 4"),
        ("tools", "{}", "a list"),
        ("settings", "[]", "an object"),
        ("settings", "[" * 100_000, "too deeply"),
        ("settings", '{"top_p": NaN}', "that JSON has not"),
        ("settings", '{"top_p": -1e400}', "that JSON has not"),
        ("settings", '{"stop": "\\u0000"}', "that JSON has not"),
        ("settings", '{"stop": "\\ud800"}', "that JSON has not"),
        ("settings", '{"seed": 1' + "0" * 400 + "}", "that JSON has not"),
        ("temperature", "warm", "number"),
        ("temperature", "nan", "number"),
        ("max_tokens", "1" * 400, "number"),
        ("max_tokens", "1.5", "number"),
        ("response_format", "nope", "Line 1, column 1"),
    ],
)
def test_it_says_at_the_field_what_cannot_be_read(field: str, text: str, said: str) -> None:
    form = {"role": ["user"], "template": ["hi"], field: [text]}

    written = typed(PromptKind.CHAT, form)

    assert said in written.errors[field]
    assert written.body["messages"] == [{"role": "user", "template": "hi"}]


@pytest.mark.parametrize("kind", [PromptKind.TEXT, PromptKind.FRAGMENT])
def test_it_reads_one_text_where_there_are_no_roles(kind: PromptKind) -> None:
    written = typed(kind, {"template": ["Be kind.", "ignored"]})

    assert content_of(written.body).templates == ["Be kind."]


def test_it_takes_no_inputs_while_they_are_discovered() -> None:
    form = {"template": ["hi"], "inputs": ['{"type": "object"}'], "inputs_mode": ["discover"]}

    assert "inputs" not in typed(PromptKind.TEXT, form).body


def test_it_takes_a_text_that_tells_of_an_escape() -> None:
    assert read_json('{"stop": "\\\\u0000"}') == {"stop": "\\u0000"}
