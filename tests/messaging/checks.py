"""What must hold of a lane after any drill."""

import contextlib
import uuid
from collections.abc import Iterable, Iterator

from django.db import connection, transaction

from playground.messaging.folding import fold
from playground.messaging.models import Event, Lane, Message, Run
from playground.messaging.reading import snapshot
from playground.messaging.statuses import TERMINAL


def log_of(lane_id: uuid.UUID) -> list[dict]:
    events = Event.objects.filter(lane_id=lane_id).order_by("seq")
    return [{"seq": event.seq, **event.body()} for event in events]


def assert_sound(
    lane_id: uuid.UUID, *, acked: Iterable[uuid.UUID] = (), ended: bool = True
) -> None:
    """Acked = stored, no gaps, first in first out, one end a run, no late write."""
    with one_moment():
        _assert_sound(lane_id, acked=acked, ended=ended)


@contextlib.contextmanager
def one_moment() -> Iterator[None]:
    """Let everything be read as of one moment, whoever still writes."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _assert_sound(lane_id: uuid.UUID, *, acked: Iterable[uuid.UUID], ended: bool) -> None:
    log = log_of(lane_id)
    lane = Lane.objects.get(pk=lane_id)
    assert [event["seq"] for event in log] == list(range(1, lane.next_seq))

    stored = set(Message.objects.filter(lane_id=lane_id).values_list("pk", flat=True))
    assert set(acked) <= stored
    told = {
        uuid.UUID(event["message_id"]): event["seq"]
        for event in log
        if event["type"] == "message.created"
    }
    assert told == dict(Message.objects.filter(lane_id=lane_id).values_list("pk", "seq"))

    runs = list(Run.objects.filter(lane_id=lane_id).order_by("message__seq"))
    ends = [event["run_id"] for event in log if event["type"] == "run.ended"]
    assert len(ends) == len(set(ends)), "a run ended twice"
    if ended:
        assert {run.status for run in runs} <= {str(status) for status in TERMINAL}
        assert [str(run.pk) for run in runs] == ends, "not first in, first out"

    attempts: dict[str, int] = {}
    over: set[str] = set()
    for event in log:
        run = event.get("run_id")
        if event["type"] == "run.started":
            assert event["attempt"] == attempts.get(run, 0) + 1
            attempts[run] = event["attempt"]
        elif event["type"] == "run.step":
            assert event["attempt"] == attempts[run], "a fenced worker wrote"
            assert run not in over, "a run wrote after its end"
        elif event["type"] == "run.ended":
            over.add(run)

    assert fold(log) == snapshot(lane)
