"""A prompt goes into a file and comes back as it was; a wrong file says where it is wrong."""

import subprocess
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.core.errors import InvalidInput
from playground.prompts.content import Content, content_of
from playground.prompts.files.naming import path_of, prompt_of
from playground.prompts.files.reading import read_prompt
from playground.prompts.files.writing import write_prompt

LINES = [
    "=== user", "==== system", "===", "=======", "=== user {}", "---", "...", "kind: chat", "}",
    "Hello {{ name }}", "{% if x %}", "  indented  ", "\ttab", "Grüße, 世界 🌍", "", "",
    "\x85", "\u2028", "\ufeff", "\x00", '{"a": 1}', '"quoted"', "\\n", "# no comment", "'",
]  # fmt: skip
texts = st.one_of(
    st.text(max_size=60),
    st.builds(
        lambda lines, end, last: end.join(lines) + last,
        st.lists(st.sampled_from(LINES), max_size=6),
        st.sampled_from(["\n", "\r\n", "\r"]),
        st.sampled_from(["", "\n", "\n\n", "\r\n", " ", "\r"]),
    ),
)
words = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["yes", "no", "null", "~", "1e-7", "1_000", "010", "2026-11-28", "12:30", ".inf", "<<",
         "*a", "a: b", "- a", "line\nline\n", " lead\nline", "\nlead", "tail \nline", "k\n\n", "!x",
         "=", "#", "a\x85b", "\u2028", "\r\n"]
    ),
)  # fmt: skip
jsons = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**60), 2**60), words,
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip
objects = st.dictionaries(words, jsons, max_size=3)
rest = {
    "inputs": st.none() | objects,
    "settings": objects,
    "tools": st.lists(objects, max_size=2),
    "response_format": st.none() | objects,
}
messages = st.one_of(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "developer", "user", "assistant", "tool"]),
            "template": texts,
        },
        optional={
            "name": words,
            "tool_calls": st.lists(objects, max_size=2),
            "tool_call_id": words,
        },
    ),
    st.fixed_dictionaries({"role": st.just("placeholder"), "name": words}),
)
contents = st.one_of(
    st.builds(
        lambda messages, **others: {"kind": "chat", "messages": messages, **others},
        messages=st.lists(messages, min_size=1, max_size=4),
        **rest,
    ),
    st.builds(
        lambda template, **others: {"messages": [{"role": "text", "template": template}], **others},
        template=texts,
        kind=st.sampled_from(["text", "fragment"]),
        **rest,
    ),
).map(content_of)


def chat(*templates: str, **others: Any) -> Content:
    return content_of(
        {"messages": [{"role": "user", "template": each} for each in templates], **others}
    )


def refused(text: str | bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read_prompt(text, path="hiring/outreach.prompt")
    return caught.value


@settings(max_examples=400)
@given(contents)
def test_it_reads_the_same_content_when_it_wrote_the_file(content: Content) -> None:
    text = write_prompt(content)

    again = read_prompt(text.encode(), path="a/b.prompt").content

    assert again == content
    assert again.content_hash == content.content_hash
    assert write_prompt(again) == text


@settings(max_examples=200)
@given(contents)
def test_it_reads_the_same_content_when_git_changed_the_ends_of_lines(content: Content) -> None:
    text = write_prompt(content)

    turned = "\ufeff" + text.replace("\n", "\r\n")

    assert "\r" not in text
    assert read_prompt(turned.encode(), path="a/b.prompt").content == content


@settings(max_examples=200)
@given(contents)
def test_it_ends_every_file_with_one_newline(content: Content) -> None:
    text = write_prompt(content)

    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@settings(max_examples=200)
@given(st.text(max_size=80) | st.lists(st.sampled_from(LINES), max_size=8).map("\n".join))
def test_it_reads_or_says_where_when_a_file_holds_anything(text: str) -> None:
    try:
        read_prompt(f"---\n{text}", path="a/b.prompt")
    except InvalidInput as error:
        outcome = error

        assert outcome.code == "prompt.file-invalid"
        assert 1 <= outcome.extra["line"] <= text.count("\n") + 3
        assert outcome.extra["column"] >= 1


def test_it_is_written_as_people_would_write_it() -> None:
    content = content_of(
        {
            "messages": [
                {"role": "system", "template": "You write for {{ company }}.\nBe brief."},
                {"role": "placeholder", "name": "history"},
                {"role": "user", "template": "{{ question }}\n"},
            ],
            "settings": {"model": "offline/planner", "temperature": 0.2},
            "tools": [{"type": "function", "function": {"name": "f", "description": "One.\nTwo."}}],
        }
    )

    assert write_prompt(content) == (
        "---\n"
        "kind: chat\n"
        "settings:\n"
        "  model: offline/planner\n"
        "  temperature: 0.2\n"
        "tools:\n"
        "  - type: function\n"
        "    function:\n"
        "      name: f\n"
        "      description: |-\n"
        "        One.\n"
        "        Two.\n"
        "---\n"
        "\n"
        "=== system\n"
        "You write for {{ company }}.\n"
        "Be brief.\n"
        "\n"
        '=== placeholder {"name": "history"}\n'
        "\n"
        '=== user {"newlines_at_end": 1}\n'
        "{{ question }}\n"
    )


def test_it_writes_a_fragment_as_bare_text() -> None:
    content = content_of(
        {"kind": "fragment", "messages": [{"role": "text", "template": "Be fair to {{ group }}."}]}
    )

    assert write_prompt(content) == "---\nkind: fragment\n---\nBe fair to {{ group }}.\n"


def test_it_lengthens_its_markers_when_a_template_holds_one() -> None:
    text = write_prompt(chat("How a file looks:\n=== system\nHello"))

    assert "==== user\nHow a file looks:\n=== system\nHello\n" in text


def test_it_reads_what_people_leave_out() -> None:
    content = read_prompt(
        "=== system\nBe brief.\n\n\n\n=== placeholder\n", path="a/b.prompt"
    ).content

    assert content.as_json()["messages"] == [
        {"role": "system", "template": "Be brief."},
        {"role": "placeholder", "name": "history"},
    ]


def test_it_changes_one_line_of_a_diff_when_one_line_of_a_prompt_changes(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}}
    before = chat("One.\nTwo.\nThree.", "Four.", inputs=schema)
    after = chat("One.\nTwo!\nThree.", "Four.", inputs=schema)
    (tmp_path / "before").write_text(write_prompt(before))
    (tmp_path / "after").write_text(write_prompt(after))

    diff = subprocess.run(
        ["git", "diff", "--no-index", "--numstat", "before", "after"],
        cwd=tmp_path, capture_output=True, text=True,
    ).stdout  # fmt: skip

    assert diff.split()[:2] == ["1", "1"]


