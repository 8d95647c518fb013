"""Emit spans: open a trace, nest spans in it, and everything is seen from its start.

Identifiers, clocks and context come from the OpenTelemetry SDK with a tracer provider of our own.
A span's inputs, outputs and attributes pass through the capture mode here, before any sink sees
them. Sinks run in threads of their own: a broken or slow one never fails or slows the caller.

    with spans.trace("sourcing", team="hiring", subject="user:ana", run_id=None, thread_id=None):
        with spans.span("chat gpt", SpanKind.MODEL, input=messages) as span:
            span.delta("Hel")
            span.output("Hello")
"""

import atexit
import contextlib
import contextvars
import os
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from playground.core.capture import Capture, CaptureMode
from playground.core.open_span import Span
from playground.core.span_outlets import Outlet, Signal
from playground.core.span_records import (
    Sink,
    SpanDelta,
    SpanEvent,
    SpanKind,
    SpanRecord,
    SpanStatus,
    TraceInfo,
)

__all__ = [
    "CaptureMode",
    "Sink",
    "Span",
    "SpanDelta",
    "SpanEvent",
    "SpanKind",
    "SpanRecord",
    "SpanStatus",
    "TraceInfo",
    "configure",
    "current",
    "dropped",
    "flush",
    "interrupt",
    "kept",
    "register_sink",
    "span",
    "trace",
    "unregister_sink",
]

_current: contextvars.ContextVar[Span | None] = contextvars.ContextVar(
    "playground_span", default=None
)
_wanted_trace_id: contextvars.ContextVar[int | None] = contextvars.ContextVar(
    "playground_wanted_trace_id", default=None
)
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


class _Ids(RandomIdGenerator):
    """Make random identifiers, but honour the trace id that a run was given at its creation."""

    def generate_trace_id(self) -> int:
        wanted = _wanted_trace_id.get()
        return super().generate_trace_id() if wanted is None else wanted


_provider = TracerProvider(sampler=ALWAYS_ON, id_generator=_Ids(), shutdown_on_exit=False)
_tracer = _provider.get_tracer("playground")
_outlets: list[Outlet] = []
_capture = Capture(CaptureMode.REDACTED)


def configure(*, capture: CaptureMode | str, hash_key: bytes = b"") -> None:
    """Set the capture mode of the process; until then it is ``redacted``."""
    global _capture
    _capture = Capture(CaptureMode(capture), hash_key=hash_key)


def kept(text: str) -> str:
    """Return what the capture mode lets be kept of a text that is said about a run."""
    return _capture.text(text)


def register_sink(sink: Sink, *, capacity: int = 20_000, interval_s: float = 0.05) -> None:
    """Send every span from now on to the sink, too."""
    _outlets.append(Outlet(sink, capacity=capacity, interval_s=interval_s))


def unregister_sink(sink: Sink, *, timeout_s: float = 2.0) -> None:
    """Send the sink what is queued for it, then nothing more."""
    for outlet in [outlet for outlet in _outlets if outlet.sink is sink]:
        _outlets.remove(outlet)
        outlet.stop(timeout_s=timeout_s)


def flush(*, timeout_s: float = 5.0) -> bool:
    """Wait until all sinks have passed on what they got; return whether they have."""
    end = time.monotonic() + timeout_s
    return all(
        outlet.settle(timeout_s=max(0.0, end - time.monotonic())) for outlet in list(_outlets)
    )


def dropped() -> dict[str, int]:
    """Return by sink how many signals were dropped because its queue was full."""
    return {type(outlet.sink).__name__: outlet.dropped for outlet in _outlets}


def interrupt(trace_id: str) -> None:
    """Tell the sinks that nobody works on the trace any more: its open spans were cut off."""
    _publish("on_interrupt", trace_id)


def current() -> Span | None:
    """Return the span in which the caller runs."""
    return _current.get()


@contextlib.contextmanager
def trace(
    name: str,
    *,
    trace_id: str | None = None,
    team: str,
    subject: str,
    run_id: str | None,
    thread_id: str | None,
    attempt: int = 1,
    kind: SpanKind = SpanKind.AGENT,
    attributes: Mapping[str, Any] | None = None,
    input: Any = None,
) -> Iterator[Span]:
    """Open a trace with its root span.

    ``name`` is a name, an agent's say, never content: capture mode ``none`` lets it through.

    Raises:
        ValueError: the trace id is not 32 lower-case hexadecimal digits, or all zero.
    """
    if trace_id is not None and (not _TRACE_ID.fullmatch(trace_id) or not int(trace_id, 16)):
        raise ValueError(f"not a trace id: {trace_id!r}")
    token = _wanted_trace_id.set(None if trace_id is None else int(trace_id, 16))
    try:
        started = _tracer.start_span(name, context=otel.set_span_in_context(otel.INVALID_SPAN))
    finally:
        _wanted_trace_id.reset(token)
    info = TraceInfo(
        trace_id=trace_id or otel.format_trace_id(started.get_span_context().trace_id),
        name=name,
        team=team,
        subject=subject,
        run_id=None if run_id is None else str(run_id),
        thread_id=None if thread_id is None else str(thread_id),
        attempt=attempt,
    )
    opened = Span(started, info, kind, _capture, _publish, parent_id=None)
    with _running(opened, attributes, input):
        yield opened


@contextlib.contextmanager
def span(
    name: str,
    kind: SpanKind | str,
    *,
    attributes: Mapping[str, Any] | None = None,
    input: Any = None,
) -> Iterator[Span]:
    """Open a span inside the current one; outside of a trace it works but is not published.

    An exception inside marks the span as failed and goes on.
    """
    parent = _current.get()
    if parent is None:
        detached = _tracer.start_span(name)
        info = TraceInfo("", name, "", "")
        opened = Span(detached, info, SpanKind(kind), _capture, _discard, parent_id=None)
    else:
        started = _tracer.start_span(name, context=otel.set_span_in_context(parent.otel))
        opened = Span(
            started,
            parent.trace,
            SpanKind(kind),
            _capture,
            parent.publish,
            parent_id=parent.span_id,
        )
    with _running(opened, attributes, input):
        yield opened


@contextlib.contextmanager
def _running(opened: Span, attributes: Mapping[str, Any] | None, value: Any) -> Iterator[None]:
    opened.begin(attributes or {}, value)
    previous = _current.get()
    token = _current.set(opened)
    try:
        with otel.use_span(opened.otel, record_exception=False, set_status_on_exception=False):
            yield
    except BaseException as error:
        opened.fail(error)
        raise
    finally:
        try:
            _current.reset(token)
        except ValueError:
            # A generator that holds a span may be closed in another context than it began in.
            if _current.get() is opened:
                _current.set(previous)
        opened.end()


def _publish(signal: Signal, payload: Any) -> None:
    for outlet in _outlets:
        outlet.put(signal, payload)


def _discard(signal: Signal, payload: Any) -> None:
    """Take the signals of a span that belongs to no trace."""


def _after_fork() -> None:
    for outlet in _outlets:
        outlet.reset()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(flush, timeout_s=3.0)
