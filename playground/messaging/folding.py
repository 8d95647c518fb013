"""What a lane's events add up to. Pure: imports no Django.

Folding the log gives what a fresh reading of the tables gives, for every type of event; and
folding more events onto an earlier state gives what folding all of them gives.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

State = dict[str, Any]


def empty() -> State:
    """Return the state of a lane to which nothing has happened."""
    return {"seq": 0, "messages": [], "runs": {}, "thread": {}}


def fold(events: Iterable[Mapping[str, Any]], *, onto: State | None = None) -> State:
    """Add events, each with ``seq`` and ``type``, to a state; the given one stays as it is.

    An event that the state has seen already changes nothing.
    """
    state = copy.deepcopy(onto) if onto is not None else empty()
    for event in events:
        if event["seq"] > state["seq"]:
            _apply(state, event)
            state["seq"] = event["seq"]
    return state


def _apply(state: State, event: Mapping[str, Any]) -> None:
    kind = event["type"]
    if kind == "message.created":
        fields = ("message_id", "role", "content", "data", "author", "run_id")
        message = {name: event.get(name) for name in fields}
        state["messages"].append({"seq": event["seq"], **message})
        return
    if kind == "thread.updated":
        state["thread"] |= event["data"]
        return
    run = state["runs"].setdefault(
        str(event["run_id"]),
        {
            "status": "queued",
            "attempt": 0,
            "code": "",
            "detail": "",
            "steps": {},
            "plan": [],
            "feedback": {},
        },
    )
    match kind:
        case "run.queued":
            run |= {"status": "queued", "code": "", "detail": ""}
        case "run.started":
            run |= {"status": "running", "attempt": event["attempt"]}
        case "run.retrying":
            run |= {"status": "queued", "code": event["code"]}
        case "run.ended":
            detail = event.get("detail") or ""
            run |= {"status": event["status"], "code": event.get("code") or "", "detail": detail}
        case "run.plan":
            run["plan"] = list(event["items"])
        case "run.feedback":
            said = f"{event['key']} {event['author']}"
            if event.get("score") is None:
                run["feedback"].pop(said, None)
            else:
                run["feedback"][said] = event["score"]
        case "run.step":
            kept = {key: value for key, value in event.items() if key not in _FRAME}
            run["steps"][event["step_id"]] = kept


_FRAME = frozenset({"seq", "type", "at", "run_id"})
