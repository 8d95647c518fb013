"""Say in few words what an agent did. Pure: imports no Django."""

from collections.abc import Sequence
from typing import Any

STEP_LIMIT, LOOP, GARBAGE = "agent.step-limit", "agent.loop", "agent.model-garbage"

_PAST = {
    "draft": "drafted", "find": "found", "get": "got", "plan": "planned", "read": "read",
    "run": "ran", "send": "sent", "set": "set", "tell": "told", "write": "wrote",
    "count": "counted", "convert": "converted", "list": "listed", "search": "searched",
    "match": "matched", "check": "checked", "open": "opened", "look": "looked", "add": "added",
    "create": "created", "update": "updated", "compare": "compared", "calculate": "calculated",
    "compute": "computed", "estimate": "estimated", "translate": "translated", "fetch": "fetched",
    "remember": "remembered", "summarise": "summarised", "summarize": "summarized",
}  # fmt: skip


def past_tense(title: str) -> str:
    """Turn a skill's title into what was done: *Search candidates* → *searched candidates*."""
    first, _, rest = title.strip().partition(" ")
    verb = _PAST.get(first.lower())
    if verb is None:
        return title.strip()
    return f"{verb} {rest}".strip()


def excuse(code: str, *, step_limit: int, records: Sequence[dict[str, Any]]) -> str:
    """Say why there is no proper answer, and what was found until then."""
    reasons = {
        STEP_LIMIT: (
            f"I stopped before I was done: I used all {step_limit} steps that I may take for one "
            "message. Ask for a smaller part, or raise the agent's step limit."
        ),
        LOOP: (
            "I stopped because I kept making the same call without getting any further. "
            "Try to put the request in other words."
        ),
        GARBAGE: (
            "I stopped because the model's replies could not be used three times in a row. "
            "Try again, or choose another model for this agent."
        ),
    }
    lines = [reasons.get(code, "I stopped before I was done.")]
    done = [record for record in records if record.get("ok")]
    if done:
        lines += ["", "What I did until then:", ""]
        lines += [f"- {past_tense(str(r['title']))}: {r['summary']}" for r in done]
    return "\n".join(lines)
