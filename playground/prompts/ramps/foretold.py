"""Word what a plan would do, for the page that plans it and for that of a draft."""

from collections.abc import Sequence
from dataclasses import dataclass

from playground.core.context import RequestContext
from playground.prompts.finding import find_prompt
from playground.prompts.models import Ramp
from playground.prompts.ramps.bucketing import Arm
from playground.prompts.ramps.callers import DAYS, Traffic
from playground.prompts.ramps.clustering import FEWEST_UNITS
from playground.prompts.ramps.foretelling import Foretelling, foretell, untold
from playground.prompts.ramps.planning import Plan
from playground.prompts.ramps.powering import Sight
from playground.prompts.ramps.simulating import Expected, Placed, Simulation, Someone
from playground.prompts.ramps.wording import counted, name_of, plural, write

_SHOWN = 12
_WITHOUT = {Ramp.Unit.KEY.value: "an API key", Ramp.Unit.THREAD.value: "a thread"}


@dataclass(frozen=True, slots=True)
class Lasting:
    """A stage as it is foretold: the part of those asked about, and how long, in words."""

    percent: float
    candidates: int
    share: float
    lasts: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """Somebody, with the arm of each stage and why they begin in theirs."""

    key: str
    calls: int
    arms: tuple[bool, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Seeing:
    """What a guard needs in a stage until it notices; ``late`` where the stage ends before."""

    calls: str
    takes: str
    late: bool


@dataclass(frozen=True, slots=True)
class Watching:
    """A guard, what its metric is and would be with a worse candidate, and when it notices."""

    name: str
    usual: str
    worse: str
    stages: tuple[Seeing, ...]


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a plan would do.

    Attributes:
        who: of whom it is told, in words.
        pace: the traffic that is reckoned with, in words.
        untold: guarded metrics that nobody has told of the prompt yet; ``unknown`` those of which
            too little is known to reckon with.
        warnings: what makes the ramp say less than one may think.
    """

    stages: tuple[Lasting, ...]
    drawn: tuple[Drawn, ...]
    asked: int
    who: str
    recent: bool
    lasts: str
    endless: bool
    pace: str
    watching: tuple[Watching, ...]
    untold: tuple[str, ...]
    unknown: tuple[str, ...]
    warnings: tuple[str, ...]


def foretold(
    context: RequestContext,
    path: str,
    plan: Plan,
    *,
    keys: Sequence[str] = (),
    days: int = DAYS,
    effects: dict[str, float] | None = None,
) -> Foretold:
    """Foretell a plan for the keys, else for who called in the last days, else for a crowd.

    Args:
        days: 0 is the crowd.

    Raises:
        NotFound, InvalidInput: see ``foretelling.foretell``.
    """
    prompt = find_prompt(context, path, audit=False)
    told = foretell(
        context,
        path,
        plan,
        units=[Someone(key, {}) for key in keys],
        recent=days > 0,
        days=days or DAYS,
        effects=effects,
    )
    simulation = told.simulation
    lacking = tuple(untold(prompt, plan))
    return Foretold(
        stages=tuple(_lasting(each, len(simulation.placed)) for each in simulation.stages),
        drawn=tuple(map(_drawn, _typical(simulation, whole=bool(keys)))),
        asked=len(simulation.placed),
        who=_who(told, plan),
        recent=told.source == "recent",
        lasts=_lasts(simulation.minutes),
        endless=simulation.minutes is None,
        pace=_pace(told.traffic, plan.unit),
        watching=tuple(_watching(each, simulation) for each in told.sights),
        untold=lacking,
        unknown=tuple(name_of(each) for each in told.unseen if each not in lacking),
        warnings=tuple(_warnings(told, plan)),
    )


def _who(told: Foretelling, plan: Plan) -> str:
    count = len(told.simulation.placed)
    if told.source == "given":
        return f"the {counted(count, 'key')} that you named"
    if told.source == "recent":
        return (
            f"the {counted(count, plan.unit)} that used it in the last {_days(told.traffic.days)}"
        )
    return f"a made-up crowd of {count:,}"


def _pace(traffic: Traffic, unit: str) -> str:
    if not traffic.calls:
        return f"no calls in the last {_days(traffic.days)}"
    since = _days(traffic.days)
    if traffic.hours < traffic.days * 24 * 0.9:
        since = f"{traffic.hours:.0f} h" if traffic.hours < 48 else _days(round(traffic.hours / 24))
    by = traffic.units_per_day
    many = f"{by:,.0f}" if by >= 10 else f"{by:.1f}".removesuffix(".0")
    calls, units = _counted(traffic.calls_per_hour * 24, "call"), plural(unit, one=many == "1")
    return f"{calls} by {many} {units} a day, the mean of the last {since}"


def _warnings(told: Foretelling, plan: Plan) -> list[str]:
    traffic, said = told.traffic, []
    if traffic.mostly_without:
        what = _WITHOUT.get(plan.unit, f"a {plan.unit}")
        said.append(
            f"{traffic.without:,} of the last {counted(traffic.calls, 'call')} came without "
            f"{what}: whoever calls so stays with the baseline."
        )
    share = plan.stages[0].percent / 100
    arm = len(traffic.people) * min(share, 1 - share)
    if plan.guards and share < 1 and 0 < arm < FEWEST_UNITS:
        said.append(
            f"The smaller arm of the first stage is about {_count(arm)} of "
            f"{counted(len(traffic.people), plan.unit)}. With fewer than {FEWEST_UNITS} in an arm "
            "each of them counts once, however often they call: guards see less than the table "
            "says."
        )
    return said


def _watching(sight: Sight, simulation: Simulation) -> Watching:
    minutes = simulation.minutes_for(sight.calls)
    return Watching(
        name=name_of(sight.metric),
        usual=write(sight.metric, sight.usual),
        worse=write(sight.metric, sight.worse),
        stages=tuple(
            _seeing(calls, takes, stage)
            for calls, takes, stage in zip(sight.calls, minutes, simulation.stages, strict=True)
        ),
    )


def _seeing(calls: float | None, minutes: float | None, expected: Expected) -> Seeing:
    if expected.stage.percent >= 100:
        return Seeing("–", "", late=False)
    if calls is None:
        return Seeing("never", "", late=True)
    lasts = expected.minutes
    late = lasts is not None and (minutes is None or minutes > lasts)
    return Seeing(f"about {_counted(calls, 'call')}", _lasts(minutes), late=late)


def _lasting(expected: Expected, asked: int) -> Lasting:
    return Lasting(
        percent=expected.stage.percent,
        candidates=expected.candidates,
        share=100 * expected.candidates / max(1, asked),
        lasts=_lasts(expected.minutes),
    )


def _lasts(minutes: float | None) -> str:
    if minutes is None:
        return "never"
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 60 * 48 else f"{minutes / 60 / 24:.1f} days"


def _count(number: float) -> str:
    """Write a number that is only about right."""
    return f"{number:,.0f}" if number < 100 else f"{float(f'{number:.2g}'):,.0f}"


def _counted(number: float, noun: str) -> str:
    count = _count(number)
    return f"{count} {plural(noun, one=count == '1')}"


def _days(days: int) -> str:
    return "day" if days == 1 else f"{days} days"


def _typical(told: Simulation, *, whole: bool) -> list[Placed]:
    """Return everybody asked about; of a crowd some of each stage, those whom rules pick first."""
    if whole:
        return list(told.placed)
    alike: dict[tuple[bool, int], list[Placed]] = {}
    for placed in told.placed:
        joins = sum(each.arm is Arm.BASELINE for each in placed.assignments)
        drawn = placed.assignments[0].bucket is not None
        alike.setdefault((drawn, joins), []).append(placed)
    each_of = max(1, _SHOWN // max(1, len(alike)))
    return [placed for key in sorted(alike) for placed in alike[key][:each_of]]


def _drawn(placed: Placed) -> Drawn:
    return Drawn(
        key=placed.someone.key or "",
        calls=placed.someone.calls,
        arms=tuple(each.arm is Arm.CANDIDATE for each in placed.assignments),
        reason=placed.assignments[0].reason,
    )
