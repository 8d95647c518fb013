"""Take the next run of a claimed lane, and record what became of it."""

import logging
import threading

from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now

from playground.messaging import appending, events, leases, runs
from playground.messaging.interruptions import RunCancelled, RunHandedOver
from playground.messaging.leases import Lease
from playground.messaging.models import Run
from playground.messaging.retrying import Fate, backoff_s, judge
from playground.messaging.statuses import RunStatus
from playground.messaging.working import Work

log = logging.getLogger(__name__)


def take_next(lease: Lease, *, leaving: threading.Event) -> Work | None:
    """Begin an attempt at the run whose turn it is, or give the lane back where there is none.

    Happens in the caller's transaction on the fenced lane, so no run that arrives meanwhile is
    overlooked.
    """
    while True:
        run = _first(lease)
        if run is None or leaving.is_set() or not run.due:  # type: ignore[attr-defined]
            moment = run.available_at if run else None
            leases.release(lease.fence, runnable_at=moment)
            return None
        if run.cancel_requested_at is not None:
            runs.end(run, RunStatus.CANCELLED)
        elif run.attempt >= run.max_attempts:
            runs.end(
                run,
                RunStatus.DEAD,
                code="run.crashed",
                detail=f"The worker was lost in each of {run.attempt} attempts.",
            )
        else:
            return Work(_started(run), lease, leaving=leaving)


def _first(lease: Lease) -> "Run | None":
    due = ExpressionWrapper(Q(available_at__lte=Now()), output_field=BooleanField())
    # A run that a lost worker left goes first, whatever waits: two never run at once.
    left = ExpressionWrapper(Q(status=RunStatus.RUNNING), output_field=BooleanField())
    active = Run.objects.filter(lane_id=lease.lane_id).active().select_related("message", "lane")
    return active.annotate(due=due, left=left).in_turn("-left").first()


def _started(run: Run) -> Run:
    attempt = run.attempt + 1
    fields = {"attempt": attempt, "partial_text": "", "partial_offset": 0}
    if run.started_at is None:
        runs.change(run, RunStatus.RUNNING, started_at=Now(), **fields)
    else:
        runs.change(run, RunStatus.RUNNING, **fields)
    run.attempt = attempt
    appending.log(run.lane_id, [events.RunStarted(run_id=run.pk, attempt=attempt)])
    return run


def finish(work: Work, error: BaseException | None) -> None:
    """Record how an attempt ended, inside the caller's transaction on the fenced lane.

    Harmless to do twice.
    """
    run = Run.objects.get(pk=work.run_id)
    if run.status != RunStatus.RUNNING or run.attempt != work.attempt:
        return
    if error is None:
        runs.end(run, RunStatus.SUCCEEDED, usage=work.spent)
    elif isinstance(error, RunCancelled):
        runs.end(run, RunStatus.CANCELLED, usage=work.spent)
    elif isinstance(error, RunHandedOver):
        # Not the run's fault: it gets the attempt back.
        _again(run, work, code="run.handed-over", delay_s=0.0, attempts=run.max_attempts + 1)
    else:
        verdict = judge(error, attempt=run.attempt, max_attempts=run.max_attempts)
        if verdict.fate is Fate.RETRY:
            wait_s = backoff_s(run.attempt)
            _again(run, work, code=verdict.code, delay_s=wait_s, attempts=run.max_attempts)
        else:
            status = RunStatus.FAILED if verdict.fate is Fate.FAIL else RunStatus.DEAD
            runs.end(run, status, code=verdict.code, detail=verdict.detail, usage=work.spent)


def _again(run: Run, work: Work, *, code: str, delay_s: float, attempts: int) -> None:
    runs.change(
        run,
        RunStatus.QUEUED,
        max_attempts=attempts,
        usage=work.spent,
        partial_text="",
        error_code=code,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE messaging_run"
            " SET available_at = clock_timestamp() + make_interval(secs => %s) WHERE id = %s",
            [delay_s, run.pk],
        )
    entry = events.RunRetrying(
        run_id=run.pk, attempt=run.attempt, code=code, delay_ms=round(delay_s * 1000)
    )
    appending.log(run.lane_id, [entry])
