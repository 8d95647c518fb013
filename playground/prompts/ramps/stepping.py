"""Take a ramp from one state to the next: one at a time, with its history, for whoever may."""

import uuid

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from playground.core.context import RequestContext
from playground.core.errors import Conflict, NotFound
from playground.policy import auditing
from playground.prompts.changing import announce
from playground.prompts.labelling import lock, put, require_fragments
from playground.prompts.models import Label, LabelProposal, Ramp, RampEvent
from playground.prompts.reasoning import check_reason

What = RampEvent.What
State = Ramp.State

_STEPS = {
    What.EDITED: ((State.DRAFT,), State.DRAFT),
    What.PROPOSED: ((State.DRAFT,), State.DRAFT),
    What.DISCARDED: ((State.DRAFT,), State.DISCARDED),
    What.STARTED: ((State.DRAFT,), State.RUNNING),
    What.ADVANCED: ((State.RUNNING,), State.RUNNING),
    What.PAUSED: ((State.RUNNING,), State.PAUSED),
    What.RESUMED: ((State.PAUSED,), State.RUNNING),
    What.ROLLED_BACK: (Ramp.LIVE, State.ROLLED_BACK),
    What.COMPLETED: (Ramp.LIVE, State.COMPLETED),
}
_VERBS = {
    What.EDITED: "edited",
    What.PROPOSED: "proposed",
    What.DISCARDED: "discarded",
    What.STARTED: "started",
    What.ADVANCED: "advanced",
    What.PAUSED: "paused",
    What.RESUMED: "resumed",
    What.ROLLED_BACK: "rolled back",
    What.COMPLETED: "completed",
}
# In which the percentage grows or the judgement begins anew.
_NEW_PERIOD = (What.STARTED, What.ADVANCED, What.RESUMED)
_GROWING = (What.STARTED, What.ADVANCED, What.RESUMED, What.COMPLETED)


def step(
    context: RequestContext,
    ramp_id: uuid.UUID,
    what: RampEvent.What,
    *,
    reason: str,
    period: int | None = None,
    revision: int | None = None,
) -> Ramp:
    """Change a ramp's state for somebody who has been found to be allowed to.

    Args:
        period: that the ramp must still be in, where the decision was made by what was seen in it.
        revision: that the draft must still have, where the decision was made by what it says.

    Raises:
        Conflict: ``ramp.state``, it is not in a state for that; ``ramp.proposed``, see
            ``check_unproposed``; ``ramp.judged-meanwhile``, it is in another period;
            ``ramp.edited-meanwhile``; ``ramp.running``, another one runs on the label;
            ``ramp.last-stage``; ``prompt.label-moved``, the label no longer points at the
            baseline; ``prompt.version-archived``.
        InvalidInput: ``prompt.fragment-required``, see ``labelling.put``.
    """
    require_reason(reason)
    try:
        with transaction.atomic():
            ramp = locked(ramp_id)
            state = check_state(ramp, what)
            check_revision(ramp, revision)
            check_unproposed(ramp)
            if period is not None and ramp.period != period:
                raise Conflict("ramp.judged-meanwhile", "Somebody has changed the ramp meanwhile.")
            if what in _GROWING:
                check_candidate(ramp)
            ramp.stage = _next_stage(ramp, what)
            _write(ramp, what, state)
            if what is What.COMPLETED:
                _move_label(context, ramp, reason)
            note(context, ramp, what, reason=reason)
    except IntegrityError as error:
        raise Conflict("ramp.running", "Another ramp runs on this label.") from error
    return Ramp.objects.whole().get(pk=ramp.pk)


def check_state(ramp: Ramp, what: RampEvent.What) -> Ramp.State:
    """Return the state that a ramp is in after this.

    Raises:
        Conflict: ``ramp.state``, it is not in a state for it.
    """
    allowed, state = _STEPS[what]
    if ramp.state not in allowed:
        raise Conflict(
            "ramp.state",
            f"A ramp that is {ramp.get_state_display().lower()} cannot be {_VERBS[what]}.",
            state=ramp.state,
        )
    return state


def check_revision(ramp: Ramp, revision: int | None) -> None:
    """Refuse what was decided by an older plan.

    Raises:
        Conflict: ``ramp.edited-meanwhile``.
    """
    if revision is not None and ramp.revision != revision:
        raise Conflict(
            "ramp.edited-meanwhile",
            "Somebody has edited the draft meanwhile.",
            revision=ramp.revision,
        )


