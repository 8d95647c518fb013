"""Looking at any time costs no false alarms, and real differences are found.

Each simulation draws a fixed stream of numbers, so that its outcome never changes.
"""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.prompts.ramps import metrics
from playground.prompts.ramps.clustering import UnitSums
from playground.prompts.ramps.sequential import (
    Interval,
    Sums,
    Verdict,
    difference_of_means,
    difference_of_rates,
    judge,
)

Compare = Callable[[Sums, Sums], Interval]


def looks(values: np.ndarray, arms: np.ndarray, *, every: int) -> Iterator[tuple[Sums, Sums]]:
    """Give both arms' sums again and again while values arrive one by one."""
    sides = []
    for arm in (0, 1):
        mine = arms == arm
        sides.append(
            (
                np.cumsum(mine),
                np.cumsum(np.where(mine, values, 0.0)),
                np.cumsum(np.where(mine, values**2, 0.0)),
            )
        )
    for end in range(every - 1, len(values), every):
        yield tuple(Sums(int(n[end]), float(t[end]), float(q[end])) for n, t, q in sides)


def latencies(random: np.random.Generator, arms: np.ndarray, slower_ms: float) -> np.ndarray:
    return random.lognormal(6.0, 0.8, len(arms)) + slower_ms * arms


def errors(random: np.random.Generator, arms: np.ndarray, more: float) -> np.ndarray:
    return (random.random(len(arms)) < 0.02 + more * arms).astype(float)


def alarms(
    draw: Callable[[np.random.Generator, np.ndarray, float], np.ndarray],
    compare: Compare,
    *,
    difference: float,
    tolerated: float,
    runs: int,
    length: int,
    every: int,
    share: float = 0.5,
) -> tuple[int, int]:
    """Count the runs in which the test ever cried, and those whose interval ever missed."""
    random = np.random.default_rng(20261128)
    cried = missed = 0
    for _ in range(runs):
        arms = (random.random(length) < share).astype(int)
        intervals = [
            compare(*both) for both in looks(draw(random, arms, difference), arms, every=every)
        ]
        cried += any(
            judge(each, tolerated=tolerated, lower_is_better=True) is Verdict.REGRESSED
            for each in intervals
        )
        missed += any(not each.lower <= difference <= each.upper for each in intervals)
    return cried, missed


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_it_covers_the_difference_of_means_at_all_times(share):
    _, missed = alarms(
        latencies, difference_of_means, difference=40, tolerated=40,
        runs=300, length=3_000, every=20, share=share,
    )  # fmt: skip

    assert missed <= 0.05 * 300


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_it_covers_the_difference_of_rates_at_all_times(share):
    cried, missed = alarms(
        errors, difference_of_rates, difference=0.01, tolerated=0.01,
        runs=60, length=1_000, every=25, share=share,
    )  # fmt: skip

    assert missed <= 0.05 * 60
    assert cried <= missed


def test_it_would_have_cried_wolf_with_a_test_of_fixed_size():
    def fixed(baseline: Sums, candidate: Sums) -> Interval:
        spread = math.sqrt(
            sum(arm.variance / arm.n for arm in (baseline, candidate) if arm.n > 1) or math.inf
        )
        middle = candidate.mean - baseline.mean
        return Interval(middle - 1.96 * spread, middle + 1.96 * spread)

    _, missed = alarms(
        latencies, fixed, difference=0, tolerated=0, runs=200, length=3_000, every=20
    )

    # What the tests above guard against is there to be found.
    assert missed > 0.2 * 200


@pytest.mark.parametrize(
    ("draw", "compare", "difference", "tolerated", "share"),
    [
        (latencies, difference_of_means, 200, 50, 0.5),
        (latencies, difference_of_means, 300, 50, 0.1),
        (errors, difference_of_rates, 0.10, 0.01, 0.5),
        (errors, difference_of_rates, 0.30, 0.01, 0.1),
    ],
)
def test_it_finds_a_real_regression(draw, compare, difference, tolerated, share):
    cried, _ = alarms(
        draw, compare, difference=difference, tolerated=tolerated,
        runs=20, length=2_000, every=100, share=share,
    )  # fmt: skip

    assert cried >= 19


def test_it_says_fine_when_enough_was_seen():
    same = Sums(20_000, 200, 200)

    interval = difference_of_rates(same, same)

    assert judge(interval, tolerated=0.01, lower_is_better=True) is Verdict.FINE


def test_it_finds_that_everything_fails_within_a_few_calls():
    interval = difference_of_rates(Sums(90, 1, 1), Sums(10, 10, 10))

    assert judge(interval, tolerated=0.05, lower_is_better=True) is Verdict.REGRESSED


def test_it_turns_the_difference_round_when_more_is_better():
    fewer_thumbs = Interval(-0.3, -0.2)

    assert judge(fewer_thumbs, tolerated=0.1, lower_is_better=False) is Verdict.REGRESSED
    assert judge(fewer_thumbs, tolerated=0.1, lower_is_better=True) is Verdict.FINE


def test_it_is_undecided_when_little_was_seen():
    nothing, little = Sums(), Sums(20, 20_000, 3e7)

    for interval in (
        difference_of_means(nothing, nothing),
        difference_of_means(little, little),
        difference_of_rates(nothing, Sums(10, 10, 10)),
    ):
        assert judge(interval, tolerated=0.5, lower_is_better=True) is Verdict.UNDECIDED


