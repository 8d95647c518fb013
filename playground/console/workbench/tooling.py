"""Answer the calls of tools that a model asks for: as simulated, or by the real skills."""

import json
from collections.abc import Mapping
from typing import Any

import orjson

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound
from skills import registry
from skills.declaring import Skill
from skills.invoking import invoke

MAX_ROUNDS = 8
MAX_RESULT_CHARS = 100_000

Message = Mapping[str, Any]


def pending(conversation: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the calls at the end of a conversation that nothing has answered yet."""
    answered: set[str] = set()
    for message in reversed(conversation):
        if message["role"] == "tool":
            answered.add(message["tool_call_id"])
        elif message["role"] == "assistant":
            calls = message.get("tool_calls") or []
            return [call for call in calls if call["id"] not in answered]
        else:
            return []
    return []


def made_up(
    call: Mapping[str, Any], *, mode: str, simulated: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the result that was written down for a call; None where there is none."""
    name = call["function"]["name"]
    if mode != "simulate" or name not in simulated:
        return None
    return result(call, as_text(simulated[name]), by="simulated")


def skill_for(
    context: RequestContext, call: Mapping[str, Any], *, mode: str, confirmed: bool
) -> Skill | None:
    """Return the skill that may answer a call now; None where a person is to be asked first.

    Args:
        mode: see ``specifying.ColumnSpec``.
        confirmed: a person has said that skills may be called, those that change something too.
    """
    if not confirmed and mode != "skills":
        return None
    skill = skill_of(context, call["function"]["name"])
    return skill if skill is not None and (confirmed or skill.effect != "write") else None


def given(calls: list[dict[str, Any]], results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a person's results for all calls that wait.

    Args:
        results: by the call's id; text goes as it is, anything else as JSON.

    Raises:
        InvalidInput: ``workbench.results-missing``, ``workbench.result-too-large``.
    """
    missing = [call["function"]["name"] for call in calls if call["id"] not in results]
    if missing or not calls:
        what = f"Give a result for {', '.join(missing)}." if missing else "No call waits here."
        raise InvalidInput("workbench.results-missing", what)
    said = [result(call, as_text(results[call["id"]]), by="simulated") for call in calls]
    if any(len(each["content"]) > MAX_RESULT_CHARS for each in said):
        raise InvalidInput(
            "workbench.result-too-large", "A tool's result has at most 100,000 characters."
        )
    return said


def skill_of(context: RequestContext, name: str) -> Skill | None:
    """Return the skill that a tool stands for, None where it is no skill of the team."""
    try:
        return registry.find(context, name)
    except NotFound:
        return None


def result(call: Mapping[str, Any], content: str, *, by: str) -> dict[str, Any]:
    """Return the message that answers a call; ``by`` says who did."""
    return {"role": "tool", "tool_call_id": call["id"], "content": content, "by": by}


def to_send(conversation: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a conversation as models take it, without our own notes."""
    return [
        {key: value for key, value in message.items() if key not in ("by", "cut")}
        for message in conversation
    ]


def example(name: str) -> str:
    """Return what stands in the field of a result that nobody has written yet."""
    return json.dumps({"result": f"what {name} gives"}, ensure_ascii=False)


def invoked(
    context: RequestContext, skill: Skill, call: Mapping[str, Any], *, step: str
) -> dict[str, Any]:
    """Call a skill, and return what it gave as the message that answers the call. Blocks.

    Args:
        step: see ``skills.declaring.SkillContext``.
    """
    arguments = call["function"]["arguments"]
    outcome = invoke(context, skill.name, arguments, call_id=call["id"], step=step)
    if outcome.ok:
        text = as_text(outcome.output)
    else:
        text = f"Error: {outcome.error_detail} ({outcome.error_code})"
    return result(call, text, by=skill.name)


def as_text(value: Any) -> str:
    """Return a result as a message says it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
