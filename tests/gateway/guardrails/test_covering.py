"""JSON stays JSON when what is in it is covered."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.gateway.guardrails.covering import Cover, unescaped
from playground.gateway.guardrails.entities import EVERYTHING, Entity

MAIL = "bob@example.com"
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(anything)
def test_it_leaves_json_json(value: object) -> None:
    text = json.dumps(value)

    json.loads(Cover(EVERYTHING).arguments(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": "x"}', '{"a": "x"}'),
        (f'{{"a": "{MAIL}"}}', '{"a":"[e-mail]"}'),
        (f'{{"{MAIL}": 1, "{MAIL[1:]}": 2}}', '{"[e-mail]":1,"[e-mail]_":2}'),
        (r'{"a": "bob\u0040example.com"}', '{"a":"[e-mail]"}'),
        (f'{{"a": "{MAIL}", "a": "x"}}', '{"a":"x"}'),
        (r'{"a": "password:\n hunter2secret9", "a": "x"}', '{"a":"x"}'),
        ('[{"a": {"b": 4.111111111111111e15}, "a": 1}]', '[{"a":1}]'),
        ('{"a": 1, "a": 2, "b": 1e999}', '{"a": 1, "a": 2, "b": 1e999}'),
        ('{"a": 4111111111111111}', '{"a":"[card]"}'),
        ('{"password": "hunter2"}', '{"password":"[secret]"}'),
        (f'{{"a": "{MAIL}', '{"a": "[e-mail]'),
        (r'{"a": "bob\u0040example.com', '{"a": "[e-mail]'),
        (f"write to {MAIL}", "write to [e-mail]"),
        ("[" * 70 + f'"{MAIL}"' + "]" * 70, "[" * 70 + '"[e-mail]"' + "]" * 70),
        ("[" * 70 + r'"bob\u0040example.com"' + "]" * 70, "[" * 70 + '"[e-mail]"' + "]" * 70),
    ],
)
def test_it_covers_what_is_in_json(text: str, expected: str) -> None:
    assert Cover(EVERYTHING).arguments(text) == expected


def test_it_counts_each_entity_once() -> None:
    cover = Cover(EVERYTHING)

    cover.arguments(json.dumps({"a": MAIL, "b": [MAIL, {"c": MAIL}]}))

    assert cover.found == {Entity.EMAIL: 3}


def test_it_leaves_names_and_counts_them_when_they_count() -> None:
    loud, quiet = Cover(EVERYTHING, names=True), Cover(EVERYTHING)

    assert loud.name(MAIL) == quiet.name(MAIL) == MAIL
    assert (loud.found, quiet.found) == ({Entity.EMAIL: 1}, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\u0061\/b", "a/b"),
        (r"\\u0061", r"\\u0061"),
        (r"\u0022\u005c\n\ud83d\ude00\u0000", r"\u0022\u005c\n\ud83d\ude00\u0000"),
    ],
)
def test_it_reads_escapes_that_hide_letters_only(text: str, expected: str) -> None:
    assert unescaped(text) == expected
