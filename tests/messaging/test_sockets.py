"""What sockets and scripts get over the real doors."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Mapping

import httpx
import pytest
import websockets
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db.models.functions import Now

from playground.messaging import lanes
from playground.messaging.models import Lane, Message
from playground.policy.models import ApiKey
from playground.policy.people import ensure_member
from tests.messaging.checks import assert_sound, log_of
from tests.messaging.stage import Stage, all_ended, steps_of, wait_for

pytestmark = [pytest.mark.drill, pytest.mark.timeout(400)]


def connect(
    stage: Stage,
    lane_id: uuid.UUID,
    key: str | None = None,
    *,
    query: str = "",
    cookie: str = "",
    told: Mapping[str, str] | None = None,
) -> websockets.connect:
    headers = {"Origin": f"http://127.0.0.1:{stage.port}", **(told or {})}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    if cookie:
        headers["Cookie"] = cookie
    address = f"ws://127.0.0.1:{stage.port}/ws/threads/{lane_id}{query}"
    # Nothing but what the server says is waited for, however slow the machine.
    return websockets.connect(
        address, additional_headers=headers, open_timeout=90, ping_interval=None
    )


async def hear(socket: websockets.ClientConnection) -> dict:
    return json.loads(await asyncio.wait_for(socket.recv(), 90))


async def hear_of(socket: websockets.ClientConnection, *kinds: str) -> dict:
    while (frame := await hear(socket))["type"] not in kinds:
        pass
    return frame


async def resume(socket: websockets.ClientConnection, after_seq: int = 0) -> None:
    await socket.send(json.dumps({"type": "resume", "after_seq": after_seq}))
    await hear_of(socket, "hello")


async def events_until(socket: websockets.ClientConnection, ended: int) -> list[int]:
    """Return the numbers of the events that come until so many runs have ended."""
    seen: list[int] = []
    while ended:
        frame = await hear_of(socket, "event")
        seen.append(frame["seq"])
        ended -= frame["event"]["type"] == "run.ended"
    return seen


def test_it_answers_alike_when_a_lane_is_foreign_or_unknown(stage: Stage) -> None:
    stage.start_web()
    stranger = ensure_member("charlie", team="trust").user
    foreign = lanes.open_lane(context=stranger.context(), owner=stranger)
    mine = stage.lane()

    async def refusal(lane_id: uuid.UUID, key: str | None) -> tuple[str, int]:
        async with connect(stage, lane_id, key) as socket:
            told = json.loads(await asyncio.wait_for(socket.recv(), 60))
            with pytest.raises(websockets.ConnectionClosed) as caught:
                await asyncio.wait_for(socket.recv(), 60)
            return told["code"], caught.value.rcvd.code

    key = stage.key()
    assert asyncio.run(refusal(foreign.pk, key)) == ("thread.not-found", 4404)
    assert asyncio.run(refusal(uuid.uuid4(), key)) == ("thread.not-found", 4404)
    assert asyncio.run(refusal(mine.pk, "pg_wrong")) == ("auth.required", 4401)
    assert asyncio.run(refusal(mine.pk, None)) == ("auth.required", 4401)


@pytest.mark.parametrize(
    ("told", "code", "closed"),
    [
        ({"Playground-Attributes": "[]"}, "attributes.invalid", 4422),
        ({"Playground-Attributes": '{"plan": [1]}'}, "attributes.invalid", 4422),
        ({"Playground-Purpose": "spam"}, "policy.purpose-denied", 4403),
        ({"Playground-On-Behalf-Of": "user:nobody"}, "policy.on-behalf-denied", 4403),
    ],
)
def test_it_says_what_is_wrong_when_the_handshake_declares_what_it_may_not(
    stage: Stage, told: dict[str, str], code: str, closed: int
) -> None:
    stage.start_web()
    lane, key = stage.lane(), stage.key()

    async def refusal() -> tuple[str, int]:
        async with connect(stage, lane.pk, key, told=told) as socket:
            said = json.loads(await asyncio.wait_for(socket.recv(), 60))
            with pytest.raises(websockets.ConnectionClosed) as caught:
                await asyncio.wait_for(socket.recv(), 60)
            return said["code"], caught.value.rcvd.code

    assert asyncio.run(refusal()) == (code, closed)


def test_it_closes_when_a_socket_is_flooded(stage: Stage) -> None:
    stage.start_web()
    lane, key = stage.lane(), stage.key()

    async def flood() -> tuple[list[dict[str, object]], int]:
        heard = []
        async with connect(stage, lane.pk, key) as socket:
            for _ in range(2_000):
                await socket.send('{"type":"ping"}')
            with contextlib.suppress(websockets.ConnectionClosedError):
                async for answer in socket:
                    heard.append(json.loads(answer))
            return heard, socket.close_code

    heard, code = asyncio.run(flood())

    assert code == 4400
    assert 100 <= sum(each["type"] == "pong" for each in heard) < 1_000
    assert sum(each.get("code") == "rate-limited" for each in heard) == 50


def test_it_stays_open_when_frames_are_wrong(stage: Stage) -> None:
    stage.start_web()
    lane, key = stage.lane(), stage.key()

    async def talk() -> list[str]:
        codes = []
        async with connect(stage, lane.pk, key) as socket:
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
        async with connect(stage, lane.pk, key) as socket:
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
        async with connect(stage, lane.pk, key) as socket:
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


def test_it_gives_one_ack_when_five_sockets_send_the_same(stage: Stage) -> None:
    stage.start_web()
    stage.ready_workers(1)
    lane, key = stage.thread(), stage.key()
    content = json.dumps({"say": "done"})

    async def send(content: str) -> dict:
        async with connect(stage, lane.pk, key) as socket:
            await socket.send(json.dumps({"type": "send", "content": content, "dedup_key": "k"}))
            return await hear_of(socket, "ack", "error")

    async def all_at_once() -> list[dict]:
        return await asyncio.gather(*(send(content) for _ in range(5)))

    acks = asyncio.run(all_at_once())
    other = asyncio.run(send("other"))

    message = Message.objects.get(lane=lane, role="user")
    ack = {"type": "ack", "dedup_key": "k", "id": str(message.pk), "seq": message.seq}
    assert acks == [ack | {"run_id": str(message.run_id)}] * 5
    assert (other["type"], other["code"]) == ("error", "message.dedup-conflict")
    wait_for(lambda: all_ended(lane))
    assert_sound(lane.pk, acked=[message.pk])


def test_it_stops_a_run_when_a_socket_says_so(stage: Stage) -> None:
    stage.start_web()
    stage.ready_workers(1)
    lane, other, key = stage.lane(), stage.lane(), stage.key()
    posted, elsewhere = stage.post(lane, steps=2000, pause_s=0.05), stage.post(other)
    wait_for(lambda: steps_of(lane) >= 1)

    async def cancel(run_id: uuid.UUID | None) -> dict:
        async with connect(stage, lane.pk, key) as socket:
            await resume(socket)
            await socket.send(json.dumps({"type": "cancel", "run_id": str(run_id)}))
            while True:
                frame = await hear_of(socket, "event", "error")
                if frame["type"] == "error" or frame["event"]["type"] == "run.ended":
                    return frame

    assert asyncio.run(cancel(elsewhere.run_id))["code"] == "run.not-found"
    assert asyncio.run(cancel(posted.run_id))["event"]["status"] == "cancelled"
    wait_for(lambda: all_ended(other))
    assert_sound(lane.pk, acked=[posted.message_id])
    assert_sound(other.pk, acked=[elsewhere.message_id])


def test_it_sends_html_when_a_page_asks_for_it(stage: Stage) -> None:
    stage.start_web()
    stage.ready_workers(1)
    lane, key = stage.thread(), stage.key()
    posted = stage.post(lane, say="**bold**", steps=30, pause_s=0.05)

    async def collect() -> list[dict]:
        frames = []
        async with connect(stage, lane.pk, key, query="?html=1") as socket:
            await resume(socket)
            while not frames or frames[-1].get("event", {}).get("type") != "run.ended":
                frames.append(await hear(socket))
        return frames

    frames = asyncio.run(collect())

    events = [frame for frame in frames if frame["type"] == "event"]
    assert all(isinstance(frame["html"], str) for frame in events)
    answer = next(frame for frame in events if frame["event"].get("role") == "assistant")
    assert "<strong>bold</strong>" in answer["html"]
    assert any("<p>0 1" in frame["html"] for frame in frames if frame["type"] == "snapshot")
    assert_sound(lane.pk, acked=[posted.message_id])


def test_it_loses_the_socket_when_access_is_taken_away(stage: Stage) -> None:
    stage.start_web()
    stage.ready_workers(1)
    lane = stage.lane()
    removed, revoked, left = (
        ensure_member(f"{name}-{uuid.uuid4().hex[:8]}", team="hiring")
        for name in ("removed", "revoked", "left")
    )
    doors = [
        connect(stage, lane.pk, stage.key(removed)),
        connect(stage, lane.pk, stage.key(revoked)),
        connect(stage, lane.pk, cookie=stage.cookie(left)),
    ]
    acked = []

    def take_away() -> None:
        removed.delete()
        ApiKey.objects.filter(user=revoked.user).update(revoked_at=Now())
        Session.objects.all().delete()

    def say_more() -> None:
        acked.append(stage.post(lane).message_id)

    async def closed(socket: websockets.ClientConnection) -> int:
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await hear(socket)
        return socket.close_code or 0

    async def talk() -> list[int]:
        async with contextlib.AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(door) for door in doors]
            for socket in sockets:
                await resume(socket)
            await sync_to_async(take_away)()
            ends = asyncio.gather(*(closed(socket) for socket in sockets))
            while not ends.done():
                await sync_to_async(say_more)()
                await asyncio.wait([ends], timeout=0.5)
            return await ends

    assert asyncio.run(talk()) == [4401, 4401, 4401]
    wait_for(lambda: all_ended(lane))
    assert_sound(lane.pk, acked=acked)


def test_it_reaches_all_when_two_hundred_sockets_follow_one_lane(stage: Stage) -> None:
    stage.start_web()
    stage.ready_workers(1)
    lane, key = stage.lane(), stage.key()
    acked = []

    def say() -> None:
        acked.extend(stage.post(lane, steps=3).message_id for _ in range(3))

    async def listen() -> list[list[int]]:
        async with contextlib.AsyncExitStack() as stack:
            sockets = [
                await stack.enter_async_context(connect(stage, lane.pk, key)) for _ in range(200)
            ]
            await asyncio.gather(*(resume(socket) for socket in sockets))
            await sync_to_async(say)()
            return await asyncio.gather(*(events_until(socket, 3) for socket in sockets))

    heard = asyncio.run(listen())

    whole = list(range(1, Lane.objects.get(pk=lane.pk).next_seq))
    assert all(each == whole for each in heard)
    assert_sound(lane.pk, acked=acked)


def test_it_holds_up_nobody_when_one_reads_slowly(stage: Stage) -> None:
    stage.start_web()
    stage.ready_workers(1)
    lane, key = stage.lane(), stage.key()
    acked = []

    def say() -> None:
        acked.extend(stage.post(lane, say="x" * 150_000).message_id for _ in range(40))

    async def listen() -> tuple[list[int], list[int]]:
        async with connect(stage, lane.pk, key) as slow, connect(stage, lane.pk, key) as quick:
            await resume(slow)
            await resume(quick)
            await sync_to_async(say)()
            # The slow one's line is full long before the quick one has everything.
            heard = await events_until(quick, 40)
            return heard, await events_until(slow, 40)

    quick, slow = asyncio.run(listen())

    assert quick == slow == list(range(1, Lane.objects.get(pk=lane.pk).next_seq))
    assert_sound(lane.pk, acked=acked)
