"""What callers tell of whom they call for: few names, plain values, and never repeated."""

import json

import pytest

from playground.core.attributes import checked, read
from playground.core.context import RequestContext
from playground.core.errors import InvalidInput


def test_it_takes_texts_numbers_and_truths() -> None:
    given = {"plan": "pro", "age": 41, "score": 0.5, "beta": True, "app-version": "2.10.1"}

    assert read(json.dumps(given)) == given
    assert read(None) == {}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ([], "attributes"),
        ({f"a{n}": n for n in range(21)}, "attributes"),
        ({"": 1}, "attributes"),
        ({"a.b": 1}, "attributes"),
        ({"plan": None}, "attributes.plan"),
        ({"plan": ["pro"]}, "attributes.plan"),
        ({"plan": "x" * 257}, "attributes.plan"),
        ({"plan": "a\x00b"}, "attributes.plan"),
        ({"plan": "\ud800"}, "attributes.plan"),
        ({"age": float("nan")}, "attributes.age"),
        ({"age": 2**53 + 1}, "attributes.age"),
        ({"subject": "user:root"}, "attributes.subject"),
    ],
)
def test_it_says_which_field_is_wrong_and_repeats_no_value(given: object, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(given)

    assert refused.value.code == "attributes.invalid"
    assert refused.value.extra["param"] == field
    assert "pro" not in refused.value.detail
    assert "root" not in refused.value.detail


@pytest.mark.parametrize("header", ["", "plan=pro", "[1]", '{"a": 1', "[" * 4000, "x" * 5000])
def test_it_refuses_a_header_that_is_no_object(header: str) -> None:
    with pytest.raises(InvalidInput):
        read(header)


def test_it_keeps_them_out_of_what_is_written_of_a_context() -> None:
    context = RequestContext(subject="user:ana", team="hiring", attributes={"illness": "flu"})

    assert "flu" not in repr(context)
