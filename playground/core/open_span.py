"""A span that is running: what its code may say about it."""

import datetime as dt
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import trace as otel
from opentelemetry.trace import StatusCode

from playground.core.capture import MAX_STRING, Capture, CaptureMode, Json
from playground.core.redaction import redact, settled
from playground.core.span_outlets import Signal
from playground.core.span_records import (
    SpanDelta,
    SpanEvent,
    SpanKind,
    SpanRecord,
    SpanStatus,
    TraceInfo,
)

MAX_EVENTS = 256
PARTIAL_EVERY_S = 0.5

Publish = Callable[[Signal, Any], None]


class Span:
    """One running step of a trace. All methods may be called from any thread and never raise."""

    def __init__(
        self,
        started: otel.Span,
        trace: TraceInfo,
        kind: SpanKind,
        capture: Capture,
        publish: Publish,
        *,
        parent_id: str | None,
    ) -> None:
        self.otel = started
        self.trace = trace
        self.kind = kind
        self.name: str = getattr(started, "name", "")
        self.span_id = otel.format_span_id(started.get_span_context().span_id)
        self.parent_id = parent_id
        self.publish = publish
        self._capture = capture
        self._lock = threading.Lock()
        self._started_at = dt.datetime.now(dt.UTC)
        self._clock = time.perf_counter()
        self._ended_at: dt.datetime | None = None
        self._status = SpanStatus.RUNNING
        self._error = ""
        self._revision = 0
        self._attributes: dict[str, Json] = {}
        self._events: list[SpanEvent] = []
        self._input: Json = None
        self._output: Json = None
        self._text = ""
        self._sent = 0
        self._offset = 0
        self._partial_at = 0.0

    @property
    def trace_id(self) -> str:
        """Return the trace's id, 32 hexadecimal digits, empty outside of a trace."""
        return self.trace.trace_id

    @property
    def traceparent(self) -> str:
        """Return the W3C trace context header for calls made inside the span."""
        return f"00-{self.trace.trace_id or '0' * 32}-{self.span_id}-01"

    def begin(self, attributes: Mapping[str, Any], value: Any) -> None:
        """Publish the start."""
        self._attributes = self._capture.attributes(attributes)
        self._input = self._capture.value(value)
        self._say("on_start")

    def set(self, key: str, value: Any) -> None:
        """Set one attribute."""
        self.update({key: value})

    def update(self, attributes: Mapping[str, Any]) -> None:
        """Set several attributes at once."""
        captured = self._capture.attributes(attributes)
        with self._lock:
            self._attributes = {**self._attributes, **captured}
        self._say("on_update")

    def input(self, value: Any) -> None:
        """Set the input, where it was not known at the start."""
        self._input = self._capture.value(value)
        self._say("on_update")

    def output(self, value: Any) -> None:
        """Set the output; it replaces the text of the deltas."""
        self._output = self._capture.value(value)
        self._text = ""
        self._say("on_update")

    def conclude(self, *, attributes: Mapping[str, Any], output: Any = None) -> None:
        """Set the last of it; it is published with the end, which follows at once."""
        captured = self._capture.attributes(attributes)
        with self._lock:
            self._attributes = {**self._attributes, **captured}
        if output is not None:
            self._output = self._capture.value(output)
            self._text = ""

    def event(self, name: str, attributes: Mapping[str, Any] | None = None) -> None:
        """Add something that happened now."""
        captured = self._capture.attributes(attributes or {})
        with self._lock:
            if len(self._events) < MAX_EVENTS:
                self._events.append(SpanEvent(name, self._now(), captured))
        self._say("on_update")

    def delta(self, text: str) -> None:
        """Add a piece of the growing output, which is seen at once.

        Text that may still turn out to be part of a secret is held back in mode ``redacted``; in
        mode ``none`` nothing is sent. The first piece notes the time to the first chunk.
        """
        if not text:
            return
        with self._lock:
            key = "gen_ai.response.time_to_first_chunk"
            if self.kind is SpanKind.MODEL and key not in self._attributes:
                seconds = round(time.perf_counter() - self._clock, 6)
                self._attributes = {**self._attributes, key: seconds}
            piece = self._grow(text)
            offset = self._offset
            self._offset += len(piece)
            clock = time.monotonic()
            partial = clock - self._partial_at >= PARTIAL_EVERY_S
            self._partial_at = clock if partial else self._partial_at
        if piece:
            self.publish("on_delta", SpanDelta(self.trace, self.span_id, offset, piece))
        if partial:
            self._say("on_update")

    def fail(self, error: BaseException) -> None:
        """Mark as failed, with the error's type, its code where it has one, and its message.

        An exception whose ``span_status`` is ``interrupted``, or a stream left early, is nobody's
        error: it only ends.
        """
        interrupted = getattr(error, "span_status", None) == SpanStatus.INTERRUPTED
        if interrupted or isinstance(error, GeneratorExit):
            with self._lock:
                self._status = SpanStatus.INTERRUPTED
            return
        code = getattr(error, "code", None)
        captured = self._capture.attributes(
            {"error.type": type(error).__name__, "playground.error.code": code}
            if isinstance(code, str)
            else {"error.type": type(error).__name__}
        )
        message = self._capture.text(str(error))
        with self._lock:
            self._status = SpanStatus.ERROR
            self._error = f"{type(error).__name__}: {message}" if message else type(error).__name__
            self._attributes = {**self._attributes, **captured}
        self.otel.set_status(StatusCode.ERROR, type(error).__name__)

    def end(self) -> None:
        """Publish the end; called once, by whoever opened the span."""
        if self._output is None and self._text:
            self._output = self._capture.value(self._text)
        self._text = ""
        self._ended_at = self._now()
        if self._status is SpanStatus.RUNNING:
            self._status = SpanStatus.OK
        self.otel.end()
        self._say("on_end")

    def _grow(self, text: str) -> str:
        """Append to the output's text; return what may be sent of it now."""
        if self._capture.mode is CaptureMode.NONE or self._sent >= MAX_STRING:
            if len(self._text) < MAX_STRING:
                self._text += text
            return ""
        self._text += text
        if self._capture.mode is CaptureMode.FULL:
            self._sent = len(self._text)
            return text
        held = self._text[self._sent :]
        ready = settled(held)
        self._sent += ready
        return redact(held[:ready])

    def _now(self) -> dt.datetime:
        """Return the start plus the time elapsed, so that no clock change bends a duration."""
        return self._started_at + dt.timedelta(seconds=time.perf_counter() - self._clock)

    def _say(self, signal: Signal) -> None:
        with self._lock:
            self._revision += 1
            record = self._record()
            # Inside the lock, so that revisions reach the queue in order.
            self.publish(signal, record)

    def _record(self) -> SpanRecord:
        output = self._output
        if output is None and self._text and self._capture.mode is not CaptureMode.NONE:
            output = self._capture.text(self._text[: self._sent])
        return SpanRecord(
            trace=self.trace,
            span_id=self.span_id,
            parent_id=self.parent_id,
            name=self.name,
            kind=self.kind,
            status=self._status,
            started_at=self._started_at,
            ended_at=self._ended_at,
            revision=self._revision,
            attributes=self._attributes,
            input=self._input,
            output=output,
            events=tuple(self._events),
            error=self._error,
        )
