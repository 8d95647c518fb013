"""Propose moves of labels, and decide the proposals of others."""

import uuid
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import Conflict, NotFound, PolicyDenied
from playground.policy import auditing
from playground.policy.deciding import require
from playground.prompts.finding import check_label, find_prompt, version_of
from playground.prompts.labelling import put
from playground.prompts.listing import MAX_PAGE, Page
from playground.prompts.models import Label, LabelProposal
from playground.prompts.paging import page_of
from playground.prompts.reasoning import check_reason

OPEN = LabelProposal.Status.OPEN


@dataclass(frozen=True, slots=True)
class WantedProposals:
    """What a list of proposals is narrowed to; empty means all.

    Attributes:
        q: in the prompt's name or title, in who proposed it, or in why.
        status: ``open``, ``approved`` or ``rejected``.
    """

    q: str = ""
    status: str = ""
    label: str = ""

    @property
    def any(self) -> bool:
        """Tell whether something is left out."""
        return self != WantedProposals()


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
    current = Label.objects.filter(prompt=prompt, name=label).select_related("version").first()
    try:
        with transaction.atomic():
            proposal = LabelProposal.objects.create(
                prompt=prompt,
                label=label,
                version=found,
                expected=current.version.number if current else None,
                reason=reason,
                proposed_by=context.subject,
            )
            _record(context, proposal, action="propose_label")
            return proposal
    except IntegrityError as error:
        raise Conflict(
            "prompt.proposal-open", f"Another move of “{label}” waits to be decided."
        ) from error


def decide_proposal(
    context: RequestContext, proposal_id: str | uuid.UUID, *, approve: bool, answer: str = ""
) -> LabelProposal:
    """Approve a proposal, which moves the label, or reject it.

    Raises:
        NotFound: ``prompt.proposal-not-found``.
        PolicyDenied: the context may not review; ``prompt.proposal-own``, it is the proposer.
        Conflict: ``prompt.proposal-decided``; ``prompt.label-moved``, the label was moved since
            it was proposed.
    """
    proposal = _find(context, proposal_id)
    prompt = proposal.prompt
    require(context, "approve", prompt.resource(context))
    if proposal.proposed_by in (context.subject, context.actor):
        raise PolicyDenied("prompt.proposal-own", "Somebody else decides what you propose.")
    check_reason(answer, what="An answer")
    with transaction.atomic():
        locked = _lock_open(proposal)
        locked.status = LabelProposal.Status.APPROVED if approve else LabelProposal.Status.REJECTED
        locked.decided_by, locked.decided_at, locked.answer = context.subject, now(), answer
        locked.save()
        if approve:
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
    return _find(context, proposal.pk)


def withdraw_proposal(context: RequestContext, proposal_id: str | uuid.UUID) -> None:
    """Take back what one has proposed and nobody has decided.

    Raises:
        NotFound: ``prompt.proposal-not-found``.
        PolicyDenied: the context may not edit the prompt; ``prompt.proposal-others``, somebody
            else proposed it.
        Conflict: ``prompt.proposal-decided``.
    """
    proposal = _find(context, proposal_id)
    prompt = proposal.prompt
    require(context, "edit", prompt.resource(context))
    if proposal.proposed_by != context.subject:
        raise PolicyDenied("prompt.proposal-others", "Whoever proposed it withdraws it.")
    with transaction.atomic():
        _lock_open(proposal).delete()
        _record(context, proposal, action="withdraw_label")


def proposals(
    context: RequestContext,
    *,
    path: str | None = None,
    wanted: WantedProposals | None = None,
    cursor: str | None = None,
    limit: int = MAX_PAGE,
) -> Page:
    """Return proposals of the team or of one prompt: those that wait first, then newest first.

    Raises:
        InvalidInput: ``cursor.invalid``.
    """
    found = proposals_like(context, wanted or WantedProposals())
    if path is not None:
        found = found.filter(prompt=find_prompt(context, path, audit=False))
    return page_of(
        found.annotate(waits=Q(status=OPEN)),
        order=("-waits", "-proposed_at", "-id"),
        cursor=cursor,
        limit=limit,
    )


def proposals_like(context: RequestContext, wanted: WantedProposals) -> QuerySet[LabelProposal]:
    """Return the team's proposals that are looked for, newest first."""
    found = _visible(context)
    if wanted.status:
        found = found.filter(status=wanted.status)
    if wanted.label:
        found = found.filter(label=wanted.label)
    text = wanted.q.strip()
    if text:
        found = found.filter(
            Q(prompt__name__icontains=text)
            | Q(prompt__title__icontains=text)
            | Q(proposed_by__icontains=text)
            | Q(reason__icontains=text)
        )
    return found


def _lock_open(proposal: LabelProposal) -> LabelProposal:
    locked = LabelProposal.objects.select_for_update().filter(pk=proposal.pk).first()
    if locked is None:
        raise _not_found()
    if locked.status != OPEN:
        raise Conflict("prompt.proposal-decided", f"{locked.decided_by} has decided already.")
    return locked


def _record(context: RequestContext, proposal: LabelProposal, *, action: str) -> None:
    resource = proposal.prompt.urn
    details = {"label": proposal.label, "version": proposal.version.number}
    # The audit log keeps what is rolled back: what has not happened is not done.
    transaction.on_commit(
        lambda: auditing.record(
            context, action=action, resource=resource, outcome="done", details=details
        )
    )


def _visible(context: RequestContext) -> QuerySet[LabelProposal]:
    proposed = LabelProposal.objects.filter(prompt__team__slug=context.team)
    return proposed.select_related("prompt__team", "version__prompt__team")


def _find(context: RequestContext, proposal_id: str | uuid.UUID) -> LabelProposal:
    try:
        key = uuid.UUID(str(proposal_id))
    except ValueError:
        key = None
    proposal: LabelProposal | None = _visible(context).filter(pk=key).first() if key else None
    if proposal is None:
        raise _not_found()
    return proposal


def _not_found() -> NotFound:
    return NotFound("prompt.proposal-not-found", "There is no such proposal.")
