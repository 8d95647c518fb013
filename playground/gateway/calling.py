"""The one way to call a model: found, streamed, counted and traced."""

import json
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from typing import Any

from playground.core import spans
from playground.core.context import RequestContext
from playground.core.spans import Span, SpanKind
from playground.gateway import looping
from playground.gateway.catalogue import provider_of
from playground.gateway.chat import ChatRequest, Chunk, Completion, Gathering, Usage
from playground.gateway.tokens import count, count_messages


def complete(
    context: RequestContext,
    request: ChatRequest,
    *,
    cancelled: Callable[[], None] | None = None,
) -> Completion:
    """Call a model and wait for the whole answer.

    Raises:
        InvalidInput: there is no such model.
        ProviderError: the model failed.
    """
    gathered = Gathering()
    for chunk in stream(context, request, cancelled=cancelled):
        gathered.add(chunk)
    return gathered.completion(model=request.model, provider=provider_of(request.model).name)


def stream(
    context: RequestContext,
    request: ChatRequest,
    *,
    cancelled: Callable[[], None] | None = None,
) -> Generator[Chunk]:
    """Call a model and yield its answer piece by piece; closing the iterator aborts the call.

    Args:
        cancelled: called between pieces and while waiting; what it raises aborts the call.

    Raises:
        InvalidInput: there is no such model.
        ProviderError: the model failed.
    """
    provider = provider_of(request.model)
    gathered = Gathering()
    begun = time.perf_counter()
    with span_of(context, request, provider.name) as span:
        first = True
        try:
            for chunk in looping.iterate(provider.stream(request), check=cancelled):
                if first:
                    span.set("gen_ai.response.time_to_first_chunk", time.perf_counter() - begun)
                    first = False
                gathered.add(chunk)
                if chunk.text:
                    span.delta(chunk.text)
                yield chunk
        finally:
            answered(span, request, gathered)


def span_of(
    context: RequestContext, request: ChatRequest, provider: str
) -> AbstractContextManager[Span]:
    """Open the span of a model call."""
    return spans.span(
        f"chat {request.model}",
        SpanKind.MODEL,
        attributes=_asked(request, provider, context),
        input={"messages": list(request.messages), "tools": list(request.tools or ())},
    )


def _asked(request: ChatRequest, provider: str, context: RequestContext) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": request.model,
        "playground.team": context.team,
    } | {
        f"gen_ai.request.{name}": value
        for name in ("temperature", "max_tokens")
        if (value := getattr(request, name)) is not None
    }


def answered(span: Span, request: ChatRequest, gathered: Gathering) -> None:
    """Write into the span what was said and used; a cut answer's tokens are counted here."""
    calls = [
        {"id": call.id, "name": call.name, "arguments": _readable(call.arguments)}
        for call in gathered.tool_calls
    ]
    span.output({"role": "assistant", "content": gathered.text, "tool_calls": calls})
    told: dict[str, Any] = {}
    if gathered.finish_reason:
        told["gen_ai.response.finish_reasons"] = [gathered.finish_reason]
    usage = gathered.usage
    if usage is None and gathered.written:
        # Cut or cancelled before the usage came; what was spent until then is spent.
        usage = Usage(count_messages(request.messages), count(gathered.written))
    if usage is not None:
        told["gen_ai.usage.input_tokens"] = usage.input_tokens
        told["gen_ai.usage.output_tokens"] = usage.output_tokens
        if usage.cost_usd is not None:
            told["playground.cost_usd"] = usage.cost_usd
    if told:
        span.update(told)


def _readable(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments
