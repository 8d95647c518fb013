"""Numbers that somebody has written."""

import pytest

from playground.core.numbering import whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("12", 12),
        ("999999999", 999_999_999),
        ("1000000000", None),
        ("9" * 5_000, None),
        ("-1", None),
        ("1.5", None),
        (" 1", None),
        ("²", None),
        ("٣", None),
        ("", None),
        (None, None),
    ],
)
def test_it_reads_plain_digits_alone(text: str | None, number: int | None) -> None:
    assert whole_number(text) == number
