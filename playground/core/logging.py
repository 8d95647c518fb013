"""Structured logs: one event a line, with the request's and the trace's id.

No line holds what people have written: of exceptions whose messages repeat rows of the database or
values that were refused, the rest of the message is kept.
"""

import logging.config
import re
import traceback
from typing import Any, TextIO

import structlog
from opentelemetry import trace

# Rooms: they alone are heard at DEBUG, where libraries write down whole pages and requests.
OWN = ("playground", "agents", "skills")
# What says nothing at INFO that our own events do not say better.
QUIET = ("httpx", "httpcore", "urllib3", "asyncio", "daphne", "celery", "kombu")

# PostgreSQL repeats the failing row or key, and parameters, after the message itself.
_ROWS = re.compile(r"\n(?:DETAIL|CONTEXT|HINT|QUERY|LINE \d+):.*", re.DOTALL)
# pydantic repeats what it refused, mostly on one line; that may hold what looks like its end.
_REFUSED = re.compile(r", input_value=(?:.*|(?s:.*?))(?=, input_type=)")


def configure(*, level: str, form: str) -> None:
    """Send structlog's and the standard library's events to stderr, as text or as JSON lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _add_trace_id,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: list[Any] = (
        [
            structlog.processors.ExceptionRenderer(told),
            structlog.processors.JSONRenderer(),
        ]
        if form == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=False,
                pad_event_to=0,
                # The default one prints every local variable, secrets and conversations included.
                exception_formatter=_write,
            )
        ]
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        *renderer,
                    ],
                }
            },
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "structured"},
            },
            "root": {"handlers": ["stderr"], "level": "INFO" if level == "DEBUG" else level},
            "loggers": {
                **{name: {"level": level} for name in OWN},
                **{name: {"level": "WARNING"} for name in QUIET},
                # Anybody can send a wrong Host; each would write a traceback.
                "django.security.DisallowedHost": {"level": "CRITICAL"},
                # It warns of each 4xx by its whole path; ``core.problems`` says it by its code.
                "django.request": {"level": "ERROR"},
            },
        }
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def told(exc_info: Any) -> str:
    """Return an exception's traceback without the values that its messages repeat."""
    said = traceback.TracebackException(*exc_info)
    _blank(said)
    return "".join(said.format()).rstrip("\n")


def _blank(said: traceback.TracebackException) -> None:
    # The one place in which the message stands before it is laid out among its lines.
    message = str(getattr(said, "_str", ""))
    said._str = _REFUSED.sub("", _ROWS.sub("", message))  # type: ignore[attr-defined]
    for other in (said.__cause__, said.__context__, *(said.exceptions or ())):
        if other is not None:
            _blank(other)


def _write(sio: TextIO, exc_info: Any) -> None:
    sio.write("\n" + told(exc_info))


def _add_trace_id(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    span = trace.get_current_span().get_span_context()
    if span.is_valid and "trace_id" not in event:
        event["trace_id"] = f"{span.trace_id:032x}"
    return event
