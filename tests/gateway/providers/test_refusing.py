"""Whose fault a refusal is, what of it is told, and how long it asks to wait."""

import datetime
from typing import Any

import pytest
from aiohttp import web

from playground.core.errors import ProviderError
from playground.gateway.attempting import Attempts, tried
from playground.gateway.breaking import Breaker
from playground.gateway.chat import ChatRequest
from playground.gateway.configuration import Model, Route, Server
from playground.gateway.events import Asked, of_provider
from playground.gateway.providers import dialects
from tests.gateway.providers import refusals
from tests.gateway.providers.refusals import TOOL, Upstream, ask, serving

MAIL = "ana.silva@example.com"


async def failure(refused: web.Response, **more: Any) -> ProviderError:
    async with serving(Upstream(fails=[refused])) as provider:
        with pytest.raises(ProviderError) as caught:
            await ask(provider, streamed=True, **more)
    return caught.value


@pytest.mark.parametrize("status", [402, 405, 406, 409, 410, 415, 418, 423, 425, 431, 451, 499])
async def test_it_asks_another_model_when_the_endpoint_is_at_fault(status: int) -> None:
    first = Upstream(fails=[refusals.openai_error(status, "no")])
    attempts, circuits = Attempts(), Breaker()
    models = [Model(name, Server("up", "other")) for name in ("m", "other")]
    body = {"model": "m", "messages": []}
    asked = Asked(ChatRequest(model="m", messages=[]), body)
    async with serving(first) as provider:
        trying = tried(
            Route("r", (), retries=0), models, lambda _: of_provider(provider, asked), attempts,
            circuits=circuits,
        )  # fmt: skip
        answered = [event async for event in trying]

    assert answered
    code = "provider.out-of-credit" if status == 402 else "provider.failed"
    assert attempts.made == [("up/m", code), ("up/other", "")]


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_it_is_the_requests_fault_when_the_endpoint_says_so(status: int) -> None:
    refused = await failure(refusals.openai_error(status, "too long", param="messages[0].content"))

    assert (refused.code, refused.status, refused.may_retry) == ("provider.refused", 400, False)
    assert (refused.words, refused.extra["param"]) == ("too long", "messages[0].content")  # type: ignore[attr-defined]


@pytest.mark.parametrize("streamed", [True, False])
async def test_it_is_refused_when_llamacpp_was_started_without_tools(streamed: bool) -> None:
    upstream = refusals.Plain()
    async with serving(upstream) as provider:
        with pytest.raises(ProviderError) as caught:
            await ask(provider, streamed=streamed, tools=[TOOL])

    assert (caught.value.code, caught.value.may_retry) == ("provider.refused", False)
    assert "--jinja" in caught.value.words  # type: ignore[attr-defined]


async def test_it_is_refused_when_llamacpp_does_not_support_it() -> None:
    async with serving(refusals.LlamaCpp()) as provider:
        with pytest.raises(ProviderError) as caught:
            await ask(provider, streamed=True, images=["x"])

    assert (caught.value.code, caught.value.may_retry) == ("provider.refused", False)


@pytest.mark.parametrize("status", [500, 501])
async def test_it_may_be_tried_again_when_a_server_fails_otherwise(status: int) -> None:
    refused = await failure(refusals.openai_error(status, "no", type="server_error"))

    assert (refused.code, refused.may_retry) == ("provider.failed", True)


