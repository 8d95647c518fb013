"""Answers that make no sense, over a real socket: a stable code each, and never another error."""

import contextlib
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from playground.core.errors import ProviderError
from playground.gateway.chat import MOST_TOKENS, ChatRequest, Usage
from playground.gateway.events import Asked, Event, Reading, Said, of_provider
from playground.gateway.providers.checking import MOST_CHOICES
from playground.gateway.providers.numbering import MOST_CALLS
from playground.gateway.providers.reading import usage_of
from playground.gateway.providers.receiving import MAX_WHOLE
from tests.gateway.upstream import Answer, Endpoint, refuse, serve, stream

STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with serve() as served:
        yield served


async def ask(endpoint: Endpoint, *, streamed: bool, choices: int = 1) -> tuple[Said, list[Event]]:
    """Ask as ``/v1`` does, which takes in all events and may write each again."""
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    asked = Asked(ChatRequest(model="m", messages=body["messages"]), body, streamed, choices)  # type: ignore[arg-type]
    said, events = Said(), []
    async for event in of_provider(endpoint.provider, asked):
        said.take(event)
        json.loads(event.encoded())
        Event(event.body).encoded()
        events.append(event)
    return said, events


def call(**members: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "look"}} | members]}


SAID: dict[str, Any] = {
    "a string": "x",
    "a list": ["x"],
    "content a number": {"content": 5},
    "content an object": {"content": {"a": 1}},
    "content a list of strings": {"content": ["x"]},
    "content a part without text": {"content": [{"text": {"value": "x"}}]},
    "calls a string": {"tool_calls": "abc"},
    "calls a number": {"tool_calls": 5},
    "calls an object": {"tool_calls": {"a": 1}},
    "calls numbers": {"tool_calls": [1]},
    "function a string": call(function="x"),
    "function a list": call(function=["x"]),
    "function name a number": call(function={"name": 5}),
    "call index a string": call(index="0"),
    "call index true": call(index=True),
    "more calls than any": {"tool_calls": [{"function": {}}] * (MOST_CALLS + 1)},
    "function_call a string": {"function_call": "x"},
}
CHOICES: dict[str, Any] = {
    "strings": ["x"],
    "nulls": [None],
    "lists": [["x"]],
    "a string": "x",
    "an object": {"a": 1},
    "a number": 5,
    "index a string": [{"index": "0"}],
    "index a list": [{"index": [0]}],
    "index negative": [{"index": -1}],
    "index huge": [{"index": 10**25}],
    "index true": [{"index": True}],
    "the same index twice": [{"index": 1}, {"index": 1}],
    "finish a number": [{"index": 0, "finish_reason": 7}],
    "finish an object": [{"index": 0, "finish_reason": {"a": 1}}],
    "more than any": [{"index": 0}] * (MOST_CHOICES + 1),
}
RAW = {
    "top level a list": "[1]",
    "top level an empty list": "[]",
    "top level a number": "5",
    "top level a string": '"x"',
    "top level null": "null",
    "no JSON": "{{{",
    "NaN": '{"choices": [], "x": NaN}',
    "infinity": '{"choices": [], "x": 1e999}',
    "a lone surrogate": '{"choices": [{"index": 0, "delta": {"content": "\\ud800"}}]}',
    "nested past reading": '{"choices": [], "x": ' + "[" * 5000 + "]" * 5000 + "}",
    "nested past writing": '{"choices": [], "x": ' + "[" * 300 + "]" * 300 + "}",
    "zero bytes": "\x00\x00",
}
WITHIN = [
    *((f"choices {name}", {"choices": odd}) for name, odd in CHOICES.items()),
    *(
        (f"choice {index}: {name}", {"choices": [{"index": index, "{said}": odd}]})
        for name, odd in SAID.items()
        for index in (0, 1)
    ),
]
ODD = [*((name, json.dumps(body)) for name, body in WITHIN), *RAW.items()]
each_odd = pytest.mark.parametrize("odd", [raw for _, raw in ODD], ids=[name for name, _ in ODD])


@each_odd
async def test_it_fails_with_a_code_when_an_event_is_odd(endpoint: Endpoint, odd: str) -> None:
    endpoint.answer = stream(odd.replace("{said}", "delta"), STOP, "[DONE]")

    with pytest.raises(ProviderError) as caught:
        await ask(endpoint, streamed=True)

    assert caught.value.code == "provider.bad-answer"


@each_odd
@pytest.mark.parametrize("streamed", [True, False], ids=["asked to stream", "whole"])
async def test_it_fails_with_a_code_when_a_whole_answer_is_odd(
    endpoint: Endpoint, odd: str, streamed: bool
) -> None:
    endpoint.answer = refuse(200, odd.replace("{said}", "message"))

    with pytest.raises(ProviderError) as caught:
        await ask(endpoint, streamed=streamed)

    assert caught.value.code == "provider.bad-answer"


@pytest.mark.parametrize("choices", [None, [], [{}], [{"message": None}], [{"delta": {}}]])
@pytest.mark.parametrize("streamed", [True, False])
async def test_it_takes_no_whole_answer_for_one_when_it_holds_no_message(
    endpoint: Endpoint, choices: Any, streamed: bool
) -> None:
    endpoint.answer = refuse(200, json.dumps({"choices": choices, "usage": {"prompt_tokens": 1}}))

    with pytest.raises(ProviderError, match=r"bad-answer"):
        await ask(endpoint, streamed=streamed)


