"""Every answer and every log line carries the id of its request."""

import io
import json
import logging

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from playground.core import logging as our_logging
from playground.core.middleware import HEADER, RequestId


def _answer(**headers: str) -> HttpResponse:
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(structlog.contextvars.get_contextvars()["request_id"])
        return HttpResponse(request.request_id)  # type: ignore[attr-defined]

    response = RequestId(view)(RequestFactory().get("/", headers=headers))
    assert isinstance(response, HttpResponse)
    assert seen == [response[HEADER]] == [response.content.decode()]
    return response


def test_it_keeps_the_id_when_the_caller_gives_a_good_one() -> None:
    assert _answer(**{"X-Request-ID": "abc-123.DEF"})[HEADER] == "abc-123.DEF"


@pytest.mark.parametrize("given", ["", "short", "a" * 65, "has space", "line\nbreak1", "<script>"])
def test_it_makes_an_id_when_the_caller_gives_none_or_a_bad_one(given: str) -> None:
    made = _answer(**({"X-Request-ID": given} if given else {}))[HEADER]

    assert made != given
    assert len(made) == 32


def test_it_forgets_the_id_when_the_request_is_over() -> None:
    _answer()

    assert "request_id" not in structlog.contextvars.get_contextvars()


@pytest.fixture
def lines() -> "io.StringIO":
    """Collect JSON log lines, and restore the session's logging."""
    from django.conf import settings

    our_logging.configure(level="INFO", form="json")
    sink = io.StringIO()
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(sink)
    yield sink  # type: ignore[misc]
    our_logging.configure(level=settings.PLAYGROUND_LOG_LEVEL, form=settings.PLAYGROUND_LOG_FORMAT)


def test_it_writes_one_object_a_line_with_both_ids(lines: "io.StringIO") -> None:
    from opentelemetry.sdk.trace import TracerProvider

    tracer = TracerProvider().get_tracer("test")
    with (
        tracer.start_as_current_span("run") as span,
        structlog.contextvars.bound_contextvars(request_id="abc-12345"),
    ):
        structlog.get_logger("playground.test").info("lane claimed", lane="1")
        logging.getLogger("library").warning("slow %s", "query")

    ours, theirs = (json.loads(line) for line in lines.getvalue().splitlines())
    assert ours["event"] == "lane claimed"
    assert ours["lane"] == "1"
    assert theirs["event"] == "slow query"
    for line in (ours, theirs):
        assert line["request_id"] == "abc-12345"
        assert line["trace_id"] == f"{span.get_span_context().trace_id:032x}"
        assert line["timestamp"].endswith("Z")