@pytest.mark.parametrize(
    ("text", "line", "column", "part"),
    [
        ("", 1, 1, "a chat begins"),
        ("Hello\n", 1, 1, "a chat begins"),
        ("---\nkind: chat\n", 1, 1, "no end"),
        ("---\nkind: poem\n---\n=== user\nHi\n", 2, 1, "kind"),
        ("---\nkind: chat\nsettings: [\n---\n=== user\nHi\n", 4, 1, "node content"),
        ("---\nsettings:\n  a: 1\n  a: 2\n---\n=== user\nHi\n", 4, 3, "'a' is said twice"),
        ("---\nsettings: {1: a}\n---\n=== user\nHi\n", 2, 12, "keys are text"),
        ("---\nsettings: &a {b: *a}\n---\n=== user\nHi\n", 2, 18, "aliases"),
        ("---\nsettings: !!binary aGk=\n---\n=== user\nHi\n", 2, 11, "tags"),
        ("---\n- a\n---\n=== user\nHi\n", 2, 1, "mapping"),
        ("---\nmessages: []\n---\n=== user\nHi\n", 2, 1, "follow the front matter"),
        ("---\nkind: chat\ncolour: red\n---\n=== user\nHi\n", 3, 1, "colour"),
        ("=== user\nHi\n\n=== robot\nHo\n", 4, 5, "a role, one of"),
        ("=== user\nHi\n===\n", 3, 5, "a role, one of"),
        ('=== user {"name": }\nHi\n', 1, 19, "Expecting value"),
        ('=== user {\n  "name": 1,\n}\nHi\n', 3, 1, "property name"),
        ('=== user {\n  "name": 1\n', 1, 10, "never closed"),
        ('=== user {"name": 1}\nHi\n', 1, 1, "messages.0.name"),
        ('=== user {"template": "a"}\nHi\n', 1, 10, "own places"),
        ('=== user {"newlines_at_end": -1}\nHi\n', 2, 1, "newlines_at_end"),
        ('=== user {"line_endings": "cr"}\nHi\n', 2, 1, "line_endings"),
        ('=== user {"quoted": true}\nHi\n', 2, 1, "Expecting value"),
        ("=== placeholder\nHi\n", 2, 1, "no text"),
        ("=== user\nHi\n=== text\nHo\n", 1, 1, "a chat has no message with role text"),
        ("---\nkind: chat\nsettings: " + "[" * 3000 + "\n---\n=== user\nHi\n", 2, 1, "deep"),
        (b"=== user\nHi \xff\n", 2, 4, "UTF-8"),
        ('=== user {"quoted": true}\n"\\ud800"\n', 1, 1, "surrogates"),
        ("---\nsettings: {seed: 99999999999999999999}\n---\n=== user\nHi\n", 1, 1, "64-bit"),
    ],
)  # fmt: skip
def test_it_says_file_line_and_column_when_a_file_is_wrong(
    text: str | bytes, line: int, column: int, part: str
) -> None:
    error = refused(text)

    assert error.code == "prompt.file-invalid"
    assert (error.extra["line"], error.extra["column"]) == (line, column)
    assert error.extra["file"] == "hiring/outreach.prompt"
    assert error.detail.startswith(f"hiring/outreach.prompt:{line}:{column}: ")
    assert part in error.detail


def test_it_finds_the_place_of_a_template_in_its_file() -> None:
    file = read_prompt(write_prompt(chat("One\n{{ a }}", "Two\n\n  {{ b }}")), path="a/b.prompt")
    lines = write_prompt(file.content).split("\n")

    line, column = file.place(1, 3, 3)

    assert lines[line - 1][column - 1 :] == "{{ b }}"


def test_it_names_a_file_as_an_include_names_the_prompt() -> None:
    path = path_of("trust", "responsible-ai")

    assert str(path) == "trust/responsible-ai.prompt"
    assert prompt_of(path) == ("trust", "responsible-ai")


@pytest.mark.parametrize(
    "path", ["a.prompt", "a/b/c.prompt", "a/b.txt", "a/b c.prompt", "../b.prompt"]
)
def test_it_refuses_a_file_that_no_prompt_is_called_by(path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        prompt_of(PurePosixPath(path))

    assert caught.value.code == "prompt.file-invalid"
