"""Say what a planned ramp would do, from the traffic that its label has had."""

import datetime as dt
from collections.abc import Sequence

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.spans import SpanKind
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.models import ArmSums, Prompt
from playground.prompts.ramps import metrics
from playground.prompts.ramps.planning import Plan
from playground.prompts.ramps.ramping import salt_for
from playground.prompts.ramps.simulating import Simulation, Someone, crowd, simulate
from playground.tracing.models import Span

LOOKED_BACK = dt.timedelta(days=1)


def foretell(
    context: RequestContext,
    path: str,
    plan: Plan,
    *,
    units: Sequence[Someone] = (),
    calls_per_hour: float | None = None,
) -> Simulation:
    """Simulate a plan with the salt that it will have; without units for a crowd of 1,000.

    Args:
        calls_per_hour: None takes the mean of the last day, as traces tell it.

    Raises:
        NotFound: there is no such prompt, version or label.
    """
    prompt = find_prompt(context, path, audit=False)
    version_of(prompt, version=plan.candidate)
    version_of(prompt, label=plan.label)
    calls = calls_of(prompt, plan.label) if calls_per_hour is None else calls_per_hour
    return simulate(
        plan.steps,
        salt=salt_for(prompt, plan),
        rules=plan.rules,
        units=[
            Someone(each.key, {"team": context.team, "key": each.key, **each.attributes})
            for each in units or crowd(plan.unit)
        ],
        calls_per_hour=calls,
    )


def calls_of(prompt: Prompt, label: str) -> float:
    """Return how many calls and uses an hour of the last day named the label, by their traces."""
    calls = Span.objects.filter(
        trace__team=prompt.team.slug,
        trace__started_at__gte=now() - LOOKED_BACK,
        # A call through the door says so in its own span, a use inside a run in the prompt's.
        kind__in=(SpanKind.MODEL.value, SpanKind.PROMPT.value),
        attributes__contains={
            "gen_ai.prompt.name": prompt.name,
            "playground.prompt.label": label,
        },
    )
    return calls.count() / (LOOKED_BACK / dt.timedelta(hours=1))


def untold(prompt: Prompt, plan: Plan) -> list[str]:
    """Return the guarded metrics that no call tells by itself, and nobody has told of the prompt.

    Their guards decide nothing until somebody does.
    """
    kinds = {guard.kind for guard in plan.guards} - metrics.OF_CALLS
    told = ArmSums.objects.filter(ramp__prompt=prompt, metric__in=kinds)
    return sorted(kinds - set(told.values_list("metric", flat=True)))
