"""What the editor says about a prompt before it is saved, and where it points."""

import re
from pathlib import Path

import pytest

from playground.prompts import linting
from playground.prompts.content import Content, content_of
from playground.prompts.linting import Finding, Length, lint
from playground.prompts.templating.fragments import Piece

FRAGMENT = Piece("Be fair to {{ audience }}.", ref="trust/responsible-ai@2")
STRINGS = {"type": "string"}


def _chat(*templates: str) -> Content:
    return content_of({"messages": [{"role": "user", "template": text} for text in templates]})


def _declared(*names: str) -> dict[str, object]:
    return {"type": "object", "properties": dict.fromkeys(names, STRINGS)}


def _codes(found: list[Finding]) -> list[str]:
    return [each.code for each in found]


def test_it_says_nothing_when_nothing_is_wrong() -> None:
    assert lint(_chat("Write to {{ name }}."), declared=_declared("name")) == []


def test_it_points_at_an_input_that_is_read_and_not_declared() -> None:
    (found,) = lint(_chat("Hi {{ name }}", "one\ntwo {{ nmae }}"), declared=_declared("name"))

    assert (found.code, found.severity) == ("lint.undeclared-input", "error")
    assert (found.message, found.line, found.column) == (1, 2, 8)


def test_it_names_an_input_that_nothing_reads() -> None:
    (found,) = lint(_chat("Hi {{ name }}"), declared=_declared("name", "tone"))

    assert (found.code, found.severity) == ("lint.unused-input", "warning")
    assert "tone" in found.detail


def test_it_reads_inputs_through_fragments() -> None:
    content = _chat('{% include "trust/responsible-ai" %}')

    found = lint(content, declared=_declared(), includes={"trust/responsible-ai": FRAGMENT})

    assert _codes(found) == ["lint.undeclared-input"]
    assert found[0].message is None


def test_it_compares_the_properties_of_an_object_where_they_are_written_down() -> None:
    member = {"type": "object", "properties": {"name": STRINGS}}

    (found,) = lint(
        _chat("{{ member.name }}, {{ member.titel }}"),
        declared={"type": "object", "properties": {"member": member}},
    )

    assert found.severity == "warning"
    assert "member.titel" in found.detail


def test_it_finds_a_secret_in_the_text_and_not_in_what_jinja_fills_in() -> None:
    key = "sk-" + "a1B2c3D4" * 4
    content = _chat("Hello", f"first\nUse {key} here", "password={{ password }}")

    found = lint(content)

    assert [(one.code, one.message, one.line, one.column) for one in found] == [
        ("lint.secret", 1, 2, 5)
    ]
    assert key not in found[0].detail


def test_it_points_at_characters_that_nobody_sees() -> None:
    (found,) = lint(_chat("Kind:\u00a0👩\u200d💻", "Be\nfair\u202e 󠁁󠁂"))

    assert (found.code, found.severity) == ("lint.unseen", "warning")
    assert (found.message, found.line, found.column) == (1, 2, 5)
    assert found.detail.endswith("U+202E, and 1 more.")


def test_it_lets_flags_and_variants_be_and_no_orders_behind_them() -> None:
    def tagged(text: str) -> str:
        return "".join(chr(0xE0000 + ord(letter)) for letter in text)

    flag = f"\U0001f3f4{tagged('gbsct')}\U000e007f"
    orders = (
        f"\U0001f3f4{tagged('obey me')}",
        f"{flag}{tagged('obey')}",
        "\u2764\ufe0f\ufe01\ufe02",
    )

    found = [lint(_chat(each)) for each in (f"{flag}{flag} \u2764\ufe0f 1\ufe0f\u20e3", *orders)]

    assert [[each.code for each in one] for one in found] == [[], *[["lint.unseen"]] * 3]


def test_it_warns_when_a_fragment_holds_a_secret() -> None:
    leaky = Piece("token = ghp_" + "a1B2c3D4" * 4, ref="hiring/x@1")

    assert _codes(lint(_chat('{% include "x" %}'), includes={"x": leaky})) == ["lint.secret"]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [(70, []), (90, ["lint.nearly-too-long"]), (101, ["lint.too-long"])],
)
def test_it_holds_the_tokens_against_what_a_model_takes(tokens: int, expected: list[str]) -> None:
    assert _codes(lint(_chat("Hi"), lengths=[Length("small", tokens, 100)])) == expected


def test_it_asks_for_a_fragment_that_the_teams_rules_require() -> None:
    required = ["trust/responsible-ai"]
    content = _chat('{% include "trust/responsible-ai@2" %}{% set audience = 1 %}')

    without = lint(_chat("Hi"), required=required)
    nested = Piece("{% include 'x' %}", includes={"x": FRAGMENT}, ref="hiring/tone@1")
    within = lint(content, includes={"trust/responsible-ai@2": nested}, required=required)

    assert _codes(without) == ["lint.fragment-missing"]
    assert within == []


def test_it_says_that_a_placeholder_stands_twice_and_a_message_is_empty() -> None:
    content = content_of(
        {
            "messages": [
                {"role": "placeholder"},
                {"role": "user", "template": " \n"},
                {"role": "placeholder"},
            ]
        }
    )

    assert [(one.code, one.message) for one in lint(content)] == [
        ("lint.empty-message", 1),
        ("lint.placeholder-twice", 2),
    ]


def test_it_shows_errors_of_every_message_when_several_do_not_parse() -> None:
    found = lint(_chat("{{ a ", "fine", "x\n{% if %}"), declared=_declared())

    assert [(one.code, one.message, one.line) for one in found] == [
        ("prompt.syntax", 0, 1),
        ("prompt.syntax", 2, 2),
    ]


def test_it_survives_a_schema_that_is_none() -> None:
    assert _codes(lint(_chat("{{ a }}"), declared={"properties": 3})) == ["lint.undeclared-input"]


def test_it_documents_every_code() -> None:
    source = Path(linting.__file__).read_text()
    said = (Path(__file__).parents[2] / "docs/prompts-editor.md").read_text()

    codes = set(re.findall(r'"(lint\.[a-z-]+)"', source))

    assert len(codes) > 5
    assert set(re.findall(r"`(lint\.[a-z-]+)`", said)) == codes
