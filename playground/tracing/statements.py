"""The SQL of the store: upserts that let the newer revision win, and sums over a trace's spans."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from django.db import connection, transaction

from playground.core.span_records import SpanRecord, SpanStatus
from playground.tracing.rows import figures_of

_STORE_TRACES = """
INSERT INTO tracing_trace AS known (
    id, team, subject, name, run_id, thread_id, status, attempt, started_at, ended_at, duration_ms,
    span_count, error_count, input_tokens, output_tokens, cost_usd, model_names, stored_at)
SELECT r.id, r.team, r.subject, r.name, r.run_id, r.thread_id, r.status, r.attempt, r.started_at,
    r.ended_at, extract(epoch FROM r.ended_at - r.started_at) * 1000, 0, 0, 0, 0, 0, '',
    clock_timestamp()
FROM jsonb_to_recordset(%s::jsonb) AS r(
    id text, team text, subject text, name text, run_id text, thread_id text, status text,
    attempt int, started_at timestamptz, ended_at timestamptz)
ORDER BY r.id
"""
_KNOW_TRACES = _STORE_TRACES + "ON CONFLICT (id) DO NOTHING"
_RENEW_TRACES = (
    _STORE_TRACES
    + """
ON CONFLICT (id) DO UPDATE SET
    name = excluded.name, status = excluded.status, attempt = excluded.attempt,
    started_at = least(known.started_at, excluded.started_at), ended_at = excluded.ended_at,
    duration_ms = extract(epoch FROM excluded.ended_at
        - least(known.started_at, excluded.started_at)) * 1000,
    stored_at = clock_timestamp()
WHERE known.team = excluded.team AND (
    excluded.attempt > known.attempt
    OR (excluded.attempt = known.attempt
        AND (known.status = 'running' OR excluded.status <> 'running')))
"""
)
_STORE_SPANS = """
INSERT INTO tracing_span AS known (
    id, trace_id, span_id, parent_id, attempt, revision, name, kind, status, started_at, ended_at,
    error, model, input_tokens, output_tokens, cost_usd, attributes, input, output, events,
    stored_at)
SELECT r.trace_id || '/' || r.span_id, r.trace_id, r.span_id, r.parent_id, r.attempt, r.revision,
    r.name, r.kind, r.status, r.started_at, r.ended_at, r.error, r.model, r.input_tokens,
    r.output_tokens, r.cost_usd, r.attributes, nullif(r.input, 'null'::jsonb),
    nullif(r.output, 'null'::jsonb), r.events, clock_timestamp()
FROM jsonb_to_recordset(%s::jsonb) AS r(
    trace_id text, team text, span_id text, parent_id text, attempt int, revision int, name text,
    kind text, status text, started_at timestamptz, ended_at timestamptz, error text, model text,
    input_tokens bigint, output_tokens bigint, cost_usd numeric, attributes jsonb, input jsonb,
    output jsonb, events jsonb)
JOIN tracing_trace t ON t.id = r.trace_id AND t.team = r.team
ORDER BY 1
ON CONFLICT (id) DO UPDATE SET
    revision = excluded.revision, name = excluded.name, status = excluded.status,
    ended_at = excluded.ended_at, error = excluded.error, model = excluded.model,
    input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
    cost_usd = excluded.cost_usd, attributes = excluded.attributes, input = excluded.input,
    output = excluded.output, events = excluded.events, stored_at = clock_timestamp()
WHERE excluded.revision > known.revision
"""
_INTERRUPT_SPANS = """
UPDATE tracing_span SET
    status = 'interrupted', revision = revision + 1, stored_at = clock_timestamp(),
    ended_at = greatest(started_at, (
        SELECT max(greatest(other.stored_at, other.ended_at)) FROM tracing_span other
        WHERE other.trace_id = %(trace)s AND other.attempt = tracing_span.attempt))
WHERE trace_id = %(trace)s AND ended_at IS NULL AND attempt < %(before)s
"""
_INTERRUPT_TRACE = """
UPDATE tracing_trace SET status = 'interrupted', stored_at = clock_timestamp(), ended_at = s.ended,
    duration_ms = extract(epoch FROM s.ended - started_at) * 1000
FROM (SELECT coalesce(max(ended_at), clock_timestamp()) AS ended
      FROM tracing_span WHERE trace_id = %(trace)s) s
