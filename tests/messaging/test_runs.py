"""What people may do to runs over the API."""

import pytest

from playground.core import spans
from playground.core.errors import ProviderError
from playground.messaging import draining
from playground.messaging.models import Lane, Run
from playground.messaging.working import Work
from tests.messaging.checks import assert_sound, log_of
from tests.messaging.test_draining import drain_all, echo

pytestmark = pytest.mark.django_db(transaction=True)


class Cuts:
    """A sink that remembers which traces were cut off."""

    def __init__(self) -> None:
        self.traces: list[str] = []

    def on_start(self, record: object) -> None: ...
    def on_update(self, record: object) -> None: ...
    def on_end(self, record: object) -> None: ...
    def on_delta(self, delta: object) -> None: ...

    def on_interrupt(self, trace_id: str) -> None:
        self.traces.append(trace_id)

    def flush(self) -> bool:
        return True


@pytest.fixture
def cuts():
    sink = Cuts()
    spans.register_sink(sink)
    yield sink
    spans.unregister_sink(sink)


def fail_thrice(work: Work) -> None:
    if work.attempt <= 3:
        raise ProviderError("provider.down", "The provider is down.")
    echo(work)


def test_it_gives_new_attempts_when_a_dead_run_is_replayed(lane, say, handled_by, api_for, alice):
    handled_by(fail_thrice)
    appended = say()
    drain_all(lane)
    assert Run.objects.get(pk=appended.run_id).status == "dead"

    answer = api_for(alice).post(f"/api/runs/{appended.run_id}/replay")
    draining.drain(lane.pk)

    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    run = Run.objects.get(pk=appended.run_id)
    assert (run.status, run.attempt, run.error_code) == ("succeeded", 4, "")
    assert [event["status"] for event in log_of(lane.pk) if event["type"] == "run.ended"] == [
        "dead",
        "succeeded",
    ]


def test_it_stops_a_waiting_run_when_it_is_cancelled(lane, say, handled_by, api_for, alice, cuts):
    handled_by(echo)
    first, second = say("one"), say("two")

    answers = [api_for(alice).post(f"/api/runs/{first.run_id}/cancel") for _ in range(2)]
    draining.drain(lane.pk)

    assert [(a.status_code, a.json()["status"]) for a in answers] == [(202, "cancelled")] * 2
    assert Run.objects.get(pk=second.run_id).status == "succeeded"
    assert_sound(lane.pk, acked=[first.message_id, second.message_id])
    spans.flush()
    assert cuts.traces == [Run.objects.get(pk=first.run_id).trace_id]


def test_it_closes_the_trace_when_the_worker_was_lost_each_time(lane, say, cuts):
    appended = say()
    Run.objects.filter(pk=appended.run_id).update(status="running", attempt=3)

    draining.drain(lane.pk)

    run = Run.objects.get(pk=appended.run_id)
    assert run.status == "dead"
    spans.flush()
    assert cuts.traces == [run.trace_id]


@pytest.mark.parametrize("verb", ["cancel", "replay"])
def test_it_refuses_when_others_touch_a_run(verb, lane, say, api_for, vera, charlie):
    appended = say()
    unknown = "00000000-0000-7000-8000-000000000000"

    viewer = api_for(vera).post(f"/api/runs/{appended.run_id}/{verb}")
    outsider = api_for(charlie).post(f"/api/runs/{appended.run_id}/{verb}")
    nothing = api_for(charlie).post(f"/api/runs/{unknown}/{verb}")

    assert viewer.status_code == 403
    assert (outsider.status_code, nothing.status_code) == (404, 404)
    assert outsider.json()["code"] == nothing.json()["code"] == "run.not-found"
    assert Run.objects.get(pk=appended.run_id).status == "queued"
    assert Lane.objects.get(pk=lane.pk).next_seq == 3


def test_it_conflicts_when_a_run_that_is_not_dead_is_replayed(lane, say, api_for, alice):
    answer = api_for(alice).post(f"/api/runs/{say().run_id}/replay")

    assert (answer.status_code, answer.json()["code"]) == (409, "run.not-replayable")
