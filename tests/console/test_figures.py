"""Durations, tokens, money, times and ids are written one way everywhere."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.clock import now
from playground.core.templatetags import playground as figures


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "\u2013"),
        (0, "0 ms"),
        (0.4, "<1 ms"),
        (84, "84 ms"),
        (999.4, "999 ms"),
        (999.6, "1.0 s"),
        (3240, "3.2 s"),
        (59_940, "59.9 s"),
        (59_960, "1 m 00 s"),
        (125_000, "2 m 05 s"),
        (3_725_000, "1 h 02 m"),
        (dt.timedelta(seconds=2), "2.0 s"),
    ],
)
def test_it_writes_durations_in_the_unit_that_fits(value: Any, written: str) -> None:
    assert figures.duration_ms(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "\u2013"), (840, "840"), (1000, "1k"), (1240, "1.2k"), (2_400_000, "2.4M")],
)
def test_it_writes_tokens_short(value: Any, written: str) -> None:
    assert figures.tokens(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "$0"),
        (0.0031, "$0.0031"),
        (0.00000312, "$0.0000031"),
        (0.25, "$0.25"),
        (1.239, "$1.24"),
        (Decimal("1234.5"), "$1,234.50"),
    ],
)
def test_it_writes_money_exactly_enough(value: Any, written: str) -> None:
    assert figures.money(value) == written


@given(st.decimals(min_value="0.000001", max_value="0.9", places=8))
def test_it_never_rounds_money_to_nothing(value: Decimal) -> None:
    if value > 0:
        assert Decimal(figures.money(value).removeprefix("$")) > 0


def test_it_tells_the_exact_time_when_pointed_at() -> None:
    html = str(figures.ago(now() - dt.timedelta(minutes=5)))

    assert "5 min ago" in html
    assert " UTC" in html


def test_it_shows_the_end_of_an_id_since_the_beginning_is_its_time() -> None:
    assert figures.short_id("0198c6a1-3d1e-7000-8000-1234567890ab") == "567890ab"
