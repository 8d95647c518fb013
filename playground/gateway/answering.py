"""The one way to have a call answered: metered, checked, routed and settled.

Every call of a model passes here, the product's own and those of programs outside.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from playground.core import spans
from playground.core.asking import in_thread
from playground.core.context import RequestContext
from playground.core.errors import PlaygroundError
from playground.core.spans import Span, SpanKind
from playground.gateway import (
    attempting,
    caching,
    catalogue,
    configuration,
    encoding,
    health,
    judging,
    metering,
    vectors,
)
from playground.gateway.attempting import Attempts
from playground.gateway.chat import ChatRequest, Usage
from playground.gateway.configuration import Configuration, Model, Route, Rule
from playground.gateway.events import Asked, Event, Said, of_provider
from playground.gateway.guarding import Blocked, Guard, in_force
from playground.gateway.metering import Estimate, Used
from playground.gateway.providers.openai_compatible import body_of
from playground.gateway.quotas.reservations import Outcome
from playground.gateway.tokens import count, count_messages

# Counting more than this is left to a thread: about 10 ms.
_LONG_CHARS = 100_000


@dataclass
class Call:
    """One call while it is answered.

    Attributes:
        body: what the caller sent, as endpoints get it but for the model's name.
        span: of the model call; what was asked is written into it once the checks have passed.
        key: id of the API key it came with, empty for none.
        headers: what the answer's head should tell, known before the first event.
        asked: the last message's text, as far as it may be seen in traces.
        judging: it is a guard model's own call, to which no rules apply.
        last_words: what the last event added to the first choice's text.
    """

    context: RequestContext
    request: ChatRequest
    body: dict[str, Any]
    span: Span
    key: str = ""
    streamed: bool = True
    choices: int = 1
    operation: str = "chat"
    headers: dict[str, str] = field(default_factory=dict)
    attempts: Attempts = field(default_factory=Attempts)
    said: Said = field(default_factory=Said)
    asked: str = ""
    last_words: str = ""
    from_cache: bool = False
    blocked_by: str = ""
    judging: bool = False
    first_token_ms: float | None = None
    begun: float = field(default_factory=time.perf_counter)

    @property
    def provider(self) -> str:
        """Return the name of the endpoint that answers, empty before one does."""
        return self.attempts.model.server.name if self.attempts.model else ""

    def tell_what_was_asked(self) -> None:
        """Write into the span what the model is asked, now that the checks have passed."""
        request = self.request
        self.span.input({"messages": list(request.messages), "tools": list(request.tools or ())})
        last = request.messages[-1].get("content") if request.messages else ""
        self.asked = last if isinstance(last, str) else ""


async def answer(call: Call) -> AsyncGenerator[Event]:
    """Yield the events of the answer; after the last one the call is settled.

    Raises:
        InvalidInput: there is no such model.
        QuotaExceeded: a limit is used up.
        ProviderError: the model failed, and so did those behind it.
    """
    known = await _configuration()
    route = catalogue.route_of(call.request.model, known, operation=call.operation)
    models = attempting.order(route.ways, down=health.down())
    names = (call.request.model, route.name, *(model.id for model in models[:1]))
    estimate, meter = await _reserved(call, known, route, models, names)
    call.headers.update(meter.headers)
    outcome, code = Outcome.ABORTED, ""
    try:
        guard = _guard(call, known, names)
        if guard:
            await _check(call, guard)
        call.tell_what_was_asked()
        ttl_s = known.cache_ttl_s(team=call.context.team, models=names)
        tried = _answered(call, route, models)
        if guard and call.operation == "chat":
            tried = guard.answered(tried, streamed=call.streamed, schema=_schema(call.request))
        answered = _kept(call, known, tried, ttl_s=ttl_s) if ttl_s else tried
        async with contextlib.aclosing(answered) as events:
            async for event in events:
                call.last_words = call.said.take(event)
                if call.last_words and call.first_token_ms is None:
                    call.first_token_ms = (time.perf_counter() - call.begun) * 1000
                yield event
        if call.streamed and call.said.usage is None:
            yield await _counted_usage(call, estimate)
        outcome = Outcome.SUCCEEDED
    except PlaygroundError as error:
        outcome, code = _outcome_of(error), error.code
        if isinstance(error, Blocked):
            call.blocked_by = error.rule.name
        raise
    except Exception:
        outcome, code = Outcome.FAILED, "internal"
        raise
    finally:
        used = await _used(call, estimate, outcome)
        cost = await meter.settle(
            used, model=call.attempts.model, outcome=outcome, row=_closed(call, code)
        )
        _tell(call, used, cost)


async def _configuration() -> Configuration:
    if configuration.is_fresh():
        return configuration.current()
    return await in_thread(configuration.current)


async def _reserved(
    call: Call, known: Configuration, route: Route, models: list[Model], names: tuple[str, ...]
) -> tuple[Estimate, metering.Meter]:
    context, request = call.context, call.request
    limits = metering.limits_of(
        known, team=context.team, key=call.key or context.subject, models=names
    )
    estimate = metering.estimate(
        limits,
        input_tokens=await _counted(request),
        asked=request.max_tokens,
        choices=call.choices,
        model=models[0] if models else None,
    )
    if estimate.capped:
        longest = estimate.output_tokens // call.choices
        call.request = replace(request, max_tokens=longest)
        call.body = {**call.body, "max_tokens": longest}
    row = _opened(call, route) | {"input_tokens": estimate.input_tokens}
    return estimate, await metering.begin(limits, estimate, models=models, row=row)


def _guard(call: Call, known: Configuration, names: tuple[str, ...]) -> Guard:
    rules = () if call.judging else known.rules_of(team=call.context.team, models=names)

    async def judge(rule: Rule, text: str) -> bool:
        return await judging.is_safe(rule, text, ask=lambda request: _say(call, request))

    return Guard(call.context, call.request.model, in_force(rules), judge)


async def _check(call: Call, guard: Guard) -> None:
    """Check what goes in, and blank out in it what the model must not get."""
    body = await guard.asked(call.body)
    if guard.noted:
        call.headers["playground-guardrails"] = ", ".join(guard.noted)
    call.body = body
    if call.operation == "embeddings":
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        call.request = replace(
            call.request, messages=[{"role": "user", "content": text} for text in texts]
        )
        return
    stop = body.get("stop")
    call.request = replace(
        call.request,
        messages=body["messages"],
        tools=body.get("tools") or None,
        response_format=body.get("response_format"),
        stop=[stop] if isinstance(stop, str) else stop,
        extra={name: body[name] for name in call.request.extra if name in body},
    )


async def _say(call: Call, request: ChatRequest) -> str:
    """Ask a guard model on behalf of a call, as a call of its own."""
    with spans.span(f"chat {request.model}", SpanKind.MODEL) as span:
        asked = Call(call.context, request, body_of(request), span, key=call.key, judging=True)
        async with contextlib.aclosing(answer(asked)) as events:
            async for _ in events:
                pass
        span.output(asked.said.gathered.text)
        return asked.said.gathered.text


def _schema(request: ChatRequest) -> Mapping[str, Any] | None:
    """Return the JSON schema that the caller wants the answer to have."""
    form = request.response_format or {}
    if form.get("type") != "json_schema":
        return None
    named = form.get("json_schema")
    return named.get("schema") if isinstance(named, dict) else None


async def _kept(
    call: Call, known: Configuration, tried: AsyncGenerator[Event], *, ttl_s: int
) -> AsyncGenerator[Event]:
    """Answer as an equal request was answered before, else keep the answer for later ones."""
    name = caching.name_of(
        known,
        team=call.context.team,
        model=f"{call.operation} {call.request.model}",
        streamed=call.streamed,
        body=call.body,
    )
    kept = await caching.kept(name)
    call.headers["playground-cache"] = "miss" if kept is None else "hit"
    if kept is not None:
        call.from_cache = True
        call.span.set("playground.cache", "hit")
        await tried.aclose()
        for event in kept:
            yield event
        return
    recording = caching.Recording()
    async with contextlib.aclosing(tried) as events:
        async for event in events:
            recording.take(event)
            yield event
    await recording.keep(name, ttl_s=ttl_s)


async def _answered(call: Call, route: Route, models: list[Model]) -> AsyncGenerator[Event]:
    request = call.request

    def begin(model: Model) -> AsyncGenerator[Event]:
        if call.operation == "embeddings":
            return vectors.of_model(model, call.body, team=call.context.team)
        asked = Asked(
            request=request,
            body={**call.body, "model": model.name},
            streamed=call.streamed,
            choices=call.choices,
        )
        return of_provider(catalogue.provider_of(model), asked)

    tried = attempting.tried(route, models, begin, call.attempts)
    async with contextlib.aclosing(tried) as events:
        first = True
        async for event in events:
            if first and call.attempts.model:
                first = False
                call.headers["playground-model"] = call.attempts.model.id
            yield event


async def _counted(request: ChatRequest) -> int:
    # Characters are enough to tell whether counting tokens would hold up the loop.
    if sum(len(str(message.get("content") or "")) for message in request.messages) > _LONG_CHARS:
        return await asyncio.to_thread(count_messages, request.messages)
    return count_messages(request.messages)


async def _used(call: Call, estimate: Estimate, outcome: Outcome) -> Used:
    """Return what the call took; what the endpoint does not tell is counted here."""
    told = Usage() if call.from_cache else call.said.usage
    if told is not None:
        return Used(told.input_tokens, told.output_tokens, told.cached_tokens)
    written = call.said.written
    if call.attempts.model is None or (not written and outcome is not Outcome.ABORTED):
        # Nobody answered. A caller who left may have left a model that was reading already.
        return Used(counted_here=True)
    output = (
        await asyncio.to_thread(count, written) if len(written) > _LONG_CHARS else count(written)
    )
    return Used(estimate.input_tokens, output, counted_here=True)


async def _counted_usage(call: Call, estimate: Estimate) -> Event:
    """Tell the tokens of an answer whose endpoint does not."""
    used = await _used(call, estimate, Outcome.SUCCEEDED)
    head = encoding.Head.new("chatcmpl", model=call.request.model)
    return Event(encoding.usage(head, Usage(used.input_tokens, used.output_tokens)))


def _outcome_of(error: PlaygroundError) -> Outcome:
    if isinstance(error, Blocked):
        return Outcome.BLOCKED
    return Outcome.TIMED_OUT if error.code == "provider.timeout" else Outcome.FAILED


def _opened(call: Call, route: Route) -> dict[str, Any]:
    context = call.context
    return {
        "team": context.team,
        "key_id": call.key,
        "subject": context.subject,
        "actor": context.actor or "",
        "purpose": context.purpose,
        "training_consent": context.training_consent,
        "request_id": context.request_id or "",
        "trace_id": call.span.trace_id,
        "operation": call.operation,
        "model": call.request.model,
        "route": route.name,
        "streamed": call.streamed,
    }


def _closed(call: Call, code: str) -> dict[str, Any]:
    return {
        "error_code": code,
        "blocked_by": call.blocked_by,
        "attempts": len(call.attempts.made),
        "from_cache": call.from_cache,
        "first_token_ms": call.first_token_ms,
    }


def _tell(call: Call, used: Used, cost_micro_usd: int | None) -> None:
    """Write into the span how the call was served."""
    told: dict[str, Any] = {"playground.route.attempts": len(call.attempts.made)}
    if model := call.attempts.model:
        told["gen_ai.provider.name"] = model.server.name
        told["playground.route.model"] = model.id
    failed = [f"{name}: {code}" for name, code in call.attempts.made if code]
    if failed:
        told["playground.route.failed"] = failed
    if used.tokens:
        told["gen_ai.usage.input_tokens"] = used.input_tokens
        told["gen_ai.usage.output_tokens"] = used.output_tokens
        if used.cached_tokens:
            told["gen_ai.usage.cache_read.input_tokens"] = used.cached_tokens
        if used.counted_here:
            told["playground.usage.counted_here"] = True
    if cost_micro_usd is not None:
        told["playground.cost_usd"] = cost_micro_usd / 1_000_000
    call.span.conclude(attributes=told)
