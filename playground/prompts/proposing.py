"""Propose moves of labels, at once or by a ramp, and decide the proposals of others."""

import uuid

from django.db import IntegrityError, transaction

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import Conflict, PolicyDenied
from playground.policy import auditing
from playground.policy.deciding import require
from playground.prompts.finding import check_label, find_prompt, version_of
from playground.prompts.labelling import lock, put
from playground.prompts.models import Label, LabelProposal, PromptVersion, Ramp, RampEvent
from playground.prompts.proposed import find_proposal, not_found
from playground.prompts.ramps.stepping import locked, note, require_reason, step
from playground.prompts.reasoning import check_reason

OPEN = LabelProposal.Status.OPEN
What = RampEvent.What


def propose_label(
    context: RequestContext, path: str, *, label: str, version: int, reason: str = ""
) -> LabelProposal:
    """Ask that a label be moved to a version.

    Raises:
        PolicyDenied: the context may not edit the prompt.
        NotFound: there is no such prompt or version.
        InvalidInput: ``prompt.label-invalid``, ``prompt.reason``.
        Conflict: ``prompt.proposal-open``, another move of this label waits to be decided.
    """
    check_label(label)
    check_reason(reason)
    prompt = find_prompt(context, path, action="edit")
    found = version_of(prompt, version=version)
    with transaction.atomic():
        lock(prompt)
        current = Label.objects.filter(prompt=prompt, name=label).select_related("version").first()
        before = current.version if current else None
        proposal = put_forward(context, found, label=label, before=before, reason=reason)
        _record(context, proposal, action="propose_label")
        return proposal


def put_forward(
    context: RequestContext,
    version: PromptVersion,
    *,
    label: str,
    before: PromptVersion | None,
    reason: str,
    ramp: Ramp | None = None,
) -> LabelProposal:
    """Write a proposal down for somebody who may make it, in their transaction.

    Args:
        before: where the label points.

    Raises:
        Conflict: ``prompt.proposal-open``.
    """
    try:
        with transaction.atomic():
            return LabelProposal.objects.create(
                prompt=version.prompt,
                label=label,
                version=version,
                expected=before.number if before else None,
                ramp=ramp,
                reason=reason,
                proposed_by=context.subject,
                proposed_through=context.actor or "",
            )
    except IntegrityError as error:
        raise Conflict(
            "prompt.proposal-open", f"Another move of “{label}” waits to be decided."
        ) from error


def decide_proposal(
    context: RequestContext, proposal_id: str | uuid.UUID, *, approve: bool, answer: str = ""
) -> LabelProposal:
    """Approve a proposal, which moves the label or starts its ramp, or reject it.

    Raises:
        NotFound: ``prompt.proposal-not-found``.
        PolicyDenied: the context may not review; ``prompt.proposal-own``, it is the proposer.
        InvalidInput: ``ramp.reason``, a ramp is decided for a reason.
        Conflict: ``prompt.proposal-decided``; ``prompt.label-moved``, the label was moved since
            it was proposed; of a ramp see ``stepping.step``, too.
    """
    proposal = find_proposal(context, proposal_id)
    prompt = proposal.prompt
    require(context, "approve", prompt.resource(context))
    if proposal.is_own(context):
        raise PolicyDenied("prompt.proposal-own", "Somebody else decides what you propose.")
    if proposal.ramp_id is None:
        check_reason(answer, what="An answer")
    else:
        require_reason(answer)
    with transaction.atomic():
        found = _lock_open(proposal)
        found.status = LabelProposal.Status.APPROVED if approve else LabelProposal.Status.REJECTED
        found.decided_by, found.decided_at, found.answer = context.subject, now(), answer
        found.save()
        if proposal.ramp_id is not None:
            _decide_ramp(context, proposal, proposal.ramp_id, approve=approve, answer=answer)
        elif approve:
            put(
                context,
                proposal.version,
                label=proposal.label,
                expected=proposal.expected,
                reason=proposal.reason,
                action="approve_label",
            )
        else:
            _record(context, proposal, action="reject_label")
    return find_proposal(context, proposal.pk)


def withdraw_proposal(context: RequestContext, proposal_id: str | uuid.UUID) -> None:
    """Take back what one has proposed and nobody has decided.

    Raises:
        NotFound: ``prompt.proposal-not-found``.
        PolicyDenied: the context may not edit the prompt; ``prompt.proposal-others``, somebody
            else proposed it.
        Conflict: ``prompt.proposal-decided``.
    """
    proposal = find_proposal(context, proposal_id)
    prompt = proposal.prompt
    require(context, "edit", prompt.resource(context))
    if not proposal.is_own(context):
        raise PolicyDenied("prompt.proposal-others", "Whoever proposed it withdraws it.")
    with transaction.atomic():
        _lock_open(proposal).delete()
        if proposal.ramp_id is None:
            _record(context, proposal, action="withdraw_label")
        else:
            note(context, locked(proposal.ramp_id), What.WITHDRAWN, reason="taken back")


def _decide_ramp(
    context: RequestContext,
    proposal: LabelProposal,
    ramp_id: uuid.UUID,
    *,
    approve: bool,
    answer: str,
) -> None:
    if approve:
        _record(context, proposal, action="approve_ramp")
        step(context, ramp_id, What.STARTED, reason=answer)
    else:
        note(context, locked(ramp_id), What.REJECTED, reason=answer)


def _lock_open(proposal: LabelProposal) -> LabelProposal:
    # The prompt first, as whoever proposes, moves its labels or starts its ramps locks that too.
    lock(proposal.prompt)
    found = LabelProposal.objects.select_for_update().filter(pk=proposal.pk).first()
    if found is None:
        raise not_found()
    if found.status != OPEN:
        raise Conflict("prompt.proposal-decided", f"{found.decided_by} has decided already.")
    return found


def _record(context: RequestContext, proposal: LabelProposal, *, action: str) -> None:
    resource = proposal.prompt.urn
    details = {"label": proposal.label, "version": proposal.version.number}
    if proposal.ramp_id is not None:
        details |= {"ramp": str(proposal.ramp_id), "proposed_by": proposal.proposed_by}
    # The audit log keeps what is rolled back: what has not happened is not done.
    transaction.on_commit(
        lambda: auditing.record(
            context, action=action, resource=resource, outcome="done", details=details
        )
    )
