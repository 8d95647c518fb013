"""A step's arguments and result are said in words, and never grow past their limit."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.shortening import MAX_CHARS, shorten
from playground.console.wording import Item, lines_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=900),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=30,
)


def test_it_names_people_and_drops_what_is_empty_when_a_result_is_a_list() -> None:
    found = {
        "summary": "1 found",
        "relaxed": [],
        "filters": {"location": "Berlin", "skills": ["Python", "SQL"]},
        "candidates": [{"id": 7, "score": 0.5, "years": 9, "name": "Jo", "headline": "Engineer"}],
    }

    filters, candidates = lines_of(found)

    assert filters.text == "location: Berlin · skills: Python, SQL"
    assert candidates.items == (Item("Jo", "Engineer · years 9"),)


def test_it_keeps_paragraphs_when_a_text_is_long() -> None:
    (line,) = lines_of({"body": "Hi,\n\nbye"})

    assert (line.text, line.block) == ("", "Hi,\n\nbye")


@given(VALUES)
def test_it_says_any_value_when_its_shape_is_unknown(value: Any) -> None:
    lines_of(shorten(value))


@given(VALUES)
def test_it_fits_the_limit_when_a_value_is_large(value: Any) -> None:
    assert len(json.dumps(shorten(value), ensure_ascii=False)) <= MAX_CHARS + 10


def test_it_counts_what_is_missing_when_a_list_is_cut() -> None:
    cut = shorten([{"text": "x" * 300}] * 40)

    assert cut[-1] == f"… {40 - (len(cut) - 1)} more"
