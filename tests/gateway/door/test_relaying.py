"""Requests that ``/v1`` passes on to an endpoint, and what becomes of its answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import openai
import pytest
from aiohttp import web
from openai import AsyncOpenAI

from playground.asgi import application
from playground.gateway import endpoints
from playground.policy.models import User

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

SECRET = "sk-upstream-secret-0123456789"
ASK: Any = {"model": "their-model", "messages": [{"role": "user", "content": "hi"}]}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Upstream:
    """One OpenAI-compatible server whose answer a test sets."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.left = asyncio.Event()
        self.handler: Handler = self._missing

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.json())
        assert request.headers["Authorization"] == f"Bearer {SECRET}"
        try:
            return await self.handler(request)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise

    async def _missing(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=500)

    def says(self, body: Any, *, status: int = 200) -> None:
        """Answer with a JSON document, or with bytes as they are."""

        async def answer(_: web.Request) -> web.StreamResponse:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            return web.Response(status=status, body=raw, content_type="application/json")

        self.handler = answer

    def streams(self, *events: Any, cut: bool = False, hang: bool = False) -> None:
        """Answer with an event stream; it ends, is cut off, or goes on for ever."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            for event in events:
                data = event if isinstance(event, str) else json.dumps(event)
                await response.write(f"data: {data}\n\n".encode())
            while hang:
                await response.write(b": still here\n\n")
                await asyncio.sleep(0.02)
            if cut and request.transport is not None:
                request.transport.abort()
            return response

        self.handler = answer


@pytest.fixture
async def upstream(settings: Any) -> AsyncIterator[Upstream]:
    served = Upstream()
    app = web.Application()
    for route in ("chat/completions", "embeddings"):
        app.router.add_post(f"/v1/{route}", served.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    settings.OPENAI_BASE_URL = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    settings.OPENAI_API_KEY, settings.OPENAI_MODEL = SECRET, "their-model"
    yield served
    await endpoints.close()
    await runner.cleanup()


@pytest.fixture
def key(transactional_db: None, alice: User, key_for: Callable[[User], str]) -> str:
    return key_for(alice)


@pytest.fixture
async def client(key: str, valkey: object, upstream: Upstream) -> AsyncIterator[AsyncOpenAI]:
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport) as http:
        yield AsyncOpenAI(
            base_url="http://127.0.0.1/v1", api_key=key, http_client=http, max_retries=0
        )


def delta(content: str | None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return {
        "id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "their-model",
        "choices": [choice], **more,
    }  # fmt: skip


def whole(content: str, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content}
    return {
        "id": "c1", "object": "chat.completion", "created": 1, "model": "their-model",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}, **more,
    }  # fmt: skip


USAGE = {**delta(None), "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}


async def test_it_passes_on_what_it_does_not_know_when_it_relays(
    client: AsyncOpenAI, upstream: Upstream
) -> None:
    upstream.says(whole("hello", their_own={"a": 1}))
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}

    answer = await client.chat.completions.create(
        model="their-model",
        messages=[{"role": "user", "content": [image]}],  # type: ignore[list-item]
        seed=7,
        extra_body={"top_k": 5},
    )

    assert answer.choices[0].message.content == "hello"
    assert answer.model_extra == {"their_own": {"a": 1}}
    assert upstream.bodies[0]["top_k"] == 5
    assert upstream.bodies[0]["seed"] == 7
    assert upstream.bodies[0]["messages"][0]["content"] == [image]


@pytest.mark.parametrize("asked", [True, False])
async def test_it_streams_what_comes_and_the_usage_only_when_asked(
    client: AsyncOpenAI, upstream: Upstream, asked: bool
) -> None:
    upstream.streams(delta("Hel"), delta("lo"), delta(None, "stop"), USAGE, "[DONE]")
    options: Any = {"stream_options": {"include_usage": True}} if asked else {}

    stream = await client.chat.completions.create(**ASK, stream=True, **options)
    events = [event async for event in stream]

    assert "".join(e.choices[0].delta.content or "" for e in events if e.choices) == "Hello"
    assert [e.usage is not None for e in events].count(True) == asked
    assert upstream.bodies[0]["stream_options"] == {"include_usage": True}


async def test_it_relays_embeddings_when_the_model_is_the_endpoints(
    client: AsyncOpenAI, upstream: Upstream
) -> None:
    made = {"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}
    upstream.says({"object": "list", "model": "their-model", "data": [made], "usage": {}})

    answer = await client.embeddings.create(model="their-model", input="a", encoding_format="float")

    assert answer.data[0].embedding == [0.5, 0.25]


@pytest.mark.parametrize(
    ("body", "status", "seen", "code"),
    [
        ({"error": {"message": SECRET}}, 401, 502, "provider.unauthorized"),
        ({"error": {"message": "slow", "code": SECRET}}, 429, 429, "rate_limit_exceeded"),
        ({"error": {"message": SECRET, "code": SECRET}}, 400, 400, "provider.refused"),
        (b"<html>oops", 503, 502, "provider.failed"),
        (b"\x00garbage", 200, 502, "provider.bad-answer"),
        ({"choices": "none"}, 200, 502, "provider.bad-answer"),
        ({"error": {"code": "overloaded"}}, 200, 502, "provider.failed"),
        (b"", 307, 502, "provider.redirected"),
    ],
)
async def test_it_answers_in_openais_shape_when_the_endpoint_fails(
    client: AsyncOpenAI, upstream: Upstream, body: Any, status: int, seen: int, code: str
) -> None:
    upstream.says(body, status=status)

    with pytest.raises(openai.APIStatusError) as refused:
        await client.chat.completions.create(**ASK)

    assert (refused.value.status_code, refused.value.code) == (seen, code)
    assert SECRET not in refused.value.response.text


async def test_it_tells_in_the_endpoints_words_what_the_caller_got_wrong(
    client: AsyncOpenAI, upstream: Upstream
) -> None:
    said = "This model's maximum context length is 4096 tokens."
    upstream.says({"error": {"message": said, "param": "messages"}}, status=400)

    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(**ASK)

    assert refused.value.body == {
        "message": said,
        "type": "invalid_request_error",
        "param": "messages",
        "code": "provider.refused",
    }


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ((delta("Hal"), {"error": {"code": "overloaded"}}), "provider.failed"),
        ((delta("Hal"), "{broken"), "provider.bad-answer"),
        ((delta("Hal"),), "provider.cut"),
    ],
)
@pytest.mark.parametrize("cut", [True, False])
async def test_it_ends_a_stream_with_an_error_when_it_breaks(
    client: AsyncOpenAI, upstream: Upstream, events: Any, code: str, cut: bool
) -> None:
    upstream.streams(*events, cut=cut)
    heard: list[str] = []

    async def listen() -> None:
        async for event in await client.chat.completions.create(**ASK, stream=True):
            heard.append(event.choices[0].delta.content or "")

    with pytest.raises(openai.APIError) as broken:
        await listen()

    assert heard == ["Hal"]
    assert broken.value.code == code


async def test_it_takes_an_answer_for_whole_when_only_the_goodbye_is_missing(
    client: AsyncOpenAI, upstream: Upstream
) -> None:
    upstream.streams(delta("All"), delta(None, "stop"), cut=True)

    stream = await client.chat.completions.create(**ASK, stream=True)

    assert "".join([e.choices[0].delta.content or "" async for e in stream]) == "All"


async def test_it_leaves_the_endpoint_when_the_caller_goes_away(
    key: str, valkey: object, upstream: Upstream
) -> None:
    upstream.streams(delta("Hal"), hang=True)
    heard = asyncio.Event()
    body = json.dumps({**ASK, "stream": True}).encode()
    messages = [{"type": "http.request", "body": body}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await heard.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if b"Hal" in message.get("body", b""):
            heard.set()

    scope = {
        "type": "http", "method": "POST", "path": "/v1/chat/completions", "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {key}".encode())],
    }  # fmt: skip
    await asyncio.wait_for(application(scope, receive, send), 10)

    await asyncio.wait_for(upstream.left.wait(), 10)


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5000, "completion_tokens": -50000},
        {"prompt_tokens": 10**30, "completion_tokens": 1},
        {"prompt_tokens": "seven"},
        {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": -9}},
        [1],
        "x",
    ],
)
@pytest.mark.parametrize("streamed", [True, False])
async def test_it_answers_when_the_endpoint_tells_absurd_tokens(
    client: AsyncOpenAI, upstream: Upstream, usage: Any, streamed: bool
) -> None:
    if streamed:
        upstream.streams(delta("Hi", "stop"), {**USAGE, "usage": usage}, "[DONE]")
    else:
        upstream.says(whole("Hi", usage=usage))

    asking = client.chat.completions.with_streaming_response
    async with asking.create(**ASK, stream=streamed) as answered:
        told = await answered.text()

    assert answered.status_code == 200
    assert '"error"' not in told
    assert ("[DONE]" in told) == streamed


@pytest.mark.parametrize(
    "odd",
    [
        delta(None) | {"choices": ["x"]},
        delta(None) | {"choices": [{"index": 1, "delta": {"tool_calls": 5}}]},
        delta(None) | {"choices": [{"index": 0, "delta": "x"}]},
        [1],
        '{"choices": [], "x": ' + "[" * 300 + "]" * 300 + "}",
    ],
)
@pytest.mark.parametrize("streamed", [True, False])
async def test_it_is_a_bad_answer_when_the_endpoint_makes_no_sense(
    client: AsyncOpenAI, upstream: Upstream, odd: Any, streamed: bool
) -> None:
    if streamed:
        upstream.streams(odd, delta(None, "stop"), "[DONE]")
    else:
        upstream.says(odd.encode() if isinstance(odd, str) else odd)

    with pytest.raises(openai.APIStatusError) as refused:
        await client.chat.completions.create(**ASK, stream=streamed)

    assert (refused.value.status_code, refused.value.code) == (502, "provider.bad-answer")
