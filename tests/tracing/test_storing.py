"""The store and the live view on real services."""

import datetime as dt
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import redis
from django.conf import settings
from django.db import connection

from playground.core import spans
from playground.core.spans import SpanKind
from playground.tracing import reading, statements
from playground.tracing.models import Span, Trace
from playground.tracing.publishing import LiveSink, channel_of
from playground.tracing.rows import rows_of
from playground.tracing.storing import StoreSink

pytestmark = pytest.mark.django_db(transaction=True)


def opened(trace_id: str, **changes: Any) -> dict[str, Any]:
    base = {"team": "hiring", "subject": "user:ana", "run_id": None, "thread_id": None}
    return {**base, "trace_id": trace_id, **changes}


@pytest.fixture
def trace_id() -> str:
    return uuid.uuid4().hex


@pytest.fixture(autouse=True)
def settled() -> Iterator[None]:
    spans.configure(capture="full")
    yield
    spans.flush()


def until(condition: Callable[[], bool], *, timeout_s: float = 3.0) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout_s
        time.sleep(0.01)
    return time.monotonic() - began


def test_it_shows_a_span_within_a_second_of_its_start(trace_id: str) -> None:
    with spans.trace("sourcing", **opened(trace_id)), spans.span("search", SpanKind.SKILL):
        took = until(lambda: Span.objects.filter(trace_id=trace_id).count() == 2)

        assert set(Span.objects.values_list("status", flat=True)) == {"running"}
        assert took < 1


def test_it_adds_up_the_model_calls_when_the_trace_ends(trace_id: str) -> None:
    with spans.trace("sourcing", **opened(trace_id, run_id="r1", thread_id="t1")):
        for cost in (0.001, 0.0021):
            with spans.span("chat m", SpanKind.MODEL) as span:
                span.update(
                    {
                        "gen_ai.request.model": "m",
                        "gen_ai.usage.input_tokens": 100,
                        "gen_ai.usage.output_tokens": 20,
                        "playground.cost_usd": cost,
                    }
                )
    spans.flush()

    trace = Trace.objects.get(pk=trace_id)
    assert (trace.status, trace.span_count, trace.error_count) == ("ok", 3, 0)
    assert (trace.input_tokens, trace.output_tokens) == (200, 40)
    assert float(trace.cost_usd) == 0.0031
    assert (trace.model_names, trace.run_id, trace.thread_id) == ("m", "r1", "t1")
    assert trace.duration_ms is not None


def test_it_cuts_off_what_an_earlier_attempt_left_running(trace_id: str) -> None:
    crashed = spans.trace("sourcing", **opened(trace_id))
    crashed.__enter__()
    with spans.span("search", SpanKind.SKILL):
        spans.flush()

        with spans.trace("sourcing", **opened(trace_id, attempt=2)):
            pass
        spans.flush()

        statuses = Span.objects.filter(trace_id=trace_id).values_list("attempt", "status", "name")
        assert sorted(statuses) == [
            (1, "interrupted", "search"),
            (1, "interrupted", "sourcing"),
            (2, "ok", "sourcing"),
        ]
        trace = Trace.objects.get(pk=trace_id)
        assert (trace.status, trace.attempt) == ("ok", 2)
    crashed.__exit__(None, None, None)


def test_it_closes_the_trace_when_told_that_nobody_works_on_it(trace_id: str) -> None:
    with spans.trace("sourcing", **opened(trace_id)):
        spans.flush()

        spans.interrupt(trace_id)
        spans.flush()

        trace = Trace.objects.get(pk=trace_id)
        assert trace.status == "interrupted"
        assert trace.ended_at is not None
        assert Span.objects.get(trace_id=trace_id).status == "interrupted"


def test_it_keeps_the_newer_revision_when_an_older_one_comes_late(trace_id: str) -> None:
    sink = Recorded()
    spans.register_sink(sink)
    with spans.trace("sourcing", **opened(trace_id)) as root:
        root.set("number", 1)
    spans.flush()
    spans.unregister_sink(sink)

    statements.store([sink.records[-1]])
    statements.store([sink.records[0]])

    assert Span.objects.get(trace_id=trace_id).status == "ok"
    assert Trace.objects.get(pk=trace_id).status == "ok"


