"""Each provider's own way, whole and streamed, against a server that refuses as it refuses."""

from typing import Any

import pytest
from aiohttp import web

from playground.core.errors import ProviderError
from playground.gateway.attempting import Attempts, tried
from playground.gateway.breaking import Breaker
from playground.gateway.chat import ChatRequest
from playground.gateway.configuration import Model, Route, Server
from playground.gateway.events import Asked, of_provider
from playground.gateway.providers.openai_compatible import OpenAICompatible
from tests.gateway.providers import refusals
from tests.gateway.providers.refusals import KEY, TOOL, Upstream, ask, serving

EVERY = [
    (refusals.OpenAI, {}),
    (refusals.Azure, {}),
    (refusals.Classic, {"api_version": "2024-10-21"}),
    (refusals.Anthropic, {}),
    (refusals.Gemini, {}),
    (refusals.VLLM, {}),
    (refusals.Nested, {}),
    (refusals.Ollama, {}),
    (refusals.LlamaCpp, {}),
    (Upstream, {}),
]
each = pytest.mark.parametrize(
    ("kind", "options"), EVERY, ids=lambda it: getattr(it, "__name__", "")
)
both = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


async def failure(provider: OpenAICompatible, *, streamed: bool, **more: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await ask(provider, streamed=streamed, **more)
    return caught.value


@each
@both
async def test_it_reads_text_and_usage_from_every_kind(
    kind: type[Upstream], options: dict[str, Any], streamed: bool
) -> None:
    async with serving(kind(), **options) as provider:
        said = await ask(provider, streamed=streamed, max_tokens=100)

    assert (said.gathered.text, said.gathered.finish_reason) == ("Hello", "stop")
    assert said.usage is not None
    assert (said.usage.input_tokens, said.usage.output_tokens) == (9, 1)


@each
@both
async def test_it_reads_tool_calls_from_every_kind(
    kind: type[Upstream], options: dict[str, Any], streamed: bool
) -> None:
    async with serving(kind(), **options) as provider:
        said = await ask(provider, streamed=streamed, tools=[TOOL])

    (call,) = said.gathered.tool_calls
    assert (call.id, call.name, call.arguments) == ("call_a", "look", '{"x":1}')
    assert said.gathered.finish_reason == "tool_calls"


@each
async def test_it_lists_the_models_of_every_kind(
    kind: type[Upstream], options: dict[str, Any]
) -> None:
    async with serving(kind(), **options) as provider:
        assert await provider.models() == ["m"]


@each
async def test_it_says_that_the_key_is_refused_by_every_kind(
    kind: type[Upstream], options: dict[str, Any]
) -> None:
    async with serving(kind(), key="another", **options) as provider:
        refused = await failure(provider, streamed=True)

    assert (refused.code, refused.may_retry) == ("provider.unauthorized", False)


@both
@pytest.mark.parametrize("model", refusals.OpenAI.reasoning)
async def test_it_limits_reasoning_models_in_the_words_that_they_take(
    model: str, streamed: bool
) -> None:
    upstream = refusals.OpenAI()
    async with serving(upstream) as provider:
        await ask(provider, streamed=streamed, model=model, max_tokens=5)

    (body,) = upstream.bodies
    assert (body["max_completion_tokens"], "max_tokens" in body) == (5, False)


@pytest.mark.parametrize("model", ["gpt-4o", "o2", "gpt-50", "solo1", "llama-o1x"])
async def test_it_leaves_the_limit_of_other_models_as_it_is(model: str) -> None:
    upstream = refusals.OpenAI()
    async with serving(upstream) as provider:
        await ask(provider, streamed=False, model=model, max_tokens=5)

    assert upstream.bodies[0]["max_tokens"] == 5


@both
async def test_it_asks_again_in_other_words_when_a_deployment_turns_out_to_reason(
    streamed: bool,
) -> None:
    upstream = refusals.Azure()
    async with serving(upstream) as provider:
        said = await ask(provider, streamed=streamed, model="thinker", max_tokens=5)

    assert said.gathered.text == "Hello"
    assert [body.get("max_completion_tokens") for body in upstream.bodies] == [None, 5]


async def test_it_calls_the_deployment_when_azures_classic_interface_is_asked_for() -> None:
    upstream = refusals.Classic()
    async with serving(upstream, api_version="2024-10-21") as provider:
        await ask(provider, streamed=True)

    assert upstream.paths == ["/openai/deployments/m/chat/completions?api-version=2024-10-21"]


@both
async def test_it_says_that_azures_filter_refused_and_does_not_repeat_it(streamed: bool) -> None:
    async with serving(refusals.Azure()) as provider:
        refused = await failure(
            provider, streamed=streamed, messages=[{"role": "user", "content": "bomb"}]
        )

    assert (refused.code, refused.status) == ("provider.content-filtered", 400)
    assert not refused.may_retry


async def test_it_asks_no_other_model_when_a_filter_refused() -> None:
    upstream, circuits, attempts = refusals.Azure(), Breaker(), Attempts()
    models = [Model(name, Server("up", "azure")) for name in ("m", "other")]
    body = {"model": "m", "messages": [{"role": "user", "content": "bomb"}]}
    asked = Asked(ChatRequest(model="m", messages=[]), body)
    route = Route("r", (), retries=3)
    async with serving(upstream) as provider:
        trying = tried(
            route, models, lambda _: of_provider(provider, asked), attempts, circuits=circuits
        )
        with pytest.raises(ProviderError, match="content-filtered"):
            await anext(trying)

    assert attempts.made == [("up/m", "provider.content-filtered")]


@both
async def test_it_tells_what_the_cache_saved(streamed: bool) -> None:
    async with serving(refusals.OpenAI()) as provider:
        openai = await ask(provider, streamed=streamed)
    deepseek = Upstream()
    deepseek.usage = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 6}  # type: ignore[misc]
    async with serving(deepseek) as provider:
        other = await ask(provider, streamed=streamed)

    assert openai.usage is not None
    assert openai.usage.cached_tokens == 8
    assert other.usage is not None
    assert other.usage.cached_tokens == 6


