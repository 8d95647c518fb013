"""Kill things midway, and find every lane sound afterwards."""

import asyncio
import json
import random
import signal
import uuid
from collections.abc import Iterator

import httpx
import pytest
import websockets
from pytest_django.plugin import DjangoDbBlocker

from playground.messaging import lanes, runs
from playground.messaging.folding import fold
from playground.messaging.models import Event, Lane, Message, Run
from playground.messaging.reading import snapshot
from playground.policy.people import ensure_member
from tests.messaging.checks import assert_sound, log_of
from tests.messaging.stage import Stage, all_ended, wait_for

pytestmark = [pytest.mark.drill, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Stage]:
    made = Stage()
    with django_db_blocker.unblock():
        try:
            made.set_up()
            yield made
        finally:
            made.tear_down()


def steps_of(lane: Lane, attempt: int = 1) -> int:
    events = Event.objects.filter(lane=lane, type="run.step", payload__attempt=attempt)
    return events.count()


def test_it_goes_on_when_the_worker_is_killed_midway(stage: Stage) -> None:
    stage.ready_workers(2)
    lane = stage.lane()
    acked = [stage.post(lane, steps=20, pause_s=0.05), *(stage.post(lane) for _ in range(3))]
    wait_for(lambda: steps_of(lane) >= 2)

    stage.worker_of(lane).kill()

    wait_for(lambda: all_ended(lane))
    assert Run.objects.get(pk=acked[0].run_id).attempt >= 2
    assert set(Run.objects.filter(lane=lane).values_list("status", flat=True)) == {"succeeded"}
    assert_sound(lane.pk, acked=[one.message_id for one in acked])


def drill_zombie(stage: Stage) -> tuple[Lane, list[uuid.UUID]]:
    """Stop a worker past its lease, let another take over, and let the zombie write."""
    lane = stage.lane()
    acked = [stage.post(lane, steps=40, pause_s=0.05, polite=False), stage.post(lane)]
    wait_for(lambda: steps_of(lane) >= 2)
    zombie = stage.worker_of(lane)
    zombie.signal(signal.SIGSTOP)
    try:
        wait_for(lambda: steps_of(lane, attempt=2) >= 2)
    finally:
        zombie.signal(signal.SIGCONT)
    wait_for(lambda: all_ended(lane))
    return lane, [one.message_id for one in acked]


def test_it_refuses_late_writes_when_a_zombie_wakes_up(stage: Stage) -> None:
    stage.ready_workers(2)
    for note in stage.notes.iterdir():
        note.unlink()

    lane, acked = drill_zombie(stage)

    wait_for(lambda: list(stage.notes.glob("refused-*")))
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
    acked = stage.post(lane, steps=30, pause_s=0.05)
    wait_for(lambda: steps_of(lane) >= 2)

    leaving = stage.worker_of(lane)
    leaving.signal(signal.SIGTERM)

    wait_for(lambda: all_ended(lane))
    leaving.wait()
    run = Run.objects.get(lane=lane)
    assert run.status == "succeeded"
    assert run.max_attempts == 4
    retry = next(event for event in log_of(lane.pk) if event["type"] == "run.retrying")
    assert retry["code"] == "run.handed-over"
    assert_sound(lane.pk, acked=[acked.message_id])


def test_it_stops_when_a_working_run_is_cancelled(stage: Stage) -> None:
    stage.ready_workers(1)
    lane = stage.lane()
    first = stage.post(lane, steps=200, pause_s=0.05)
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
    acked = [stage.post(lane, steps=20, pause_s=0.05)]
    wait_for(lambda: steps_of(lane) >= 2)

    stage.services.valkey.kill()
    stage.services.valkey.wait(60)
    acked += [stage.post(lane) for _ in range(5)]
    elsewhere = stage.post(other)
    wait_for(lambda: all_ended(lane) and all_ended(other))
    stage.services.start_valkey()
    acked += [stage.post(lane) for _ in range(5)]

    wait_for(lambda: all_ended(lane))
    assert set(Run.objects.filter(lane=lane).values_list("status", flat=True)) == {"succeeded"}
    assert_sound(lane.pk, acked=[one.message_id for one in acked])
    assert_sound(other.pk, acked=[elsewhere.message_id])


def test_it_loses_nothing_when_postgres_restarts_midway(stage: Stage) -> None:
    stage.ready_workers(1)
    lane = stage.lane()
    acked = [stage.post(lane, steps=20, pause_s=0.05), *(stage.post(lane) for _ in range(3))]
    wait_for(lambda: steps_of(lane) >= 2)

    stage.services.postgres.send_signal(signal.SIGINT)
    stage.services.postgres.wait(60)
    stage.services.start_postgres()
    from django.db import connection

    connection.close()
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


