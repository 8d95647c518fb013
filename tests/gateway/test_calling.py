"""A model call leaves a span that says what was asked, answered and used."""

from typing import Any

import pytest

from playground.core import spans
from playground.core.context import RequestContext
from playground.core.spans import SpanRecord
from playground.gateway import calling
from playground.gateway.chat import ChatRequest

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


def test_it_records_a_model_span_when_a_model_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Only the sink of this test: the others want services.
    monkeypatch.setattr(spans, "_outlets", [])
    ended = Ended()
    spans.register_sink(ended)
    asked = ChatRequest("offline/planner", [{"role": "user", "content": "Hello"}])

    with spans.trace("t", team="hiring", subject="user:alice", run_id=None, thread_id=None):
        answer = calling.complete(CONTEXT, asked)
    spans.unregister_sink(ended)

    (record,) = [each for each in ended.records if each.name == "chat offline/planner"]
    assert record.attributes["gen_ai.request.model"] == "offline/planner"
    assert record.attributes["gen_ai.response.time_to_first_chunk"] > 0
    assert record.attributes["gen_ai.usage.output_tokens"] == answer.usage.output_tokens > 0
