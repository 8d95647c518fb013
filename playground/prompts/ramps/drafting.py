"""Write ramps down, edit them and throw them away, before any caller is assigned by them."""

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.utils.crypto import salted_hmac

from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput
from playground.prompts.finding import LATEST, find_prompt, version_of
from playground.prompts.models import GuardMetric, Prompt, PromptVersion, Ramp, RampEvent
from playground.prompts.ramps.planning import Plan
from playground.prompts.ramps.ramping import find_ramp
from playground.prompts.ramps.stepping import (
    check_revision,
    check_state,
    check_unproposed,
    locked,
    note,
    require_reason,
    step,
)

What = RampEvent.What


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
    between = _between(prompt, plan)
    with transaction.atomic():
        ramp = Ramp(prompt=prompt, created_by=context.subject)
        _write(ramp, plan, between)
        note(context, ramp, What.CREATED, reason=why)
    return find_ramp(context, ramp.pk)


def edit(
    context: RequestContext,
    ramp_id: str | uuid.UUID,
    plan: Plan,
    *,
    reason: str,
    revision: int | None = None,
) -> Ramp:
    """Plan a draft anew, from where its label points now.

    Args:
        revision: that was read, so that of two who edit neither overwrites the other.

    Raises:
        PolicyDenied, NotFound, InvalidInput: see ``draft``.
        Conflict: see ``draft``; ``ramp.state``, it was started or discarded; ``ramp.proposed``,
            somebody is asked to decide about it as it stands; ``ramp.edited-meanwhile``.
    """
    require_reason(reason)
    found = find_ramp(context, ramp_id)
    prompt = find_prompt(context, found.prompt.path, action="edit")
    between = _between(prompt, plan)
    with transaction.atomic():
        ramp = locked(found.pk)
        check_state(ramp, What.EDITED)
        check_revision(ramp, revision)
        check_unproposed(ramp)
        ramp.revision += 1
        ramp.guards.all().delete()
        _write(ramp, plan, between)
        note(context, ramp, What.EDITED, reason=reason)
    return find_ramp(context, ramp.pk)


def discard(
    context: RequestContext, ramp_id: str | uuid.UUID, *, reason: str, revision: int | None = None
) -> Ramp:
    """Give a draft up; it stays in the list, and can be planned again.

    Raises:
        PolicyDenied: the context may not edit the prompt.
        Conflict: ``ramp.state``, it was started or discarded; ``ramp.proposed``;
            ``ramp.edited-meanwhile``.
        InvalidInput: ``ramp.reason``.
    """
    ramp = find_ramp(context, ramp_id)
    find_prompt(context, ramp.prompt.path, action="edit")
    return step(context, ramp.pk, What.DISCARDED, reason=reason, revision=revision)


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


@dataclass(frozen=True, slots=True)
class _Between:
    """The versions that a ramp leads from and to."""

    baseline: PromptVersion
    candidate: PromptVersion


def _between(prompt: Prompt, plan: Plan) -> _Between:
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
    return _Between(baseline, candidate)


def _write(ramp: Ramp, plan: Plan, between: _Between) -> None:
    ramp.label = plan.label
    ramp.baseline, ramp.candidate = between.baseline, between.candidate
    ramp.unit = plan.unit
    ramp.salt = salt_for(ramp.prompt, plan)
    ramp.stages = [stage.model_dump() for stage in plan.stages]
    ramp.rules = [rule.model_dump(mode="json") for rule in plan.rules]
    ramp.automatic_advance = plan.automatic_advance
    ramp.on_regression = plan.on_regression
    ramp.save()
    for guard in plan.guards:
        GuardMetric.objects.create(
            ramp=ramp,
            kind=guard.kind,
            lower_is_better=guard.wants_less,
            tolerated=guard.tolerated,
            alpha=guard.alpha,
        )
