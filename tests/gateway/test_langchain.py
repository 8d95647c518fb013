"""The gateway as a LangChain chat model, against a real endpoint."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage

from playground.core.context import RequestContext
from playground.core.errors import ProviderError
from playground.gateway.langchain import GatewayChatModel
from tests.gateway.upstream import SPOKEN, Endpoint, connected, delta, piece, refuse, stream

pytestmark = pytest.mark.django_db(databases="__all__")

MODEL = GatewayChatModel(model="m", context=RequestContext(subject="user:alice", team="hiring"))
USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}


@pytest.fixture
def upstream(settings: Any) -> Iterator[Endpoint]:
    with connected(settings) as endpoint:
        yield endpoint


def gathered(events: Iterator[Any]) -> AIMessageChunk:
    first, *rest = [event for event in events if isinstance(event, AIMessageChunk)]
    return first.__add__(rest) if rest else first


def look(place: str) -> str:
    """Look at a place."""
    return place


def test_it_returns_a_message_when_invoked(upstream: Endpoint) -> None:
    upstream.answer = stream(
        delta(content="Hel"), delta(content="lo"), delta("stop"), USAGE, "[DONE]"
    )

    answer = MODEL.invoke("Hi")

    assert type(answer) is AIMessage
    assert answer.text == "Hello"
    assert answer.response_metadata["finish_reason"] == "stop"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["input_tokens"] == 7
    assert answer.usage_metadata["total_tokens"] == 9


def test_it_yields_each_piece_when_streamed(upstream: Endpoint) -> None:
    upstream.answer = stream(
        delta(content="Hel"), delta(content="lo"), delta("stop"), USAGE, "[DONE]"
    )

    chunks = list(MODEL.stream("Hi"))

    assert [chunk.text for chunk in chunks if chunk.text] == ["Hel", "lo"]
    usage = gathered(iter(chunks)).usage_metadata
    assert usage is not None
    assert (usage["input_tokens"], usage["output_tokens"]) == (7, 2)


@pytest.mark.parametrize(("events", "expected"), SPOKEN.values(), ids=SPOKEN.keys())
def test_it_joins_tool_calls_when_the_endpoint_has_its_own_way(
    upstream: Endpoint, events: list[Any], expected: list[tuple[str, str, str]]
) -> None:
    upstream.answer = stream(*(delta(tool_calls=pieces) for pieces in events), delta("tool_calls"))

    whole = gathered(MODEL.stream("Hi"))
    invoked = MODEL.invoke("Hi")

    joined = [(call["id"], call["name"], call["args"]) for call in whole.tool_call_chunks]
    assert joined == expected
    assert [(call["id"], call["name"], call["args"]) for call in invoked.tool_calls] == [
        (id, name, json.loads(arguments or "{}")) for id, name, arguments in expected
    ]


def test_it_mends_no_arguments_when_they_break_off(upstream: Endpoint) -> None:
    broken = piece("look", '{"place": "Ess', id="a", index=0)
    upstream.answer = stream(delta("length", tool_calls=[broken]), "[DONE]")

    answer = MODEL.invoke("Hi")

    assert answer.tool_calls == []
    (call,) = answer.invalid_tool_calls
    assert (call["id"], call["args"]) == ("a", '{"place": "Ess')


def test_it_sends_tools_and_history_as_openai_takes_them(upstream: Endpoint) -> None:
    upstream.answer = stream(delta("stop", content="Seen"), "[DONE]")
    called = AIMessage("", tool_calls=[{"id": "a", "name": "look", "args": {"place": "Essen"}}])

    MODEL.bind_tools([look], tool_choice="none").invoke(
        [HumanMessage("Look"), called, ToolMessage("fine", tool_call_id="a")]
    )

    (body,) = upstream.bodies
    assert body["tools"][0]["function"]["name"] == "look"
    assert body["tool_choice"] == "none"
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "tool"]
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == "look"


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (401, "provider.unauthorized", False),
        (429, "provider.rate-limited", True),
        (503, "provider.failed", True),
    ],
)
@pytest.mark.parametrize("streamed", [True, False])
def test_it_raises_our_error_when_the_endpoint_refuses(
    upstream: Endpoint, streamed: bool, status: int, code: str, retryable: bool
) -> None:
    upstream.answer = refuse(status)

    with pytest.raises(ProviderError) as caught:
        list(MODEL.stream("Hi")) if streamed else MODEL.invoke("Hi")

    assert (caught.value.code, caught.value.may_retry) == (code, retryable)


def test_it_hangs_up_when_the_reader_closes_the_stream(upstream: Endpoint) -> None:
    upstream.answer = stream(delta(content="Hello"), then="hang")
    chunks = MODEL.stream("Hi")
    next(chunks)

    chunks.close()  # type: ignore[attr-defined]

    assert upstream.left.wait(2)