def test_it_writes_everything_once_the_database_is_back(trace_id: str) -> None:
    sink = StoreSink()
    recorded = Recorded()
    spans.register_sink(recorded)
    with spans.trace("sourcing", **opened(trace_id)):
        pass
    spans.flush()
    spans.unregister_sink(recorded)
    Trace.objects.all().delete()
    sink.on_end(recorded.records[-1])

    with connection.execute_wrapper(refuse), pytest.raises(redis.RedisError):
        sink.flush()
    until(sink.flush)

    assert Trace.objects.get(pk=trace_id).status == "ok"


def test_it_stores_the_others_when_the_database_refuses_one(trace_id: str) -> None:
    other = uuid.uuid4().hex
    recorded = Recorded()
    spans.register_sink(recorded)
    for each in (trace_id, other):
        with spans.trace("sourcing", **opened(each)):
            pass
    spans.flush()
    spans.unregister_sink(recorded)
    Trace.objects.all().delete()
    bad, good = (record for record in recorded.records if record.ended_at)
    sink = StoreSink()
    object.__setattr__(bad, "ended_at", None)

    sink.on_end(bad)
    sink.on_end(good)
    sink.flush()

    assert sink.lost == 1
    assert list(Trace.objects.values_list("pk", flat=True)) == [other]


def test_it_leaves_another_teams_trace_alone_when_its_id_is_used(trace_id: str) -> None:
    with spans.trace("theirs", **opened(trace_id, team="trust")):
        pass
    spans.flush()

    with spans.trace("ours", **opened(trace_id, attempt=9)):
        pass
    spans.flush()

    trace = Trace.objects.get(pk=trace_id)
    assert (trace.team, trace.name, trace.spans.count()) == ("trust", "theirs", 1)


def test_it_publishes_what_the_store_will_hold(trace_id: str, valkey: "redis.Redis") -> None:
    live = valkey.pubsub(ignore_subscribe_messages=True)
    live.subscribe(channel_of(trace_id))
    live.get_message(timeout=1)
    rows: dict[str, dict[str, Any]] = {}
    text = ""

    with spans.trace("sourcing", **opened(trace_id)), spans.span("chat m", "model") as span:
        span.delta("Hello")
        span.set("gen_ai.usage.input_tokens", 7)
    spans.flush()
    end = time.monotonic() + 3
    while time.monotonic() < end and [row["end"] for row in rows.values()].count(None) + (
        2 - len(rows)
    ):
        if message := live.get_message(timeout=0.2):
            content = orjson.loads(message["data"])
            rows |= {row["id"]: row for row in content["spans"]}
            text += "".join(delta["text"] for delta in content["deltas"])
    live.close()

    stored = Span.objects.filter(trace_id=trace_id)
    assert rows == {row.id: row.as_json() for row in rows_of(stored)}
    assert text == "Hello"


def test_it_drops_live_news_when_valkey_is_away(trace_id: str) -> None:
    recorded = Recorded()
    spans.register_sink(recorded)
    with spans.trace("sourcing", **opened(trace_id)):
        pass
    spans.flush()
    spans.unregister_sink(recorded)
    sink = LiveSink("redis://127.0.0.1:1/0")

    sink.on_end(recorded.records[-1])

    assert sink.flush()


def test_it_reads_ten_thousand_spans_quickly(trace_id: str) -> None:
    recorded = Recorded()
    spans.register_sink(recorded)
    with spans.trace("big", **opened(trace_id)), spans.span("step", SpanKind.CHAIN):
        pass
    spans.flush()
    spans.unregister_sink(recorded)
    root = Span.objects.get(trace_id=trace_id, parent_id=None)
    began = dt.timedelta(0)
    Span.objects.bulk_create(
        Span(
            id=f"{trace_id}/{number:016x}", trace_id=trace_id, span_id=f"{number:016x}",
            parent_id=root.span_id, revision=2, name=f"step {number}", kind="skill", status="ok",
            started_at=root.started_at + began, ended_at=root.started_at, stored_at=root.stored_at,
        )
        for number in range(1, 10_001)
    )  # fmt: skip

    clock = time.perf_counter()
    tree = reading.tree_of(Trace.objects.get(pk=trace_id))
    took = time.perf_counter() - clock

    assert len(tree.rows) == 10_002
    assert tree.rows[0].parent_id is None
    assert took < 3


class Recorded:
    """Keep the records themselves."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def on_start(self, record: Any) -> None:
        self.records.append(record)

    on_update = on_end = on_start

    def on_delta(self, delta: Any) -> None:
        pass

    def on_interrupt(self, trace_id: str) -> None:
        pass

    def flush(self) -> bool:
        return True


def refuse(*_: Any) -> None:
    raise redis.RedisError(settings.REDIS_URL)
