"""A ramp's charts have about as many points whether it is minutes or months old."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from playground.prompts.ramps.slotting import MOST_SLOTS, begin_of, slot_of

ages_s = st.floats(0, 60 * 60 * 24 * 365 * 20, allow_nan=False)


@given(ages_s)
def test_it_needs_no_more_slots_than_can_be_seen(age_s: float) -> None:
    assert age_s / slot_of(age_s) <= MOST_SLOTS


@given(ages_s, ages_s)
def test_it_adds_up_what_was_kept_when_it_was_younger(one: float, other: float) -> None:
    younger, older = sorted((one, other))

    assert slot_of(older) % slot_of(younger) == 0


def test_it_shows_more_than_a_point_of_a_ramp_that_is_minutes_old() -> None:
    minutes = {20: 15, 60: 60, 60 * 24: 900}

    assert {age: slot_of(age * 60) for age in minutes} == minutes


def test_it_cuts_a_year_into_as_many_slots_as_a_day() -> None:
    day, year = 86_400, 86_400 * 365

    assert 80 <= day / slot_of(day) <= MOST_SLOTS
    assert 80 <= year / slot_of(year) <= MOST_SLOTS


def test_it_begins_slots_at_round_times() -> None:
    moment = dt.datetime(2026, 3, 1, 9, 7, 33, 500, tzinfo=dt.UTC)

    assert begin_of(moment, 15) == dt.datetime(2026, 3, 1, 9, 7, 30, tzinfo=dt.UTC)
    assert begin_of(moment, 3600) == dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
