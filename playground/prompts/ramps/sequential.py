"""Compare two arms while looking at them as often as one likes. Pure.

An interval here is one of a confidence sequence: it covers the true difference at all times at
once with probability 1 - alpha, so that stopping at whatever moment it tells something is allowed.
A fixed-sample test that is looked at every minute raises a false alarm sooner or later.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

ALPHA = 0.05
TIGHTEST_AT = 1_000
# Below this many observations in an arm no limit theorem helps with long-tailed latencies.
FEWEST = 100


class Verdict(StrEnum):
    """What an interval says about a tolerated regression."""

    REGRESSED = "regressed"
    FINE = "fine"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Sums:
    """All that is kept of an arm's observations.

    Attributes:
        n: how many there were, or how many independent ones they are worth.
        total: their sum; of yes and no, how often it was yes.
        squares: the sum of their squares.
    """

    n: float = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """Return the mean, 0 of nothing."""
        return self.total / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """Return the unbiased variance, 0 of one."""
        if self.n <= 1:
            return 0.0
        return max(0.0, self.squares - self.total * self.mean) / (self.n - 1)

    def plus(self, value: float) -> "Sums":
        """Return the sums with one more observation."""
        return Sums(self.n + 1, self.total + value, self.squares + value * value)


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the difference candidate - baseline lies, in the metric's unit."""

    lower: float = -math.inf
    upper: float = math.inf


def difference_of_means(
    baseline: Sums,
    candidate: Sums,
    *,
    alpha: float = ALPHA,
    tightest_at: int = TIGHTEST_AT,
) -> Interval:
    """Bound the difference of two means: latency, cost, a score.

    An asymptotic confidence sequence for a randomised experiment, from the influence function of
    the difference in means. It is narrowest when ``tightest_at`` observations have been made, which
    has to be decided beforehand.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and
    asymptotic confidence sequences", Annals of Statistics 52 (2024), theorem 2.2, section 3.1 and,
    for rho, appendix B.2.
    """
    if min(baseline.n, candidate.n) < FEWEST:
        return Interval()
    n = baseline.n + candidate.n
    variance = n * (baseline.variance / baseline.n + candidate.variance / candidate.n)
    surprise = -2 * math.log(alpha)
    rho_squared = (surprise + math.log(surprise) + 1) / max(tightest_at, FEWEST)
    spread = n * rho_squared + 1
    factor = 2 * spread / (n * n * rho_squared) * math.log(math.sqrt(spread) / alpha)
    width = math.sqrt(variance * factor)
    middle = candidate.mean - baseline.mean
    return Interval(middle - width, middle + width)


def difference_of_rates(baseline: Sums, candidate: Sums, *, alpha: float = ALPHA) -> Interval:
    """Bound the difference of two proportions: errors, blocks, thumbs.

    Valid for any number of observations, also where nothing has happened yet, and however the
    observations are shared between the arms. For each arm the likelihood ratio against p, mixed
    over Jeffreys' prior, is a martingale if p is true; the product of both is one if both are, and
    by Ville's inequality rarely ever exceeds 1/alpha. The pairs of rates for which it does not make
    a convex set, of which the extreme differences are returned.

    Source: Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of
    Mathematical Statistics 41 (1970); Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform,
    nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021), section 3;
    as an always valid p-value, Johari, Koomen, Pekelis and Walsh, "Peeking at A/B tests",
    KDD (2017).
    """
    if not baseline.n or not candidate.n:
        return Interval(-1.0, 1.0)
    upper = _furthest(baseline, candidate, alpha)
    return Interval(-_furthest(candidate, baseline, alpha), upper)


def judge(interval: Interval, *, tolerated: float, lower_is_better: bool) -> Verdict:
    """Say whether the candidate is worse than the baseline by more than is tolerated."""
    least, most = (
        (interval.lower, interval.upper) if lower_is_better else (-interval.upper, -interval.lower)
    )
    if least > tolerated:
        return Verdict.REGRESSED
    return Verdict.FINE if most <= tolerated else Verdict.UNDECIDED


def _furthest(one: Sums, other: Sums, alpha: float) -> float:
    """Return by how much the other's rate may exceed the one's, rounded up.

    Where the difference is largest, both arms' evidence rises equally steeply: by the steepness,
    found by bisection, a quadratic equation gives the rates.
    """
    limit = -math.log(alpha)
    no_of_one = Sums(one.n, one.n - one.total)
    # The logarithm of the steepness, from what leaves the rates where they were seen.
    below, above = -20.0, 60.0
    difference = 1.0
    for _ in range(60):
        middle = (below + above) / 2
        steepness = math.exp(middle)
        low, high = 1 - _rate(no_of_one, steepness), _rate(other, steepness)
        if _evidence(one, low) + _evidence(other, high) < limit:
            below = middle
        else:
            above, difference = middle, high - low
    return difference


def _rate(sums: Sums, steepness: float) -> float:
    """Return the rate above the one that was seen where the evidence against it rises so fast."""
    n, yes = sums.n, sums.total
    root = math.sqrt((n - steepness) ** 2 + 4 * steepness * yes)
    # Both are the same number; each loses its digits where the other does not.
    if steepness < n:
        return min(1.0, 2 * yes / (n - steepness + root))
    return min(1.0, (steepness - n + root) / (2 * steepness))


def _evidence(sums: Sums, rate: float) -> float:
    """Return the logarithm of the mixture's likelihood ratio against the rate."""
    yes, no = sums.total, sums.n - sums.total
    mixture = math.lgamma(yes + 0.5) + math.lgamma(no + 0.5) - math.lgamma(sums.n + 1)
    return mixture - math.log(math.pi) - _times_log(yes, rate) - _times_log(no, 1.0 - rate)


def _times_log(count: float, rate: float) -> float:
    if count <= 0:
        return 0.0
    return count * math.log(rate) if rate > 0 else -math.inf
