"""System checks: nothing but our own exporters may carry spans away, and they must be made."""

import os
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register

_LANGSMITH = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2")


@register()
def langsmith_is_off(**_: Any) -> list[CheckMessage]:
    """Refuse LangChain's own tracer: it would send texts past the capture mode."""
    return [
        Error(
            f"{name} is on in this process.",
            hint="playground.settings switches it off; do not set it afterwards.",
            id="playground.tracing.E001",
        )
        for name in _LANGSMITH
        if os.environ.get(name, "false").lower() not in ("", "false", "0")
    ]


@register()
def opentelemetry_is_on(**_: Any) -> list[CheckMessage]:
    """Warn where the environment switches the span machinery off."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true":
        return []
    return [
        Warning(
            "OTEL_SDK_DISABLED=true: no traces are recorded.",
            hint="Unset it to see traces.",
            id="playground.tracing.W001",
        )
    ]
