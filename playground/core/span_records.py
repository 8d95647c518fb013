"""The immutable shape in which spans travel from the code that runs to the sinks."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from playground.core.capture import Json


class SpanKind(StrEnum):
    """What a span stands for; each kind keeps one colour on every screen."""

    AGENT = "agent"
    MODEL = "model"
    SKILL = "skill"
    RETRIEVAL = "retrieval"
    GUARDRAIL = "guardrail"
    PROMPT = "prompt"
    CHAIN = "chain"


class SpanStatus(StrEnum):
    """How a span or trace stands."""

    RUNNING = "running"
    OK = "ok"
    ERROR = "error"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class TraceInfo:
    """Say which trace a span belongs to, and whose it is.

    Attributes:
        trace_id: 32 hexadecimal digits.
        attempt: of the run, from 1; a later attempt adds its spans to the same trace.
    """

    trace_id: str
    name: str
    team: str
    subject: str
    run_id: str | None = None
    thread_id: str | None = None
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened at one moment inside a span."""

    name: str
    at: dt.datetime
    attributes: dict[str, Json]


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One revision of a span, after capture.

    Attributes:
        span_id: 16 hexadecimal digits.
        revision: grows with each record of the span; a lower one is older news.
        error: type and message of the exception that ended the span, else empty.
    """

    trace: TraceInfo
    span_id: str
    parent_id: str | None
    name: str
    kind: SpanKind
    status: SpanStatus
    started_at: dt.datetime
    ended_at: dt.datetime | None
    revision: int
    attributes: dict[str, Json]
    input: Json
    output: Json
    events: tuple[SpanEvent, ...]
    error: str = ""


@dataclass(frozen=True, slots=True)
class SpanDelta:
    """A piece of a span's growing text; ``offset`` counts the characters sent before it."""

    trace: TraceInfo
    span_id: str
    offset: int
    text: str


class Sink(Protocol):
    """Where spans go. Calls come from a thread of the sink's own, one at a time, in order."""

    def on_start(self, record: SpanRecord) -> None:
        """Take a span that has just begun."""

    def on_update(self, record: SpanRecord) -> None:
        """Take a newer revision of a running span."""

    def on_end(self, record: SpanRecord) -> None:
        """Take the last revision of a span."""

    def on_delta(self, delta: SpanDelta) -> None:
        """Take a piece of a running span's text."""

    def on_interrupt(self, trace_id: str) -> None:
        """Learn that nobody works on the trace any more: what still runs in it was cut off."""

    def flush(self) -> bool:
        """Pass on what was taken so far; return whether nothing is left."""
