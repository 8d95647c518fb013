"""The provider for tests says what was queued, through the same door as any other."""

import time
from typing import Any

import pytest

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, ProviderError
from playground.gateway import calling
from playground.gateway.chat import ChatRequest, Completion
from playground.gateway.langchain import GatewayChatModel
from playground.gateway.providers import scripted

CONTEXT = RequestContext(subject="user:alice", team="hiring")
ASK = ChatRequest(scripted.MODEL, [{"role": "user", "content": "Hello"}])

pytestmark = [pytest.mark.usefixtures("valkey"), pytest.mark.django_db(databases="__all__")]


@pytest.fixture(autouse=True)
def allowed(settings: Any) -> None:
    settings.PLAYGROUND_SCRIPTED = True


def say() -> Completion:
    return calling.complete(CONTEXT, ASK)


def test_it_says_the_replies_in_order_when_they_are_queued() -> None:
    scripted.queue(["One", {"text": "Two words"}])

    assert [say().text.strip(), say().text.strip()] == ["One", "Two words"]


def test_it_repeats_the_user_when_nothing_is_queued_any_more() -> None:
    scripted.queue(["One"])
    scripted.clear()

    answer = say()

    assert answer.text.strip() == "You said: Hello"
    assert (answer.finish_reason, answer.provider) == ("stop", "scripted")
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0


def test_it_calls_tools_when_the_reply_has_calls() -> None:
    calls = [
        {"name": "look", "arguments": {"x": 1}, "id": "a"},
        {"name": "find", "arguments": "{broken"},
    ]
    scripted.queue([{"tool_calls": calls}])

    answer = say()

    assert [(call.name, call.arguments) for call in answer.tool_calls] == [
        ("look", '{"x": 1}'),
        ("find", "{broken"),
    ]
    assert answer.tool_calls[0].id == "a"
    assert answer.tool_calls[1].id
    assert answer.finish_reason == "tool_calls"


def test_it_calls_tools_through_langchain_when_the_reply_has_calls() -> None:
    scripted.queue([{"tool_calls": [{"name": "look", "arguments": {"x": 1}}]}])

    answer = GatewayChatModel(model=scripted.MODEL, context=CONTEXT).invoke("Hello")

    (call,) = answer.tool_calls
    assert (call["name"], call["args"]) == ("look", {"x": 1})


@pytest.mark.parametrize("retryable", [True, False])
def test_it_fails_as_it_is_told_when_the_reply_is_an_error(retryable: bool) -> None:
    scripted.queue([{"error": {"code": "provider.failed", "retryable": retryable}}])

    with pytest.raises(ProviderError) as caught:
        say()

    assert (caught.value.code, caught.value.may_retry) == ("provider.failed", retryable)


def test_it_tells_when_each_piece_was_sent_when_it_is_a_clock() -> None:
    scripted.queue([{"clock": 3, "chunk_ms": 20}])
    before = time.time()

    times = [float(word) for word in say().text.split()]

    assert len(times) == 3
    assert before - 0.001 <= times[0] <= times[1] - 0.015 <= times[2] - 0.03


def test_it_is_no_model_where_scripts_are_not_allowed(settings: Any) -> None:
    settings.PLAYGROUND_SCRIPTED = False

    with pytest.raises(InvalidInput):
        say()
