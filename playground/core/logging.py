"""Structured logs: one event a line, with the request's and the trace's id.

No line holds what people have written, see ``quoting``.
"""

import logging.config
from typing import Any, TextIO

import structlog
from opentelemetry import trace

from playground.core.quoting import named_in, told

# Rooms: they alone are heard at DEBUG, where libraries write down whole pages and requests.
OWN = ("playground", "agents", "skills")
# What says nothing at INFO that our own events do not say better.
QUIET = ("httpx", "httpcore", "urllib3", "asyncio", "daphne", "celery", "kombu")


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
                        _name_errors,
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


def _write(sio: TextIO, exc_info: Any) -> None:
    sio.write("\n" + told(exc_info))


def _name_errors(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Take errors out of the event itself: Celery and asyncio write them into it as well."""
    match event.get("exc_info"):
        case (_, BaseException() as error, _):
            event["event"] = named_in(str(event["event"]), error)
    return event


def _add_trace_id(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    span = trace.get_current_span().get_span_context()
    if span.is_valid and "trace_id" not in event:
        event["trace_id"] = f"{span.trace_id:032x}"
    return event