def _connect(stage: Stage, lane_id: uuid.UUID, key: str | None) -> websockets.connect:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    headers["Origin"] = f"http://127.0.0.1:{stage.port}"
    address = f"ws://127.0.0.1:{stage.port}/ws/threads/{lane_id}"
    return websockets.connect(address, additional_headers=headers)


def test_it_answers_alike_when_a_lane_is_foreign_or_unknown(stage: Stage) -> None:
    stage.start_web()
    stranger = ensure_member("charlie", team="trust").user
    foreign = lanes.open_lane(context=stranger.context(), owner=stranger)
    mine = stage.lane()

    async def close_code(lane_id: uuid.UUID, key: str | None) -> int:
        async with _connect(stage, lane_id, key) as socket:
            with pytest.raises(websockets.ConnectionClosed) as caught:
                await asyncio.wait_for(socket.recv(), 60)
            return caught.value.rcvd.code

    key = stage.key()
    assert asyncio.run(close_code(foreign.pk, key)) == 4404
    assert asyncio.run(close_code(uuid.uuid4(), key)) == 4404
    assert asyncio.run(close_code(mine.pk, "pg_wrong")) == 4401
    assert asyncio.run(close_code(mine.pk, None)) == 4401


def test_it_stays_open_when_frames_are_wrong(stage: Stage) -> None:
    stage.start_web()
    lane, key = stage.lane(), stage.key()

    async def talk() -> list[str]:
        codes = []
        async with _connect(stage, lane.pk, key) as socket:
            for bad in (b"\x00\xff", "{", "[" * 500, '{"type":"dance"}', "x" * 300_000):
                await socket.send(bad)
                codes.append(json.loads(await asyncio.wait_for(socket.recv(), 60))["code"])
            await socket.send('{"type":"ping"}')
            assert json.loads(await asyncio.wait_for(socket.recv(), 60)) == {"type": "pong"}
        return codes

    assert asyncio.run(talk()) == [
        "frame.binary",
        "request.malformed-json",
        "request.too-deep",
        "frame.unknown-type",
        "frame.too-large",
    ]


def test_it_says_reset_when_the_history_is_another(stage: Stage) -> None:
    stage.start_web()
    stage.ready_workers(1)
    lane, key = stage.lane(), stage.key()
    stage.post(lane)
    wait_for(lambda: all_ended(lane))

    async def first_frames(**resume: object) -> list[str]:
        async with _connect(stage, lane.pk, key) as socket:
            await socket.send(json.dumps({"type": "resume", **resume}))
            frames = [json.loads(await asyncio.wait_for(socket.recv(), 60)) for _ in range(2)]
            return [frame["type"] for frame in frames]

    epoch = str(lane.stream_epoch)
    assert asyncio.run(first_frames(after_seq=0, stream_epoch=epoch)) == ["hello", "event"]
    assert asyncio.run(first_frames(after_seq=0, stream_epoch="old")) == ["hello", "reset"]
    assert asyncio.run(first_frames(after_seq=10_000, stream_epoch=None)) == ["hello", "reset"]


def test_it_gives_the_text_so_far_when_a_client_joins_midway(stage: Stage) -> None:
    stage.start_web()
    stage.ready_workers(1)
    lane, key = stage.lane(), stage.key()
    stage.post(lane, steps=60, pause_s=0.05)
    wait_for(lambda: steps_of(lane) >= 20)

    async def collect() -> str:
        text, started = "", False
        async with _connect(stage, lane.pk, key) as socket:
            await socket.send('{"type":"resume","after_seq":0}')
            while True:
                frame = json.loads(await asyncio.wait_for(socket.recv(), 60))
                if frame["type"] == "snapshot":
                    text, started = frame["text"], True
                elif frame["type"] == "delta":
                    assert frame["offset"] == len(text)
                    text += frame["text"]
                elif frame["type"] == "event" and frame["event"]["type"] == "run.ended":
                    assert started
                    return text

    assert asyncio.run(collect()) == "".join(f"{number} " for number in range(60))


def test_it_serves_the_same_log_when_a_script_reads_it(stage: Stage) -> None:
    stage.start_web()
    stage.ready_workers(1)
    lane = stage.lane()
    stage.post(lane)
    wait_for(lambda: all_ended(lane))
    url = f"http://127.0.0.1:{stage.port}/api/threads/{lane.pk}/events"
    headers = {"Authorization": f"Bearer {stage.key()}"}

    page = httpx.get(url, headers=headers | {"Accept": "application/json"}, timeout=60).json()
    streamed = []
    with httpx.stream("GET", url, headers=headers | {"Last-Event-ID": "2"}, timeout=60) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                streamed.append(json.loads(line[5:]))
                if streamed[-1]["type"] == "run.ended":
                    break

    assert page["items"] == log_of(lane.pk)
    assert page["next"] is None
    assert streamed == page["items"][2:]
