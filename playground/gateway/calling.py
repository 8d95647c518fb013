"""Call a model from synchronous code: streamed or whole, and traced."""

import json
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from typing import Any

from playground.core import spans
from playground.core.context import RequestContext
from playground.core.spans import Span, SpanKind
from playground.gateway import looping
from playground.gateway.answering import answer
from playground.gateway.call import Call
from playground.gateway.chat import ChatRequest, Chunk, Completion, Gathering
from playground.gateway.events import Reading
from playground.gateway.providers.openai_compatible import body_of

_TOLD = ("seed", "top_p", "frequency_penalty", "presence_penalty")


def complete(
    context: RequestContext,
    request: ChatRequest,
    *,
    cancelled: Callable[[], None] | None = None,
) -> Completion:
    """Call a model and wait for the whole answer.

    Raises:
        InvalidInput: there is no such model.
        QuotaExceeded: a limit is used up.
        ProviderError: the model failed.
    """
    gathered = Gathering()
    provider = ""
    for chunk, call in _stream(context, request, cancelled):
        gathered.add(chunk)
        provider = call.provider
    return gathered.completion(model=request.model, provider=provider)


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
        QuotaExceeded: a limit is used up.
        ProviderError: the model failed.
    """
    pieces = _stream(context, request, cancelled)
    try:
        for chunk, _ in pieces:
            yield chunk
    finally:
        pieces.close()


def _stream(
    context: RequestContext, request: ChatRequest, cancelled: Callable[[], None] | None
) -> Generator[tuple[Chunk, Call]]:
    reading = Reading()
    with span_of(context, request) as span:
        call = Call(context, request, body_of(request), span)
        try:
            for event in looping.iterate(answer(call), check=cancelled):
                chunk = reading.chunk(event)
                if chunk.text:
                    span.delta(chunk.text)
                yield chunk, call
        finally:
            answered(span, call.said.gathered)


def span_of(
    context: RequestContext, request: ChatRequest, *, operation: str = "chat"
) -> AbstractContextManager[Span]:
    """Open the span of a model call; its input follows when the checks have passed."""
    attributes = asked(request, context, operation=operation)
    return spans.span(f"{operation} {request.model}", SpanKind.MODEL, attributes=attributes)


def asked(request: ChatRequest, context: RequestContext, *, operation: str) -> dict[str, Any]:
    """Return what a model call's span tells from its start."""
    told = {
        **{name: request.extra.get(name) for name in _TOLD},
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "stop_sequences": list(request.stop) if request.stop else None,
    }
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.request.model": request.model,
        "playground.team": context.team,
    } | {f"gen_ai.request.{name}": value for name, value in told.items() if value is not None}


def answered(span: Span, gathered: Gathering) -> None:
    """Write into the span what was said."""
    calls = [
        {"id": call.id, "name": call.name, "arguments": _readable(call.arguments)}
        for call in gathered.tool_calls
    ]
    finish = gathered.finish_reason
    span.conclude(
        attributes={"gen_ai.response.finish_reasons": [finish]} if finish else {},
        output={"role": "assistant", "content": gathered.text, "tool_calls": calls},
    )


def _readable(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments
