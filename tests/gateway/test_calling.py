"""A model call leaves a span that says what was asked, answered and used."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from playground.core import spans
from playground.core.context import RequestContext
from playground.core.errors import ProviderError
from playground.core.spans import SpanKind, SpanRecord, SpanStatus
from playground.gateway import calling
from playground.gateway.chat import ChatRequest
from tests.gateway.upstream import (
    KEY,
    SPOKEN,
    Endpoint,
    connected,
    delta,
    refuse,
    served_beside,
    stream,
)

pytestmark = pytest.mark.django_db(databases="__all__")

ASK = ChatRequest("m", [{"role": "user", "content": "Hello"}])
CALL_AND_END = """
import django
django.setup()
from playground.core.context import RequestContext
from playground.gateway import calling
from playground.gateway.chat import ChatRequest
context = RequestContext(subject="user:alice", team="hiring")
print(calling.complete(context, ChatRequest("m", [{"role": "user", "content": "Hi"}])).text)
"""
CONTEXT = RequestContext(subject="user:alice", team="hiring")


class Ended:
    """Keep the spans that ended."""

    def __init__(self) -> None:
        self.records: list[SpanRecord] = []

    def on_start(self, record: SpanRecord) -> None: ...
    def on_update(self, record: SpanRecord) -> None: ...
    def on_delta(self, delta: Any) -> None: ...
    def on_interrupt(self, trace_id: str) -> None: ...
    def on_end(self, record: SpanRecord) -> None:
        self.records.append(record)

    def flush(self) -> bool:
        return True

    def of_the_model(self) -> SpanRecord:
        spans.flush()
        (record,) = [each for each in self.records if each.kind == SpanKind.MODEL]
        return record


class Stopped(Exception):
    """Somebody asked to stop, as a run's cancellation says it."""

    span_status = SpanStatus.INTERRUPTED


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ended]:
    # Only the sink of this test: the others want services.
    monkeypatch.setattr(spans, "_outlets", [])
    sink = Ended()
    spans.register_sink(sink)
    with spans.trace("t", team="hiring", subject="user:alice", run_id=None, thread_id=None):
        yield sink
    spans.unregister_sink(sink)


@pytest.fixture
def upstream(settings: Any) -> Iterator[Endpoint]:
    with connected(settings) as endpoint:
        yield endpoint


def test_it_records_a_model_span_when_a_model_is_called(ended: Ended) -> None:
    asked = ChatRequest("offline/planner", [{"role": "user", "content": "Hello"}])

    answer = calling.complete(CONTEXT, asked)

    record = ended.of_the_model()
    assert (record.name, record.status) == ("chat offline/planner", SpanStatus.OK)
    assert record.attributes["gen_ai.request.model"] == "offline/planner"
    assert record.attributes["gen_ai.response.time_to_first_chunk"] > 0
    assert record.attributes["gen_ai.usage.output_tokens"] == answer.usage.output_tokens > 0


def test_it_records_a_failed_span_when_the_model_fails(upstream: Endpoint, ended: Ended) -> None:
    upstream.answer = refuse(500)

    with pytest.raises(ProviderError):
        calling.complete(CONTEXT, ASK)

    record = ended.of_the_model()
    assert record.status == SpanStatus.ERROR
    assert record.attributes["playground.error.code"] == "provider.failed"
    assert "gen_ai.usage.output_tokens" not in record.attributes


def test_it_counts_what_came_when_the_answer_is_cut(upstream: Endpoint, ended: Ended) -> None:
    upstream.answer = stream(delta(content="Hello there"), then="cut")

    with pytest.raises(ProviderError, match="broke"):
        calling.complete(CONTEXT, ASK)

    record = ended.of_the_model()
    assert record.status == SpanStatus.ERROR
    assert record.attributes["gen_ai.usage.output_tokens"] == 2
    assert record.attributes["gen_ai.usage.input_tokens"] > 0


def test_it_hangs_up_and_is_interrupted_when_the_call_is_cancelled(
    upstream: Endpoint, ended: Ended
) -> None:
    upstream.answer = stream(delta(content="Hello there"), then="hang")
    stop = threading.Event()

    def stop_when_asked() -> None:
        if stop.is_set():
            raise Stopped

    chunks = calling.stream(CONTEXT, ASK, cancelled=stop_when_asked)
    next(chunks)
    stop.set()
    with pytest.raises(Stopped):
        next(chunks)

    record = ended.of_the_model()
    assert upstream.left.wait(2)
    assert record.status == SpanStatus.INTERRUPTED
    assert record.attributes["gen_ai.usage.output_tokens"] == 2


def test_it_hangs_up_and_is_interrupted_when_the_reader_leaves(
    upstream: Endpoint, ended: Ended
) -> None:
    upstream.answer = stream(delta(content="Hello there"), then="hang")
    chunks = calling.stream(CONTEXT, ASK)
    next(chunks)

    chunks.close()

    record = ended.of_the_model()
    assert upstream.left.wait(2)
    assert record.status == SpanStatus.INTERRUPTED
    assert record.error == ""
    assert record.attributes["gen_ai.usage.output_tokens"] == 2


@pytest.mark.parametrize(("events", "expected"), SPOKEN.values(), ids=SPOKEN.keys())
def test_it_gathers_tool_calls_when_the_endpoint_has_its_own_way(
    upstream: Endpoint, events: list[Any], expected: list[tuple[str, str, str]]
) -> None:
    upstream.answer = stream(*(delta(tool_calls=pieces) for pieces in events), delta("tool_calls"))

    answer = calling.complete(CONTEXT, ASK)

    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == expected


def test_it_closes_its_connections_when_the_process_ends() -> None:
    with served_beside() as upstream:
        upstream.answer = stream(delta("stop", content="Hello"), "[DONE]")

        ended = subprocess.run(
            [sys.executable, "-W", "always::ResourceWarning", "-c", CALL_AND_END],
            env={**os.environ, "OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY},
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert (ended.returncode, ended.stdout) == (0, "Hello\n"), ended.stderr
    assert "Unclosed" not in ended.stderr
    assert "Task was destroyed" not in ended.stderr
