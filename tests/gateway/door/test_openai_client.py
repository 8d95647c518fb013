"""The official ``openai`` client against ``/v1``, unchanged but for its base URL and key."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from asgiref.sync import sync_to_async
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI
from pydantic import SecretStr

from playground.asgi import application
from playground.gateway.door.callers import KNOWN_FOR_S
from playground.gateway.embeddings import MODEL as EMBEDDINGS
from playground.gateway.providers import scripted
from playground.policy import keys
from playground.policy.models import ApiKey, User

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

ASK = [{"role": "user", "content": "Say hello"}]
ADD = {
    "type": "function",
    "function": {
        "name": "add_numbers",
        "description": "Add two numbers.",
        "parameters": {
            "type": "object",
            "properties": {
                "first": {"type": "number", "description": "The first number."},
                "second": {"type": "number", "description": "The second number."},
            },
            "required": ["first", "second"],
        },
    },
}


@pytest.fixture
def key(transactional_db: None, alice: User, key_for: Callable[[User], str]) -> str:
    return key_for(alice)


@pytest.fixture
async def client(key: str, valkey: object, settings: Any) -> AsyncIterator[AsyncOpenAI]:
    settings.PLAYGROUND_SCRIPTED = True
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport) as http:
        yield AsyncOpenAI(
            base_url="http://127.0.0.1/v1", api_key=key, http_client=http, max_retries=0
        )


async def test_it_lists_models_when_asked(client: AsyncOpenAI) -> None:
    listed = [model.id async for model in client.models.list()]

    one = await client.models.retrieve("offline/planner")

    assert {"offline/planner", "scripted", EMBEDDINGS} <= set(listed)
    assert one.owned_by == "offline"
    with pytest.raises(openai.NotFoundError) as refused:
        await client.models.retrieve("offline/none")
    assert refused.value.code == "model_not_found"


async def test_it_answers_whole_when_no_stream_is_asked_for(client: AsyncOpenAI) -> None:
    scripted.queue(["Hello there"])

    answer = await client.chat.completions.create(model="scripted", messages=ASK)

    assert answer.choices[0].message.content == "Hello there "
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id


async def test_it_streams_words_and_the_usage_when_asked(client: AsyncOpenAI) -> None:
    scripted.queue(["one two three"])

    stream = await client.chat.completions.create(
        model="scripted", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    events = [event async for event in stream]

    assert [e.choices[0].delta.content for e in events if e.choices][1:4] == [
        "one ", "two ", "three ",
    ]  # fmt: skip
    assert [e.choices[0].finish_reason for e in events if e.choices][-1] == "stop"
    assert events[-1].choices == []
    assert events[-1].usage is not None
    assert len({event.id for event in events}) == 1


async def test_it_tells_no_usage_in_a_stream_when_it_was_not_asked_to(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model="scripted", messages=ASK, stream=True)

    assert [event.usage async for event in stream if event.usage is not None] == []


@pytest.mark.parametrize("stream", [False, True])
async def test_it_calls_tools_when_the_planner_is_asked(client: AsyncOpenAI, stream: bool) -> None:
    asked: Any = {
        "model": "offline/planner",
        "messages": [{"role": "user", "content": "Add the numbers 2 and 40"}],
        "tools": [ADD],
    }

    if stream:
        parts = [e async for e in await client.chat.completions.create(**asked, stream=True)]
        calls = [c for e in parts for c in e.choices[0].delta.tool_calls or ()]
        name, arguments = calls[0].function.name, "".join(c.function.arguments for c in calls)
        reason = parts[-1].choices[0].finish_reason
    else:
        choice = (await client.chat.completions.create(**asked)).choices[0]
        call = choice.message.tool_calls[0].function
        name, arguments, reason = call.name, call.arguments, choice.finish_reason

    assert (name, json.loads(arguments)) == ("add_numbers", {"first": 2, "second": 40})
    assert reason == "tool_calls"


async def test_it_answers_in_json_when_a_schema_is_given(client: AsyncOpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "A city."}},
        "required": ["city"],
        "additionalProperties": False,
    }

    answer = await client.chat.completions.create(
        model="offline/planner",
        messages=[{"role": "user", "content": "I live in Lisbon"}],
        response_format={"type": "json_schema", "json_schema": {"name": "c", "schema": schema}},
    )

    assert json.loads(answer.choices[0].message.content or "") == {"city": "Lisbon"}


async def test_it_gives_several_choices_and_stops_when_told(client: AsyncOpenAI) -> None:
    scripted.queue(["one two three", "four two five"])

    answer = await client.chat.completions.create(model="scripted", messages=ASK, n=2, stop="two")

    assert [choice.message.content for choice in answer.choices] == ["one ", "four "]
    assert [choice.index for choice in answer.choices] == [0, 1]


async def test_it_ends_with_length_when_the_tokens_are_used_up(client: AsyncOpenAI) -> None:
    scripted.queue([" ".join(["word"] * 50)])

    answer = await client.chat.completions.create(model="scripted", messages=ASK, max_tokens=5)

    assert answer.choices[0].finish_reason == "length"
    assert (answer.choices[0].message.content or "").split() == ["word"] * 5


@pytest.mark.parametrize("form", ["float", "base64"])
async def test_it_embeds_texts_when_asked(client: AsyncOpenAI, form: Any) -> None:
    made = await client.embeddings.create(
        model=EMBEDDINGS, input=["a cat", "a kitten", "tax law"], encoding_format=form
    )

    raw = [each.embedding for each in made.data]
    cat, kitten, law = (
        np.asarray(v) if form == "float" else np.frombuffer(base64.b64decode(str(v)), np.float32)
        for v in raw
    )
    assert cat.shape == (384,)
    assert cat @ kitten > cat @ law
    assert made.usage.total_tokens > 0


async def test_it_speaks_the_responses_interface_when_asked(client: AsyncOpenAI) -> None:
    scripted.queue(["Hello again", "streamed words"])

    whole = await client.responses.create(model="scripted", input="hi", instructions="Be kind")
    stream = await client.responses.create(model="scripted", input="hi", stream=True)
    events = [event async for event in stream]

    assert whole.output_text == "Hello again "
    assert whole.status == "completed"
    assert [e.type for e in events][:2] == ["response.created", "response.in_progress"]
    deltas = [e.delta for e in events if e.type == "response.output_text.delta"]
    assert deltas == ["streamed ", "words "]
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == "streamed words "
    assert [e.sequence_number for e in events] == list(range(len(events)))


async def test_it_says_that_a_response_is_incomplete_when_its_tokens_are_used_up(
    client: AsyncOpenAI,
) -> None:
    ask: Any = {"model": "scripted", "input": "one two three four five", "max_output_tokens": 3}

    whole = await client.responses.create(**ask)
    events = [event async for event in await client.responses.create(**ask, stream=True)]

    assert (whole.status, whole.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert events[-1].type == "response.incomplete"


async def test_it_calls_functions_in_the_responses_interface(client: AsyncOpenAI) -> None:
    tool: Any = {"type": "function", **ADD["function"]}  # type: ignore[dict-item]
    asked: Any = [{"role": "user", "content": "Add the numbers 2 and 40"}]

    first = await client.responses.create(model="offline/planner", input=asked, tools=[tool])
    call = first.output[0]
    asked += [
        call.model_dump(),
        {"type": "function_call_output", "call_id": call.call_id, "output": '{"sum": 42}'},
    ]
    second = await client.responses.create(model="offline/planner", input=asked, tools=[tool])

    assert (call.type, json.loads(call.arguments)) == (
        "function_call", {"first": 2, "second": 40},
    )  # fmt: skip
    assert "42" in second.output_text


async def test_it_refuses_a_key_that_is_unknown_or_revoked(
    client: AsyncOpenAI, key: str, alice: User
) -> None:
    with pytest.raises(openai.AuthenticationError) as unknown:
        await client.with_options(api_key="pg_nope").models.list()
    await client.models.list()
    await sync_to_async(lambda: keys.revoke(alice.context(), ApiKey.objects.get().pk))()
    await asyncio.sleep(KNOWN_FOR_S)
    with pytest.raises(openai.AuthenticationError) as revoked:
        await client.models.list()

    assert unknown.value.code == revoked.value.code == "invalid_api_key"


async def test_it_words_an_error_as_openai_does_when_a_model_fails(client: AsyncOpenAI) -> None:
    scripted.queue([{"error": {"code": "provider.rate-limited", "detail": "Slow down."}}])

    with pytest.raises(openai.RateLimitError) as limited:
        await client.chat.completions.create(model="scripted", messages=ASK)
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.chat.completions.create(model="gpt-none", messages=ASK)

    assert limited.value.code == "rate_limit_exceeded"
    assert unknown.value.code == "model_not_found"
    assert unknown.value.type == "invalid_request_error"


async def test_it_serves_langchains_model_when_only_the_address_is_changed(
    client: AsyncOpenAI, key: str
) -> None:
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport) as http:
        model = ChatOpenAI(
            model="offline/planner",
            base_url="http://127.0.0.1/v1",
            api_key=SecretStr(key),
            http_async_client=http,
            max_retries=0,
        )

        called = await model.bind_tools([ADD]).ainvoke("Add the numbers 2 and 40")
        said = [piece.text async for piece in model.astream("What can you do?")]

    assert [(c["name"], c["args"]) for c in called.tool_calls] == [
        ("add_numbers", {"first": 2, "second": 40})
    ]
    assert called.usage_metadata is not None
    assert len(said) > 5
    assert "rules" in "".join(said)
