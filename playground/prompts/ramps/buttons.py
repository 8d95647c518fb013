"""Offer what may be done with a ramp, by its state and by who looks at it."""

from dataclasses import dataclass
from typing import Literal

from playground.core.context import RequestContext
from playground.policy.deciding import decide
from playground.prompts.models import LabelProposal, Ramp
from playground.prompts.protecting import needs_reviewer
from playground.prompts.ruling import reviewer_of


@dataclass(frozen=True, slots=True)
class Button:
    """Something to do with the ramp; ``verb`` is what the form says."""

    verb: str
    text: str
    icon: str
    tone: Literal["primary", "plain", "quiet"] = "plain"


def may_go_on(context: RequestContext, ramp: Ramp) -> bool:
    """Return whether the reader may make more callers get the candidate; audits nothing."""
    may_edit = decide(context, "edit", ramp.prompt.resource(context), audit=False).allowed
    return may_edit and not needs_reviewer(context, ramp.prompt, ramp.label)


def barred_because(ramp: Ramp, *, context: RequestContext | None, may_change: bool) -> str:
    """Say why the reader may not steer the ramp; empty where they may."""
    if not may_change:
        return "Your permissions let you look at ramps, not change them."
    if context is None:
        return f"Ramps of {ramp.prompt.team} are steered by its members; you are none of them."
    if not decide(context, "edit", ramp.prompt.resource(context), audit=False).allowed:
        return f"Your role in {ramp.prompt.team} does not let you edit this prompt."
    return ""


def may_decide(context: RequestContext, ramp: Ramp) -> bool:
    """Return whether the reader may decide what others propose of the ramp; audits nothing."""
    return decide(context, "approve", ramp.prompt.resource(context), audit=False).allowed


def reviewer_for(
    context: RequestContext, ramp: Ramp, proposal: LabelProposal | None, *, may_grow: bool
) -> str:
    """Say whom to ask to start the ramp or go on with it, where that takes somebody else."""
    if proposal is not None and proposal.status == LabelProposal.Status.OPEN:
        if not may_decide(context, ramp):
            return f"It waits for {reviewer_of(context)}."
        return "A reviewer other than you decides." if proposal.is_own(context) else ""
    if may_grow:
        return ""
    protected = f"“{ramp.label}” is protected."
    if ramp.state == Ramp.State.DRAFT:
        return f"{protected} Propose it: starting it takes {reviewer_of(context)}."
    return f"{protected} Going on takes {reviewer_of(context)}."


def proposal_buttons(context: RequestContext, ramp: Ramp, proposal: LabelProposal) -> list[Button]:
    """Offer what can be done with a draft about which somebody is asked to decide."""
    if proposal.is_own(context):
        return [Button("withdraw", "Withdraw", "arrow-back-up")]
    if not may_decide(context, ramp):
        return []
    approve = f"Approve and start with {ramp.steps[0].percent:g} %"
    return [Button("approve", approve, "check", "primary"), Button("reject", "Reject", "x")]


def buttons_for(ramp: Ramp, *, may_grow: bool, lacks: str) -> list[Button]:
    """Offer what can be done with the ramp in its state.

    Args:
        lacks: what its stage still needs.
    """
    if not (ramp.is_live or ramp.state == Ramp.State.DRAFT):
        return []
    back = Button("roll_back", "Roll back", "arrow-back-up", "quiet")
    discard = Button("discard", "Discard", "trash", "quiet")
    pause = Button("pause", "Pause", "hand-stop")
    whole = Button("complete", f"Complete with v{ramp.candidate.number}", "check", "primary")
    if not may_grow:
        stop = [pause] if ramp.state == Ramp.State.RUNNING else []
        propose = Button("propose", "Propose", "hand-stop", "primary")
        return [*stop, back] if ramp.is_live else [propose, discard]
    if ramp.state == Ramp.State.DRAFT:
        start = f"Start with {ramp.steps[0].percent:g} %"
        return [Button("start", start, "player-play", "primary"), discard]
    early = Button(whole.verb, whole.text, whole.icon)
    if ramp.state == Ramp.State.PAUSED:
        return [Button("resume", "Resume", "player-play", "primary"), early, back]
    if ramp.stage + 1 >= len(ramp.stages):
        return [early if lacks else whole, pause, back]
    following = f"{ramp.steps[ramp.stage + 1].percent:g} %"
    advance = (
        Button("advance_early", f"Advance early to {following}", "arrow-up")
        if lacks
        else Button("advance", f"Advance to {following}", "arrow-up", "primary")
    )
    return [advance, pause, back]