@pytest.mark.parametrize("odd", [*CHOICES.values(), [{"index": 1, "message": {"content": [5]}}]])
def test_it_raises_nothing_but_a_code_when_it_is_given_an_odd_event(odd: Any) -> None:
    event = Event({"choices": odd})

    for read in (Said().take, Reading().chunk):
        with contextlib.suppress(ProviderError):
            read(event)


async def test_it_numbers_choices_by_their_place_when_they_have_no_numbers(
    endpoint: Endpoint,
) -> None:
    choices = [{"message": {"content": text}, "finish_reason": "stop"} for text in ("one", "two")]
    endpoint.answer = refuse(200, json.dumps({"choices": choices}))

    said, (event,) = await ask(endpoint, streamed=False, choices=2)

    assert [choice["index"] for choice in json.loads(event.encoded())["choices"]] == [0, 1]
    assert (said.gathered.text, said.written) == ("one", "onetwo")


async def test_it_writes_an_event_anew_when_a_carriage_return_could_end_it(
    endpoint: Endpoint,
) -> None:
    event = '{"choices": [{"index": 0,\r"delta": {"content": "Hi"}, "finish_reason": "stop"}]}'
    endpoint.answer = stream(event, "[DONE]")

    said, (passed_on,) = await ask(endpoint, streamed=True)

    assert said.gathered.text == "Hi"
    assert b"\r" not in passed_on.encoded()


@pytest.mark.parametrize(
    ("told", "finish"), [({"finish_reason": None}, ""), ({}, "stop"), ({"finish_reason": "x"}, "x")]
)
async def test_it_invents_no_end_when_a_whole_answer_says_that_it_has_none(
    endpoint: Endpoint, told: dict[str, Any], finish: str
) -> None:
    choice = {"index": 0, "message": {"content": "half"}} | told
    endpoint.answer = refuse(200, json.dumps({"choices": [choice]}))

    said, _ = await ask(endpoint, streamed=False)

    assert said.gathered.finish_reason == finish


@pytest.mark.parametrize(
    ("listed", "usage"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 2}, Usage(5, 2)),
        ({"prompt_tokens": 5.0, "completion_tokens": None}, Usage(5)),
        ({"prompt_tokens": MOST_TOKENS}, Usage(MOST_TOKENS)),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9}}, Usage(5, 0, 5)),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": -9}}, Usage(5)),
        ({"prompt_tokens": 5, "prompt_tokens_details": "x"}, Usage(5)),
        ({"prompt_tokens": 5, "prompt_cache_hit_tokens": [1]}, Usage(5)),
        ({"prompt_tokens": -5, "completion_tokens": 3}, None),
        ({"prompt_tokens": 10**30}, None),
        ({"prompt_tokens": MOST_TOKENS + 1}, None),
        ({"prompt_tokens": 1.5}, None),
        ({"prompt_tokens": float("inf")}, None),
        ({"prompt_tokens": float("nan")}, None),
        ({"prompt_tokens": "seven"}, None),
        ({"prompt_tokens": True}, None),
        ({"prompt_tokens": {}}, None),
        ({"prompt_tokens": [1]}, None),
        ({}, None),
        ("x", None),
        ([1], None),
        (5, None),
    ],
)
def test_it_takes_only_numbers_of_tokens_for_told(listed: Any, usage: Usage | None) -> None:
    assert usage_of(listed) == usage


def bomb(status: int, kind: str, megabytes: int) -> Answer:
    """Send a small body that unfolds to a large one."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            status=status, headers={"Content-Type": kind, "Content-Encoding": "gzip"}
        )
        await response.prepare(request)
        packing = zlib.compressobj(9, zlib.DEFLATED, 31)
        for _ in range(megabytes):
            await response.write(packing.compress(b" " * 2**20))
        await response.write(packing.flush())
        return response

    return answer


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_it_stops_reading_when_an_answer_unfolds_without_end(
    endpoint: Endpoint, kind: str
) -> None:
    endpoint.answer = bomb(200, kind, MAX_WHOLE // 2**20 + 8)

    with pytest.raises(ProviderError) as caught:
        await ask(endpoint, streamed=True)

    assert caught.value.code == "provider.bad-answer"


async def test_it_reads_only_the_beginning_when_a_refusal_unfolds_without_end(
    endpoint: Endpoint,
) -> None:
    endpoint.answer = bomb(400, "application/json", 64)

    with pytest.raises(ProviderError) as caught:
        await ask(endpoint, streamed=False)

    assert caught.value.code == "provider.refused"


async def test_it_stops_reading_when_a_listing_is_very_long(endpoint: Endpoint) -> None:
    endpoint.answer = refuse(200, json.dumps({"data": [{"id": "x" * 2**22}]}))

    with pytest.raises(ProviderError, match=r"bad-answer"):
        await endpoint.provider.models()


async def test_it_refuses_an_answer_of_very_many_parts(endpoint: Endpoint) -> None:
    body = b'{"choices": [], "x": [' + b"{}," * 1_000_000 + b"{}]}"

    async def answer(_: web.Request) -> web.StreamResponse:
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        return web.Response(body=gzip.compress(body, 1), headers=headers)

    endpoint.answer = answer

    with pytest.raises(ProviderError, match=r"bad-answer"):
        await ask(endpoint, streamed=False)


@pytest.mark.parametrize("listed", [[], {}, {"data": 5}, {"data": ["x"]}, {"data": [None]}, "x"])
async def test_it_fails_with_a_code_when_a_listing_is_odd(endpoint: Endpoint, listed: Any) -> None:
    endpoint.answer = refuse(200, json.dumps(listed))

    with pytest.raises(ProviderError, match=r"bad-answer"):
        await endpoint.provider.models()
