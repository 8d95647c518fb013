"""A circuit opens after failures in a row and lets one call through to see."""

import pytest

from playground.gateway.breaking import FAILURES, LONGEST_S, MOST, OPEN_S, WITHIN_S, Breaker


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuits(clock: Clock) -> Breaker:
    return Breaker(clock=clock)


def fail(circuits: Breaker, times: int = FAILURES) -> None:
    for _ in range(times):
        circuits.failed("m")


def test_it_opens_after_failures_in_a_row(circuits: Breaker) -> None:
    fail(circuits, FAILURES - 1)
    assert circuits.waits_s("m") == 0

    fail(circuits, 1)

    assert circuits.waits_s("m") == OPEN_S
    assert circuits.waits_s("other") == 0


def test_it_forgets_failures_when_one_succeeds_or_time_passes(
    circuits: Breaker, clock: Clock
) -> None:
    fail(circuits, FAILURES - 1)
    circuits.succeeded("m")
    fail(circuits, FAILURES - 1)
    clock.now += WITHIN_S + 1
    fail(circuits, FAILURES - 1)

    assert circuits.waits_s("m") == 0


def test_it_lets_one_through_after_the_pause(circuits: Breaker, clock: Clock) -> None:
    fail(circuits)
    clock.now += OPEN_S

    assert circuits.waits_s("m") == 0
    circuits.begin("m")

    assert circuits.waits_s("m") > 0


def test_it_closes_when_that_one_succeeds(circuits: Breaker, clock: Clock) -> None:
    fail(circuits)
    clock.now += OPEN_S
    circuits.begin("m")

    circuits.succeeded("m")

    assert circuits.waits_s("m") == 0


def test_it_waits_twice_as_long_when_that_one_fails(circuits: Breaker, clock: Clock) -> None:
    fail(circuits)
    clock.now += OPEN_S
    trial = circuits.begin("m")

    circuits.failed("m", trial)

    assert circuits.waits_s("m") == OPEN_S * 2


@pytest.mark.parametrize("told", [True, False])
def test_it_lets_another_through_when_that_one_is_left(
    circuits: Breaker, clock: Clock, told: bool
) -> None:
    fail(circuits)
    clock.now += OPEN_S
    trial = circuits.begin("m")

    if told:
        circuits.left("m", trial)
    else:
        clock.now += LONGEST_S

    assert circuits.waits_s("m") == 0


def test_it_waits_no_longer_when_calls_that_were_under_way_fail(
    circuits: Breaker, clock: Clock
) -> None:
    fail(circuits, FAILURES + 5)

    assert circuits.waits_s("m") == OPEN_S


def test_it_closes_when_the_one_that_tries_begins_to_answer(
    circuits: Breaker, clock: Clock
) -> None:
    fail(circuits)
    clock.now += OPEN_S
    circuits.begin("m")

    circuits.answers("m")

    assert circuits.waits_s("m") == 0


def test_it_opens_at_once_when_the_answer_that_closed_it_breaks_off(
    circuits: Breaker, clock: Clock
) -> None:
    fail(circuits)
    clock.now += OPEN_S
    circuits.begin("m")
    circuits.answers("m")

    circuits.failed("m")

    assert circuits.waits_s("m") > 0


def test_it_opens_when_answers_begin_and_always_break_off(circuits: Breaker) -> None:
    for _ in range(FAILURES):
        circuits.begin("m")
        circuits.answers("m")
        circuits.failed("m")

    assert circuits.waits_s("m") > 0


def test_it_remembers_no_more_names_than_it_should(circuits: Breaker) -> None:
    for number in range(MOST + 10):
        circuits.failed(f"made-up-{number}")

    assert len(circuits._circuits) == MOST


def test_it_listens_to_nobody_but_the_one_that_tries(circuits: Breaker, clock: Clock) -> None:
    fail(circuits)
    clock.now += OPEN_S
    trial = circuits.begin("m")

    circuits.failed("m")
    circuits.left("m")
    assert 0 < circuits.waits_s("m") <= 1
    circuits.failed("m", trial)

    assert circuits.waits_s("m") == OPEN_S * 2
