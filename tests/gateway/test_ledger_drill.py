"""Calls while processes die or are stopped: the ledger misses none, and nothing is left open."""

import asyncio
import contextlib
import json
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from tests.gateway.mock import Mock, mocks
from tests.stack import Stack

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]

ROWS = """
import json
from playground.gateway.models import LedgerRow
rows = LedgerRow.objects.values_list(
    "request_id", "outcome", "input_tokens", "output_tokens", "reserved_tokens")
print(json.dumps([list(row) for row in rows]))
"""
CALLERS = 6
ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def mock() -> Iterator[Mock]:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    running = mocks(1)
    (one,) = asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result(5)
    one.words = [" word"] * 20
    one.pause_s = 0.01
    yield one
    asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)


@pytest.fixture(scope="module")
def stack(mock: Mock) -> Iterator[Stack]:
    extra = {
        "OPENAI_BASE_URL": mock.url,
        "OPENAI_API_KEY": "sk-mock",
        "OPENAI_MODEL": "m",
        "PLAYGROUND_CALL_LEASE_S": "3",
        "PLAYGROUND_STATIC": "plain",
    }
    running = Stack(extra=extra)
    try:
        yield running.start()
    finally:
        running.remove()


async def call_until(stack: Stack, key: str, stop: asyncio.Event) -> None:
    """Call again and again, streamed and whole; what fails meanwhile is not our concern."""
    timeout = aiohttp.ClientTimeout(total=8)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while not stop.is_set():
            name = uuid.uuid4().hex
            body: dict[str, Any] = {
                "model": "m",
                "user": name,
                "max_tokens": 50,
                "stream": name[0] < "8",
                "messages": [{"role": "user", "content": "hi"}],
            }
            headers = {"Authorization": f"Bearer {key}", "X-Request-ID": name}
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.post(
                    f"{stack.base}/v1/chat/completions", json=body, headers=headers
                ) as answer:
                    await answer.read()
            await asyncio.sleep(0.02)


def test_it_loses_no_call_when_each_process_is_killed_in_turn(stack: Stack, mock: Mock) -> None:
    key = stack.manage("create_api_key", "--user", "drill", "--team", "hiring").split()[-1]

    asyncio.run(_kill_each_while_calling(stack, key))

    served = {body["user"]: number for number, body in enumerate(mock.bodies)}
    rows = _settled(stack, served)
    assert len(rows) == len({name for name, *_ in rows}), "a call is in the ledger twice"
    known = {name: row for name, *row in rows}
    assert served.keys() <= known.keys(), "a call that was served is not in the ledger"
    outcomes = [outcome for outcome, *_ in known.values()]
    assert outcomes.count("succeeded") > 100
    for outcome, tokens_in, tokens_out, reserved in known.values():
        if outcome == "succeeded":
            assert (tokens_in, tokens_out) == (11, 20)
        if outcome == "abandoned":
            assert tokens_in + tokens_out == reserved


async def _kill_each_while_calling(stack: Stack, key: str) -> None:
    stop = asyncio.Event()
    callers = [asyncio.create_task(call_until(stack, key, stop)) for _ in range(CALLERS)]
    await asyncio.sleep(2)
    for name in ("web", "worker", "valkey", "postgres"):
        await asyncio.to_thread(lambda name=name: stack.child(name).kill())
        await asyncio.to_thread(stack.wait_healthy)
        await asyncio.sleep(2)
    stop.set()
    await asyncio.gather(*callers)


def _settled(stack: Stack, served: dict[str, int]) -> list[list[Any]]:
    """Return the ledger when every call that was served is in it, at last after half a minute."""
    until = time.monotonic() + 30
    while True:
        rows: list[list[Any]] = json.loads(stack.manage("shell", "-c", ROWS).splitlines()[-1])
        if served.keys() <= {row[0] for row in rows} or time.monotonic() > until:
            return rows
        time.sleep(1)


def test_it_says_nothing_of_connections_when_it_is_stopped_after_calls(
    stack: Stack, mock: Mock
) -> None:
    key = stack.manage("create_api_key", "--user", "drill", "--team", "hiring").split()[-1]
    before = mock.calls
    asyncio.run(_call(stack, key))
    assert mock.calls > before + 2, "the worker did not call the endpoint"
    said = len(stack.said())

    status = stack.stop()

    assert status == 0
    assert "Unclosed" not in stack.said()[said:]


async def _call(stack: Stack, key: str) -> None:
    """Call a model from the web server's loop, streamed and whole, and from a worker's."""
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(base_url=stack.base, headers=headers) as session:

        async def sent(path: str, body: dict[str, Any]) -> Any:
            async with session.post(path, json=body, raise_for_status=True) as answer:
                return await answer.read() if body.get("stream") else await answer.json()

        await sent("/v1/chat/completions", ASKED)
        await sent("/v1/chat/completions", {**ASKED, "stream": True})
        thread = (await sent("/api/threads", {"agent": "hiring-assistant"}))["id"]
        run = (await sent(f"/api/threads/{thread}/messages", {"content": "Hello"}))["run_id"]
        async with asyncio.timeout(60):
            status = ""
            while status not in ("succeeded", "failed"):
                await asyncio.sleep(0.1)
                async with session.get(f"/api/runs/{run}") as answer:
                    status = (await answer.json())["status"]
