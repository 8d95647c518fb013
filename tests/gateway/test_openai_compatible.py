"""The OpenAI-compatible provider against a real server on the loopback interface."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from playground.core.errors import ProviderError
from playground.gateway.chat import ChatRequest, Completion, Gathering
from playground.gateway.providers.openai_compatible import OpenAICompatible

KEY = "sk-very-secret"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
ASK = ChatRequest(model="m", messages=[{"role": "user", "content": "Hello"}])


class Endpoint:
    """One server whose answer a test sets."""

    def __init__(self) -> None:
        self.answer: Answer = refuse(500)
        self.bodies: list[dict[str, Any]] = []
        self.left = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.json())
        try:
            return await self.answer(request)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    served = Endpoint()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", served.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    served.provider = OpenAICompatible(  # type: ignore[attr-defined]
        name="openai", base_url=f"http://{host}:{port}/v1", api_key=KEY, silence_s=0.3
    )
    yield served
    await served.provider.close()  # type: ignore[attr-defined]
    await runner.cleanup()


def refuse(status: int, text: str = f'{{"error": {{"message": "{KEY}"}}}}') -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, content_type="application/json")

    return answer


def stream(*events: Any, then: str = "end") -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in events:
            data = event if isinstance(event, str) else json.dumps(event)
            await response.write(f"data: {data}\n\n".encode())
        if then == "hang":
            await asyncio.Event().wait()
        if then == "cut":
            assert request.transport is not None
            request.transport.abort()
        return response

    return answer


def delta(finish: str | None = None, **content: Any) -> dict[str, Any]:
    return {"choices": [{"delta": content, "finish_reason": finish}]}


async def ask(endpoint: Endpoint, request: ChatRequest = ASK) -> Completion:
    gathered = Gathering()
    async for chunk in endpoint.provider.stream(request):  # type: ignore[attr-defined]
        gathered.add(chunk)
    return gathered.completion(model="m", provider="openai")


async def test_it_gathers_text_and_usage_when_the_answer_streams(endpoint: Endpoint) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
    endpoint.answer = stream(delta(content="Hel"), delta("stop", content="lo"), usage, "[DONE]")

    answer = await ask(endpoint)

    assert (answer.text, answer.finish_reason) == ("Hello", "stop")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (7, 2)
    assert endpoint.bodies[0]["stream"] is True


async def test_it_joins_tool_calls_when_they_come_in_pieces(endpoint: Endpoint) -> None:
    begun = {"index": 0, "id": "c1", "function": {"name": "look", "arguments": '{"a"'}}
    rest = {"index": 0, "function": {"arguments": ": 1}"}}
    endpoint.answer = stream(
        delta(tool_calls=[begun]), delta("tool_calls", tool_calls=[rest]), "[DONE]"
    )

    answer = await ask(endpoint)

    (call,) = answer.tool_calls
    assert (call.id, call.name, call.arguments) == ("c1", "look", '{"a": 1}')


async def test_it_takes_a_null_error_for_none(endpoint: Endpoint) -> None:
    endpoint.answer = stream({**delta("stop", content="Fine"), "error": None}, "[DONE]")

    answer = await ask(endpoint)

    assert answer.text == "Fine"


async def test_it_asks_again_without_stream_options_when_they_are_refused(
    endpoint: Endpoint,
) -> None:
    complaint = refuse(400, '{"error": {"message": "unknown field stream_options"}}')
    fine = stream(delta("stop", content="Fine"), "[DONE]")

    async def answer_first_with_refusal(request: web.Request) -> web.StreamResponse:
        return await (complaint if len(endpoint.bodies) == 1 else fine)(request)

    endpoint.answer = answer_first_with_refusal

    answer = await ask(endpoint)

    assert answer.text == "Fine"
    assert "stream_options" not in endpoint.bodies[1]


async def test_it_counts_the_tokens_when_the_endpoint_does_not(endpoint: Endpoint) -> None:
    endpoint.answer = stream(delta("stop", content="Hello there"), "[DONE]")

    answer = await ask(endpoint)

    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens == 2


async def test_it_reads_the_answer_when_the_endpoint_does_not_stream(endpoint: Endpoint) -> None:
    whole = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
    endpoint.answer = refuse(200, json.dumps(whole))

    assert (await ask(endpoint)).text == "Hi"


@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [
        (refuse(401), "provider.unauthorized", False),
        (refuse(404), "provider.unknown-model", False),
        (refuse(400), "provider.refused", False),
        (refuse(429), "provider.rate-limited", True),
        (refuse(500), "provider.failed", True),
        (refuse(200, "no json"), "provider.bad-answer", True),
        (refuse(200, "[]"), "provider.bad-answer", True),
        (refuse(200), "provider.refused", False),
        (stream({"error": {"code": "overloaded"}}), "provider.failed", True),
        (stream("{broken"), "provider.bad-answer", True),
        (stream("[1]"), "provider.bad-answer", True),
        (stream(delta(content="Hel")), "provider.cut", True),
        (stream(delta(content="Hel"), then="cut"), "provider.cut", True),
        (stream(then="hang"), "provider.timeout", True),
        (stream(delta(content="Hel"), then="hang"), "provider.timeout", True),
    ],
)
async def test_it_fails_with_a_code_and_without_the_key_when_the_endpoint_fails(
    endpoint: Endpoint, answer: Answer, code: str, retryable: bool
) -> None:
    endpoint.answer = answer

    with pytest.raises(ProviderError) as caught:
        await ask(endpoint)

    assert (caught.value.code, caught.value.may_retry) == (code, retryable)
    assert KEY not in f"{caught.value} {caught.value.detail}"


async def test_it_fails_with_a_code_when_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free_port = taken.getsockname()[1]
    provider = OpenAICompatible(
        name="openai", base_url=f"http://127.0.0.1:{free_port}/v1", api_key=KEY
    )

    with pytest.raises(ProviderError, match="reached") as caught:
        await anext(provider.stream(ASK))

    assert caught.value.code == "provider.unreachable"
    await provider.close()


async def test_it_hangs_up_when_the_caller_closes_the_stream(endpoint: Endpoint) -> None:
    endpoint.answer = stream(delta(content="Hel"), then="hang")
    chunks = endpoint.provider.stream(ASK)  # type: ignore[attr-defined]
    await anext(chunks)

    await chunks.aclose()

    await asyncio.wait_for(endpoint.left.wait(), timeout=2)