@pytest.mark.parametrize("at", range(470, 501, 3))
async def test_it_leaves_no_beginning_of_a_mail_address_when_words_are_cut(at: int) -> None:
    refused = await failure(refusals.openai_error(400, "x " * (at // 2) + f" {MAIL} is not known"))

    assert "ana" not in refused.words  # type: ignore[attr-defined]
    assert len(refused.words) <= 500  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "param",
    [
        MAIL,
        "x" * 101,
        "what Ana wrote",
        "sk-abcdefghijklmnopqrstuvwxyz012345",
        "a\nb",
        "+4915112345",
        5,
        ["messages"],
        {"a": 1},
        "",
    ],
)
async def test_it_tells_no_parameter_when_it_is_no_name_of_one(param: Any) -> None:
    refused = await failure(refusals.openai_error(400, "no", param=param))

    assert refused.extra.get("param") is None


@pytest.mark.parametrize("message", [5, ["x"], {"a": "b"}, None, ""])
async def test_it_tells_no_words_when_there_are_none(message: Any) -> None:
    refused = await failure(refusals.openai_error(400, message))

    assert (refused.code, refused.words) == ("provider.refused", "")  # type: ignore[attr-defined]


def later(seconds: float) -> str:
    when = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"x-ratelimit-reset-requests": "1s"}, 1),
        ({"x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-reset-tokens": "120ms"}, 1),
        ({"x-ratelimit-reset-requests": "1h2m3.5s"}, 3724),
        ({"x-ratelimit-reset-requests": "8s", "x-ratelimit-reset-tokens": "6m0s"}, 360),
        (
            {
                "x-ratelimit-reset-requests": "8s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-remaining-tokens": "100",
            },
            8,
        ),
        ({"Retry-After": "3", "x-ratelimit-reset-tokens": "6m0s"}, 3),
        ({"x-ratelimit-reset-tokens": "999999999h"}, 86_400),
        ({"x-ratelimit-reset-tokens": "soon"}, None),
        ({"x-ratelimit-reset-tokens": "5"}, None),
        ({"anthropic-ratelimit-requests-reset": "2015-10-21T07:28:00Z"}, 0),
        ({"anthropic-ratelimit-output-tokens-reset": "9999-12-31T23:59:59Z"}, 86_400),
        ({"anthropic-ratelimit-tokens-reset": "99999999-01-01T00:00:00Z"}, None),
        ({"anthropic-ratelimit-tokens-reset": "2015-10-21T07:28:00"}, None),
        ({"Retry-After": "Wed, 21 Oct 99999999 07:28:00 GMT"}, None),
        ({"Retry-After": "Wed, 21 Oct 9999 07:28:00 GMT"}, 86_400),
    ],
)
async def test_it_tells_how_long_to_wait_when_only_the_limits_say_so(
    headers: dict[str, str], wait_s: int | None
) -> None:
    busy = web.json_response({"error": {"message": "busy"}}, status=429, headers=headers)

    refused = await failure(busy)

    assert refused.code == "provider.rate-limited"
    assert refused.extra.get("retry_after_s") == wait_s


async def test_it_waits_until_anthropics_limit_is_whole_again() -> None:
    headers = {"anthropic-ratelimit-input-tokens-reset": later(1000)}

    refused = await failure(
        web.json_response({"error": {"message": "busy"}}, status=429, headers=headers)
    )

    assert 900 < refused.extra["retry_after_s"] <= 1000


@pytest.mark.parametrize(
    ("details", "wait_s"),
    [
        ([{"@type": "x"}, {"@type": "y.RetryInfo", "retryDelay": "34s"}], 34),
        ([{"retryDelay": "58.93s"}], 59),
        ([{"retryDelay": 34}], None),
        ([{"retryDelay": "soon"}], None),
        (["x"], None),
        ("x", None),
    ],
)
async def test_it_waits_as_long_as_gemini_asks(details: Any, wait_s: int | None) -> None:
    refused = await failure(
        refusals.gemini_error(429, "Quota exceeded.", "RESOURCE_EXHAUSTED", details=details)
    )

    assert refused.extra.get("retry_after_s") == wait_s


@pytest.mark.parametrize("status", [400, 500, 503])
async def test_it_reads_no_limit_from_what_is_no_refusal_for_a_limit(status: int) -> None:
    headers = {"x-ratelimit-reset-tokens": "6m0s"}

    refused = await failure(
        web.json_response({"error": {"message": "no"}}, status=status, headers=headers)
    )

    assert "retry_after_s" not in refused.extra


@pytest.mark.parametrize("streamed", [True, False])
async def test_it_gives_ollama_no_tools_when_none_may_be_called(streamed: bool) -> None:
    upstream = refusals.Ollama()
    async with serving(upstream) as provider:
        said = await ask(
            provider, streamed=streamed, tools=[TOOL], tool_choice="none", max_tokens=5
        )

    assert said.gathered.text == "Hello"
    assert not {"tools", "tool_choice"} & set(upstream.bodies[0])


@pytest.mark.parametrize(
    ("kind", "model", "name"),
    [
        ("openai", "gpt-4o", "max_completion_tokens"),
        ("openai", "o3", "max_completion_tokens"),
        ("azure", "mine", "max_completion_tokens"),
        ("gemini", "gemini-3", "max_completion_tokens"),
        ("anthropic", "claude", "max_tokens"),
        ("vllm", "m", "max_tokens"),
        ("llamacpp", "m", "max_tokens"),
        ("ollama", "m", "max_tokens"),
        ("other", "m", "max_tokens"),
    ],
)
@pytest.mark.parametrize(("older", "newer"), [(5, 9), (9, 5), (5, None), (None, 5), (5, "x")])
def test_it_sends_one_limit_when_both_are_given(
    kind: str, model: str, name: str, older: Any, newer: Any
) -> None:
    body = {"model": model, "max_tokens": older, "max_completion_tokens": newer}

    assert dialects.adapted(kind, body) == {"model": model, name: 5}
