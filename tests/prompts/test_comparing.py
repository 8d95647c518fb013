"""What differs between two versions, as rows that both views are drawn from."""

import difflib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.prompts.aligning import Piece, Row, folded, lines_of, rows_of, unified, words_of
from playground.prompts.anchoring import runs_alike
from playground.prompts.comparing import FragmentText, compare, written
from playground.prompts.content import Content, content_of

TEXTS = st.lists(st.sampled_from(["", "a b c", "a b d", "one", "two three"]), max_size=12).map(
    "\n".join
)


def _content(*messages: tuple[str, str], **rest: object) -> Content:
    return content_of({"messages": [{"role": r, "template": t} for r, t in messages], **rest})


def _side(rows: list[Row], side: str) -> list[str]:
    return [
        "".join(piece.text for piece in getattr(row, side))
        for row in rows
        if getattr(row, f"{side}_line") is not None
    ]


def _patched(old: list[str], diff: list[str]) -> list[str]:
    """Apply a unified diff."""
    made: list[str] = []
    at = 0
    for line in diff:
        if line.startswith("@@"):
            first, _, count = line.split()[1][1:].partition(",")
            start = int(first) - (count != "0")
            made += old[at:start]
            at = start
        elif line[0] == "+":
            made.append(line[1:])
        else:
            assert old[at] == line[1:]
            made += [line[1:]] if line[0] == " " else []
            at += 1
    return made + old[at:]


@given(TEXTS, TEXTS)
def test_it_keeps_every_line_of_both_sides_in_order(old: str, new: str) -> None:
    rows = rows_of(old, new)

    assert _side(rows, "old") == lines_of(old)
    assert _side(rows, "new") == lines_of(new)
    numbers = [row.new_line for row in rows if row.new_line is not None]
    assert numbers == list(range(1, len(lines_of(new)) + 1))


@given(TEXTS, TEXTS)
def test_it_marks_something_in_every_row_that_changed_and_nothing_in_rows_alike(
    old: str, new: str
) -> None:
    for row in rows_of(old, new):
        marked = any(piece.marked for piece in (*row.old, *row.new))
        assert marked is (row.kind != "same")


@given(TEXTS, TEXTS, st.integers(min_value=0, max_value=4))
def test_it_hides_only_lines_alike_and_counts_them(old: str, new: str, context: int) -> None:
    rows = rows_of(old, new)

    shown = folded(rows, context=context)

    assert [row for row in shown if row.kind not in ("same", "gap")] == [
        row for row in rows if row.kind != "same"
    ]
    assert sum(row.hidden or 1 for row in shown) == len(rows)


@given(TEXTS, TEXTS)
def test_it_writes_a_unified_diff_from_which_both_texts_can_be_made(old: str, new: str) -> None:
    lines = unified(rows_of(old, new))

    assert _patched(lines_of(old), lines) == lines_of(new)
    assert bool(lines) is (lines_of(old) != lines_of(new))


def test_it_writes_a_unified_diff_like_everybody_else() -> None:
    old = [f"line {number}" for number in range(30)]
    new = [*old[:10], "line ten", *old[11:20], "more", *old[20:]]

    lines = unified(rows_of("\n".join(old), "\n".join(new)))

    assert lines == list(difflib.unified_diff(old, new, lineterm=""))[2:]


@settings(max_examples=150)
@given(st.text(), st.text())
def test_it_marks_words_without_changing_the_texts(old: str, new: str) -> None:
    marked = words_of(old, new)

    assert "".join(piece.text for piece in marked.old) == old
    assert "".join(piece.text for piece in marked.new) == new
    assert any(piece.marked for piece in (*marked.old, *marked.new)) is (old != new)


def test_it_marks_only_the_words_that_changed_in_long_texts() -> None:
    old = [f"w{number * number % 701}" for number in range(1900)]
    new = [f"new{number}" if number % 20 == 7 else word for number, word in enumerate(old)]

    marked = words_of(" ".join(old), " ".join(new))

    came = [word for word in new if word.startswith("new")]
    assert [piece.text for piece in marked.new if piece.marked] == came
    assert 0.9 < marked.alike < 1


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(0, 60), min_size=140, max_size=250),
    st.lists(st.integers(0, 60), min_size=140, max_size=250),
    st.sampled_from([0, 1_000, 100_000]),
)
def test_it_finds_runs_that_are_alike_and_in_order_whatever_work_it_may_do(
    old: list[int], new: list[int], work: int
) -> None:
    i = j = 0
    for left, right, count in runs_alike(old, new, work=work):
        assert (left >= i, right >= j, count > 0) == (True, True, True)
        assert old[left : left + count] == new[right : right + count]
        i, j = left + count, right + count


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a " * 1900, "a b " * 950),
        (" ".join(f"u{n} " + "a " * 70 for n in range(25)), "a b " * 950),
        (
            "".join(f"u{n} " + "a " * 70 for n in range(25)),
            "".join(f"u{n} " + "a b " * 35 for n in range(25)),
        ),
    ],
)
def test_it_marks_long_texts_at_once_when_they_are_made_to_be_hard(old: str, new: str) -> None:
    def took() -> float:
        began = time.thread_time()
        words_of(old, new)
        return time.thread_time() - began

    assert min(took() for _ in range(3)) < 0.5


