"""Differences between outputs are marked as they are, and looked for once."""

import random

from playground.console.workbench import marking
from playground.console.workbench.marking import marked
from playground.prompts.aligning import words_of


def test_it_marks_the_words_that_differ_when_outputs_are_compared() -> None:
    for base, text in (("a b c", "a x c"), ("", "a"), ("a", ""), ("ab", "c"), ("a", "bc")):
        assert marked(base, text) == words_of(base, text).new


def test_it_compares_two_outputs_once_when_the_page_asks_again() -> None:
    drawn = random.Random(4)
    base, text = (" ".join(drawn.choices("abcdefgh", k=300)) for _ in range(2))

    first = marked(base, text)

    assert marked(base, text) is first
    assert marked(text, base) is not first


def test_it_keeps_no_more_than_there_is_room_for_when_many_outputs_are_compared() -> None:
    long = "word " * 40_000

    for number in range(100):
        marked(long, f"{long}{number}")

    kept = sum(len(piece.text) for _, pieces in marking._known.items() for piece in pieces)
    assert 0 < kept <= marking._ROOM
