"""Read how far a ramp is, who was exposed and how the arms compare."""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import DateTimeField, F, Func, Sum, Value
from django.db.models.functions import Greatest

from playground.core.clock import now
from playground.prompts.models import ExposedSums, GuardMetric, Ramp, SlotSums
from playground.prompts.ramps.bucketing import Arm
from playground.prompts.ramps.guarding_ramps import comparisons, what_lacks
from playground.prompts.ramps.metrics import Comparison
from playground.prompts.ramps.observing import Seen, sums_of
from playground.prompts.ramps.sequential import Sums
from playground.prompts.ramps.slotting import begin_of, slot_of


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
class SlotFigures:
    """An arm's metric in the slot from ``at`` on; ``deviation`` is the standard deviation."""

    at: dt.datetime
    metric: str
    arm: str
    n: int
    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class ExposedFigures:
    """How many units an arm has had first seen in the slot from ``at`` on."""

    at: dt.datetime
    arm: str
    units: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All that charts of a ramp are drawn from.

    Attributes:
        lacks: what the stage still needs.
        slot_s: how long the slots of ``exposure`` and ``slots`` are: of the whole ramp there are
            about 120.
    """

    lacks: str
    slot_s: int
    exposed: dict[str, int]
    guards: Sequence[GuardFigures]
    exposure: Sequence[ExposedFigures]
    slots: Sequence[SlotFigures]


def figures(ramp: Ramp, sums: Seen | None = None) -> Figures:
    """Return the figures of a ramp. Runs six queries, of sums alone.

    Args:
        sums: what was seen in the current period, where it was read already.
    """
    sums = sums_of(ramp) if sums is None else sums
    guards = {guard.kind: guard for guard in ramp.guards.all()}
    compared = {found.metric: found for found in comparisons(ramp, sums)}
    start, end = span_of(ramp)
    seconds = slot_of((end - start).total_seconds())
    at = _slotted(seconds, begin_of(start, seconds))
    exposure = _exposure(ramp, at)
    return Figures(
        lacks=what_lacks(ramp, sums) if ramp.is_live else "",
        slot_s=seconds,
        exposed={arm.value: sum(each.units for each in exposure if each.arm == arm) for arm in Arm},
        guards=[_guard(guard, compared.get(kind)) for kind, guard in guards.items()],
        exposure=exposure,
        slots=_slots(ramp, at),
    )


def span_of(ramp: Ramp) -> tuple[dt.datetime, dt.datetime]:
    """Return when the ramp began to assign callers and when it ended, now while it has not."""
    end = ramp.ended_at or now()
    return ramp.started_at or end, end


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


def _exposure(ramp: Ramp, at: Func) -> list[ExposedFigures]:
    rows = (
        ExposedSums.objects.filter(ramp=ramp)
        .annotate(at=at)
        .values_list("at", "arm")
        .annotate(sum_of_units=Sum("units"))
        .order_by("at", "arm")
    )
    return [ExposedFigures(at, arm, units) for at, arm, units in rows]


def _slots(ramp: Ramp, at: Func) -> list[SlotFigures]:
    rows = (
        SlotSums.objects.filter(ramp=ramp)
        .annotate(at=at)
        .values_list("at", "metric", "arm")
        .annotate(Sum("n"), Sum("total"), Sum("squares"))
        .order_by("at", "metric", "arm")
    )
    return [
        SlotFigures(
            at=at,
            metric=metric,
            arm=arm,
            n=n,
            mean=total / n,
            deviation=math.sqrt(Sums(n, total, squares).variance),
        )
        for at, metric, arm, n, total, squares in rows
        if n > 0
    ]


def _slotted(seconds: int, first: dt.datetime) -> Func:
    binned = Func(
        Value(dt.timedelta(seconds=seconds)),
        F("slot"),
        Value(dt.datetime(1970, 1, 1, tzinfo=dt.UTC)),
        function="date_bin",
        output_field=DateTimeField(),
    )
    # What was once kept by the hour lies in the hour that began before the ramp did.
    return Greatest(binned, Value(first))
