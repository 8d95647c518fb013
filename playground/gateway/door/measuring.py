"""Trace a call through ``/v1`` as a trace of its own: what was asked, said and used."""

import contextlib
import time
from collections.abc import Iterator

from playground.core import spans
from playground.core.context import RequestContext
from playground.core.spans import Span
from playground.gateway import calling
from playground.gateway.chat import ChatRequest, Chunk, Gathering, Usage


class Measured:
    """What is known of a call while it runs."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.gathered = Gathering()
        self._begun = time.perf_counter()
        self._silent = True

    def piece(self, chunk: Chunk) -> None:
        """Take in a piece of the answer."""
        if self._silent:
            self._silent = False
            waited = time.perf_counter() - self._begun
            self.span.set("gen_ai.response.time_to_first_chunk", waited)
        self.gathered.add(chunk)
        if chunk.text:
            self.span.delta(chunk.text)

    def used(self, usage: Usage) -> None:
        """Take the tokens of all choices together."""
        self.gathered.usage = usage


@contextlib.contextmanager
def measured(context: RequestContext, request: ChatRequest, provider: str) -> Iterator[Measured]:
    """Open the trace of a call and its model span; both end with the block."""
    asked = request.messages[-1].get("content") if request.messages else ""
    with (
        spans.trace(
            f"v1 {request.model}",
            team=context.team,
            subject=context.subject,
            run_id=None,
            thread_id=None,
            attributes={"gen_ai.operation.name": "chat"},
        ) as root,
        calling.span_of(context, request, provider) as span,
    ):
        root.set("input.value", asked if isinstance(asked, str) else "")
        call = Measured(span)
        try:
            yield call
        finally:
            calling.answered(span, request, call.gathered)
            root.output(call.gathered.text)
