"""Turn the figures of a ramp into its charts: who was exposed, and what each guard sees."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, DateTimeField, F, Func, Value

from playground.core.clock import now
from playground.gateway.charts import Chart
from playground.prompts.models import Exposure, Ramp
from playground.prompts.ramps.bucketing import Arm
from playground.prompts.ramps.charts import (
    Seen,
    Strip,
    arms_chart,
    bin_of,
    exposure_chart,
    strip,
)
from playground.prompts.ramps.figures import Figures, GuardFigures
from playground.prompts.ramps.wording import write


@dataclass(frozen=True, slots=True)
class Arms:
    """What one arm of a guard has seen."""

    key: str
    name: str
    value: str
    n: int


@dataclass(frozen=True, slots=True)
class Panel:
    """A guard metric: both arms over time, and what can be said about their difference."""

    chart: Chart
    strip: Strip
    verdict: str
    arms: tuple[Arms, ...]
    alpha: float


@dataclass(frozen=True, slots=True)
class Exposed:
    """How many units each arm has had."""

    chart: Chart
    candidate: int
    total: int


def panels_of(ramp: Ramp, seen: Figures) -> tuple[Panel, ...]:
    """Return a panel for each guard."""
    start, end = _span(ramp)
    # Kept by the hour, so that no slot can be shorter.
    seconds = max(3600, bin_of((end - start).total_seconds()))
    panels = []
    for guard in seen.guards:
        hours = [
            Seen(each.hour, each.arm, each.n, each.mean * each.n)
            for each in seen.hours
            if each.metric == guard.kind
        ]
        drawn = arms_chart(guard.kind, hours, start=start, end=end, seconds=seconds)
        panels.append(_panel(ramp, guard, drawn))
    return tuple(panels)


def _panel(ramp: Ramp, guard: GuardFigures, chart: Chart) -> Panel:
    one, other = guard.baseline.mean, guard.candidate.mean
    seen = one is not None and other is not None
    known = seen and guard.lower is not None and guard.upper is not None
    found = {Arm.BASELINE: guard.baseline, Arm.CANDIDATE: guard.candidate}
    return Panel(
        chart=chart,
        strip=strip(
            guard.kind,
            bounds=(guard.lower or 0.0, guard.upper or 0.0) if known else None,
            middle=(other or 0.0) - (one or 0.0),
            tolerated=guard.tolerated,
            lower_is_better=guard.lower_is_better,
            verdict=guard.verdict,
            alone=ramp.step.percent >= 100,
        ),
        verdict=guard.verdict,
        arms=tuple(
            Arms(
                arm.value,
                named(ramp, arm),
                "–" if each.mean is None else write(guard.kind, each.mean),
                each.n,
            )
            for arm, each in found.items()
        ),
        alpha=guard.alpha,
    )


def exposed_of(ramp: Ramp, seen: Figures) -> Exposed:
    """Return how many units each arm has had over time; one query."""
    start, end = _span(ramp)
    seconds = bin_of((end - start).total_seconds())
    slot = Func(
        Value(dt.timedelta(seconds=seconds)),
        F("at"),
        Value(dt.datetime(1970, 1, 1, tzinfo=dt.UTC)),
        function="date_bin",
        output_field=DateTimeField(),
    )
    rows = (
        Exposure.objects.filter(ramp=ramp)
        .annotate(slot=slot)
        .values_list("slot", "arm")
        .annotate(units=Count("unit"))
        .order_by("slot", "arm")
    )
    points = [Seen(at, arm, units, 0.0) for at, arm, units in rows]
    candidate = seen.exposed.get(Arm.CANDIDATE, 0)
    return Exposed(
        chart=exposure_chart(points, start=start, end=end, seconds=seconds, unit=ramp.unit),
        candidate=candidate,
        total=sum(seen.exposed.values()),
    )


def named(ramp: Ramp, arm: Arm) -> str:
    """Name an arm by its version."""
    return f"v{(ramp.candidate if arm is Arm.CANDIDATE else ramp.baseline).number}"


def _span(ramp: Ramp) -> tuple[dt.datetime, dt.datetime]:
    return ramp.created_at, ramp.ended_at or now()
