"""The offline planner as a provider: it decides, then speaks at a readable pace."""

import asyncio
import datetime as dt
import json
import re
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from playground.gateway.chat import ChatRequest, Chunk, ToolCallDelta, Usage
from playground.gateway.planner import composing, following, remembering, structuring
from playground.gateway.planner.filling import fill
from playground.gateway.planner.planning import PlannedStep, plan, title_of
from playground.gateway.planner.toolbox import tools_of
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
            usage=Usage(asked, await asyncio.to_thread(count, written)),
        )


def decide(request: ChatRequest) -> Decision:
    """Decide on the next move of a conversation. Takes CPU: never on an event loop."""
    tools = tools_of(request.tools)
    turn = _turn(request.messages)
    known = _known(turn)
    asked = following.opening(turn.asked, tools, known)
    wanted = structuring.schema_of(request.response_format)
    if wanted is not None:
        results = [call.result for call in turn.made if not call.failed]
        return Decision(
            json.dumps(structuring.structured(wanted, asked, tools, results=[*known, *results]))
        )
    steps = plan(asked, tools, known=known)
    if not steps:
        return Decision(
            remembering.told(asked, turn.memory)
            or composing.capabilities([(tool.words, tool.description) for tool in tools])
        )
    return _next(steps, replace(turn, asked=asked, known=known))


@dataclass(frozen=True)
class Made:
    """A call that was made in this turn, and what came back."""

    name: str
    arguments: Any
    result: Any
    failed: bool


@dataclass(frozen=True)
class Turn:
    """The request that is being answered.

    Attributes:
        asked: the request, with what it leaves unsaid.
        made: the calls that were made for it.
        before: the calls that were made for earlier requests.
        known: what of them the request speaks of.
        memory: lines of recalled memory.
    """

    asked: str
    made: Sequence[Made] = ()
    before: Sequence[Made] = ()
    known: Sequence[Any] = ()
    memory: Sequence[str] = ()


def _known(turn: Turn) -> list[Any]:
    """Return earlier results that the request speaks of; a pronoun means what was last acted on."""
    if things := following.named(turn.asked, [call.result for call in turn.before]):
        return things[:1]
    if following.counts(turn.asked):
        return [call.result for call in turn.before]
    if following.points_back(turn.asked):
        return [each for call in turn.before for each in (call.result, call.arguments)]
    return []


def _next(steps: Sequence[PlannedStep], turn: Turn) -> Decision:
    results = [*turn.known, *(call.result for call in turn.made if not call.failed)]
    waiting = list(turn.made)
    troubles: list[str] = []
    for step in steps:
        index = next((i for i, call in enumerate(waiting) if call.name == step.tool.name), None)
        if index is not None:
            call = waiting.pop(index)
            if call.failed:
                reason = str(call.result).removeprefix("Error:").strip()
                troubles.append(f"“{title_of(step)}” did not work: {reason}")
            continue
        arguments, missing = fill(step.tool, step.goal, whole=turn.asked, results=results)
        if missing:
            arguments |= remembering.supply(step.tool, missing, turn.memory)
            missing = [name for name in missing if name not in arguments]
        if not missing:
            return Decision(calls=[(step.tool.name, arguments)])
        troubles.append(_question(step, missing, found_nothing=bool(results)))
        break
    told = [(_readable(call.name), call.result) for call in turn.made if not call.failed]
    return Decision(composing.answer(told, open_questions=troubles))


def _readable(name: str) -> str:
    return re.sub(r"[_\-.]+", " ", name.rpartition("__")[2]).strip()


def _question(step: PlannedStep, missing: Sequence[str], *, found_nothing: bool) -> str:
    names = " and ".join(_described(name, step.tool.properties.get(name) or {}) for name in missing)
    if found_nothing and any(name.endswith("id") for name in missing):
        return f"Nothing was found, so I could not go on to “{title_of(step).lower()}”."
    return f"For “{title_of(step).lower()}” I need to know {names}. What {following.ASKED_BACK}"


def _described(name: str, schema: Mapping[str, Any]) -> str:
    words = name.replace("_", " ")
    options = schema.get("enum")
    described = f"**{words}**"
    if options:
        described += f" (one of {', '.join(map(str, options))})"
    elif schema.get("description"):
        described += f" ({composing.first_sentence(str(schema['description'])).rstrip('.')})"
    return described


def _turn(messages: Sequence[Mapping[str, Any]]) -> Turn:
    """Return the last request, the calls made for it since, and what was known before."""
    last = max((i for i, m in enumerate(messages) if m.get("role") == "user"), default=-1)
    if last < 0:
        return Turn("")
    requests: list[tuple[str, str]] = []
    answered = ""
    for message in messages[: last + 1]:
        text = _text(message.get("content"))
        if message.get("role") == "user":
            requests.append((remembering.split(text)[0], answered))
        if message.get("role") in ("user", "assistant"):
            answered = text if message.get("role") == "assistant" else ""
    texts = [_text(m.get("content")) for m in messages if m.get("role") in ("system", "user")]
    return Turn(
        following.resolve(requests, today=dt.datetime.now(dt.UTC).date()),
        made=_calls(messages[last + 1 :]),
        before=[call for call in _calls(messages[:last]) if not call.failed],
        memory=remembering.recalled(texts),
    )


def _calls(messages: Sequence[Mapping[str, Any]]) -> list[Made]:
    called: dict[str, Mapping[str, Any]] = {}
    made: list[Made] = []
    for message in messages:
        for call in message.get("tool_calls") or ():
            called[str(call["id"])] = call["function"]
        if message.get("role") == "tool":
            content = _text(message.get("content"))
            call = called.get(str(message.get("tool_call_id")), {})
            made.append(
                Made(
                    call.get("name", ""),
                    _parsed(call.get("arguments") or "{}"),
                    _parsed(content),
                    content.startswith("Error"),
                )
            )
    return made


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
