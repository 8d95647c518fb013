"""What ramps are guarded by: kinds of metrics, how each is compared and which way is better. Pure.

A call tells whether it failed, how long it took, what it cost and whether a rule blocked it; what
people and evaluators say of it comes later, and may change.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from playground.core.errors import InvalidInput
from playground.prompts.ramps.clustering import UnitSums
from playground.prompts.ramps.sequential import (
    Interval,
    Verdict,
    difference_of_means,
    difference_of_rates,
    judge,
)

ERROR_RATE = "error_rate"
BLOCK_RATE = "block_rate"
LATENCY_MS = "latency_ms"
COST_USD = "cost_usd"
THUMBS = "thumbs"
# Of yes and no; the others are numbers.
RATES = frozenset((ERROR_RATE, BLOCK_RATE, THUMBS))
MEANS = frozenset((LATENCY_MS, COST_USD))
_SCORE = re.compile(r"score:[a-z0-9][a-z0-9_.-]{0,63}")
# That every call tells by itself.
OF_CALLS = frozenset((ERROR_RATE, BLOCK_RATE, LATENCY_MS, COST_USD))
# Of which the sums of squares stay within a float, whatever callers say.
LARGEST = 1e12


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two arms of one metric, and what can be said about their difference so far."""

    metric: str
    baseline: UnitSums
    candidate: UnitSums
    interval: Interval
    lower_is_better: bool
    verdict: Verdict

    @property
    def worse_by(self) -> float:
        """Return by how much the candidate is worse at least, in the metric's own unit."""
        return self.interval.lower if self.lower_is_better else -self.interval.upper


def of_feedback(key: str) -> str:
    """Return the metric that feedback under a key counts for."""
    return THUMBS if key == THUMBS else f"score:{key}"


def said_first(metric: str) -> str:
    """Return under which name the first values of a metric are summed up."""
    return f"first:{metric}"


def is_known(metric: str) -> bool:
    """Return whether there is such a metric."""
    return metric in RATES | MEANS or _SCORE.fullmatch(metric) is not None


def lower_is_better(metric: str) -> bool:
    """Return which way the metric is better where nobody says it otherwise."""
    return metric != THUMBS and not metric.startswith("score:")


def checked(outcome: Mapping[str, float]) -> dict[str, float]:
    """Return what was observed, as numbers.

    Raises:
        InvalidInput: ``ramp.metric-unknown``, or ``ramp.observation-invalid``: no finite number
            that such a metric can have.
    """
    for metric, value in outcome.items():
        check_known(metric)
        usual = math.isfinite(value) and abs(value) <= LARGEST
        if not usual or (metric in RATES and value not in (0, 1)):
            raise InvalidInput(
                "ramp.observation-invalid",
                f"{metric} is {'0 or 1' if metric in RATES else 'a number'}.",
            )
    return {metric: float(value) for metric, value in outcome.items()}


def check_known(metric: str) -> None:
    """Refuse a metric that nothing is observed of.

    Raises:
        InvalidInput: ``ramp.metric-unknown``.
    """
    if not is_known(metric):
        names = ", ".join(sorted(RATES | MEANS))
        raise InvalidInput(
            "ramp.metric-unknown", f"A metric is one of {names} or score:<evaluator>."
        )


def share_of_alpha(alpha: float, period: int) -> float:
    """Return the part of alpha that a period may use up; all parts together are alpha.

    Every period is a test of its own, and nobody knows beforehand how many there will be.
    """
    return alpha / (period * (period + 1))


def compare(
    metric: str,
    baseline: UnitSums,
    candidate: UnitSums,
    *,
    tolerated: float,
    lower_is_better: bool,
    alpha: float,
    tightest_at: int,
) -> Comparison:
    """Compare the arms by the method that fits the metric."""
    one, other = baseline.independent(), candidate.independent()
    if metric in RATES:
        interval = difference_of_rates(one, other, alpha=alpha)
    else:
        interval = difference_of_means(one, other, alpha=alpha, tightest_at=tightest_at)
    verdict = judge(interval, tolerated=tolerated, lower_is_better=lower_is_better)
    return Comparison(metric, baseline, candidate, interval, lower_is_better, verdict)


def cautious(now: Comparison, first: Comparison, *, tolerated: float) -> Comparison:
    """Return what is certain by both, what is said now and what was said first.

    The interval holds both. It excludes the true difference only where that of the first values
    does, which nobody revises: so it covers it at all times at once with probability 1 - alpha.
    """
    interval = Interval(
        min(now.interval.lower, first.interval.lower), max(now.interval.upper, first.interval.upper)
    )
    verdict = judge(interval, tolerated=tolerated, lower_is_better=now.lower_is_better)
    return replace(now, interval=interval, verdict=verdict)