WHERE id = %(trace)s AND status = 'running'
"""
_ADD_UP = """
UPDATE tracing_trace t SET
    span_count = s.spans, error_count = s.errors, input_tokens = s.input_tokens,
    output_tokens = s.output_tokens, cost_usd = s.cost_usd, model_names = left(s.names, 600),
    started_at = s.started_at, stored_at = clock_timestamp(),
    duration_ms = extract(epoch FROM t.ended_at - s.started_at) * 1000
FROM (
    SELECT trace_id, count(*) AS spans, count(*) FILTER (WHERE status = 'error') AS errors,
        coalesce(sum(input_tokens) FILTER (WHERE kind = 'model'), 0) AS input_tokens,
        coalesce(sum(output_tokens) FILTER (WHERE kind = 'model'), 0) AS output_tokens,
        coalesce(sum(cost_usd) FILTER (WHERE kind = 'model'), 0) AS cost_usd,
        coalesce(string_agg(DISTINCT model, ', ') FILTER (WHERE kind = 'model' AND model <> ''), '')
            AS names,
        min(started_at) AS started_at
    FROM tracing_span WHERE trace_id = ANY(%s) GROUP BY trace_id) s
WHERE t.id = s.trace_id
"""


def store(records: Sequence[SpanRecord]) -> None:
    """Write one batch in one transaction: traces, then spans; close earlier attempts."""
    stubs: dict[str, dict[str, Any]] = {}
    roots: dict[str, SpanRecord] = {}
    for record in records:
        known = roots.get(record.trace.trace_id)
        if record.parent_id is not None:
            stubs.setdefault(record.trace.trace_id, _trace(record, running=True))
        elif known is None or record.trace.attempt >= known.trace.attempt:
            roots[record.trace.trace_id] = record
    with transaction.atomic(), connection.cursor() as cursor:
        _execute(cursor, _KNOW_TRACES, stubs.values())
        _execute(cursor, _RENEW_TRACES, [_trace(root) for root in roots.values()])
        _execute(cursor, _STORE_SPANS, [_span(record) for record in records])
        for root in roots.values():
            if root.trace.attempt > 1:
                cursor.execute(
                    _INTERRUPT_SPANS,
                    {"trace": root.trace.trace_id, "before": root.trace.attempt},
                )


def interrupt(trace_id: str) -> None:
    """Close every span of the trace that still runs, and the trace, as interrupted."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_INTERRUPT_SPANS, {"trace": trace_id, "before": 2**31 - 1})
        cursor.execute(_INTERRUPT_TRACE, {"trace": trace_id})


def add_up(trace_ids: Sequence[str]) -> None:
    """Write the totals of the traces anew from their spans."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD_UP, [list(trace_ids)])


def _execute(cursor: Any, statement: str, rows: Iterable[dict[str, Any]]) -> None:
    rows = list(rows)
    if rows:
        cursor.execute(statement, [orjson.dumps(rows).decode()])


def _trace(record: SpanRecord, *, running: bool = False) -> dict[str, Any]:
    trace = record.trace
    return {
        "id": trace.trace_id,
        "team": trace.team[:64],
        "subject": trace.subject[:200],
        "name": trace.name[:300],
        "run_id": trace.run_id and trace.run_id[:64],
        "thread_id": trace.thread_id and trace.thread_id[:64],
        "status": SpanStatus.RUNNING if running else record.status,
        "attempt": trace.attempt,
        "started_at": record.started_at,
        "ended_at": None if running else record.ended_at,
    }


def _span(record: SpanRecord) -> dict[str, Any]:
    figures = figures_of(record.attributes)
    return {
        "trace_id": record.trace.trace_id,
        "team": record.trace.team[:64],
        "span_id": record.span_id,
        "parent_id": record.parent_id,
        "attempt": record.trace.attempt,
        "revision": record.revision,
        "name": record.name[:300],
        "kind": record.kind,
        "status": record.status,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "error": record.error,
        "model": figures.model,
        "input_tokens": figures.input_tokens,
        "output_tokens": figures.output_tokens,
        "cost_usd": None if figures.cost_usd is None else str(figures.cost_usd),
        "attributes": record.attributes,
        "input": record.input,
        "output": record.output,
        "events": [
            {"name": event.name, "at": event.at, "attributes": event.attributes}
            for event in record.events
        ],
    }
