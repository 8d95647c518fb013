"""What the inspector shows beside a conversation: trace, what the model saw, state of the lane."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.console.conversation import RunView, run_view
from playground.core.context import RequestContext
from playground.gateway import tokens
from playground.messaging.models import Lane, Run
from playground.tracing.models import Span

TABS = (("trace", "Trace"), ("context", "Context"), ("state", "State"))
ROLE_TITLES = {
    "system": "Instructions",
    "user": "User",
    "assistant": "Assistant",
    "tool": "Skill result",
    "tools": "Skills offered",
}


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab and the address that shows it."""

    name: str
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Inspector:
    """The chosen tab and run."""

    tab: str
    tabs: tuple[Tab, ...]
    run: RunView | None
    run_number: int
    runs_total: int


@dataclass(frozen=True, slots=True)
class Section:
    """One message of a prompt; ``x`` and ``width`` in thousandths of the bar."""

    role: str
    title: str
    text: str
    is_json: bool
    tokens: int
    x: float
    width: float
    open: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model was given in one call."""

    model: str
    total: int
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class State:
    """Where a lane stands."""

    thread_id: uuid.UUID
    head_checkpoint: str
    head_seq: int
    lease_owner: str
    lease_epoch: int
    stream_epoch: str
    runs: tuple[RunView, ...]


def inspect(lane_id: uuid.UUID, *, tab: str, run_id: str | None = None) -> Inspector:
    """Choose a tab and a run of the lane: the asked one, else the newest."""
    chosen = tab if tab in dict(TABS) else "trace"
    ids = list(
        Run.objects.filter(lane_id=lane_id)
        .order_by("created_at", "id")
        .values_list("id", flat=True)
    )
    wanted = next((one for one in ids if str(one) == run_id), ids[-1] if ids else None)
    run = Run.objects.select_related("message").get(pk=wanted) if wanted else None
    suffix = f"&run={run_id}" if run_id and str(wanted) == run_id else ""
    return Inspector(
        tab=chosen,
        tabs=tuple(
            Tab(name, title, f"/chat/{lane_id}/inspector?tab={name}{suffix}")
            for name, title in TABS
        ),
        run=run_view(run) if run else None,
        run_number=ids.index(wanted) + 1 if wanted else 0,
        runs_total=len(ids),
    )


def seen_by_model(context: RequestContext, trace_id: str) -> Seen | None:
    """Return what the last model call of a trace was given; None before the first call."""
    span = (
        Span.objects.visible_to(context)
        .filter(trace_id=trace_id, kind="model")
        .order_by("-started_at", "-span_id")
        .first()
    )
    if span is None:
        return None
    given = span.input
    messages: Sequence[Mapping[str, Any]] = (
        given.get("messages", ()) if isinstance(given, dict) else given or ()
    )
    offered = given.get("tools") if isinstance(given, dict) else None
    parts = [_part(message) for message in messages if isinstance(message, Mapping)]
    if offered:
        parts.append(("tools", json.dumps(offered, ensure_ascii=False), True))
    model = str(span.model or span.name)
    counted = [(role, text, is_json, tokens.count(text)) for role, text, is_json in parts]
    total = sum(count for *_, count in counted) or 1
    sections, x = [], 0.0
    last_user = max((i for i, part in enumerate(counted) if part[0] == "user"), default=-1)
    for position, (role, text, is_json, count) in enumerate(counted):
        width = 1000 * count / total
        sections.append(
            Section(
                role=role,
                title=ROLE_TITLES.get(role, role.capitalize()),
                text=text,
                is_json=is_json,
                tokens=count,
                x=round(x, 1),
                width=round(width, 1),
                open=position == last_user,
            )
        )
        x += width
    return Seen(model=model, total=sum(part.tokens for part in sections), sections=tuple(sections))


def _part(message: Mapping[str, Any]) -> tuple[str, str, bool]:
    role = str(message.get("role", "user"))
    content = message.get("content")
    calls = message.get("tool_calls")
    if calls:
        return role, json.dumps(calls, ensure_ascii=False), True
    if not isinstance(content, str):
        return role, json.dumps(content, ensure_ascii=False), True
    return role, content, content[:1] in "{[" and role == "tool"


def expects_trace(context: RequestContext, trace_id: str) -> bool:
    """Tell whether a run of the context's team will leave this trace."""
    return Run.objects.visible_to(context).filter(trace_id=trace_id).exists()


def state_of(lane_id: uuid.UUID) -> State:
    """Return the lane's own figures and its newest runs."""
    lane = Lane.objects.get(pk=lane_id)
    runs = Run.objects.filter(lane_id=lane_id).select_related("message").order_by("-created_at")
    return State(
        thread_id=lane_id,
        head_checkpoint=lane.head_checkpoint or "",
        head_seq=lane.next_seq - 1,
        lease_owner=lane.lease_owner or "",
        lease_epoch=lane.lease_epoch,
        stream_epoch=str(lane.stream_epoch),
        runs=tuple(run_view(run) for run in runs[:20]),
    )
