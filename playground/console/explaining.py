"""Say in words what was decided for a run, and what its log holds."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playground.messaging.models import Event


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of a run in words; ``after_ms`` counts from the run's creation."""

    seq: int
    type: str
    says: str
    after_ms: float


def reasons_of(why: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say in words what was decided for a run: by name, and what it was."""
    return [(name.replace("_", " "), _decided(value)) for name, value in why.items()]


def _decided(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_decided(each) for each in value)
    if isinstance(value, Mapping) and "version" in value:
        arm = f", {value['arm']}" if value.get("arm") else ""
        return f"{value.get('name')} v{value['version']}{arm} ({value.get('reason')})"
    return str(value)


def log_line(event: Event, since: dt.datetime) -> LogLine:
    """Say an event in words."""
    after = (event.created_at - since).total_seconds() * 1000
    return LogLine(event.seq, event.type, _says(event.type, event.payload), max(0.0, after))


def _says(kind: str, payload: dict[str, Any]) -> str:
    match kind:
        case "message.created":
            return f"{payload['role']}: {payload['content']}"
        case "run.queued":
            return "waits for a worker"
        case "run.started":
            return f"attempt {payload['attempt']}"
        case "run.step":
            summary = f": {payload['summary']}" if payload.get("summary") else ""
            return f"{payload['title']}, {payload['status']}{summary}"
        case "run.plan":
            items = payload["items"]
            done = sum(item["status"] in ("done", "ok") for item in items)
            return f"{done} of {len(items)} steps done"
        case "run.retrying":
            wait = payload.get("delay_ms") or 0
            return f"attempt {payload['attempt']} failed with {payload['code']}, again in {wait} ms"
        case "run.feedback":
            score = payload.get("score")
            said = "taken back" if score is None else f"{score:g}"
            return f"{payload['key']}: {said}, by {payload['author'].partition(':')[2]}"
        case "run.ended":
            return " ".join(
                str(payload[key]) for key in ("status", "code", "detail") if payload.get(key)
            )
        case _:
            return ""
