"""Ramp a label from one version to another: plan, start, advance, pause, roll back, complete."""

import uuid

from django.db import transaction
from django.utils.crypto import salted_hmac

from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput, NotFound
from playground.prompts.finding import LATEST, find_prompt, version_of
from playground.prompts.labelling import require_mover
from playground.prompts.models import GuardMetric, Prompt, Ramp, RampEvent
from playground.prompts.ramps.guarding_ramps import what_lacks
from playground.prompts.ramps.planning import Plan
from playground.prompts.ramps.stepping import note, record, require_reason, step

What = RampEvent.What
# What makes fewer callers get the candidate is open to whoever may edit the prompt.
_RETREATS = (What.PAUSED, What.ROLLED_BACK)


def draft(context: RequestContext, path: str, plan: Plan, *, reason: str = "") -> Ramp:
    """Write a ramp down; nobody gets the candidate before it is started.

    Raises:
        PolicyDenied: the context may not edit the prompt.
        NotFound: there is no such prompt, version or label.
        Conflict: ``prompt.version-archived``; ``prompt.archived``.
        InvalidInput: ``ramp.same-version``, the label points at the candidate already;
            ``ramp.reason``.
    """
    why = reason or "planned"
    require_reason(why)
    prompt = find_prompt(context, path, action="edit")
    candidate = version_of(prompt, version=plan.candidate)
    if plan.label == LATEST:
        raise InvalidInput("prompt.label-invalid", "What is newest cannot be ramped.")
    baseline = version_of(prompt, label=plan.label)
    if baseline.pk == candidate.pk:
        raise InvalidInput("ramp.same-version", f"“{plan.label}” points at {candidate} already.")
    if candidate.archived_at is not None:
        raise Conflict("prompt.version-archived", f"{candidate} is archived; restore it first.")
    if prompt.archived_at is not None:
        raise Conflict("prompt.archived", f"{prompt} is archived.")
    with transaction.atomic():
        ramp = Ramp.objects.create(
            prompt=prompt,
            label=plan.label,
            baseline=baseline,
            candidate=candidate,
            unit=plan.unit,
            salt=salt_for(prompt, plan),
            stages=[stage.model_dump() for stage in plan.stages],
            rules=[rule.model_dump(mode="json") for rule in plan.rules],
            automatic_advance=plan.automatic_advance,
            on_regression=plan.on_regression,
            created_by=context.subject,
        )
        for guard in plan.guards:
            GuardMetric.objects.create(
                ramp=ramp,
                kind=guard.kind,
                lower_is_better=guard.wants_less,
                tolerated=guard.tolerated,
                alpha=guard.alpha,
            )
        note(context, ramp, What.CREATED, reason=why)
    record(context, ramp, What.CREATED)
    return find_ramp(context, ramp.pk)


def salt_for(prompt: Prompt, plan: Plan) -> str:
    """Return the salt of an earlier ramp to the same candidate, so that nobody is drawn anew.

    Another candidate is drawn for afresh: the same few would try every new version out.
    """
    number, unit = plan.candidate, plan.unit
    earlier = Ramp.objects.filter(
        prompt=prompt, label=plan.label, candidate__number=number, unit=unit
    )
    # Known before there is a ramp, so that what is foretold is what will be.
    first = salted_hmac("ramp", f"{prompt.pk} {plan.label} {number} {unit}").hexdigest()[:32]
    return earlier.values_list("salt", flat=True).first() or first


def start(context: RequestContext, ramp_id: str | uuid.UUID, *, reason: str) -> Ramp:
    """Begin with the first stage.

    Raises:
        PolicyDenied: the context may not edit the prompt, or the label takes a reviewer.
        Conflict: see ``stepping.step``; ``ramp.running``, another ramp is live on the label.
    """
    return _step(context, ramp_id, What.STARTED, reason=reason)


def advance(
    context: RequestContext,
    ramp_id: str | uuid.UUID,
    *,
    reason: str,
    early: bool = False,
    period: int | None = None,
) -> Ramp:
    """Go on to the next stage.

    Args:
        early: before the stage has lasted as long, and seen as much, as it was meant to.
        period: that the ramp must still be in, so that two who press at once go one stage on.

    Raises:
        PolicyDenied: the context may not edit the prompt, or the label takes a reviewer.
        Conflict: ``ramp.too-early``, ``ramp.last-stage``; see ``stepping.step``.
    """
    ramp = find_ramp(context, ramp_id)
    seen = ramp.period if period is None else period
    if ramp.period != seen:
        raise Conflict("ramp.judged-meanwhile", "Somebody has changed the ramp meanwhile.")
    lacks = what_lacks(ramp) if ramp.state == Ramp.State.RUNNING else ""
    if lacks and not early:
        raise Conflict("ramp.too-early", f"The stage is not over: {lacks}.")
    return _step(context, ramp_id, What.ADVANCED, reason=reason, period=seen)


def pause(context: RequestContext, ramp_id: str | uuid.UUID, *, reason: str) -> Ramp:
    """Stop advancing; whoever has the candidate keeps it, and guards that roll back go on.

    Raises:
        PolicyDenied: the context may not edit the prompt.
        Conflict: see ``stepping.step``.
    """
    return _step(context, ramp_id, What.PAUSED, reason=reason)


def resume(context: RequestContext, ramp_id: str | uuid.UUID, *, reason: str) -> Ramp:
    """Go on in the same stage, whose clock and judgement begin anew.

    Raises:
        PolicyDenied: the context may not edit the prompt, or the label takes a reviewer.
        Conflict: see ``stepping.step``.
    """
    return _step(context, ramp_id, What.RESUMED, reason=reason)


def roll_back(context: RequestContext, ramp_id: str | uuid.UUID, *, reason: str) -> Ramp:
    """Give everybody the baseline again, and end the ramp.

    Raises:
        PolicyDenied: the context may not edit the prompt.
        Conflict: see ``stepping.step``.
    """
    return _step(context, ramp_id, What.ROLLED_BACK, reason=reason)


def complete(context: RequestContext, ramp_id: str | uuid.UUID, *, reason: str) -> Ramp:
    """Move the label to the candidate, and end the ramp.

    Raises:
        PolicyDenied: the context may not edit the prompt, or the label takes a reviewer.
        Conflict: see ``stepping.step``.
    """
    return _step(context, ramp_id, What.COMPLETED, reason=reason)


def find_ramp(context: RequestContext, ramp_id: str | uuid.UUID) -> Ramp:
    """Return a ramp of the context's team.

    Raises:
        NotFound: ``ramp.not-found``.
    """
    try:
        key = uuid.UUID(str(ramp_id))
    except ValueError:
        key = None
    found = Ramp.objects.visible_to(context).whole().filter(pk=key).first() if key else None
    if found is None:
        raise NotFound("ramp.not-found", "There is no such ramp.")
    find_prompt(context, found.prompt.path, audit=False)
    return found


def _step(
    context: RequestContext,
    ramp_id: str | uuid.UUID,
    what: RampEvent.What,
    *,
    reason: str,
    period: int | None = None,
) -> Ramp:
    ramp = find_ramp(context, ramp_id)
    find_prompt(context, ramp.prompt.path, action="edit")
    if what not in _RETREATS:
        require_mover(context, ramp.prompt, ramp.label)
    return step(context, ramp.pk, what, reason=reason, period=period)
