"""Say what a planned ramp would do, from the traffic that its label has had."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from django.db.models import Sum

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.models import ArmSums, Prompt
from playground.prompts.ramps import metrics
from playground.prompts.ramps.bucketing import Arm
from playground.prompts.ramps.callers import DAYS, Traffic, traffic_of
from playground.prompts.ramps.drafting import salt_for
from playground.prompts.ramps.planning import Plan
from playground.prompts.ramps.powering import Sight, effect_of, sight
from playground.prompts.ramps.sequential import Sums
from playground.prompts.ramps.simulating import Simulation, Someone, crowd, simulate

Source = Literal["given", "recent", "made-up"]
# What fewer calls say of a metric is chance.
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class Foretelling:
    """What a ramp would do, for whom, and by what traffic.

    Attributes:
        source: whether the units were ``given``, called of late, or are made up.
        sights: what each guard can see; none of a metric that nobody has told anything of.
        unseen: guarded metrics of which nothing is known, so that nothing can be reckoned.
    """

    simulation: Simulation
    source: Source
    traffic: Traffic
    calls_per_hour: float
    sights: tuple[Sight, ...]
    unseen: tuple[str, ...]


def foretell(
    context: RequestContext,
    path: str,
    plan: Plan,
    *,
    units: Sequence[Someone] = (),
    recent: bool = True,
    days: int = DAYS,
    calls_per_hour: float | None = None,
    effects: Mapping[str, float] | None = None,
) -> Foretelling:
    """Simulate a plan with the salt that it will have.

    Args:
        units: to ask about; none are those that called of late, or a crowd of 1,000 where nobody
            did, or where ``recent`` is false.
        days: to look back for traffic.
        calls_per_hour: None takes the mean of these days, as traces tell it.
        effects: how much worse, by metric, somebody wants to see; else twice what is tolerated.

    Raises:
        NotFound: there is no such prompt, version or label.
        InvalidInput: ``ramp.effect``, an effect that is tolerated, or of a metric without a guard.
    """
    prompt = find_prompt(context, path, audit=False)
    version_of(prompt, version=plan.candidate)
    version_of(prompt, label=plan.label)
    traffic = traffic_of(prompt, plan.label, unit=plan.unit, days=days)
    calls = traffic.calls_per_hour if calls_per_hour is None else calls_per_hour
    source: Source = "made-up"
    if units:
        source = "given"
    elif recent and traffic.people:
        source = "recent"
    asked = {"given": units, "recent": traffic.people, "made-up": crowd(plan.unit)}[source]
    simulation = simulate(
        plan.steps,
        salt=salt_for(prompt, plan),
        rules=plan.rules,
        units=[
            Someone(
                each.key, {"team": context.team, "key": each.key, **each.attributes}, each.calls
            )
            for each in asked
        ],
        calls_per_hour=calls,
    )
    sights, unseen = _sights(prompt, plan, traffic, effects or {})
    return Foretelling(simulation, source, traffic, calls, sights, unseen)


def untold(prompt: Prompt, plan: Plan) -> list[str]:
    """Return the guarded metrics that no call tells by itself, and nobody has told of the prompt.

    Their guards decide nothing until somebody does.
    """
    kinds = {guard.kind for guard in plan.guards} - metrics.OF_CALLS
    told = ArmSums.objects.filter(ramp__prompt=prompt, metric__in=kinds)
    return sorted(kinds - set(told.values_list("metric", flat=True)))


def _sights(
    prompt: Prompt, plan: Plan, traffic: Traffic, effects: Mapping[str, float]
) -> tuple[tuple[Sight, ...], tuple[str, ...]]:
    known = {**traffic.seen, **_seen_of_ramps(prompt, plan)}
    sights, unseen = [], []
    for kind in effects.keys() - {guard.kind for guard in plan.guards}:
        raise _fault(f"effects.{kind}", "no guard of the plan watches this")
    for number, guard in enumerate(plan.guards):
        seen = known.get(guard.kind, Sums())
        effect = effects.get(guard.kind)
        if effect is not None and effect <= guard.tolerated:
            raise _fault(f"guards.{number}.effect", "this must be more than is tolerated")
        if seen.n < _FEWEST:
            unseen.append(guard.kind)
            continue
        sights.append(
            sight(
                guard.kind,
                seen,
                plan.steps,
                effect=effect_of(guard.kind, guard.tolerated, seen) if effect is None else effect,
                tolerated=guard.tolerated,
                lower_is_better=guard.wants_less,
                alpha=guard.alpha,
            )
        )
    return tuple(sights), tuple(unseen)


def _seen_of_ramps(prompt: Prompt, plan: Plan) -> dict[str, Sums]:
    """Return what earlier ramps saw of the label with their baselines."""
    rows = (
        ArmSums.objects.filter(
            ramp__prompt=prompt,
            ramp__label=plan.label,
            arm=Arm.BASELINE.value,
            metric__in=[guard.kind for guard in plan.guards],
        )
        .values_list("metric")
        .annotate(Sum("n"), Sum("total"), Sum("squares"))
    )
    return {row[0]: Sums(*row[1:]) for row in rows if row[1] >= _FEWEST}


def _fault(where: str, message: str) -> InvalidInput:
    errors = [{"field": where, "message": message}]
    return InvalidInput("ramp.effect", f"{where}: {message}", errors=errors)
