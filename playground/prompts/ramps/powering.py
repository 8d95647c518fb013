"""Reckon how many calls a guard needs until it sees that the candidate is worse. Pure."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from playground.prompts.ramps import metrics
from playground.prompts.ramps.sequential import (
    TIGHTEST_AT,
    Sums,
    difference_of_means,
    difference_of_rates,
)
from playground.prompts.ramps.simulating import Stage

# Four ramps of five see it by then: so many standard errors chance may hide it by.
_HIDDEN_BY: Final = 0.8416
_FIRST, _MOST = 50.0, 1e9


@dataclass(frozen=True, slots=True)
class Sight:
    """What a guard can see.

    Attributes:
        effect: by how much the candidate is worse, in the metric's own unit.
        usual: the mean that was seen; ``worse`` is that of such a candidate.
        calls: of both arms together, in each stage, until it is seen four times in five; None
            where it never is.
    """

    metric: str
    effect: float
    usual: float
    worse: float
    calls: tuple[float | None, ...]


def effect_of(metric: str, tolerated: float, seen: Sums) -> float:
    """Return the effect to look for where nobody names one: twice what is tolerated."""
    if tolerated:
        return 2 * tolerated
    return 0.02 if metric in metrics.RATES else abs(seen.mean) / 10


def sight(
    metric: str,
    seen: Sums,
    stages: Sequence[Stage],
    *,
    effect: float,
    tolerated: float,
    lower_is_better: bool,
    alpha: float,
) -> Sight:
    """Say when a guard sees an effect, if calls go on as they were seen.

    Args:
        seen: what calls with the baseline turned out to be.
    """
    shift = effect if lower_is_better else -effect
    calls = [
        _needed(
            metric,
            (seen.mean, seen.variance),
            shift,
            tolerated=tolerated,
            share=stage.percent / 100,
            # Each stage is a period of its own, if none is paused.
            alpha=metrics.share_of_alpha(alpha, number),
            min_samples=stage.min_samples,
        )
        for number, stage in enumerate(stages, start=1)
    ]
    return Sight(metric, effect, seen.mean, _shifted(metric, seen.mean, shift), tuple(calls))


@functools.lru_cache(maxsize=2_000)
def _needed(
    metric: str,
    seen: tuple[float, float],
    effect: float,
    *,
    tolerated: float,
    share: float,
    alpha: float,
    min_samples: int,
) -> float | None:
    if share >= 1 or abs(effect) <= tolerated:
        return None

    def sees(calls: float) -> bool:
        return _worse_by(metric, seen, effect, calls, share, alpha, min_samples) > tolerated

    enough = _FIRST
    while not sees(enough):
        enough *= 4
        if enough > _MOST:
            return None
    too_few = enough / 4
    while enough / too_few > 1.05:
        middle = math.sqrt(too_few * enough)
        too_few, enough = (too_few, middle) if sees(middle) else (middle, enough)
    return enough


def _worse_by(
    metric: str,
    seen: tuple[float, float],
    effect: float,
    calls: float,
    share: float,
    alpha: float,
    min_samples: int,
) -> float:
    """Return how much worse the candidate is at least, after so many calls of an unlucky ramp."""
    mean, variance = seen
    n, other_n = calls * (1 - share), calls * share
    rates = metric in metrics.RATES
    worse = _shifted(metric, mean, effect)
    if rates:
        variance, other_variance = mean * (1 - mean), worse * (1 - worse)
    else:
        other_variance = variance
    error = math.sqrt(variance / n + other_variance / other_n)
    shown = worse - math.copysign(min(_HIDDEN_BY * error, abs(worse - mean)), effect)
    if rates:
        one, other = Sums(n, n * mean), Sums(other_n, other_n * shown)
        interval = difference_of_rates(one, other, alpha=alpha)
    else:
        tightest_at = round(min_samples / min(share, 1 - share)) or TIGHTEST_AT
        interval = difference_of_means(
            _sums(n, mean, variance),
            _sums(other_n, shown, variance),
            alpha=alpha,
            tightest_at=tightest_at,
        )
    return interval.lower if effect > 0 else -interval.upper


def _shifted(metric: str, mean: float, effect: float) -> float:
    shifted = mean + effect
    return min(1.0, max(0.0, shifted)) if metric in metrics.RATES else shifted


def _sums(n: float, mean: float, variance: float) -> Sums:
    return Sums(n, n * mean, variance * (n - 1) + n * mean * mean)
