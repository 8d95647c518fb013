"""Kill things midway, and find every lane sound afterwards."""

import asyncio
import json
import random
import signal
import uuid

import pytest
import websockets
from django.db import connection

from playground.messaging import runs
from playground.messaging.folding import fold
from playground.messaging.models import Lane, Message, Run
from playground.messaging.reading import snapshot
from tests.messaging.checks import assert_sound, log_of
from tests.messaging.stage import Stage, all_ended, steps_of, wait_for

pytestmark = [pytest.mark.drill, pytest.mark.timeout(400)]


def test_it_goes_on_when_the_worker_is_killed_midway(stage: Stage) -> None:
    stage.ready_workers(2)
    lane = stage.lane()
    acked = [stage.post_held(lane), *(stage.post(lane) for _ in range(3))]
    wait_for(lambda: steps_of(lane) >= 2)

    stage.worker_of(lane).kill()
    stage.release(lane)

    wait_for(lambda: all_ended(lane))
    assert Run.objects.get(pk=acked[0].run_id).attempt >= 2
    assert set(Run.objects.filter(lane=lane).values_list("status", flat=True)) == {"succeeded"}
    assert_sound(lane.pk, acked=[one.message_id for one in acked])


def drill_zombie(stage: Stage) -> tuple[Lane, list[uuid.UUID]]:
    """Stop a worker past its lease, let another take over, and let the zombie write."""
    for note in stage.notes.glob("refused-*"):
        note.unlink()
    lane = stage.lane()
    acked = [stage.post_held(lane, polite=False), stage.post(lane)]
    wait_for(lambda: steps_of(lane) >= 2)
    zombie = stage.worker_of(lane)
    zombie.signal(signal.SIGSTOP)
    try:
        wait_for(lambda: steps_of(lane, attempt=2) >= 2)
        before = steps_of(lane)
    finally:
        zombie.signal(signal.SIGCONT)
    wait_for(lambda: steps_of(lane) > before or list(stage.notes.glob("refused-*")))
    stage.release(lane)
    wait_for(lambda: all_ended(lane))
    return lane, [one.message_id for one in acked]


def test_it_refuses_late_writes_when_a_zombie_wakes_up(stage: Stage) -> None:
    stage.ready_workers(2)
    lane, acked = drill_zombie(stage)

    assert list(stage.notes.glob("refused-*"))
    assert_sound(lane.pk, acked=acked)


def test_it_notices_a_zombie_when_the_fence_is_taken_out(stage: Stage) -> None:
    stage.ready_workers(2, DRILL_NO_FENCE="1")
    try:
        lane, acked = drill_zombie(stage)

        with pytest.raises(AssertionError, match="a fenced worker wrote"):
            assert_sound(lane.pk, acked=acked)
    finally:
        stage.stop_workers()


def test_it_hands_over_at_once_when_a_worker_is_asked_to_go(stage: Stage) -> None:
    stage.ready_workers(2)
    lane = stage.lane()
    acked = stage.post_held(lane)
    wait_for(lambda: steps_of(lane) >= 2)

    leaving = stage.worker_of(lane)
    leaving.signal(signal.SIGTERM)

    leaving.wait()
    stage.release(lane)
    wait_for(lambda: all_ended(lane))
    run = Run.objects.get(lane=lane)
    assert run.status == "succeeded"
    assert run.max_attempts == 4
    retry = next(event for event in log_of(lane.pk) if event["type"] == "run.retrying")
    assert retry["code"] == "run.handed-over"
    assert_sound(lane.pk, acked=[acked.message_id])


def test_it_stops_when_a_working_run_is_cancelled(stage: Stage) -> None:
    stage.ready_workers(1)
    lane = stage.lane()
    first = stage.post_held(lane)
    second = stage.post(lane)
    wait_for(lambda: steps_of(lane) >= 2)

    runs.cancel(first.run_id, by=stage.member.user.context())

    wait_for(lambda: all_ended(lane))
    assert Run.objects.get(pk=first.run_id).status == "cancelled"
    assert Run.objects.get(pk=second.run_id).status == "succeeded"
    assert_sound(lane.pk, acked=[first.message_id, second.message_id])


def test_it_loses_nothing_when_valkey_is_killed_midway(stage: Stage) -> None:
    stage.ready_workers(1)
    lane, other = stage.lane(), stage.lane()
    acked = [stage.post_held(lane)]
    wait_for(lambda: steps_of(lane) >= 2)

    stage.services.valkey.kill()
    stage.services.valkey.wait(60)
    acked += [stage.post(lane) for _ in range(5)]
    elsewhere = stage.post(other)
    wait_for(lambda: all_ended(other))
    stage.release(lane)
    wait_for(lambda: all_ended(lane))
    stage.services.start_valkey()
    acked += [stage.post(lane) for _ in range(5)]

    wait_for(lambda: all_ended(lane))
    assert set(Run.objects.filter(lane=lane).values_list("status", flat=True)) == {"succeeded"}
    assert_sound(lane.pk, acked=[one.message_id for one in acked])
    assert_sound(other.pk, acked=[elsewhere.message_id])


def test_it_loses_nothing_when_postgres_restarts_midway(stage: Stage) -> None:
    stage.ready_workers(1)
    lane = stage.lane()
    acked = [stage.post_held(lane), *(stage.post(lane) for _ in range(3))]
    wait_for(lambda: steps_of(lane) >= 2)

    stage.services.postgres.send_signal(signal.SIGINT)
    stage.services.postgres.wait(60)
    stage.services.start_postgres()
    connection.close()
    stage.release(lane)
    acked += [stage.post(lane) for _ in range(3)]

    wait_for(lambda: all_ended(lane))
    assert set(Run.objects.filter(lane=lane).values_list("status", flat=True)) == {"succeeded"}
    assert_sound(lane.pk, acked=[one.message_id for one in acked])


def test_it_shows_each_event_once_when_the_socket_drops_at_random(stage: Stage) -> None:
    stage.ready_workers(1)
    stage.start_web()
    lane, key = stage.lane(), stage.key()
    acked = [
        stage.post(lane, say=f"answer {number}", steps=6, pause_s=0.01).message_id
        for number in range(6)
    ]

    seen = asyncio.run(_collect_with_drops(stage.port, lane.pk, key))

    wait_for(lambda: all_ended(lane))
    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
    assert fold(seen) == snapshot(Lane.objects.get(pk=lane.pk))
    assert Message.objects.filter(lane=lane, role="assistant").count() == 6
    assert_sound(lane.pk, acked=acked)


async def _collect_with_drops(port: int, lane_id: uuid.UUID, key: str) -> list[dict]:
    """Follow until six runs have ended, dropping the line after a random number of frames."""
    seen: list[dict] = []
    epoch = None
    address = f"ws://127.0.0.1:{port}/ws/threads/{lane_id}"
    headers = {"Authorization": f"Bearer {key}"}
    while sum(event["type"] == "run.ended" for event in seen) < 6:
        drop_after = random.randint(1, 12)
        async with websockets.connect(address, additional_headers=headers) as socket:
            after = seen[-1]["seq"] if seen else 0
            resume = {"type": "resume", "after_seq": after, "stream_epoch": epoch}
            await socket.send(json.dumps(resume))
            for _ in range(drop_after):
                frame = json.loads(await asyncio.wait_for(socket.recv(), 60))
                if frame["type"] == "hello":
                    epoch = frame["stream_epoch"]
                elif frame["type"] == "event":
                    seen.append({"seq": frame["seq"], **frame["event"]})
                if sum(event["type"] == "run.ended" for event in seen) == 6:
                    break
            socket.transport.abort()
    return seen
