"""Two people's work on one version is put together, and what clashes is named."""

from hypothesis import given
from hypothesis import strategies as st

from playground.prompts.pages.merging import merge, merge_lines

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=8).map("\n".join)


def _body(*templates: str, **rest: object) -> dict[str, object]:
    messages = [{"role": "user", "template": text} for text in templates]
    return {"kind": "chat", "messages": messages, **rest}


@given(TEXTS, TEXTS)
def test_it_takes_the_side_that_changed_when_only_one_did(base: str, changed: str) -> None:
    assert merge_lines(base, changed, base) == (changed, False)
    assert merge_lines(base, base, changed) == (changed, False)
    assert merge_lines(base, changed, changed) == (changed, False)


@given(TEXTS, TEXTS, TEXTS)
def test_it_loses_no_line_of_ones_own(base: str, mine: str, theirs: str) -> None:
    merged, _ = merge_lines(base, mine, theirs)

    kept = [line for line in mine.splitlines() if line not in base.splitlines()]
    assert all(line in merged.splitlines() for line in kept)


def test_it_takes_both_when_different_lines_were_changed() -> None:
    base = "one\ntwo\nthree\nfour\n"

    merged = merge_lines(base, base.replace("one", "ONE"), base.replace("four", "FOUR"))

    assert merged == ("ONE\ntwo\nthree\nFOUR\n", False)


def test_it_keeps_ones_own_line_and_names_the_clash_when_both_changed_it() -> None:
    merged = merge(_body("Hi", "Bye"), _body("Hello", "Bye"), _body("Hey", "Bye now"))

    assert [each["template"] for each in merged.body["messages"]] == ["Hello", "Bye now"]
    assert merged.clashes == ("message 1",)


def test_it_merges_settings_one_by_one() -> None:
    base = _body("Hi", settings={"temperature": 0.1, "model": "a"})
    mine = _body("Hi", settings={"temperature": 0.9, "model": "a"})
    theirs = _body("Hi", settings={"temperature": 0.1, "model": "b"})

    merged = merge(base, mine, theirs)

    assert merged.body["settings"] == {"temperature": 0.9, "model": "b"}
    assert merged.clashes == ()


def test_it_keeps_ones_own_messages_when_both_moved_them_about() -> None:
    base = _body("a", "b")
    mine, theirs = _body("b"), _body("a", "b", "c")

    merged = merge(base, mine, theirs)

    assert merged.body["messages"] == mine["messages"]
    assert merged.clashes == ("the order of the messages",)
