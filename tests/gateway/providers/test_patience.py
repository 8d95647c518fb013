"""How long an endpoint may say nothing, whatever it sends, and what is left of a call that ends."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from playground.core.errors import ProviderError
from playground.gateway.chat import ChatRequest
from playground.gateway.events import Asked, Event, of_provider
from playground.gateway.providers.openai_compatible import OpenAICompatible
from tests.gateway.upstream import KEY, Answer, Endpoint, delta, endless, refuse, serve, stream

LINE = b"data: %s\n\n"


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with serve() as served:
        yield served


def asked(provider: OpenAICompatible, *, streamed: bool = True) -> Any:
    messages = [{"role": "user", "content": "hi"}]
    body = {"model": "m", "messages": messages, "max_tokens": 5}
    return of_provider(provider, Asked(ChatRequest(model="m", messages=messages), body, streamed))


async def events(endpoint: Endpoint, *, streamed: bool = True) -> list[Event]:
    return [event async for event in asked(endpoint.provider, streamed=streamed)]


def opened(endpoint: Endpoint) -> int:
    """Return how many connections are in use."""
    (session,) = endpoint.provider._sessions.values()
    assert session.connector is not None
    return len(session.connector._acquired)


def after_words(piece: bytes) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(LINE % json.dumps(delta(content="Hel")).encode())
        while True:
            await response.write(piece)
            await asyncio.sleep(0.02)

    return answer


EMPTY = {
    "comments": b": still here\n\n",
    "comments without a space": b":\n",
    "empty lines": b"\n",
    "other fields": b"event: ping\n\n",
    "events without choices": LINE % b'{"choices": []}',
    "events of nothing": LINE % b"{}",
    "empty deltas": LINE % b'{"choices": [{"index": 0, "delta": {"content": ""}}]}',
    "roles": LINE % b'{"choices": [{"index": 0, "delta": {"role": "assistant"}}]}',
}


@pytest.mark.parametrize("piece", EMPTY.values(), ids=EMPTY.keys())
async def test_it_gives_up_when_nothing_is_said_before_the_first_word(
    endpoint: Endpoint, piece: bytes
) -> None:
    endpoint.answer = endless(piece)

    with pytest.raises(ProviderError) as caught:
        await asyncio.wait_for(events(endpoint), 20)

    assert caught.value.code == "provider.timeout"
    assert await asyncio.to_thread(endpoint.left.wait, 10)


@pytest.mark.parametrize("piece", EMPTY.values(), ids=EMPTY.keys())
async def test_it_gives_up_when_nothing_is_said_after_the_first_words(
    endpoint: Endpoint, piece: bytes
) -> None:
    endpoint.answer = after_words(piece)

    with pytest.raises(ProviderError) as caught:
        await asyncio.wait_for(events(endpoint), 20)

    assert caught.value.code == "provider.timeout"


async def test_it_waits_on_when_words_come_between_comments(endpoint: Endpoint) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number in range(40):
            await response.write(b": wait\n\n")
            await asyncio.sleep(0.05)
            if number % 4 == 3:
                await response.write(LINE % json.dumps(delta(content="a")).encode())
        await response.write(LINE % json.dumps(delta("stop")).encode())
        return response

    endpoint.answer = answer
    provider = OpenAICompatible(name="up", base_url=endpoint.url, api_key=KEY, silence_s=1.5)

    said = [event async for event in asked(provider)]

    assert sum(len(event.choices[0]["delta"].get("content", "")) for event in said) == 10
    await provider.close()


async def test_it_blames_no_endpoint_when_the_caller_takes_long(endpoint: Endpoint) -> None:
    pieces = [delta(content="a"), delta(), delta(content="b"), delta("stop")]
    endpoint.answer = stream(*pieces, "[DONE]")

    said = []
    async for event in asked(endpoint.provider):
        said.append(event)
        await asyncio.sleep(0.5)

    assert len(said) == len(pieces)


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("piece", [b" ", b"x"])
async def test_it_gives_up_when_a_whole_answer_drips(
    endpoint: Endpoint, piece: bytes, streamed: bool
) -> None:
    endpoint.answer = endless(piece, kind="application/json")

    with pytest.raises(ProviderError) as caught:
        await asyncio.wait_for(events(endpoint, streamed=streamed), 20)

    assert caught.value.code == "provider.timeout"


async def test_it_gives_up_when_an_endpoint_only_says_to_continue() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}/v1"
    provider = OpenAICompatible(name="up", base_url=url, api_key=KEY, silence_s=0.3)

    with pytest.raises(ProviderError) as caught:
        await asyncio.wait_for(anext(asked(provider)), 20)

    assert caught.value.code == "provider.timeout"
    await provider.close()
    server.close()


async def test_it_gives_up_when_much_comes_before_any_word(endpoint: Endpoint) -> None:
    endpoint.answer = stream(*[{"choices": [], "x": "x" * 500_000}] * 10, delta("stop"), "[DONE]")

    with pytest.raises(ProviderError, match=r"bad-answer"):
        await events(endpoint)


async def test_it_tells_a_refusal_when_its_body_never_ends(endpoint: Endpoint) -> None:
    endpoint.answer = endless(b"x" * 20_000, status=400)

    with pytest.raises(ProviderError, match=r"provider\.refused"):
        await asyncio.wait_for(events(endpoint), 20)

    assert await asyncio.to_thread(endpoint.left.wait, 10)


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


LEAVING: dict[str, Answer] = {
    "before the head": hang,
    "before the first word": stream(then="hang"),
    "within a refusal": endless(b"x", status=400),
    "within a whole answer": endless(b"x", kind="application/json"),
    "between words": stream(delta(content="Hel"), then="hang"),
    "after the end": stream(delta("stop", content="Hel"), then="hang"),
}


@pytest.mark.parametrize("answer", LEAVING.values(), ids=LEAVING.keys())
async def test_it_leaves_no_connection_when_the_caller_is_cancelled(
    endpoint: Endpoint, answer: Answer
) -> None:
    endpoint.answer = answer
    patient = OpenAICompatible(name="up", base_url=endpoint.url, api_key=KEY, silence_s=60)
    endpoint.provider, unused = patient, endpoint.provider
    await unused.close()
    call = asyncio.create_task(events(endpoint))
    while not endpoint.bodies:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert await asyncio.to_thread(endpoint.left.wait, 10)
    assert opened(endpoint) == 0


async def test_it_leaves_no_connection_when_the_caller_is_cancelled_at_any_step(
    endpoint: Endpoint,
) -> None:
    refusal = json.dumps({"error": {"code": "unsupported_parameter", "param": "max_tokens"}})
    refused, said = refuse(400, refusal), stream(delta(content="Hel"), delta("stop"), "[DONE]")

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        return await (refused if "max_tokens" in body else said)(request)

    endpoint.answer = answer
    steps = 0
    while True:
        call = asyncio.create_task(events(endpoint))
        for _ in range(steps):
            await asyncio.sleep(0)
        if call.done():
            break
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        steps += 1

        assert not endpoint.provider._sessions or opened(endpoint) == 0

    assert len(await call) == 2
