"""Propose that a draft be started, where its label takes a reviewer."""

import uuid

from django.db import transaction

from playground.core.context import RequestContext
from playground.core.errors import PlaygroundError
from playground.prompts.finding import find_prompt
from playground.prompts.models import LabelProposal, Ramp, RampEvent
from playground.prompts.proposing import put_forward
from playground.prompts.ramps.ramping import find_ramp
from playground.prompts.ramps.stepping import (
    check_candidate,
    check_revision,
    check_state,
    check_unproposed,
    locked,
    note,
    require_reason,
)

What = RampEvent.What


def propose(
    context: RequestContext, ramp_id: str | uuid.UUID, *, reason: str, revision: int | None = None
) -> Ramp:
    """Ask that a draft be started as it stands; ``proposing.decide_proposal`` starts it.

    Until somebody else has decided, or it is withdrawn, the draft stays as it is.

    Args:
        revision: of the draft that was looked at, so that nobody proposes what they have not seen.

    Raises:
        PolicyDenied: the context may not edit the prompt.
        Conflict: ``ramp.state``; ``ramp.proposed``, it waits already; ``prompt.proposal-open``,
            another move of the label does; ``ramp.edited-meanwhile``; see
            ``stepping.check_candidate``.
        InvalidInput: ``ramp.reason``; ``prompt.fragment-required``.
    """
    require_reason(reason)
    found = find_ramp(context, ramp_id)
    find_prompt(context, found.prompt.path, action="edit")
    with transaction.atomic():
        ramp = locked(found.pk)
        check_state(ramp, What.PROPOSED)
        check_revision(ramp, revision)
        check_unproposed(ramp)
        check_candidate(ramp)
        put_forward(
            context,
            ramp.candidate,
            label=ramp.label,
            before=ramp.baseline,
            reason=reason,
            ramp=ramp,
        )
        note(context, ramp, What.PROPOSED, reason=reason)
    return find_ramp(context, ramp.pk)


def last_proposal(ramp: Ramp) -> LabelProposal | None:
    """Return what was proposed of the ramp last, decided or not."""
    return next(iter(ramp.proposals.all()), None)


def hindered_by(ramp: Ramp) -> str:
    """Say why a draft could not start now, whoever approves it; empty where it could."""
    try:
        check_candidate(ramp)
    except PlaygroundError as error:
        return error.detail
    live = Ramp.objects.live().filter(prompt=ramp.prompt, label=ramp.label).exclude(pk=ramp.pk)
    return "Another ramp runs on this label." if live.exists() else ""
