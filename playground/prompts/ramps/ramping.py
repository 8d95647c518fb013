"""Ramp a label from one version to another: start, advance, pause, roll back, complete."""

import uuid

from playground.core.context import RequestContext
from playground.core.errors import Conflict, NotFound
from playground.prompts.finding import find_prompt
from playground.prompts.labelling import require_mover
from playground.prompts.models import Ramp, RampEvent
from playground.prompts.ramps.guarding_ramps import what_lacks
from playground.prompts.ramps.stepping import step

What = RampEvent.What
# What makes fewer callers get the candidate is open to whoever may edit the prompt.
_RETREATS = (What.PAUSED, What.ROLLED_BACK)

_DOING = {
    What.STARTED: "Starting",
    What.ADVANCED: "Advancing",
    What.RESUMED: "Resuming",
    What.COMPLETED: "Completing",
}


def start(
    context: RequestContext, ramp_id: str | uuid.UUID, *, reason: str, revision: int | None = None
) -> Ramp:
    """Begin with the first stage.

    Args:
        revision: of the draft that was looked at, so that nobody starts what they have not seen.

    Raises:
        PolicyDenied: the context may not edit the prompt; ``prompt.label-protected``, the label
            takes a reviewer, and others propose.
        Conflict: see ``stepping.step``; ``ramp.running``, another ramp is live on the label.
    """
    return _step(context, ramp_id, What.STARTED, reason=reason, revision=revision)


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
    revision: int | None = None,
) -> Ramp:
    ramp = find_ramp(context, ramp_id)
    find_prompt(context, ramp.prompt.path, action="edit")
    if what not in _RETREATS:
        doing, proposable = f"{_DOING[what]} a ramp of", what is What.STARTED
        require_mover(context, ramp.prompt, ramp.label, doing=doing, proposable=proposable)
    return step(context, ramp.pk, what, reason=reason, period=period, revision=revision)
