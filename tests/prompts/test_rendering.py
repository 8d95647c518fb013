"""Prompts render, say where they are wrong, and cannot break out or use up the machine."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.core.errors import InvalidInput
from playground.prompts.content import content_of
from playground.prompts.templating import compiling
from playground.prompts.templating.compiling import MAX_TEMPLATE_CHARS, check
from playground.prompts.templating.rendering import LIMITS, render
from tests.prompts.conftest import said_by
from tests.prompts.payloads import ADDRESSES, BOMBS, HEAVY, INSIDES, NESTED, OUTSIDE, TAME


def rendered(template: str, **variables: Any) -> str:
    return said_by(template, variables)


def rendered_or_code(template: str, **variables: Any) -> str:
    try:
        return rendered(template, **variables)
    except InvalidInput as error:
        return error.code


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 1


def refused(template: str, **variables: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        rendered(template, **variables)
    return caught.value


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Hello {{ name }}", "Hello Ana"),
        ("{{ agent.title|upper }}", "SCOUT"),
        (
            "{% for x in xs %}{{ loop.index }}/{{ loop.length }} {{ x }};{% endfor %}",
            "1/2 a;2/2 b;",
        ),
        ("{{ xs|map('upper')|join(', ') }}", "A, B"),
        ("{{ xs|tojson }}", '["a", "b"]'),
        (
            "{% set n = namespace(t=0) %}{% for x in xs %}{% set n.t = x %}{% endfor %}{{ n.t }}",
            "b",
        ),
        (
            "{% macro hi(who='you') %}hi {{ who }}{% endmacro %}{{ hi() }} {{ hi('me') }}",
            "hi you hi me",
        ),
        ("{{ 'a' ~ 1 ~ 'b' }} {{ 2 ** 10 }} {{ '%.1f'|format(2.55) }}", "a1b 1024 2.5"),
        ("{{ missing|default('none') }}", "none"),
        ("{% raw %}{{ kept }}{% endraw %}{# gone #}", "{{ kept }}"),
        ("{% for k, v in agent|dictsort %}{{ k }}={{ v }}{% endfor %}", "title=scout"),
        ("<b> & {{ '<i>' }}", "<b> & <i>"),
        ("{% if xs|length >= 2 and name == 'Ana' %}{{ xs[:-1]|join }}{% endif %}", "a"),
    ],
)
def test_it_renders_what_prompts_need(template: str, expected: str) -> None:
    assert rendered(template, name="Ana", agent={"title": "scout"}, xs=["a", "b"]) == expected


@pytest.mark.parametrize(
    ("template", "code", "line", "column"),
    [
        ("one\ntwo {{ missing }}", "prompt.undefined", 2, 8),
        ("{{ name }} {{ name.nope }}", "prompt.undefined", 1, 20),
        ("one\n  {% if %}", "prompt.syntax", 2, 9),
        ("{{ name | nofilter }}", "prompt.syntax", 1, 11),
        ("\n\n{% for x in name %}", "prompt.syntax", 3, 18),
        ("text\n{% include 'secrets' %}", "prompt.fragment-not-found", 2, 13),
        ("text\n{% include name %}", "prompt.syntax", 2, 4),
        ("text\n{% include ['a', 'b'] %}", "prompt.syntax", 2, 4),
        ("{% include 'a' ignore missing %}", "prompt.syntax", 1, 4),
        ("text\n{% extends 'a' %}", "prompt.syntax", 2, 4),
        ("text\n{% block a %}{% endblock %}", "prompt.syntax", 2, 4),
        ("a\nb\n{{ name.__class__ }}", "prompt.forbidden", 3, 9),
        ("a\n{{ name }} {{ name * 1 }} {{ 1 / 0 }} {{ name }}", "prompt.failed", 2, 30),
        ("{{ name }} {{ name\n | replace(1) }} a", "prompt.failed", 2, 4),
        ("a\r\n\r\nb {{ name }}{% for x in 1 / 0 %}{% endfor %}", "prompt.failed", 3, 16),
        ("{{ name.a if false }} {%- if name.a %}{% endif %}", "prompt.undefined", 1, 35),
        (
            "{% macro m(a) %}{{ name }} {{ a - 1 }}{% endmacro %} {{ m('x') }}",
            "prompt.failed",
            1,
            31,
        ),
        ("{# {{ nope }} #} nope {{ name }} {{ nope }}", "prompt.undefined", 1, 37),
        ("a\r\n{{ name ? 1 }}", "prompt.syntax", 2, 9),
        ("a {{ name\u200b }}", "prompt.syntax", 1, 10),
        ("a\n{{ '\\u0000' }}", "prompt.failed", 1, 1),
    ],
)
def test_it_says_line_and_column_when_a_template_is_wrong(
    template: str, code: str, line: int, column: int
) -> None:
    error = refused(template, name="Ana")

    assert (error.code, error.extra["line"], error.extra["column"]) == (code, line, column)
    assert error.extra["message"] == 0


@pytest.mark.parametrize("template", INSIDES)
def test_it_forbids_the_insides_when_a_template_reaches_for_them(template: str) -> None:
    error = refused(template, name="Ana", xs=[1], agent={"title": "scout"})

    assert error.code in {"prompt.forbidden", "prompt.undefined", "prompt.syntax"}


@pytest.mark.parametrize("template", OUTSIDE)
def test_it_knows_no_name_that_leads_outside(template: str) -> None:
    code = refused(template, name="Ana", xs=[1]).code

    assert code.removeprefix("prompt.") in {
        "syntax", "undefined", "fragment-not-found", "forbidden", "failed",
    }  # fmt: skip


@pytest.mark.parametrize("template", ADDRESSES)
def test_it_writes_out_no_object_that_tells_where_it_lies(template: str) -> None:
    text = rendered_or_code(template, name="Ana")

    assert text == "prompt.failed" or "0x" not in text


@pytest.mark.parametrize("name", TAME)
def test_it_writes_out_no_namespace_however_they_are_nested(name: str) -> None:
    assert rendered(TAME[name]) == "11"


@pytest.mark.parametrize(("text", "template"), HEAVY.values(), ids=HEAVY)
def test_it_stops_work_that_variables_make_heavy(text: str, template: str) -> None:
    assert refused(template, x=json.loads(text)).code == "prompt.limit"


@pytest.mark.parametrize(
    "value", [float("nan"), [float("inf")], "\ud800", {"\udfff": 1}, nested(21)]
)
def test_it_refuses_variables_that_are_no_json(value: Any) -> None:
    assert refused("{{ x }}", x=value).code == "prompt.variables"


def test_it_keeps_little_of_templates_that_are_rendered_once() -> None:
    for number in range(300):
        rendered("x" * 60_000 + str(number))

    assert len(compiling._templates.items()) <= 10


@pytest.mark.parametrize("name", BOMBS)
def test_it_stops_a_template_bomb_at_its_line(name: str) -> None:
    began = time.monotonic()

    error = refused(BOMBS[name], xs=[1], big="z" * 60_000)

    assert error.code in {"prompt.limit", "prompt.syntax"}
    assert error.extra["line"] >= 1
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("name", NESTED)
def test_it_compiles_at_once_when_expressions_are_nested(name: str) -> None:
    began = time.process_time()

    check(NESTED[name])

    # Folding constants at each level took 14 to 46 seconds.
    assert time.process_time() - began < 5


def test_it_shares_one_budget_when_a_prompt_has_many_messages() -> None:
    busy = "{% for i in range(9999) %}{{ i }}{% endfor %}"
    content = content_of({"messages": [{"role": "user", "template": busy} for _ in range(9)]})

    with pytest.raises(InvalidInput) as caught:
        render(content, {})

    assert caught.value.code == "prompt.limit"
    assert caught.value.extra["message"] > 0


def test_it_takes_json_only_when_variables_come_in() -> None:
    with pytest.raises(InvalidInput) as caught:
        rendered("{{ x }}", x=object())

    assert caught.value.code == "prompt.variables"


@pytest.mark.parametrize(
    ("template", "code"),
    [("a" * (MAX_TEMPLATE_CHARS + 1), "prompt.too-large"), ("a\x00b", "prompt.nul")],
)
def test_it_refuses_a_template_that_cannot_be_stored(template: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check(template)

    assert caught.value.code == code


@settings(max_examples=150)
@given(st.text(max_size=200))
def test_it_renders_or_refuses_any_text(text: str) -> None:
    outcome = rendered_or_code(text)

    assert outcome.startswith("prompt.") or len(outcome) <= LIMITS.output_chars


TOKENS = """
{{ }} {% %} {# #} for x in xs endfor set macro f( ) endmacro if else endif call f() loop self
x xs * ** ~ % + 9 'a' |center(99) |join |list [ ] ( , . __class__ range(9) namespace(a=1)
""".split()


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from(TOKENS),
        max_size=25,
    )
)
def test_it_renders_or_refuses_any_pile_of_tokens(pieces: list[str]) -> None:
    outcome = rendered_or_code(" ".join(pieces), xs=[1, 2])

    assert outcome.startswith("prompt.") or len(outcome) <= LIMITS.output_chars


@given(st.text(alphabet=st.characters(exclude_characters="{}\x00", codec="utf-8"), max_size=300))
def test_it_leaves_plain_text_as_it_is(text: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n")

    assert rendered(text) == expected
