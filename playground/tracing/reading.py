"""Read traces: the filtered, sorted list and the tree of one trace."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, cast

from django.db import connection
from django.db.models import F, Q, Value
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Coalesce

from playground.core.clock import moment_of
from playground.core.context import RequestContext
from playground.core.cursors import give, take
from playground.core.errors import InvalidInput, NotFound
from playground.core.span_records import SpanStatus
from playground.tracing import feedback
from playground.tracing.models import REQUEST, Span, Trace, TraceQuerySet
from playground.tracing.rows import Row, in_tree_order, rows_of

PAGE = 25
MAX_PAGE = 200
REQUEST_CHARS = 300
OVERLAP = dt.timedelta(seconds=5)
"""Transactions that began earlier may still commit rows stamped this much before."""

Sort = Literal["started", "duration", "tokens", "cost", "name", "status"]
_KEYS: dict[str, Any] = {
    "started": F("started_at"),
    "duration": Coalesce(F("duration_ms"), Value(0.0)),
    "tokens": F("input_tokens") + F("output_tokens"),
    "cost": F("cost_usd"),
    "name": F("name"),
    "status": F("status"),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What to list; empty fields filter nothing.

    Attributes:
        min_ms: a duration in milliseconds.
        ramp: id of a ramp that chose a prompt somewhere in the trace.
        arm: which it chose, with ``ramp`` only.
    """

    status: str = ""
    name: str = ""
    thread_id: str = ""
    run_id: str = ""
    ramp: str = ""
    arm: str = ""
    min_ms: float | None = None
    feedback: str = ""
    q: str = ""
    sort: str = "started"
    descending: bool = True
    cursor: str = ""
    limit: int = PAGE

    @property
    def any(self) -> bool:
        """Tell whether anything is filtered."""
        exact = (self.status, self.name, self.thread_id, self.run_id, self.ramp, self.feedback)
        return any(exact) or bool(self.min_ms or self.q)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list. ``total`` counts what the filters leave, ``all`` what there is.

    ``requests`` has by trace id the first line of what was asked, where it was captured.
    """

    items: list[Trace]
    next: str | None
    requests: dict[str, str]
    total: int = 0
    all: int = 0


@dataclass(frozen=True, slots=True)
class Tree:
    """The rows of a trace in tree order, and the moment of the database at which they were read."""

    trace: Trace
    rows: list[Row] = field(default_factory=list)
    read_at: dt.datetime | None = None


def list_traces(context: RequestContext, filters: Filters, *, count: bool = False) -> Page:
    """Return a page of the team's traces in two queries; counting costs two more.

    Raises:
        InvalidInput: the cursor, status, feedback or sort order is not valid.
    """
    everything = Trace.objects.visible_to(context)
    matching = _filtered(everything, filters)
    if filters.feedback:
        matching = feedback.having(matching, context, filters.feedback)
    page = _sorted(matching, filters)
    limit = min(max(filters.limit, 1), MAX_PAGE)
    items = list(page[: limit + 1])
    cursor = None
    if len(items) > limit:
        items = items[:limit]
        last: Any = items[-1]
        cursor = give(_listed(filters), last.sort_key, last.pk)
    requests = requests_of(items)
    if not count:
        return Page(items, cursor, requests)
    return Page(items, cursor, requests, total=matching.count(), all=everything.count())


def requests_of(traces: Sequence[Trace]) -> dict[str, str]:
    """Return by trace id the first line of what was asked, where it was captured as text."""
    roots = Span.objects.filter(trace__in=traces, parent_id=None).order_by("attempt")
    asked = roots.values_list("trace_id", KeyTransform(REQUEST, "attributes"))
    return {
        trace_id: text.strip().splitlines()[0][:REQUEST_CHARS]
        for trace_id, text in asked
        if isinstance(text, str) and text.strip()
    }


def trace_for(context: RequestContext, trace_id: str) -> Trace:
    """Return a trace of the caller's team.

    Raises:
        NotFound: there is none, or it is another team's.
    """
    valid = len(trace_id) == 32 and trace_id.isalnum() and trace_id.isascii()
    found = Trace.objects.visible_to(context).filter(pk=trace_id).first() if valid else None
    if found is None:
        raise NotFound("trace.not-found", "There is no such trace.")
    return found


def span_for(context: RequestContext, trace_id: str, span_id: str) -> Span:
    """Return a span of a trace of the caller's team.

    Raises:
        NotFound: there is none, or it is another team's.
    """
    trace = trace_for(context, trace_id)
    valid = len(span_id) == 16 and span_id.isalnum() and span_id.isascii()
    found = Span.objects.filter(pk=f"{trace.pk}/{span_id}").first() if valid else None
    if found is None:
        raise NotFound("span.not-found", "There is no such span.")
    found.trace = trace
    return found


def tree_of(trace: Trace) -> Tree:
    """Read all rows of a trace, without their contents."""
    read_at = database_now()
    rows = rows_of(Span.objects.filter(trace=trace))
    return Tree(trace, in_tree_order(rows), read_at)


def rows_since(trace_id: str, moment: dt.datetime) -> list[Row]:
    """Read the rows that were stored since a moment, allowing for late commits."""
    spans = Span.objects.filter(trace_id=trace_id).changed_since(moment - OVERLAP)
    return rows_of(spans.order_by("started_at"))


def database_now() -> dt.datetime:
    """Return the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cast(dt.datetime, cursor.fetchone()[0])


def _filtered(traces: TraceQuerySet, filters: Filters) -> TraceQuerySet:
    if filters.status and filters.status not in set(SpanStatus):
        raise InvalidInput("trace.status-unknown", f"A status is one of {', '.join(SpanStatus)}.")
    exact: Mapping[str, str] = {
        "status": filters.status,
        "name": filters.name,
        "thread_id": filters.thread_id,
        "run_id": filters.run_id,
    }
    traces = traces.filter(**{key: value for key, value in exact.items() if value})
    if filters.ramp:
        led = Span.objects.led_by(filters.ramp, arm=filters.arm)
        traces = traces.filter(pk__in=led.values("trace_id"))
    if filters.min_ms is not None:
        traces = traces.filter(duration_ms__gte=filters.min_ms)
    return traces.matching(filters.q.strip()) if filters.q.strip() else traces


def _sorted(traces: TraceQuerySet, filters: Filters) -> TraceQuerySet:
    if filters.sort not in _KEYS:
        raise InvalidInput("trace.sort-unknown", f"Sort by one of {', '.join(_KEYS)}.")
    traces = traces.annotate(sort_key=_KEYS[filters.sort])
    if filters.cursor:
        value, last = take(_listed(filters), filters.cursor, _READERS.get(filters.sort, str), str)
        beyond = "lt" if filters.descending else "gt"
        traces = traces.filter(
            Q(**{f"sort_key__{beyond}": value}) | Q(sort_key=value, **{f"pk__{beyond}": last})
        )
    sign = "-" if filters.descending else ""
    return traces.order_by(f"{sign}sort_key", f"{sign}pk")


def _listed(filters: Filters) -> str:
    return f"traces {'-' if filters.descending else ''}{filters.sort}"


def _figure(told: Any) -> Decimal:
    figure = Decimal(str(told))
    if not figure.is_finite():
        raise ValueError("a figure that no trace has")
    return figure


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "started": moment_of,
    "duration": _figure,
    "tokens": _figure,
    "cost": _figure,
}
