"""The OpenAI-compatible provider against a real server on the loopback interface."""

import asyncio
import concurrent.futures
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from playground.core.errors import ProviderError
from playground.gateway.chat import ChatRequest, Completion, Gathering
from playground.gateway.events import LONG_WHOLE, Asked, of_provider
from playground.gateway.providers.openai_compatible import OpenAICompatible, body_of
from playground.gateway.providers.reading import AFTER_FINISH_S, MAX_LINE, lines
from tests.gateway.upstream import (
    KEY,
    SPOKEN,
    Answer,
    Endpoint,
    delta,
    redirect,
    refuse,
    serve,
    spoken,
    stream,
)

ASK = ChatRequest(model="m", messages=[{"role": "user", "content": "Hello"}])
SECRET = "gsk_AbCdEfGhIjKlMnOp"


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with serve() as served:
        yield served


Wrap = Callable[[dict[str, Any]], Answer]


def in_body(error: dict[str, Any]) -> Answer:
    return refuse(200, json.dumps({"error": error}))


def in_event(error: dict[str, Any]) -> Answer:
    return stream({"error": error})


def after_text(error: dict[str, Any]) -> Answer:
    return stream(delta(content="Hel"), {"error": error}, "[DONE]")


def in_error_field(error: dict[str, Any]) -> Answer:
    return stream(delta(content="Hel"), field="error", then=json.dumps(error))


async def ask(endpoint: Endpoint, request: ChatRequest = ASK) -> Completion:
    gathered = Gathering()
    async for chunk in spoken(endpoint.provider, request):
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
        (refuse(200), "provider.failed", True),
        (redirect(307), "provider.redirected", False),
        (redirect(302), "provider.redirected", False),
        (stream({"error": {"message": KEY}}), "provider.failed", True),
        (stream("{broken"), "provider.bad-answer", True),
        (stream("[1]"), "provider.bad-answer", True),
        (stream(delta(content="Hel"), then="half"), "provider.cut", True),
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


@pytest.mark.parametrize("wrap", [in_body, in_event, after_text, in_error_field])
@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        ({"type": "tokens", "code": "rate_limit_exceeded"}, "provider.rate-limited", True),
        ({"code": 429, "message": "slow down"}, "provider.rate-limited", True),
        ({"code": "429"}, "provider.rate-limited", True),
        ({"status": "RESOURCE_EXHAUSTED"}, "provider.rate-limited", True),
        ({"type": "overloaded_error"}, "provider.failed", True),
        ({"code": "overloaded"}, "provider.failed", True),
        ({"code": 503, "type": "unavailable_error"}, "provider.failed", True),
        ({"type": "server_error", "code": None}, "provider.failed", True),
        ({"type": "InternalServerError", "code": 500}, "provider.failed", True),
        (
            {"type": "insufficient_quota", "code": "insufficient_quota"},
            "provider.out-of-credit",
            False,
        ),
        (
            {"type": "invalid_request_error", "code": "invalid_api_key"},
            "provider.unauthorized",
            False,
        ),
        ({"code": 403, "type": "permission_error"}, "provider.unauthorized", False),
        ({"code": "model_not_found"}, "provider.unknown-model", False),
        ({"type": "BadRequestError", "code": 400}, "provider.refused", False),
        ({"code": "context_length_exceeded"}, "provider.refused", False),
        ({"type": "request_too_large"}, "provider.refused", False),
        ({"code": "content_filter"}, "provider.content-filtered", False),
        (
            {"innererror": {"code": "ResponsibleAIPolicyViolation"}},
            "provider.content-filtered",
            False,
        ),
        ({"message": "something"}, "provider.failed", True),
    ],
)
async def test_it_classifies_the_error_when_it_comes_with_a_200(
    endpoint: Endpoint, wrap: Wrap, error: dict[str, Any], code: str, retryable: bool
) -> None:
    endpoint.answer = wrap(error)

    with pytest.raises(ProviderError) as caught:
        await ask(endpoint)

    assert (caught.value.code, caught.value.may_retry) == (code, retryable)


@pytest.mark.parametrize(
    "answer",
    [
        {"object": "error", "message": "no", "type": "BadRequestError", "code": 400},
        {"error": "no", "error_type": "validation"},
        [{"error": {"code": 400, "status": "INVALID_ARGUMENT"}}],
    ],
)
async def test_it_is_refused_when_the_error_is_not_written_as_openai_writes_it(
    endpoint: Endpoint, answer: Any
) -> None:
    endpoint.answer = refuse(200, json.dumps(answer))

    with pytest.raises(ProviderError) as caught:
        await ask(endpoint)

    assert (caught.value.code, caught.value.may_retry) == ("provider.refused", False)