def test_it_marks_only_the_words_that_changed() -> None:
    (row,) = rows_of("Write a short mail to {{ name }}.", "Write a warm mail to {{ name }}.")

    assert row.kind == "changed"
    assert [piece.text for piece in row.old if piece.marked] == ["short"]
    assert [piece.text for piece in row.new if piece.marked] == ["warm"]


def test_it_shows_what_changed_when_it_cannot_be_seen() -> None:
    ends = rows_of("a", "a\n")
    (returned,) = rows_of("Be kind", "Be kind\r")
    (hidden,) = rows_of("Pay Ana", "Pay\xa0Ana\u200b\u202e")

    assert [(row.kind, row.new_line) for row in ends] == [("same", 1), ("added", 2)]
    assert [piece.shown for piece in returned.new if piece.marked] == ["⟨CR⟩"]
    assert [piece.shown for piece in hidden.new if piece.marked] == ["⟨NBSP⟩", "⟨U+200B⟩⟨U+202E⟩"]
    assert Piece("👩‍👧 می‌خواهم").shown == "👩‍👧 می‌خواهم"
    assert Piece("❤\ufe0f 1\ufe0f\u20e3").shown == "❤\ufe0f 1\ufe0f\u20e3"
    assert Piece("a\ufe0f ❤\ufe0f\ufe01").shown == "a⟨U+FE0F⟩ ❤\ufe0f⟨U+FE01⟩"


def test_it_shows_one_line_that_grew_when_little_is_alike() -> None:
    (row,) = rows_of("Always.", "Always. {{ reason }} {{ and.more }}")

    assert [piece.text for piece in row.new if piece.marked] == [" {{ reason }} {{ and.more }}"]


def test_it_hides_no_single_line() -> None:
    rows = rows_of("a\nb\nc\nd\ne\nf", "A\nb\nc\nd\ne\nf")

    assert [row.hidden for row in folded(rows, least=3)] == [0] * 7
    assert [row.hidden for row in folded(rows, least=2)] == [0] * 5 + [2]


def test_it_shows_two_lines_when_they_have_nothing_in_common() -> None:
    rows = rows_of("Be brief.", "{{ member.headline }}")

    assert [row.kind for row in rows] == ["removed", "added"]


def test_it_aligns_messages_when_one_is_put_between() -> None:
    old = _content(("system", "You recruit."), ("user", "Write to {{ name }}."))
    new = _content(
        ("system", "You recruit."),
        ("assistant", "Whom?"),
        ("user", "Write to {{ name }} now."),
    )

    sections = compare(old, new)

    assert [(one.title, one.change) for one in sections] == [
        ("System message", "same"),
        ("Assistant message", "added"),
        ("User message", "changed"),
    ]
    assert (sections[2].added, sections[2].removed) == (1, 1)
    assert written(sections, before="hiring/mail@1", after="hiring/mail@2") == (
        "--- hiring/mail@1 messages.1\n+++ hiring/mail@2 messages.1\n@@ -0,0 +1 @@\n+Whom?\n"
        "--- hiring/mail@1 messages.2\n+++ hiring/mail@2 messages.2\n@@ -1 +1 @@\n"
        "-Write to {{ name }}.\n+Write to {{ name }} now.\n"
    )


def test_it_compares_settings_inputs_tools_and_fragments() -> None:
    old = _content(("system", "Hi"), settings={"temperature": 0.2})
    new = _content(("system", "Hi"), settings={"temperature": 0.7}, tools=[{"type": "function"}])

    sections = compare(
        old,
        new,
        old_fragments={"trust/responsible-ai": FragmentText("Be fair.", (1,))},
        new_fragments={"trust/responsible-ai": FragmentText("Be fair and kind.", (3,))},
    )

    assert [(one.anchor, one.change) for one in sections] == [
        ("messages-0", "same"),
        ("settings", "changed"),
        ("tools", "added"),
        ("fragment-trust-responsible-ai", "changed"),
    ]
    assert (sections[-1].note, sections[-1].numbers) == ("v1 → v3", (1, 3))


def test_it_says_that_a_fragment_came_or_went() -> None:
    content = _content(("system", "Hi"))
    text = {"trust/responsible-ai": FragmentText("Be fair.", (2,))}

    came = compare(content, content, old_fragments={}, new_fragments=text)[-1]
    went = compare(content, content, old_fragments=text, new_fragments={})[-1]

    assert (came.change, came.note) == ("added", "included now, v2")
    assert (went.change, went.note) == ("removed", "no longer included, v2")


def test_it_says_which_message_is_gone() -> None:
    old = _content(("system", "You recruit."), ("user", "Hello"))

    (kept, gone) = compare(old, _content(("system", "You recruit.")))

    assert (kept.change, gone.change, gone.part) == ("same", "removed", "removed.1")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x\n" * 2999, "x\ny\n" * 1500),
        ("a b " * 15_000, "b a c " * 10_000),
        (
            "\n".join(str(i % 101) for i in range(2900)),
            "\n".join(str(-i % 97) for i in range(2900)),
        ),
    ],
)
def test_it_takes_no_longer_than_a_glance_when_the_texts_are_made_to_be_hard(
    old: str, new: str
) -> None:
    began = time.thread_time()

    rows = rows_of(old, new)

    assert _side(rows, "new") == lines_of(new)
    assert time.thread_time() - began < 3
