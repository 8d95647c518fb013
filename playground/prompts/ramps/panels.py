"""Turn the figures of a ramp into its charts: who was exposed, and what each guard sees."""

from dataclasses import dataclass

from playground.gateway.charts import Chart
from playground.prompts.models import Ramp
from playground.prompts.ramps import metrics
from playground.prompts.ramps.bucketing import Arm
from playground.prompts.ramps.charts import Seen, Strip, arms_chart, exposure_chart, strip
from playground.prompts.ramps.figures import Figures, GuardFigures, span_of
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
    start, end = span_of(ramp)
    panels = []
    for guard in seen.guards:
        slots = [
            Seen(each.at, each.arm, each.n, each.mean * each.n)
            for each in seen.slots
            if each.metric == guard.kind
        ]
        drawn = arms_chart(
            guard.kind,
            slots,
            start=start,
            end=end,
            seconds=seen.slot_s,
            threshold=_threshold(guard),
        )
        panels.append(_panel(ramp, guard, drawn))
    return tuple(panels)


def _threshold(guard: GuardFigures) -> float | None:
    """Return the candidate's mean from which on it is worse than is tolerated."""
    mean = guard.baseline.mean
    if mean is None:
        return None
    worse = mean + guard.tolerated if guard.lower_is_better else mean - guard.tolerated
    return max(0.0, worse) if guard.kind in metrics.RATES else worse


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
    """Return how many units each arm has had over time."""
    start, end = span_of(ramp)
    points = [Seen(each.at, each.arm, each.units, 0.0) for each in seen.exposure]
    return Exposed(
        chart=exposure_chart(points, start=start, end=end, seconds=seen.slot_s, unit=ramp.unit),
        candidate=seen.exposed.get(Arm.CANDIDATE, 0),
        total=sum(seen.exposed.values()),
    )


def named(ramp: Ramp, arm: Arm) -> str:
    """Name an arm by its version."""
    return f"v{(ramp.candidate if arm is Arm.CANDIDATE else ramp.baseline).number}"
