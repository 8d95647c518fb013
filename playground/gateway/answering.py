"""The one way to have a call answered: metered, checked, routed and settled.

Every call of a model passes here, the product's own and those of programs outside.
"""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from playground.core import spans
from playground.core.errors import PlaygroundError
from playground.core.spans import SpanKind
from playground.gateway import (
    attempting,
    caching,
    catalogue,
    counting,
    encoding,
    endpoints,
    health,
    judging,
    metering,
    vectors,
    watching,
)
from playground.gateway.call import Call
from playground.gateway.chat import ChatRequest, Usage
from playground.gateway.configuration import Configuration, Model, Route, Rule
from playground.gateway.events import Asked, Event, of_provider
from playground.gateway.guarding import Blocked, Guard
from playground.gateway.metering import Estimate, Meter
from playground.gateway.providers.openai_compatible import body_of
from playground.gateway.quotas.limits import Limit
from playground.gateway.quotas.reservations import Outcome
from playground.gateway.ruling import in_force
from playground.gateway.tokens import NEWEST


async def answer(call: Call) -> AsyncGenerator[Event]:
    """Yield the events of the answer; after the last one the call is settled.

    Raises:
        InvalidInput: there is no such model.
        QuotaExceeded: a limit is used up.
        ProviderError: the model failed, and so did those behind it.
    """
    known = await watching.in_force()
    route = await catalogue.found(call.request.model, known, operation=call.operation)
    models = attempting.order(route.ways, down=health.down())
    estimate, meter = await _reserved(call, known, route, models)
    call.headers.update(meter.headers)
    outcome, code = Outcome.ABORTED, ""
    try:
        guard = _guard(call, known, route, models)
        if guard:
            await _check(call, guard)
        call.tell_what_was_asked()
        async with contextlib.aclosing(_passed(call, known, route, models, guard, meter)) as events:
            async for event in events:
                call.take(event)
                yield event
        if call.streamed and call.said.usage is None:
            yield _counted_usage(call, estimate)
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
        await _settle(call, meter, estimate, outcome, code)


async def _settle(
    call: Call, meter: Meter, estimate: Estimate, outcome: Outcome, code: str
) -> None:
    used = counting.used(call, estimate, outcome)
    model = call.attempts.model or call.attempts.asked
    cost = await meter.settle(used, model=model, outcome=outcome, row=call.closed(code))
    call.tell(used, cost)


def _names(call: Call, route: Route, models: list[Model]) -> tuple[str, ...]:
    """Return what limits and caches may call the models by.

    Limits of those behind the first are taken when the call falls over to them.
    """
    return (call.request.model, route.name, *(model.id for model in models[:1]))


async def _reserved(
    call: Call, known: Configuration, route: Route, models: list[Model]
) -> tuple[Estimate, Meter]:
    request = call.request
    limits = _limits(call, known, _names(call, route, models))
    behind = _limits(call, known, tuple(model.id for model in models[1:]))
    counted = await counting.tally_request(request, models)
    estimate = metering.estimate(
        limits + behind,
        by_model=counting.input_tokens(counted, models),
        asked=request.max_tokens,
        choices=call.choices,
        models=models,
    )
    if estimate.capped:
        longest = estimate.output_tokens // call.choices
        call.request = replace(request, max_tokens=longest)
        call.body = {**call.body, "max_tokens": longest}
    row = call.opened(route) | {"input_tokens": estimate.input_tokens}
    if call.operation == "chat" and counting.can_teach(request):
        # Beside it the ledger's keeper reads what the endpoint tells.
        row["counted_tokens"] = counted.in_vocabulary.get(NEWEST)
    return estimate, await metering.begin(limits, estimate, models=models, row=row)


def _limits(call: Call, known: Configuration, names: tuple[str, ...]) -> tuple[Limit, ...]:
    context = call.context
    limits = metering.limits_of(
        known, team=context.team, key=call.key or context.subject, models=names
    )
    # The caller has not asked for the judge's call, and pays for it all the same.
    return metering.counting(limits) if call.judging else limits


def _guard(call: Call, known: Configuration, route: Route, models: list[Model]) -> Guard:
    rules = known.rules_of(
        team=call.context.team,
        named=(call.request.model, route.name),
        reached=tuple(model.id for model in models),
    )

    async def judge(rule: Rule, text: str) -> bool:
        return await judging.is_safe(rule, text, ask=lambda request: _say(call, request))

    return Guard(call.context, call.request.model, [] if call.judging else in_force(rules), judge)


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


def _passed(
    call: Call,
    known: Configuration,
    route: Route,
    models: list[Model],
    guard: Guard,
    meter: Meter,
) -> AsyncGenerator[Event]:
    """Return the events that the caller gets, of an answer that may have been kept from before."""

    async def admit(model: Model) -> None:
        await meter.widen(_limits(call, known, (model.id,)))

    heard = passed = _answered(call, route, models, admit)
    if guard and call.operation == "chat":
        passed = guard.answered(passed, streamed=call.streamed, schema=_schema(call.request))
    names = _names(call, route, models)
    if ttl_s := known.cache_ttl_s(team=call.context.team, models=names):
        passed = caching.through(call, known, passed, ttl_s=ttl_s)
    if passed is heard:
        call.said = call.heard
    return passed


def _schema(request: ChatRequest) -> Mapping[str, Any] | None:
    """Return the JSON schema that the caller wants the answer to have."""
    form = request.response_format or {}
    if form.get("type") != "json_schema":
        return None
    named = form.get("json_schema")
    return named.get("schema") if isinstance(named, dict) else None


async def _answered(
    call: Call, route: Route, models: list[Model], admit: Callable[[Model], Awaitable[None]]
) -> AsyncGenerator[Event]:
    """Yield the answer as it comes from the model."""
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
        return of_provider(endpoints.provider_of(model), asked)

    tried = attempting.tried(route, models, begin, call.attempts, admit=admit)
    async with contextlib.aclosing(tried) as events:
        first = True
        async for event in events:
            if first and call.attempts.model:
                first = False
                call.headers["playground-model"] = call.attempts.model.id
            call.hear(event)
            yield event


def _counted_usage(call: Call, estimate: Estimate) -> Event:
    """Tell the tokens of an answer whose endpoint does not."""
    used = counting.used(call, estimate, Outcome.SUCCEEDED)
    head = encoding.Head.new("chatcmpl", model=call.request.model)
    return Event(encoding.usage(head, Usage(used.input_tokens, used.output_tokens)))


def _outcome_of(error: PlaygroundError) -> Outcome:
    if isinstance(error, Blocked):
        return Outcome.BLOCKED
    return Outcome.TIMED_OUT if error.code == "provider.timeout" else Outcome.FAILED
