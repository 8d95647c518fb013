"""Traces over HTTP."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any

from ninja import Query, Router, Schema
from pydantic import Field

from playground.core.cursors import MAX_CURSOR
from playground.policy.requests import TeamRequest
from playground.tracing import reading, showing
from playground.tracing.feedback import Mark, marks_of
from playground.tracing.models import Span, Trace

traces_api = Router(tags=["traces"])


class MarkOut(Schema):
    """What was said of the run under a key: how often, and the mean; of thumbs 1 is up."""

    key: str
    n: int
    mean: float


class TraceOut(Schema):
    """A trace with its totals; durations in milliseconds, cost in dollars.

    ``request`` is the first line of what was asked, empty where it was not captured.
    """

    id: str
    name: str
    request: str
    status: str
    start: dt.datetime
    end: dt.datetime | None
    duration_ms: float | None
    input_tokens: int
    output_tokens: int
    cost_usd: float
    models: list[str]
    span_count: int
    error_count: int
    run_id: str | None
    thread_id: str | None
    attempt: int
    feedback: list[MarkOut]


class SpanOut(Schema):
    """One span at its newest revision."""

    id: str
    parent_id: str | None
    kind: str
    name: str
    start: dt.datetime
    end: dt.datetime | None
    duration_ms: float | None
    status: str
    error: str
    attempt: int
    revision: int
    attributes: dict[str, Any]
    input: Any
    output: Any
    events: list[dict[str, Any]]


class TraceWithSpansOut(TraceOut):
    """A trace and its spans, by start."""

    spans: list[SpanOut]


class TraceListOut(Schema):
    items: list[TraceOut]
    next: str | None


class FilterIn(Schema):
    """Filters of the list.

    ``min_duration`` in milliseconds, ``feedback`` any, up or down, ``arm`` of the ``ramp``.
    """

    status: Annotated[str, Field(max_length=20)] = ""
    agent: Annotated[str, Field(max_length=300)] = ""
    name: Annotated[str, Field(max_length=300)] = ""
    thread_id: Annotated[str, Field(max_length=64)] = ""
    run_id: Annotated[str, Field(max_length=64)] = ""
    ramp: Annotated[str, Field(max_length=64)] = ""
    arm: Annotated[str, Field(max_length=20)] = ""
    min_duration: Annotated[float | None, Field(ge=0, le=1e12)] = None
    feedback: Annotated[str, Field(max_length=20)] = ""
    q: Annotated[str, Field(max_length=200)] = ""
    sort: Annotated[str, Field(max_length=20)] = "started"
    descending: bool = True
    cursor: Annotated[str, Field(max_length=MAX_CURSOR)] = ""
    limit: Annotated[int, Field(ge=1, le=reading.MAX_PAGE)] = reading.PAGE

    def as_filters(self) -> reading.Filters:
        """Return what the reading room understands; ``agent`` is another word for ``name``."""
        return reading.Filters(
            status=self.status,
            name=self.name or self.agent,
            thread_id=self.thread_id,
            run_id=self.run_id,
            ramp=self.ramp,
            arm=self.arm,
            min_ms=self.min_duration,
            feedback=self.feedback,
            q=self.q,
            sort=self.sort,
            descending=self.descending,
            cursor=self.cursor,
            limit=self.limit,
        )


@traces_api.get("", response=TraceListOut, summary="List the team's traces")
def list_traces(request: TeamRequest, filters: Query[FilterIn]) -> dict[str, Any]:
    """List traces, newest first unless sorted otherwise; follow `next` for more."""
    page = reading.list_traces(request.context, filters.as_filters())
    marks = marks_of(page.items)
    items = [
        _trace(trace, page.requests.get(trace.id, ""), marks.get(trace.id, ()))
        for trace in page.items
    ]
    return {"items": items, "next": page.next}


@traces_api.get("/{trace_id}", response=TraceWithSpansOut, summary="Read a trace with its spans")
def read_trace(request: TeamRequest, trace_id: str) -> dict[str, Any]:
    """Read a trace, finished or still running, with every span."""
    trace = reading.trace_for(request.context, trace_id)
    spans = Span.objects.filter(trace=trace).order_by("started_at", "span_id")
    request_line = reading.requests_of([trace]).get(trace.pk, "")
    said = marks_of([trace]).get(trace.pk, ())
    return {**_trace(trace, request_line, said), "spans": [showing.raw(span) for span in spans]}


def _trace(trace: Trace, request_line: str, said: Sequence[Mark]) -> dict[str, Any]:
    return {
        "id": trace.id,
        "name": trace.name,
        "request": request_line,
        "status": trace.status,
        "start": trace.started_at,
        "end": trace.ended_at,
        "duration_ms": trace.duration_ms,
        "input_tokens": trace.input_tokens,
        "output_tokens": trace.output_tokens,
        "cost_usd": float(trace.cost_usd),
        "models": trace.model_names.split(", ") if trace.model_names else [],
        "span_count": trace.span_count,
        "error_count": trace.error_count,
        "run_id": trace.run_id,
        "thread_id": trace.thread_id,
        "attempt": trace.attempt,
        "feedback": said,
    }