def check_unproposed(ramp: Ramp) -> None:
    """Refuse to change or start a draft about which somebody is asked to decide as it stands.

    Raises:
        Conflict: ``ramp.proposed``.
    """
    if ramp.state != State.DRAFT:
        return
    waiting = ramp.proposals.filter(status=LabelProposal.Status.OPEN).first()
    if waiting is not None:
        raise Conflict(
            "ramp.proposed",
            "The draft is proposed as it stands; a reviewer decides, or it is withdrawn first.",
            proposal=str(waiting.pk),
        )


def check_candidate(ramp: Ramp) -> None:
    """Refuse to lead more callers to what the label could not be moved to.

    Raises:
        Conflict: ``prompt.label-moved``, ``prompt.version-archived``, ``prompt.archived``.
        InvalidInput: ``prompt.fragment-required``.
    """
    label = Label.objects.filter(prompt=ramp.prompt, name=ramp.label).first()
    if label is None or label.version_id != ramp.baseline_id:
        raise Conflict(
            "prompt.label-moved",
            f"“{ramp.label}” no longer points at version {ramp.baseline.number}.",
        )
    if ramp.candidate.archived_at is not None:
        raise Conflict("prompt.version-archived", f"{ramp.candidate} is archived.")
    if ramp.prompt.archived_at is not None:
        raise Conflict("prompt.archived", f"{ramp.prompt} is archived.")
    require_fragments(ramp.candidate, ramp.label)


def note(context: RequestContext, ramp: Ramp, what: RampEvent.What, *, reason: str) -> None:
    """Write an event into the ramp's history; on commit audit it, and tell of it."""
    RampEvent.objects.create(
        ramp=ramp,
        what=what,
        who=context.subject,
        reason=reason,
        stage=ramp.stage,
        percent=ramp.step.percent,
    )
    details = {
        "prompt": ramp.prompt.urn,
        "label": ramp.label,
        "baseline": ramp.baseline.number,
        "candidate": ramp.candidate.number,
        "stage": ramp.stage,
    }
    # The audit log keeps what is rolled back: what has not happened is not done.
    transaction.on_commit(
        lambda: auditing.record(
            context,
            action=f"ramp_{what}",
            resource=ramp.urn,
            outcome="done",
            details=details,
        )
    )
    announce(ramp.prompt, "ramped")


def require_reason(reason: str) -> None:
    """Refuse a change that nobody gives a reason for.

    Raises:
        InvalidInput: ``ramp.reason``.
    """
    check_reason(reason, code="ramp.reason", least=1)


def locked(ramp_id: uuid.UUID) -> Ramp:
    """Return a ramp that nobody else changes until the transaction ends.

    Raises:
        NotFound: ``ramp.not-found``.
    """
    # The prompt first, as whoever moves its labels locks that too.
    ramp = Ramp.objects.whole().filter(pk=ramp_id).first()
    if ramp is None:
        raise NotFound("ramp.not-found", "There is no such ramp.")
    lock(ramp.prompt)
    # Not against foreign keys: observations go on being added meanwhile.
    return Ramp.objects.whole().select_for_update(no_key=True, of=("self",)).get(pk=ramp_id)


def _next_stage(ramp: Ramp, what: RampEvent.What) -> int:
    if what is not What.ADVANCED:
        return ramp.stage
    if ramp.stage + 1 >= len(ramp.stages):
        raise Conflict("ramp.last-stage", "The ramp is in its last stage; complete it.")
    return ramp.stage + 1


def _write(ramp: Ramp, what: RampEvent.What, state: Ramp.State) -> None:
    ramp.state = state
    changes: dict[str, object] = {"state": state, "stage": ramp.stage}
    if what in _NEW_PERIOD:
        ramp.period += 1
        changes |= {"period": ramp.period, "since": Now()}
        if what is What.STARTED:
            changes["started_at"] = Now()
    if state not in Ramp.LIVE:
        changes["ended_at"] = Now()
    Ramp.objects.filter(pk=ramp.pk).update(**changes)


def _move_label(context: RequestContext, ramp: Ramp, reason: str) -> None:
    put(
        context,
        ramp.candidate,
        label=ramp.label,
        expected=ramp.baseline.number,
        reason=reason,
        action="complete_ramp",
    )
