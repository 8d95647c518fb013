"""The measurements. Each returns figures; none asserts anything."""

import asyncio
import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from tests.bench.figures import Figure, pair

SEND_TURNS = 60
LANES = 16
MESSAGES_A_LANE = 20
SOCKETS = 200


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send requests, and as whom."""

    base: str
    key: str

    def session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            base_url=self.base,
            headers={"Authorization": f"Bearer {self.key}"},
            connector=aiohttp.TCPConnector(limit=0),
        )


async def post(session: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> dict[str, Any]:
    async with session.post(path, json=body) as answer:
        answer.raise_for_status()
        return dict(await answer.json())


async def get(session: aiohttp.ClientSession, path: str) -> dict[str, Any]:
    async with session.get(path) as answer:
        answer.raise_for_status()
        return dict(await answer.json())


async def make_agent(session: aiohttp.ClientSession) -> str:
    """Wire an agent without skills or planning to the scripted model."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    await post(
        session,
        "/api/agents",
        {
            "name": name,
            "title": "Bench",
            "description": "Answers from a script.",
            "prompt": "Answer briefly.",
            "skills": [],
            "model": "scripted",
            "step_limit": 2,
            "planning": False,
            "suggested": [],
        },
    )
    return name


async def send(session: aiohttp.ClientSession, thread: str, content: str) -> dict[str, Any]:
    return await post(session, f"/api/threads/{thread}/messages", {"content": content})


async def ended(session: aiohttp.ClientSession, run: str) -> dict[str, Any]:
    """Wait until the run is in a terminal state."""
    while True:
        found = await get(session, f"/api/runs/{run}")
        if found["status"] not in ("queued", "running", "waiting"):
            return found
        await asyncio.sleep(0.02)


async def health_baseline(session: aiohttp.ClientSession, *, samples: int = 60) -> list[float]:
    """Time the product's own cheapest request, in ms."""
    times = []
    for _ in range(samples):
        begun = time.perf_counter()
        async with session.get("/healthz") as answer:
            await answer.read()
        times.append((time.perf_counter() - begun) * 1e3)
    return times


async def turn_overhead(session: aiohttp.ClientSession, agent: str, *, base: float) -> list[Figure]:
    """Time from sending POST to the start of the first model call's span, and the POST alone."""
    thread = (await post(session, "/api/threads", {"agent": agent}))["id"]
    overheads, posts = [], []
    for turn in range(SEND_TURNS):
        wall, begun = time.time(), time.perf_counter()
        sent = await send(session, thread, f"turn {turn}")
        posts.append((time.perf_counter() - begun) * 1e3)
        run = await ended(session, sent["run_id"])
        started = await first_model_call(session, run["trace_id"])
        overheads.append((started - wall) * 1e3)
    return [
        *pair("POST message accepted", posts, "ms", baseline="GET /healthz", base=base),
        *pair("POST to first model call", overheads, "ms", baseline="GET /healthz", base=base),
    ]


async def first_model_call(session: aiohttp.ClientSession, trace_id: str) -> float:
    """Return the start of the trace's first model span, in Unix seconds."""
    for _ in range(200):
        async with session.get(f"/api/traces/{trace_id}") as answer:
            if answer.status == 200:
                spans = (await answer.json())["spans"]
                starts = [span["start"] for span in spans if span["kind"] == "model"]
                if starts:
                    return datetime.fromisoformat(min(starts)).timestamp()
        await asyncio.sleep(0.02)
    raise SystemExit(f"trace {trace_id} shows no model call")


async def throughput(session: aiohttp.ClientSession, agent: str) -> list[Figure]:
    """Send to many lanes at once and wait until each run has ended."""
    threads = [(await post(session, "/api/threads", {"agent": agent}))["id"] for _ in range(LANES)]

    async def fill(thread: str) -> list[str]:
        return [
            (await send(session, thread, f"message {number}"))["run_id"]
            for number in range(MESSAGES_A_LANE)
        ]

    total = LANES * MESSAGES_A_LANE
    begun = time.perf_counter()
    runs = await asyncio.gather(*(fill(thread) for thread in threads))
    accepted = time.perf_counter() - begun
    await asyncio.gather(*(ended(session, lane[-1]) for lane in runs))
    worked = time.perf_counter() - begun
    return [
        Figure("messages accepted over REST", total / accepted, "messages/s", total),
        Figure(
            "messages through lanes, answered",
            total / worked,
            "messages/s",
            total,
            "accepted",
            accepted / worked,
        ),
    ]


async def watch(session: aiohttp.ClientSession, thread: str) -> aiohttp.ClientWebSocketResponse:
    socket = await session.ws_connect(f"/ws/threads/{thread}", max_msg_size=0)
    await socket.send_json({"type": "resume", "after_seq": 0, "stream_epoch": None})
    while (await socket.receive_json())["type"] != "hello":
        pass
    return socket


async def stamps(socket: aiohttp.ClientWebSocketResponse, *, until: str) -> Sequence[float]:
    """Read deltas whose text is the sender's clock; return their ages in ms, until the run ends."""
    ages = []
    async for raw in socket:
        now, frame = time.time(), json.loads(raw.data)
        if frame["type"] == "delta":
            ages += [(now - float(stamp)) * 1e3 for stamp in frame["text"].split()]
        elif frame["type"] == "event" and frame["event"]["type"] == until:
            break
    return ages


async def token_latency(
    session: aiohttp.ClientSession, agent: str, *, sockets: int, base: float
) -> list[Figure]:
    """Time tokens from the model call in the worker to each of the thread's sockets."""
    thread = (await post(session, "/api/threads", {"agent": agent}))["id"]
    watchers = [await watch(session, thread) for _ in range(sockets)]
    readers = [asyncio.create_task(stamps(socket, until="run.ended")) for socket in watchers]
    await send(session, thread, "tell me the time")
    ages = [age for reader in readers for age in await reader]
    for socket in watchers:
        await socket.close()
    name = "token, worker to socket" if sockets == 1 else f"token, worker to {sockets} sockets"
    return pair(name, ages, "ms", baseline="one socket" if base else "", base=base)
