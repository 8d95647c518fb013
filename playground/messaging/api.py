"""A lane's log for scripts, and what may be done to runs."""

import contextlib
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from typing import Any

from django.http import StreamingHttpResponse
from ninja import Query, Router, Schema, Status

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.messaging import hub, reading, resuming, runs
from playground.messaging.following import Entry
from playground.messaging.models import Run
from playground.policy.deciding import require
from playground.policy.requests import TeamRequest

events_api = Router(tags=["threads"])
runs_api = Router(tags=["runs"])

MAX_PAGE = 500
MAX_SEQ = 2**62


class RunOut(Schema):
    """A run; ``usage`` counts tokens and money of all attempts."""

    id: uuid.UUID
    thread_id: uuid.UUID
    message_id: uuid.UUID
    status: str
    attempt: int
    max_attempts: int
    trace_id: str
    why: dict[str, Any] | None
    error_code: str | None
    error_detail: str | None
    usage: dict[str, Any]
    cancel_requested: bool
    created_at: dt.datetime
    started_at: dt.datetime | None
    ended_at: dt.datetime | None

    @classmethod
    def of(cls, run: Run) -> "RunOut":
        """Show a run as it is now."""
        return cls(
            id=run.pk,
            thread_id=run.lane_id,
            message_id=run.message_id,
            status=run.status,
            attempt=run.attempt,
            max_attempts=run.max_attempts,
            trace_id=run.trace_id,
            why=run.why,
            error_code=run.error_code or None,
            error_detail=run.error_detail or None,
            usage=run.usage,
            cancel_requested=run.cancel_requested_at is not None,
            created_at=run.created_at,
            started_at=run.started_at,
            ended_at=run.ended_at,
        )


@runs_api.get("/{uuid:run_id}", response=RunOut, summary="One run")
def get_run(request: TeamRequest, run_id: uuid.UUID) -> RunOut:
    """Return a run's status, trace and error."""
    run = runs.find(run_id, by=request.context)
    require(request.context, "view", run.lane.resource())
    return RunOut.of(run)


@runs_api.post("/{uuid:run_id}/cancel", response={202: RunOut}, summary="Stop a run")
def cancel_run(request: TeamRequest, run_id: uuid.UUID) -> Status[RunOut]:
    """Stop a waiting run at once, a working one at its next step or chunk."""
    return Status(202, RunOut.of(runs.cancel(run_id, by=request.context)))


@runs_api.post("/{uuid:run_id}/replay", response={202: RunOut}, summary="Try a dead run again")
def replay_run(request: TeamRequest, run_id: uuid.UUID) -> Status[RunOut]:
    """Give a dead run new attempts."""
    return Status(202, RunOut.of(runs.replay(run_id, by=request.context)))


@events_api.get("/{uuid:thread_id}/events", summary="The log of a thread, live")
async def thread_events(
    request: TeamRequest,
    thread_id: uuid.UUID,
    after: int | None = Query(None, ge=0, le=MAX_SEQ),
    limit: int = Query(200, ge=1, le=MAX_PAGE),
    deltas: bool = False,
) -> Any:
    """Follow the log as server-sent events, ``id: SEQ``; ``Last-Event-ID`` goes before ``after``.

    With ``Accept: application/json`` it is one page: ``{"items": […], "next": cursor | null}``.
    With ``deltas=true`` the text of an answer comes while it is written, as events of type
    ``delta`` and ``snapshot`` that have no id.
    """
    context = request.context
    await hub.in_thread(_find, thread_id, context)
    start = _last_event_id(request)
    if start is None:
        start = after or 0
    accepted = request.headers.get("Accept", "")
    if "application/json" in accepted and "text/event-stream" not in accepted:
        rows = await hub.in_thread(reading.events_after, thread_id, start, limit + 1)
        items = [{"seq": row.seq, **row.body()} for row in rows[:limit]]
        return {"items": items, "next": str(items[-1]["seq"]) if len(rows) > limit else None}
    response = StreamingHttpResponse(
        _stream(thread_id, start, context, deltas=deltas), content_type="text/event-stream"
    )
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


async def _stream(
    lane_id: uuid.UUID, after: int, context: RequestContext, *, deltas: bool
) -> AsyncIterator[bytes]:
    # Sent at once, so that clients know that they are connected.
    yield b": connected\nretry: 1000\n\n"
    items = resuming.follow(lane_id, after_seq=after)
    async with contextlib.aclosing(items) as following:
        async for item in following:
            match item:
                case Entry():
                    name = item.event["type"]
                    yield f"id: {item.seq}\nevent: {name}\ndata: {item.item}\n\n".encode()
                case resuming.Reset():
                    yield (
                        f"id: {item.head_seq}\nevent: reset\n"
                        f'data: {{"type":"reset","head_seq":{item.head_seq},'
                        f'"stream_epoch":"{item.stream_epoch}"}}\n\n'
                    ).encode()
                case resuming.Piece() if deltas:
                    yield f"event: delta\ndata: {item.frame}\n\n".encode()
                case resuming.Written() if deltas:
                    frame = await hub.snapshot_frame(item.run_id, item.text, html=False)
                    yield f"event: snapshot\ndata: {frame}\n\n".encode()
                case resuming.Idle():
                    await hub.in_thread(_find, lane_id, context)
                    yield b": still here\n\n"
                case _:
                    pass


def _find(thread_id: uuid.UUID, context: RequestContext) -> None:
    lane = reading.find_lane(thread_id, by=context)
    require(context, "view", lane.resource(), audit=False)


def _last_event_id(request: TeamRequest) -> int | None:
    raw = request.headers.get("Last-Event-ID")
    if raw is None or not raw.strip():
        return None
    if not raw.strip().isascii() or not raw.strip().isdigit() or len(raw) > 19:
        raise InvalidInput("events.invalid-id", "Last-Event-ID is the number of an event.")
    return min(int(raw), MAX_SEQ)
