"""The offline planner as a provider: it decides, then speaks at a readable pace."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from playground.gateway.chat import ChatRequest, Chunk, ToolCallDelta, Usage
from playground.gateway.planner import composing
from playground.gateway.planner.filling import fill
from playground.gateway.planner.planning import PlannedStep, plan, title_of
from playground.gateway.planner.toolbox import Tool, tools_of
from playground.gateway.tokens import count, count_messages

MODEL = "offline/planner"
PACE_S = 0.008
_PIECE = re.compile(r"\S+\s*|\s+")


@dataclass
class Decision:
    """What to say, or what to call."""

    text: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


class OfflinePlanner:
    """Answer chat requests by rule."""

    name = "offline"

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        decision = await asyncio.to_thread(decide, request)
        for piece in _PIECE.findall(decision.text):
            yield Chunk(text=piece)
            await asyncio.sleep(PACE_S)
        written = decision.text
        if decision.calls:
            calls = [
                ToolCallDelta(index, f"call_{uuid.uuid4().hex[:16]}", name, json.dumps(arguments))
                for index, (name, arguments) in enumerate(decision.calls)
            ]
            written += "".join(f"{call.name}{call.arguments}" for call in calls)
            yield Chunk(tool_calls=calls)
        asked = await asyncio.to_thread(count_messages, request.messages)
        yield Chunk(
            finish_reason="tool_calls" if decision.calls else "stop",
            usage=Usage(asked, await asyncio.to_thread(count, written), 0.0),
        )


def decide(request: ChatRequest) -> Decision:
    """Decide on the next move of a conversation. Takes CPU: never on an event loop."""
    tools = tools_of(request.tools)
    asked, made = _turn(request.messages)
    wanted = _schema_of(request.response_format)
    if wanted is not None:
        return Decision(json.dumps(_structured(wanted, asked, tools)))
    steps = plan(asked, tools)
    if not steps:
        return Decision(composing.capabilities([(tool.words, tool.description) for tool in tools]))
    return _next(steps, asked, made)


@dataclass(frozen=True)
class Made:
    """A call that was made in this turn, and what came back."""

    name: str
    result: Any
    failed: bool


def _next(steps: Sequence[PlannedStep], asked: str, made: Sequence[Made]) -> Decision:
    results = [call.result for call in made if not call.failed]
    waiting = list(made)
    troubles: list[str] = []
    for step in steps:
        index = next((i for i, call in enumerate(waiting) if call.name == step.tool.name), None)
        if index is not None:
            call = waiting.pop(index)
            if call.failed:
                reason = str(call.result).removeprefix("Error:").strip()
                troubles.append(f"“{title_of(step)}” did not work: {reason}")
            continue
        arguments, missing = fill(step.tool, step.goal, whole=asked, results=results)
        if not missing:
            return Decision(calls=[(step.tool.name, arguments)])
        troubles.append(_question(step, missing, found_nothing=bool(results)))
        break
    told = [(call.name, call.result) for call in made if not call.failed]
    return Decision(composing.answer(told, open_questions=troubles))


def _question(step: PlannedStep, missing: Sequence[str], *, found_nothing: bool) -> str:
    names = " and ".join(_described(name, step.tool.properties.get(name) or {}) for name in missing)
    if found_nothing and any(name.endswith("id") for name in missing):
        return f"Nothing was found, so I could not go on to “{title_of(step).lower()}”."
    return f"For “{title_of(step).lower()}” I need to know {names}. What should it be?"


def _described(name: str, schema: Mapping[str, Any]) -> str:
    words = name.replace("_", " ")
    options = schema.get("enum")
    described = f"**{words}**"
    if options:
        described += f" (one of {', '.join(map(str, options))})"
    elif schema.get("description"):
        described += f" ({composing.first_sentence(str(schema['description'])).rstrip('.')})"
    return described


def _turn(messages: Sequence[Mapping[str, Any]]) -> tuple[str, list[Made]]:
    """Return the last request and the calls made for it since."""
    last = max((i for i, m in enumerate(messages) if m.get("role") == "user"), default=-1)
    if last < 0:
        return "", []
    names: dict[str, str] = {}
    made: list[Made] = []
    for message in messages[last + 1 :]:
        for call in message.get("tool_calls") or ():
            names[call["id"]] = call["function"]["name"]
        if message.get("role") == "tool":
            content = _text(message.get("content"))
            made.append(
                Made(
                    names.get(str(message.get("tool_call_id")), ""),
                    _parsed(content),
                    content.startswith("Error"),
                )
            )
    return _with_earlier(messages, last), made


def _with_earlier(messages: Sequence[Mapping[str, Any]], last: int) -> str:
    """Return the request; one that answers our question is read with the request before it."""
    asked = _text(messages[last].get("content"))
    before = messages[last - 1] if last > 0 else {}
    if before.get("role") == "assistant" and _text(before.get("content")).endswith("should it be?"):
        earlier = [_text(m.get("content")) for m in messages[: last - 1] if m.get("role") == "user"]
        if earlier:
            return f"{earlier[-1].rstrip('.!?')} {asked}"
    return asked


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content if isinstance(part, Mapping))
    return ""


def _parsed(content: str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content


def _schema_of(response_format: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if not response_format or response_format.get("type") == "text":
        return None
    schema = (response_format.get("json_schema") or {}).get("schema")
    return schema if isinstance(schema, Mapping) else {}


def _structured(schema: Mapping[str, Any], asked: str, tools: Sequence[Tool]) -> dict[str, Any]:
    """Fill a JSON Schema; a list of steps becomes the plan."""
    properties = schema.get("properties") or {}
    steps = (properties.get("steps") or {}).get("items")
    if isinstance(steps, Mapping) and tools:
        names = set(steps.get("properties") or ())
        return {
            "steps": [
                {
                    key: value
                    for key, value in (("title", title_of(step)), ("tool", step.tool.name))
                    if key in names
                }
                for step in plan(asked, tools)
            ]
        }
    arguments, missing = fill(Tool("answer", "", schema), asked, whole=asked)
    return arguments | {name: _empty(properties.get(name) or {}) for name in missing}


def _empty(schema: Mapping[str, Any]) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    empties: dict[Any, Any] = {
        "array": [],
        "object": {},
        "integer": 0,
        "number": 0,
        "boolean": False,
    }
    return empties.get(kind, "")
