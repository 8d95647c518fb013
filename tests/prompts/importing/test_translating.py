"""What other template languages say, Jinja says too: held against LangChain's own formatters."""

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from langchain_core.utils import mustache
from langchain_core.utils.formatting import formatter

from playground.core.errors import InvalidInput
from playground.prompts.importing.expressing import Names, joined, literal, quoted
from playground.prompts.importing.fstrings import from_fstring
from playground.prompts.importing.reporting import Notes
from playground.prompts.importing.sections import Variables, from_mustache
from playground.prompts.importing.substitutions import from_substitutions
from tests.prompts.conftest import said_by

BRACES = ["{", "}", "{{", "}}", "{%", "%}", "{#", "#}", "{{ '", "' }}", "\n", " ", "a", "-", "\\"]
plain = st.one_of(
    st.lists(st.sampled_from(BRACES), max_size=10).map("".join),
    st.text(alphabet=st.characters(exclude_characters="\x00\r", exclude_categories=["Cs"])),
)


@settings(max_examples=300)
@given(plain)
def test_it_writes_a_literal_that_renders_as_the_text(text: str) -> None:
    assert said_by(literal(text), {}) == text


@settings(max_examples=300)
@given(st.lists(st.one_of(plain, st.none()), max_size=6))
def test_it_keeps_braces_of_texts_apart_from_tags(texts: list[str | None]) -> None:
    pieces = [("{{ x }}", False) if text is None else (text, True) for text in texts]

    rendered = said_by(joined(pieces), {"x": "X"})

    assert rendered == "".join("X" if text is None else text for text in texts)


@settings(max_examples=200)
@given(plain | st.integers(-(2**40), 2**40) | st.booleans() | st.none())
def test_it_quotes_values_as_jinja_writes_them(value: Any) -> None:
    assert said_by(f"{{{{ {quoted(value)} }}}}", {}) == str(value)


FSTRING = [
    "{a}", "{b}", "{{", "}}", "{{%", "%}}", "{{#", " ", "\n", "text", "{o[k]}", "{xs[1]}",
    "{n:.2f}", "{n:08.3f}", "{i:d}", "{i:05d}", "{i:x}", "{a:>6}", "{a:<6}", "{a!s}", "{n:e}",
]  # fmt: skip
VARIABLES = {"a": "ana", "b": "{{ a }} & <b>", "o": {"k": "v"}, "xs": [1, 2], "n": 3.14159, "i": 42}


@settings(max_examples=300)
@given(st.lists(st.sampled_from(FSTRING), max_size=8).map("".join))
def test_it_renders_a_format_string_as_langchain_does(template: str) -> None:
    notes = Notes()

    written = from_fstring(template, Names(notes), notes, message=0)

    assert said_by(written, VARIABLES) == formatter.format(template, **VARIABLES)
    assert notes.changes == ()


MUSTACHE = [
    "{{a}}", "{{&a}}", "{{{a}}}", "{{#xs}}", "{{/xs}}", "{{^xs}}", "{{#o}}", "{{/o}}", "{{k}}",
    "{{.}}", "{{o.k}}", "\n", " ", "text", "{", "}", "{{!c}}", "{{=<% %>=}}", "<%a%>",
    "<%={{ }}=%>", "{{> p}}", "{% if %}", "{{items}}",
]  # fmt: skip
given_variables = st.fixed_dictionaries(
    {
        "a": st.sampled_from(["A", "b c"]),
        "xs": st.sampled_from(
            [[], [1, 2], ["p"], [{"k": "v"}, {"a": "z"}], True, False, "s", "", {"k": "d"},
             [[{"k": 1}], "q"], [{"items": "i"}]]
        ),
        "o": st.sampled_from([{"k": "K"}, {"k": "K", "xs": [3]}]),
        "k": st.just("top"),
        "items": st.just("many"),
    }
)  # fmt: skip


@settings(max_examples=600)
@given(st.lists(st.sampled_from(MUSTACHE), max_size=9).map("".join), given_variables)
def test_it_renders_mustache_as_langchain_does(template: str, variables: dict[str, Any]) -> None:
    notes = Notes()
    try:
        written = from_mustache(template, Names(notes), Variables(), notes, message=0)
    except InvalidInput as error:
        refused = error
        assume("third brace" not in refused.detail)
        with pytest.raises(mustache.ChevronError):
            mustache.render(template, variables)
        return
    # Told as lost, or with another name.
    assume(not any(c.what == "{{.}}" or "is called" in c.detail for c in notes.changes))

    assert said_by(written, variables) == mustache.render(template, variables)


def test_it_tells_that_html_is_not_escaped_when_a_template_is_mustache() -> None:
    notes = Notes()

    written = from_mustache("{{a}}", Names(notes), Variables(), notes, message=0)

    assert said_by(written, {"a": "<&>"}) == "<&>"
    assert any("escapes HTML" in change.detail for change in notes.changes)


@settings(max_examples=300)
@given(st.lists(st.sampled_from([*BRACES, "{{ who }}", "{{who}}"]).filter(lambda p: p != "a")))
def test_it_puts_values_into_braces_and_leaves_the_rest(pieces: list[str]) -> None:
    text = "".join(pieces)
    notes = Notes()

    rendered = said_by(from_substitutions(text, Names(notes), notes, message=0), {"who": "W"})

    assert rendered == text.replace("{{ who }}", "W").replace("{{who}}", "W")


@pytest.mark.parametrize(
    ("said", "called"),
    [
        ("name", "name"),
        ("first-name", "first_name"),
        ("first name", "first_name"),
        ("in", "in_"),
        ("range", "range_"),
        ("1st", "v_1st"),
        ("größe", "größe"),
    ],
)
def test_it_gives_a_variable_a_name_that_jinja_takes(said: str, called: str) -> None:
    notes = Notes()

    name = Names(notes).of(said)

    assert name == called
    assert [change.what for change in notes.changes] == (
        [] if said == called else [f"variable {said}"]
    )


def test_it_keeps_variables_apart_when_their_names_become_alike() -> None:
    notes = Notes()
    names = Names(notes)

    assert [names.of("a b"), names.of("a-b"), names.of("a b")] == ["a_b", "a_b_2", "a_b"]


@pytest.mark.parametrize(
    ("template", "what"),
    [("{a!r}", "{a!r}"), ("{a:^10}", "{a:^10}"), ("{n:,}", "{n:,}"), ("{a:{n}}", "{a:{n}}")],
)
def test_it_tells_what_a_format_string_loses(template: str, what: str) -> None:
    notes = Notes()

    from_fstring(template, Names(notes), notes, message=3)

    assert [(c.fate.value, c.what, c.message) for c in notes.changes] == [("lost", what, 3)]


@pytest.mark.parametrize("template", ["{", "}", "{a", "{}", "{0}", "{a!}"])
def test_it_refuses_what_is_no_format_string(template: str) -> None:
    notes = Notes()

    with pytest.raises(InvalidInput) as caught:
        from_fstring(template, Names(notes), notes, message=2)

    assert caught.value.code == "prompt.import-invalid"
    assert "message 2" in caught.value.detail


@pytest.mark.parametrize("depth", [21, 5_000])
def test_it_refuses_mustache_that_nests_too_deeply(depth: int) -> None:
    notes = Notes()

    with pytest.raises(InvalidInput) as caught:
        from_mustache(
            "{{#a}}" * depth + "{{/a}}" * depth, Names(notes), Variables(), notes, message=0
        )

    assert "levels deep" in caught.value.detail
