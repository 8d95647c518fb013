"""What may be done to a run from outside, and how it ends."""

import uuid
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from playground.core import spans
from playground.core.context import RequestContext
from playground.core.errors import Conflict, NotFound
from playground.messaging import appending, events, statuses
from playground.messaging.models import Lane, Run
from playground.messaging.statuses import RunStatus
from playground.policy.deciding import require

ATTEMPTS = 3


def find(run_id: uuid.UUID, *, by: RequestContext) -> Run:
    """Return a run of the context's team, its message and lane loaded.

    Raises:
        NotFound: there is none that the context may see.
    """
    visible = Run.objects.visible_to(by).select_related("message", "lane__team", "lane__owner")
    run = visible.filter(pk=run_id).first()
    if run is None:
        raise NotFound("run.not-found", "There is no such run.")
    return run


def cancel(run_id: uuid.UUID, *, by: RequestContext) -> Run:
    """Stop a run: a waiting one now, a working one at its next step or chunk.

    One that has ended stays as it is.

    Raises:
        NotFound, PolicyDenied
    """
    run = find(run_id, by=by)
    require(by, "run", run.lane.resource())
    with transaction.atomic():
        lock(run.lane_id)
        run.refresh_from_db(from_queryset=Run.objects.select_related("message", "lane"))
        if run.status == RunStatus.QUEUED:
            end(run, RunStatus.CANCELLED)
        elif run.status == RunStatus.RUNNING and run.cancel_requested_at is None:
            Run.objects.filter(pk=run.pk).update(cancel_requested_at=Now())
            run.refresh_from_db(fields=["cancel_requested_at"])
    return run


def replay(run_id: uuid.UUID, *, by: RequestContext) -> Run:
    """Give a dead run new attempts.

    Raises:
        NotFound, PolicyDenied
        Conflict: the run is not dead.
    """
    run = find(run_id, by=by)
    require(by, "run", run.lane.resource())
    with transaction.atomic():
        lock(run.lane_id)
        run.refresh_from_db(from_queryset=Run.objects.select_related("message", "lane"))
        if run.status not in statuses.REPLAYABLE:
            raise Conflict("run.not-replayable", f"Only a dead run; this one is {run.status}.")
        change(
            run,
            RunStatus.QUEUED,
            max_attempts=F("attempt") + ATTEMPTS,
            available_at=Now(),
            cancel_requested_at=None,
            ended_at=None,
            error_code="",
            error_detail="",
        )
        queued = events.RunQueued(run_id=run.pk)
        appending.log(run.lane_id, [queued], runnable=appending.Runnable.AT_ONCE)
    run.refresh_from_db()
    return run


def end(
    run: Run,
    status: RunStatus,
    *,
    code: str = "",
    detail: str = "",
    usage: dict[str, Any] | None = None,
) -> None:
    """Bring a run to its terminal state, inside the caller's transaction on the locked lane."""
    spent = run.usage if usage is None else usage
    change(
        run,
        status,
        ended_at=Now(),
        error_code=code,
        error_detail=detail,
        usage=spent,
        partial_text="",
    )
    entry = events.RunEnded(
        run_id=run.pk,
        status=status.value,  # type: ignore[arg-type]
        code=code or None,
        detail=detail or None,
        usage=spent,
    )
    appending.log(run.lane_id, [entry])
    if status != RunStatus.SUCCEEDED:
        # A lost worker, also one of an earlier attempt, left its spans open.
        transaction.on_commit(partial(spans.interrupt, run.trace_id), robust=True)


def change(run: Run, status: RunStatus, **fields: Any) -> None:
    """Take one allowed step, and fail where somebody else has taken another one meanwhile.

    Raises:
        ForbiddenTransition: the run may not, or no longer, take this step.
    """
    statuses.check(run.status, status)
    changed = Run.objects.filter(pk=run.pk, status=run.status).update(status=str(status), **fields)
    if not changed:
        raise statuses.ForbiddenTransition(f"run {run.pk} is not {run.status} any more")
    run.status = str(status)


def lock(lane_id: uuid.UUID) -> None:
    """Let nobody else write to a lane until the transaction ends."""
    Lane.objects.select_for_update(no_key=True).get(pk=lane_id)
