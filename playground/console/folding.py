"""Fold the events of a run into the steps, the plan and the note that the chat shows of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from playground.console.wording import Line, lines_of
from playground.messaging.models import Event, Run

_PARTS = ("arguments", "result")


@dataclass(frozen=True, slots=True)
class Part:
    """A titled value inside an opened step, as lines to read."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of a run; ``ms`` is None while it works."""

    run_id: str
    step_id: str
    kind: str
    name: str
    title: str
    status: str
    summary: str
    ms: float | None
    span_id: str | None
    parts: tuple[Part, ...]
    trace_href: str | None


@dataclass(slots=True)
class Progress:
    """What the events of one run add up to."""

    steps: dict[str, StepView] = field(default_factory=dict)
    plan: tuple[Mapping[str, Any], ...] = ()
    retry_note: str = ""


def step_view(run_id: object, trace_id: str, payload: Mapping[str, Any]) -> StepView:
    """Show the payload of a ``run.step`` event."""
    data = payload.get("data") or {}
    span_id = payload.get("span_id")
    return StepView(
        run_id=str(run_id),
        step_id=str(payload["step_id"]),
        kind=str(payload["kind"]),
        name=str(payload["name"]),
        title=str(payload["title"]),
        status=str(payload["status"]),
        summary=str(payload.get("summary") or ""),
        ms=payload.get("ms"),
        span_id=span_id,
        parts=tuple(
            Part(str(key).capitalize(), lines_of(data[key])) for key in sorted(data, key=_place)
        ),
        trace_href=f"/traces/{trace_id}" + (f"#span={span_id}" if span_id else ""),
    )


def _place(key: str) -> tuple[int, str]:
    """Put what went in before what came out: the store keeps no order of keys."""
    return (_PARTS.index(key) if key in _PARTS else len(_PARTS), key)


def _retry_note(payload: Mapping[str, Any]) -> str:
    """Say why a run starts over, for as long as it waits to."""
    return f"attempt {payload['attempt']} failed ({payload['code']}), trying again"


def fold(run: Run, events: Iterable[Event]) -> Progress:
    """Add up the events of a run, in order."""
    progress = Progress()
    for event in events:
        if event.type == "run.step":
            step = step_view(run.pk, run.trace_id, event.payload)
            progress.steps[step.step_id] = step
        elif event.type == "run.plan":
            progress.plan = tuple(event.payload["items"])
        elif event.type == "run.retrying":
            progress.retry_note = _retry_note(event.payload)
        elif event.type == "run.started":
            progress.retry_note = ""
        elif event.type == "run.ended":
            _settle(progress)
    return progress


def _settle(progress: Progress) -> None:
    """Nothing goes on working after the end, also where nobody was left to say so."""
    progress.retry_note = ""
    for step_id, step in progress.steps.items():
        if step.status == "running":
            progress.steps[step_id] = replace(step, status="stopped")
    progress.plan = tuple(
        {**item, "status": "stopped"} if item["status"] in ("running", "active") else item
        for item in progress.plan
    )
