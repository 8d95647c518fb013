"""Read a lane's log and what it adds up to."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import F

from playground.core.context import RequestContext
from playground.core.errors import NotFound
from playground.messaging.folding import State, fold
from playground.messaging.models import Event, Feedback, Lane, Message, Run
from playground.messaging.statuses import RunStatus

PAGE = 200


@dataclass(frozen=True, slots=True)
class Head:
    """How far a lane's log reaches, and which history it is."""

    seq: int
    stream_epoch: str


@dataclass(frozen=True, slots=True)
class Partial:
    """What is written of an answer; ``base`` counts the attempt's characters before it."""

    run_id: str
    attempt: int
    base: int
    text: str


def find_lane(lane_id: uuid.UUID, *, by: RequestContext) -> Lane:
    """Return a lane of the context's team, team and owner loaded.

    Raises:
        NotFound: there is none that the context may see.
    """
    lanes = Lane.objects.visible_to(by).select_related("team", "owner")
    lane = lanes.filter(pk=lane_id).first()
    if lane is None:
        raise NotFound("thread.not-found", "There is no such thread.")
    return lane


def heads(lane_ids: list[uuid.UUID]) -> dict[uuid.UUID, Head]:
    """Return the heads of several lanes with one query."""
    rows = Lane.objects.filter(pk__in=lane_ids).values_list("pk", "next_seq", "stream_epoch")
    return {pk: Head(next_seq - 1, str(epoch)) for pk, next_seq, epoch in rows}


def events_after(lane_id: uuid.UUID, after: int, limit: int = PAGE) -> list[Event]:
    """Return the events that follow a number, in order."""
    log = Event.objects.filter(lane_id=lane_id, seq__gt=after)
    return list(log.order_by("seq")[:limit])


def begins_after(lane_id: uuid.UUID) -> int:
    """Return the number before the log's first event: more than 0 once old events were trimmed."""
    first = Event.objects.filter(lane_id=lane_id).order_by("seq").values_list("seq", flat=True)
    return (first.first() or 1) - 1


def partials(lane_id: uuid.UUID) -> list[Partial]:
    """Return what is being written in a lane, as last saved."""
    rows = Run.objects.filter(lane_id=lane_id, status=RunStatus.RUNNING)
    fields = rows.values_list("pk", "attempt", "partial_offset", "partial_text")
    return [Partial(str(pk), attempt, base, text) for pk, attempt, base, text in fields]


def snapshot(lane: Lane) -> State:
    """Return the state that folding the lane's whole log would give, from the tables.

    Steps, plans and the thread's own changes stand nowhere but in the log. Five queries.
    """
    log = Event.objects.filter(lane=lane)
    head = log.order_by("-seq").values_list("seq", flat=True).first() or 0
    told = log.filter(type__in=("run.step", "run.plan", "thread.updated"), seq__lte=head)
    state = fold({"seq": one.seq, **one.body()} for one in told.order_by("seq"))
    state["messages"] = [
        {
            "seq": message.seq,
            "message_id": str(message.pk),
            "role": message.role,
            "content": message.content,
            "data": message.data,
            "author": message.author,
            "run_id": str(message.run_id) if message.run_id else None,
        }
        for message in Message.objects.filter(lane=lane, seq__lte=head).order_by("seq")
    ]
    said: dict[str, dict[str, float]] = {}
    for one in Feedback.objects.filter(run__lane=lane):
        said.setdefault(str(one.run_id), {})[f"{one.key} {one.author}"] = one.score
    runs: dict[str, Any] = {}
    for run in Run.objects.filter(lane=lane).annotate(seq=F("message__seq")).order_by("seq"):
        told_of = state["runs"].get(str(run.pk), {"steps": {}, "plan": []})
        runs[str(run.pk)] = {
            "status": run.status,
            "attempt": run.attempt,
            "code": run.error_code,
            "detail": run.error_detail,
            "steps": told_of["steps"],
            "plan": told_of["plan"],
            "feedback": said.get(str(run.pk), {}),
        }
    state["runs"] = runs
    state["seq"] = head
    return state
