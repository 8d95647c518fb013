"""Show what is proposed for a prompt, and to who proposed it what became of it."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Q

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.policy.people import names_of
from playground.prompts.models import LabelProposal, Prompt, Ramp

OPEN = LabelProposal.Status.OPEN
ANSWERS_SHOWN_FOR = dt.timedelta(days=7)
PROPOSALS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class ShownProposal:
    """A proposal, who made it, who decided it, and whether it is one's own."""

    proposal: LabelProposal
    by: str
    decided_by: str
    own: bool


def proposals_of(context: RequestContext, prompt: Prompt) -> list[ShownProposal]:
    """Return what waits to be decided, and what of one's own was rejected within a week.

    Of a team's own prompts alone. Two queries.
    """
    if prompt.team.slug != context.team:
        return []
    lately = Q(proposed_by=context.subject, decided_at__gte=now() - ANSWERS_SHOWN_FOR)
    found = prompt.proposals.filter(Q(status=OPEN) | lately).select_related("version", "ramp")
    # What waits is shown, however much of one's own was decided since it was proposed.
    first = found.annotate(waits=Q(status=OPEN)).order_by("-waits", "-proposed_at", "-id")
    shown, answered = [], set()
    for each in first[:PROPOSALS_SHOWN]:
        # Who has proposed again since has read the answer.
        anew = each.proposed_by == context.subject and each.label in answered
        if each.proposed_by == context.subject:
            answered.add(each.label)
        if each.status == OPEN or (_is_answer(each) and not anew):
            shown.append(each)
    people = names_of({each.proposed_by for each in shown} | {each.decided_by for each in shown})
    return [
        ShownProposal(each, people[each.proposed_by], people[each.decided_by], each.is_own(context))
        for each in shown
    ]


def _is_answer(proposal: LabelProposal) -> bool:
    given_up = proposal.ramp is not None and proposal.ramp.state != Ramp.State.DRAFT
    return proposal.status == LabelProposal.Status.REJECTED and not given_up