@both
async def test_it_may_be_tried_again_when_anthropic_is_overloaded(streamed: bool) -> None:
    overloaded = refusals.anthropic_error(529, "overloaded_error", "Overloaded", retry_after="7")
    async with serving(refusals.Anthropic(fails=[overloaded])) as provider:
        refused = await failure(provider, streamed=streamed)

    assert (refused.code, refused.may_retry) == ("provider.failed", True)
    assert refused.extra["retry_after_s"] == 7


async def test_it_waits_for_no_month_to_end_when_anthropics_spend_limit_is_reached() -> None:
    spent = refusals.anthropic_error(
        429, "rate_limit_error", "spent", details={"error_code": "enforced_spend_limit_reached"}
    )
    async with serving(refusals.Anthropic(fails=[spent])) as provider:
        refused = await failure(provider, streamed=True)

    assert (refused.code, refused.may_retry) == ("provider.out-of-credit", False)


async def test_it_tells_the_caller_in_anthropics_words_what_is_not_taken() -> None:
    async with serving(refusals.Anthropic()) as provider:
        refused = await failure(provider, streamed=False, n=2)

    assert (refused.code, refused.words) == ("provider.refused", "n must be 1")


@both
async def test_it_leaves_out_what_gemini_does_not_know_and_no_answer_depends_on(
    streamed: bool,
) -> None:
    upstream = refusals.Gemini()
    async with serving(upstream) as provider:
        said = await ask(provider, streamed=streamed, parallel_tool_calls=True, user="u")

    assert said.gathered.text == "Hello"
    assert not {"parallel_tool_calls", "user"} & set(upstream.bodies[-1])


@pytest.mark.parametrize("asked", [{"logit_bias": {"1": 5}}, {"parallel_tool_calls": False}])
async def test_it_tells_the_caller_when_gemini_does_not_know_what_matters(
    asked: dict[str, Any],
) -> None:
    async with serving(refusals.Gemini()) as provider:
        refused = await failure(provider, streamed=True, **asked)

    assert refused.code == "provider.refused"
    assert next(iter(asked)) in refused.words


