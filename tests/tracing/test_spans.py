"""Emitting spans: identifiers, nesting, deltas, and sinks that misbehave."""

import contextvars
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from playground.core import spans
from playground.core.spans import SpanDelta, SpanKind, SpanRecord, SpanStatus

OPEN: dict[str, Any] = {"team": "hiring", "subject": "user:ana", "run_id": None, "thread_id": None}


class Memory:
    """Keep everything."""

    def __init__(self) -> None:
        self.records: list[SpanRecord] = []
        self.deltas: list[SpanDelta] = []
        self.interrupted: list[str] = []

    def on_start(self, record: SpanRecord) -> None:
        self.records.append(record)

    on_update = on_end = on_start

    def on_delta(self, delta: SpanDelta) -> None:
        self.deltas.append(delta)

    def on_interrupt(self, trace_id: str) -> None:
        self.interrupted.append(trace_id)

    def flush(self) -> bool:
        return True

    def last(self, name: str) -> SpanRecord:
        return [record for record in self.records if record.name == name][-1]


class Broken(Memory):
    """Fail at everything."""

    def on_start(self, record: SpanRecord) -> None:
        raise ConnectionError("no")

    on_update = on_end = on_start


class Stuck(Memory):
    """Hang until let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def on_start(self, record: SpanRecord) -> None:
        self.let_go.wait(10)

    on_update = on_end = on_start


@pytest.fixture
def full() -> Iterator[None]:
    spans.configure(capture="full")
    yield
    spans.configure(capture="full")


@pytest.fixture
def memory(full: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Memory]:
    """Take the place of the store and the live view, which other tests look at."""
    monkeypatch.setattr(spans, "_outlets", [])
    sink = Memory()
    spans.register_sink(sink, interval_s=0.001)
    yield sink
    spans.unregister_sink(sink)


def test_it_nests_spans_in_the_trace_that_was_asked_for(memory: Memory) -> None:
    wanted = "0123456789abcdef" * 2

    with (
        spans.trace("sourcing", trace_id=wanted, **OPEN) as root,
        spans.span("search", SpanKind.SKILL, input={"q": "python"}) as inner,
    ):
        inner.set("playground.skill.version", "1.0.0")
        inner.output({"found": 12})
    spans.flush()

    search = memory.last("search")
    assert search.trace.trace_id == root.trace_id == wanted
    assert search.parent_id == root.span_id
    assert (search.input, search.output) == ({"q": "python"}, {"found": 12})
    assert search.attributes["playground.skill.version"] == "1.0.0"
    assert [record.name for record in memory.records][-1] == "sourcing"
    assert spans.current() is None


def test_it_grows_revisions_when_a_span_changes(memory: Memory) -> None:
    with spans.trace("sourcing", **OPEN) as root:
        root.set("a", 1)
        root.event("thought", {"about": "it"})
    spans.flush()

    assert [record.revision for record in memory.records] == [1, 2, 3, 4]
    assert memory.records[0].status is SpanStatus.RUNNING
    assert memory.records[-1].events[0].name == "thought"
    assert memory.records[-1].ended_at is not None


def test_it_records_the_error_and_goes_on_when_code_raises(memory: Memory) -> None:
    with (
        pytest.raises(ValueError, match="wrong"),
        spans.trace("sourcing", **OPEN),
        spans.span("draft", SpanKind.SKILL),
    ):
        raise ValueError("wrong")
    spans.flush()

    for name in ("draft", "sourcing"):
        assert memory.last(name).status is SpanStatus.ERROR
        assert memory.last(name).error == "ValueError: wrong"


def test_it_sends_deltas_in_order_and_keeps_them_as_output(memory: Memory) -> None:
    with (
        spans.trace("sourcing", **OPEN),
        spans.span("chat m", SpanKind.MODEL) as span,
    ):
        for piece in ("Hel", "lo ", "🙂", "!"):
            span.delta(piece)
    spans.flush()

    assert [(delta.offset, delta.text) for delta in memory.deltas] == [
        (0, "Hel"), (3, "lo "), (6, "🙂"), (7, "!"),
    ]  # fmt: skip
    assert memory.last("chat m").output == "Hello 🙂!"
    assert "gen_ai.response.time_to_first_chunk" in memory.last("chat m").attributes


def test_it_sends_no_delta_and_no_text_when_capture_is_none(memory: Memory) -> None:
    spans.configure(capture="none")

    with spans.trace("sourcing", **OPEN), spans.span("chat m", SpanKind.MODEL) as span:
        span.delta("the secret plan")
        span.event("said", {"text": "the secret plan"})
    spans.flush()

    assert memory.deltas == []
    assert "secret plan" not in repr(memory.records)


def test_it_holds_back_half_a_secret_when_capture_is_redacted(memory: Memory) -> None:
    spans.configure(capture="redacted")

    with spans.trace("sourcing", **OPEN), spans.span("chat m", SpanKind.MODEL) as span:
        for piece in ["mail bob@exa", "mple.com ", *["and then some more words "] * 20]:
            span.delta(piece)
    spans.flush()

    told = "".join(delta.text for delta in memory.deltas)
    assert told.startswith("mail [e-mail] and then")
    assert "bob@" not in repr(memory.records)


def test_it_keeps_the_span_current_when_work_moves_to_another_thread(memory: Memory) -> None:
    with spans.trace("sourcing", **OPEN) as root:

        def work() -> None:
            with spans.span("elsewhere", SpanKind.CHAIN):
                pass

        thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
        thread.start()
        thread.join()
    spans.flush()

    assert memory.last("elsewhere").parent_id == root.span_id


def test_it_ends_the_span_when_a_generator_is_closed_in_another_context(memory: Memory) -> None:
    def stream() -> Iterator[int]:
        with spans.span("chat m", SpanKind.MODEL):
            yield 1

    with spans.trace("sourcing", **OPEN):
        stream_of_one = contextvars.copy_context().run(lambda: (g := stream(), next(g))[0])
        stream_of_one.close()
    spans.flush()

    assert memory.last("chat m").ended_at is not None
    assert spans.current() is None


def test_it_runs_on_undisturbed_when_a_sink_is_broken_or_stuck(memory: Memory) -> None:
    broken, stuck = Broken(), Stuck()
    spans.register_sink(broken)
    spans.register_sink(stuck, capacity=10)

    began = time.perf_counter()
    with spans.trace("sourcing", **OPEN) as root:
        for number in range(200):
            root.set("number", number)
    took = time.perf_counter() - began

    stuck.let_go.set()
    assert spans.dropped()["Stuck"] > 100
    assert took < 1
    spans.unregister_sink(broken)
    spans.unregister_sink(stuck)
    assert memory.last("sourcing").status is SpanStatus.OK or spans.flush()


def test_it_publishes_nothing_when_a_span_is_outside_of_a_trace(memory: Memory) -> None:
    with spans.span("alone", SpanKind.SKILL) as span:
        span.output("works")
    spans.flush()

    assert memory.records == []


@pytest.mark.parametrize("trace_id", ["", "0" * 32, "XY" * 16, "ab"])
def test_it_refuses_a_trace_id_when_it_is_not_one(trace_id: str) -> None:
    with (
        pytest.raises(ValueError, match="not a trace id"),
        spans.trace("x", trace_id=trace_id, **OPEN),
    ):
        pass
