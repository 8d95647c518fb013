"""Find proposals of a team, and list them."""

import uuid
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from playground.core.context import RequestContext
from playground.core.errors import NotFound
from playground.prompts.finding import find_prompt
from playground.prompts.listing import MAX_PAGE, Page
from playground.prompts.models import LabelProposal
from playground.prompts.paging import page_of


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


def find_proposal(context: RequestContext, proposal_id: str | uuid.UUID) -> LabelProposal:
    """Return a proposal of the context's team.

    Raises:
        NotFound: ``prompt.proposal-not-found``.
    """
    try:
        key = uuid.UUID(str(proposal_id))
    except ValueError:
        key = None
    proposal: LabelProposal | None = _visible(context).filter(pk=key).first() if key else None
    if proposal is None:
        raise not_found()
    return proposal


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
        found.annotate(waits=Q(status=LabelProposal.Status.OPEN)),
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


def not_found() -> NotFound:
    """Return the error of a proposal that there is none of."""
    return NotFound("prompt.proposal-not-found", "There is no such proposal.")


def _visible(context: RequestContext) -> QuerySet[LabelProposal]:
    proposed = LabelProposal.objects.filter(prompt__team__slug=context.team)
    return proposed.select_related("prompt__team", "version__prompt__team", "ramp")