@both
async def test_it_classifies_the_error_when_gemini_wraps_it_in_a_list(streamed: bool) -> None:
    busy = refusals.gemini_error(429, "Quota exceeded.", "RESOURCE_EXHAUSTED")
    async with serving(refusals.Gemini(fails=[busy])) as provider:
        refused = await failure(provider, streamed=streamed)

    assert (refused.code, refused.may_retry) == ("provider.rate-limited", True)


async def test_it_classifies_the_error_when_a_list_comes_with_a_200() -> None:
    wrapped = refusals.error(200, [{"error": {"code": 503, "status": "UNAVAILABLE"}}])
    async with serving(refusals.Gemini(fails=[wrapped])) as provider:
        refused = await failure(provider, streamed=True)

    assert (refused.code, refused.may_retry) == ("provider.failed", True)


@both
@pytest.mark.parametrize("kind", [refusals.VLLM, refusals.Nested])
async def test_it_tells_the_caller_in_vllms_words_old_and_new(
    kind: type[Upstream], streamed: bool
) -> None:
    async with serving(kind()) as provider:
        refused = await failure(provider, streamed=streamed, max_tokens=5000)

    assert (refused.code, refused.status) == ("provider.refused", 400)
    assert "maximum context length" in refused.words


@both
async def test_it_says_that_ollama_does_not_have_the_model(streamed: bool) -> None:
    async with serving(refusals.Ollama()) as provider:
        refused = await failure(provider, streamed=streamed, model="nowhere")

    assert (refused.code, refused.may_retry) == ("provider.unknown-model", False)


async def test_it_limits_ollama_in_the_words_that_it_knows() -> None:
    upstream = refusals.Ollama()
    async with serving(upstream) as provider:
        said = await ask(provider, streamed=False, max_completion_tokens=5)

    assert said.gathered.text == "Hello"
    assert upstream.bodies[0]["max_tokens"] == 5


@both
async def test_it_may_be_tried_again_when_ollama_says_its_error_in_a_word(streamed: bool) -> None:
    died = refusals.error(500, {"error": "llama runner process has terminated"})
    async with serving(refusals.Ollama(fails=[died])) as provider:
        refused = await failure(provider, streamed=streamed)

    assert (refused.code, refused.may_retry) == ("provider.failed", True)


@both
async def test_it_may_be_tried_again_when_llamacpp_loads_its_model(streamed: bool) -> None:
    async with serving(refusals.LlamaCpp(fails=[refusals.loading()])) as provider:
        refused = await failure(provider, streamed=streamed)
        said = await ask(provider, streamed=streamed)

    assert (refused.code, refused.may_retry) == ("provider.failed", True)
    assert said.gathered.text == "Hello"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "20"}, 20),
        ({"retry-after-ms": "1500", "Retry-After": "20"}, 2),
        ({"retry-after-ms": "soon", "Retry-After": "3.2"}, 4),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"Retry-After": "-5"}, 0),
        ({"Retry-After": "1e300"}, 86_400),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "when it is done"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_it_tells_how_long_the_endpoint_asks_to_wait(
    headers: dict[str, str], wait_s: int | None, status: int
) -> None:
    busy = web.json_response({"error": {"message": "busy"}}, status=status, headers=headers)
    async with serving(Upstream(fails=[busy])) as provider:
        refused = await failure(provider, streamed=True)

    assert refused.extra.get("retry_after_s") == wait_s


@both
@pytest.mark.parametrize("echoed", [KEY, KEY.upper()])
async def test_it_does_not_repeat_the_key_when_the_endpoint_does(
    echoed: str, streamed: bool
) -> None:
    echo = refusals.openai_error(400, f"What is {echoed}?", param=f"h.{echoed}", code=echoed)
    async with serving(Upstream(fails=[echo])) as provider:
        refused = await failure(provider, streamed=streamed)

    assert refused.words == "What is [key]?"
    assert KEY not in f"{refused} {refused.extra}".lower()


@pytest.mark.parametrize("status", [200, 402, 500])
async def test_it_does_not_repeat_the_key_when_the_error_is_called_so(status: int) -> None:
    named = refusals.openai_error(status, "no", code=KEY, type=KEY)
    async with serving(Upstream(fails=[named])) as provider:
        refused = await failure(provider, streamed=True)

    assert KEY not in f"{refused}"
