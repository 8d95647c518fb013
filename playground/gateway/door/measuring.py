"""Trace a call through ``/v1`` as a trace of its own: what was asked and said."""

import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from playground.core import spans
from playground.core.spans import SpanKind
from playground.gateway import calling
from playground.gateway.answering import answer
from playground.gateway.call import Call
from playground.gateway.chat import ChatRequest
from playground.gateway.door.answers import Answer
from playground.gateway.door.asking import Asking
from playground.gateway.events import Event

SHOWN_EVERY_S = 0.03


@contextlib.asynccontextmanager
async def traced(
    asking: Asking,
    answering: Answer,
    request: ChatRequest,
    body: dict[str, Any],
    *,
    streamed: bool,
    choices: int = 1,
    operation: str = "chat",
) -> AsyncIterator[AsyncGenerator[Event]]:
    """Open the trace of a call, whose root is the model's span, and give the call's events.

    The answer's head gets what the call knows of its limits and its model.
    """
    context = asking.context
    with spans.trace(
        f"v1 {request.model}",
        team=context.team,
        subject=context.subject,
        run_id=None,
        thread_id=None,
        kind=SpanKind.MODEL,
        attributes=calling.asked(request, context, operation=operation),
    ) as span:
        if asking.prompt is not None:
            span.update(asking.prompt.attributes)
        answering.headers["playground-trace"] = span.trace_id
        call = Call(
            context,
            request,
            body,
            span,
            key=asking.key,
            streamed=streamed,
            choices=choices,
            operation=operation,
            headers=answering.headers,
            observed=asking.prompt.observed if asking.prompt else None,
        )
        try:
            async with contextlib.aclosing(_shown(call)) as events:
                yield events
        finally:
            span.conclude(attributes={"input.value": call.asked})
            if operation == "chat":
                calling.answered(span, call.said.gathered)


async def _shown(call: Call) -> AsyncGenerator[Event]:
    """Let the answer be seen while it grows: its first words at once, further ones together."""
    words: list[str] = []
    shown_at = 0.0
    async with contextlib.aclosing(answer(call)) as events:
        async for event in events:
            if call.streamed and call.last_words:
                words.append(call.last_words)
                now = time.monotonic()
                if now - shown_at >= SHOWN_EVERY_S:
                    shown_at = now
                    call.span.delta("".join(words))
                    words.clear()
            yield event