@pytest.mark.parametrize("error", ["no", {"message": "no"}, {"type": "x", "code": None}])
async def test_it_may_be_tried_again_when_an_error_within_a_200_does_not_say_what_it_is(
    endpoint: Endpoint, error: Any
) -> None:
    endpoint.answer = refuse(200, json.dumps({"error": error}))

    with pytest.raises(ProviderError) as caught:
        await ask(endpoint)

    assert (caught.value.code, caught.value.may_retry) == ("provider.failed", True)


async def test_it_waits_for_no_account_to_fill_when_a_429_says_that_it_is_empty(
    endpoint: Endpoint,
) -> None:
    endpoint.answer = refuse(429, '{"error": {"code": "insufficient_quota"}}')

    with pytest.raises(ProviderError, match=r"provider\.out-of-credit") as caught:
        await ask(endpoint)

    assert not caught.value.may_retry


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"code": "context_length_exceeded"}, "(400, context_length_exceeded)"),
        ({"code": SECRET, "type": "BadRequestError"}, "(400, BadRequestError)"),
        ({"code": KEY}, "(400)"),
        ({"code": "Incorrect key: hunter", "type": "Ana wrote this"}, "(400)"),
        ({"code": "xKqRzBvNmWpLtGhJdFsYcA"}, "(400)"),
        ({"code": "eyJhbGciOi.eyJzdWIi.c2ln", "message": "bad"}, "(400)"),
        ({"code": "correct_horse_battery"}, "(400)"),
        ({"code": KEY.replace("-", "_")}, "(400)"),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
async def test_it_repeats_only_short_identifiers_when_the_endpoint_explains_itself(
    endpoint: Endpoint, status: int, said: dict[str, Any], shown: str
) -> None:
    endpoint.answer = refuse(status, json.dumps({"error": {**said, "status_code": 400}}))

    with pytest.raises(ProviderError) as caught:
        await ask(endpoint)

    assert caught.value.detail == f"The model's endpoint refused the request {shown}."


async def test_it_follows_no_redirect_when_the_models_are_listed(endpoint: Endpoint) -> None:
    endpoint.answer = redirect(302)

    with pytest.raises(ProviderError, match="another address"):
        await endpoint.provider.models()


@pytest.mark.parametrize("then", ["cut", "half", "hang", "end"])
async def test_it_takes_the_answer_for_whole_when_it_breaks_off_after_its_finish_reason(
    endpoint: Endpoint, then: str
) -> None:
    endpoint.answer = stream(delta("stop", content="Hello"), then=then)

    answer = await ask(endpoint)

    assert (answer.text, answer.finish_reason) == ("Hello", "stop")


async def patient(endpoint: Endpoint, *, choices: int = 1) -> tuple[str, float]:
    """Read a stream with a provider that bears a long silence: what was said, in how long."""
    provider = OpenAICompatible(name="openai", base_url=endpoint.url, api_key=KEY, silence_s=30)
    began, said = time.monotonic(), ""
    async with provider.posted("chat/completions", {}) as reply:
        async for data in lines(reply, choices=choices):
            for choice in json.loads(data)["choices"]:
                said += choice["delta"].get("content") or ""
    await provider.close()
    return said, time.monotonic() - began


async def test_it_waits_no_more_than_two_seconds_when_all_is_said_but_the_usage(
    endpoint: Endpoint,
) -> None:
    endpoint.answer = stream(delta("stop", content="Hello"), then="hang")

    said, took_s = await patient(endpoint)

    assert said == "Hello"
    assert AFTER_FINISH_S <= took_s < AFTER_FINISH_S + 2


async def test_it_waits_for_the_other_choice_when_one_has_finished(endpoint: Endpoint) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for index, pause_s in ((0, 0.0), (1, AFTER_FINISH_S + 0.5)):
            await asyncio.sleep(pause_s)
            choice = {"index": index, "delta": {"content": "Hello"}, "finish_reason": "stop"}
            await response.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    endpoint.answer = answer

    said, _ = await patient(endpoint, choices=2)

    assert said == "HelloHello"


async def test_it_fails_with_a_code_when_a_line_never_ends(endpoint: Endpoint) -> None:
    endpoint.answer = stream("x" * 3 * MAX_LINE)

    with pytest.raises(ProviderError) as caught:
        await ask(endpoint)

    assert caught.value.code == "provider.bad-answer"


async def test_it_reads_the_last_line_when_nothing_ends_it(endpoint: Endpoint) -> None:
    endpoint.answer = stream(delta(content="Hello"), then=json.dumps(delta("stop")))

    assert (await ask(endpoint)).finish_reason == "stop"


@pytest.mark.parametrize(("events", "expected"), SPOKEN.values(), ids=SPOKEN.keys())
async def test_it_puts_tool_calls_together_when_the_endpoint_has_its_own_way(
    endpoint: Endpoint, events: list[Any], expected: list[tuple[str, str, str]]
) -> None:
    endpoint.answer = stream(*(delta(tool_calls=pieces) for pieces in events), delta("tool_calls"))

    answer = await ask(endpoint)

    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == expected


async def test_it_fails_with_a_code_when_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free_port = taken.getsockname()[1]
    provider = OpenAICompatible(
        name="openai", base_url=f"http://127.0.0.1:{free_port}/v1", api_key=KEY
    )

    with pytest.raises(ProviderError, match="reached") as caught:
        await anext(spoken(provider, ASK))

    assert caught.value.code == "provider.unreachable"
    await provider.close()


async def test_it_hangs_up_when_the_caller_closes_the_stream(endpoint: Endpoint) -> None:
    endpoint.answer = stream(delta(content="Hel"), then="hang")
    chunks = spoken(endpoint.provider, ASK)
    await anext(chunks)

    await chunks.aclose()

    assert await asyncio.to_thread(endpoint.left.wait, 2)


async def test_it_reads_text_when_it_comes_as_parts(endpoint: Endpoint) -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    endpoint.answer = stream(delta("stop", content=parts), "[DONE]")

    assert (await ask(endpoint)).text == "Hello"


async def test_it_ends_when_comments_go_on_after_the_finish(endpoint: Endpoint) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(f"data: {json.dumps(delta('stop', content='Hi'))}\n\n".encode())
        while True:
            await response.write(b": still here\n\n")
            await asyncio.sleep(0.05)

    endpoint.answer = answer

    answered = await asyncio.wait_for(ask(endpoint), 6)

    assert answered.text == "Hi"


async def test_it_reads_the_code_when_an_error_is_long(endpoint: Endpoint) -> None:
    error = {"message": "x" * 20_000, "code": "insufficient_quota"}
    endpoint.answer = refuse(429, json.dumps({"error": error}))

    with pytest.raises(ProviderError, match=r"out-of-credit"):
        await ask(endpoint)


@pytest.mark.parametrize("then", ["end", "cut"])
async def test_it_is_cut_when_one_of_several_choices_has_not_ended(
    endpoint: Endpoint, then: str
) -> None:
    def of(index: int, finish: str | None = None, **said: Any) -> dict[str, Any]:
        return {"choices": [{"index": index, "delta": said, "finish_reason": finish}]}

    endpoint.answer = stream(
        of(0, content="whole"), of(1, content="half"), of(0, "stop"), then=then
    )
    request = ChatRequest("m", [{"role": "user", "content": "hi"}])

    with pytest.raises(ProviderError) as caught:
        async for _ in of_provider(endpoint.provider, Asked(request, body_of(request), choices=2)):
            pass

    assert caught.value.code == "provider.cut"


async def test_it_reads_a_long_answer_in_a_thread(endpoint: Endpoint) -> None:
    asyncio.get_running_loop().set_default_executor(concurrent.futures.ThreadPoolExecutor(1))
    free = threading.Event()
    taken = asyncio.create_task(asyncio.to_thread(free.wait, 60))
    told = []

    async def answers(text: str) -> None:
        message = {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}
        endpoint.answer = refuse(200, json.dumps(message))
        asked = Asked(ASK, body_of(ASK), streamed=False)
        told.extend([event async for event in of_provider(endpoint.provider, asked)])

    await answers("short")
    waiting = asyncio.create_task(answers("long" * LONG_WHOLE))
    await asyncio.wait((waiting,), timeout=0.5)

    assert (len(told), waiting.done()) == (1, False)
    free.set()
    await asyncio.gather(taken, waiting)
    assert len(told) == 2


async def test_it_ends_when_an_endpoint_gives_one_choice_of_two(endpoint: Endpoint) -> None:
    endpoint.answer = stream(delta(content="only"), delta("stop"), "[DONE]")
    request = ChatRequest("m", [{"role": "user", "content": "hi"}])

    events = [
        event
        async for event in of_provider(
            endpoint.provider, Asked(request, body_of(request), choices=2)
        )
    ]

    assert len(events) == 2
