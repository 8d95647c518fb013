"""Read how far a ramp is, who was exposed and how the arms compare."""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count
from django.db.models.functions import TruncHour

from playground.prompts.models import Exposure, GuardMetric, HourSums, Ramp
from playground.prompts.ramps.bucketing import Arm
from playground.prompts.ramps.guarding_ramps import comparisons, what_lacks
from playground.prompts.ramps.metrics import Comparison
from playground.prompts.ramps.observing import Seen, sums_of
from playground.prompts.ramps.sequential import Sums


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """What was seen of an arm.

    Attributes:
        n: observations; ``units`` is of how many units.
        worth: as how many independent observations they count.
    """

    n: int
    units: int
    mean: float | None
    worth: float


@dataclass(frozen=True, slots=True)
class GuardFigures:
    """A guard and what it sees in the current period; the difference is candidate - baseline.

    ``lower`` and ``upper`` bound the difference, and are None while nothing can be said.
    """

    kind: str
    lower_is_better: bool
    tolerated: float
    alpha: float
    verdict: str
    lower: float | None
    upper: float | None
    baseline: ArmFigures
    candidate: ArmFigures


@dataclass(frozen=True, slots=True)
class HourFigures:
    """An arm's metric in one hour; ``deviation`` is the standard deviation."""

    hour: dt.datetime
    metric: str
    arm: str
    n: int
    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class ExposedFigures:
    """How many units an arm has had first seen in one hour."""

    hour: dt.datetime
    arm: str
    units: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All that charts of a ramp are drawn from; ``lacks`` is what the stage still needs."""

    lacks: str
    exposed: dict[str, int]
    guards: Sequence[GuardFigures]
    exposure: Sequence[ExposedFigures]
    hours: Sequence[HourFigures]


def figures(ramp: Ramp, sums: Seen | None = None) -> Figures:
    """Return the figures of a ramp. Runs five queries.

    Args:
        sums: what was seen in the current period, where it was read already.
    """
    sums = sums_of(ramp) if sums is None else sums
    guards = {guard.kind: guard for guard in ramp.guards.all()}
    compared = {found.metric: found for found in comparisons(ramp, sums)}
    exposure = _exposure(ramp)
    return Figures(
        lacks=what_lacks(ramp, sums) if ramp.is_live else "",
        exposed={arm.value: sum(each.units for each in exposure if each.arm == arm) for arm in Arm},
        guards=[_guard(guard, compared.get(kind)) for kind, guard in guards.items()],
        exposure=exposure,
        hours=_hours(ramp),
    )


def _guard(guard: GuardMetric, found: Comparison | None) -> GuardFigures:
    return GuardFigures(
        kind=guard.kind,
        lower_is_better=guard.lower_is_better,
        tolerated=guard.tolerated,
        alpha=guard.alpha,
        verdict=found.verdict.value if found else "undecided",
        lower=_finite(found.interval.lower) if found else None,
        upper=_finite(found.interval.upper) if found else None,
        baseline=_arm(found, Arm.BASELINE),
        candidate=_arm(found, Arm.CANDIDATE),
    )


def _arm(found: Comparison | None, arm: Arm) -> ArmFigures:
    if found is None:
        return ArmFigures(0, 0, None, 0.0)
    sums = found.candidate if arm is Arm.CANDIDATE else found.baseline
    return ArmFigures(
        n=sums.n,
        units=sums.units,
        mean=sums.total / sums.n if sums.n else None,
        worth=sums.independent().n,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _exposure(ramp: Ramp) -> list[ExposedFigures]:
    rows = (
        Exposure.objects.filter(ramp=ramp)
        .annotate(hour=TruncHour("at", tzinfo=dt.UTC))
        .values("hour", "arm")
        .annotate(units=Count("unit"))
        .order_by("hour", "arm")
    )
    return [ExposedFigures(row["hour"], row["arm"], row["units"]) for row in rows]


def _hours(ramp: Ramp) -> list[HourFigures]:
    return [
        HourFigures(
            hour=row.hour,
            metric=row.metric,
            arm=row.arm,
            n=row.n,
            mean=row.total / row.n,
            deviation=math.sqrt(Sums(row.n, row.total, row.squares).variance),
        )
        for row in HourSums.objects.filter(ramp=ramp, n__gt=0).order_by("hour", "metric", "arm")
    ]