counts = st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


@settings(max_examples=60)
@given(counts, counts)
def test_it_keeps_what_was_seen_within_its_interval(one, other):
    baseline, candidate = (Sums(n, yes, yes) for n, yes in (one, other))

    interval = difference_of_rates(baseline, candidate)
    mirrored = difference_of_rates(candidate, baseline)

    assert -1 <= interval.lower <= candidate.mean - baseline.mean <= interval.upper <= 1
    assert mirrored.lower == pytest.approx(-interval.upper, abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-100, 100)), min_size=2, max_size=40))
def test_it_keeps_the_sums_over_units_while_observations_come(observed):
    sums, units = UnitSums(), {}
    for unit, value in observed:
        seen, total = units.get(unit, (0, 0.0))
        sums = sums.plus(value, seen=seen, total=total)
        units[unit] = (seen + 1, total + value)

    assert (sums.n, sums.units) == (len(observed), len(units))
    assert sums.counts_squared == sum(n * n for n, _ in units.values())
    assert sums.products == pytest.approx(sum(n * t for n, t in units.values()), abs=1e-6)
    assert sums.totals_squared == pytest.approx(sum(t * t for _, t in units.values()), abs=1e-6)


def test_it_counts_every_call_when_each_is_of_another_unit():
    random = np.random.default_rng(7)
    sums = UnitSums()
    for value in random.normal(5, 2, 400):
        sums = sums.plus(float(value), seen=0, total=0.0)

    assert sums.independent().n == pytest.approx(400, rel=0.01)


def thumbs(values: np.ndarray, arms: np.ndarray) -> metrics.Comparison:
    """Compare thumbs, each of a unit of its own."""
    sides = []
    for arm in (0, 1):
        mine = values[arms == arm]
        n, total = len(mine), float(mine.sum())
        sides.append(UnitSums(n, total, total, n, n, total, total))
    return metrics.compare(
        metrics.THUMBS, *sides, tolerated=0, lower_is_better=False, alpha=0.05, tightest_at=1
    )


def test_it_cries_wolf_no_more_often_when_people_change_their_minds():
    random = np.random.default_rng(11)
    naive = careful = 0
    for _ in range(60):
        arms = random.integers(0, 2, 240)
        first = (random.random(240) < 0.7).astype(float)
        fooled = cried = False
        for end in range(20, 241, 20):
            # A fifth of those who liked the candidate say otherwise for a while, and then go back.
            now = first[:end].copy()
            wavering = (arms[:end] == 1) & (random.random(end) < 0.2)
            now[wavering] = 0.0
            one, other = thumbs(now, arms[:end]), thumbs(first[:end], arms[:end])
            fooled |= one.verdict is Verdict.REGRESSED
            both = metrics.cautious(one, other, tolerated=0)
            cried |= both.verdict is Verdict.REGRESSED
        naive += fooled
        careful += cried

    assert naive / 60 > 0.1
    assert careful / 60 <= 0.05


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32))
@settings(max_examples=60)
def test_it_is_certain_only_of_what_both_are_certain_of(n, m, seed):
    random = np.random.default_rng(seed)
    arms = np.array([0] * n + [1] * m)
    now, first = (thumbs(random.integers(0, 2, n + m).astype(float), arms) for _ in range(2))

    both = metrics.cautious(now, first, tolerated=0)

    for one in (now, first):
        assert both.interval.lower <= one.interval.lower
        assert both.interval.upper >= one.interval.upper
        assert both.verdict in (one.verdict, Verdict.UNDECIDED)


def of_units(random: np.random.Generator, *, units: int, calls: int) -> Iterator[UnitSums]:
    """Give an arm's sums while units, each with errors of its own, call one after the other."""
    rates = random.beta(0.4, 3.6, units)
    seen, total, sums = np.zeros(units, int), np.zeros(units), UnitSums()
    for call, unit in enumerate(itertools.islice(itertools.cycle(range(units)), units * calls)):
        value = float(random.random() < rates[unit])
        sums = sums.plus(value, seen=int(seen[unit]), total=float(total[unit]))
        seen[unit] += 1
        total[unit] += value
        if call % units == units - 1 and call // units % 4 == 3:
            yield sums


def test_it_takes_differences_between_units_for_none_between_arms():
    random = np.random.default_rng(11)
    cried = boldly = 0
    for _ in range(40):
        arms = [list(of_units(random, units=60, calls=40)) for _ in range(2)]
        pairs = list(zip(*arms, strict=True))
        cried += any(
            not interval.lower <= 0 <= interval.upper
            for interval in (
                difference_of_rates(one.independent(), other.independent()) for one, other in pairs
            )
        )
        boldly += any(
            not interval.lower <= 0 <= interval.upper
            for interval in (
                difference_of_rates(*(Sums(arm.n, arm.total, arm.squares) for arm in (one, other)))
                for one, other in pairs
            )
        )

    assert cried <= 0.05 * 40
    assert boldly > 0.1 * 40


def test_it_counts_each_unit_once_when_there_are_few_or_all_alike():
    few, alike = UnitSums(), UnitSums()
    for call in range(200):
        few = few.plus(float(call % 2), seen=call // 10, total=float(call // 20))
        alike = alike.plus(0.0, seen=call // 100, total=0.0)

    assert few.independent().n == few.units
    assert alike.independent().n == pytest.approx(alike.units)
