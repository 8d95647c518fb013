"""One call to the model: stream it, show it as it comes, and read what it asks for."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessageChunk, AnyMessage, SystemMessage

from agents import planning
from agents.planning import PlanItem
from agents.running import Turn
from playground.core import spans
from playground.core.errors import PlaygroundError
from playground.core.spans import SpanKind
from playground.gateway.langchain import GatewayChatModel
from skills.declaring import Skill

MAX_REPLY_CHARS = 200_000
MAX_CALLS = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """A tool call as the model wrote it; ``mistake`` says what is wrong with its form."""

    id: str
    alias: str
    arguments: dict[str, Any]
    mistake: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model call gave."""

    text: str
    calls: list[Asked]
    ms: int
    summary: str
    span_id: str | None = None


def speak(turn: Turn, messages: Sequence[AnyMessage], skills: Mapping[str, Skill]) -> Reply:
    """Stream a reply; its text shows while it comes and is kept in the turn's draft.

    Raises:
        RunCancelled: somebody asked to stop, between two chunks.
        ProviderError: the model could not be reached or broke off.
    """
    began = time.monotonic()
    turn.progress.clear_partial()
    turn.progress.raise_if_cancelled()
    turn.draft.text = ""
    whole: AIMessageChunk | None = None
    stream = _model(turn).bind_tools(_tools(skills)) if skills else _model(turn)
    for chunk in stream.stream(list(messages)):
        turn.progress.raise_if_cancelled()
        if not isinstance(chunk, AIMessageChunk):
            continue
        whole = chunk if whole is None else whole + chunk
        text = chunk.text
        if text and len(turn.draft.text) < MAX_REPLY_CHARS:
            turn.draft.text += text
            turn.progress.delta(text)
    ms = round((time.monotonic() - began) * 1000)
    tokens = _count(turn, whole)
    return Reply(
        text=turn.draft.text,
        calls=_asked(whole),
        ms=ms,
        summary=f"{tokens} tokens" if tokens else "",
        span_id=(whole.response_metadata.get("span_id") if whole else None),
    )


def write_plan(
    turn: Turn, messages: Sequence[AnyMessage], skills: Mapping[str, Skill]
) -> tuple[list[PlanItem], int]:
    """Ask for a plan; return it with the milliseconds it took.

    A model that cannot plan costs the plan, not the run.
    """
    began = time.monotonic()
    offered = "\n".join(f"- {alias}: {skill.description}" for alias, skill in skills.items())
    ask = (
        "Before you act, write a short plan for the request as JSON: the steps in order, each with "
        f"the tool that it needs, or an empty tool.\nTools:\n{offered}"
    )
    plan: list[PlanItem] = []
    with spans.span("plan", SpanKind.CHAIN) as span:
        try:
            # The schemas tell which tool needs what another one finds; none may be called yet.
            model = _model(turn).bind(
                tools=_tools(skills), tool_choice="none", response_format=planning.schema(skills)
            )
            answer = model.invoke(with_instruction(messages, ask))
            _count(turn, answer)
            plan = planning.parse(answer.text, tools=skills.keys())
        except PlaygroundError as error:
            if error.may_retry:
                raise
            span.event("plan.unavailable", {"code": error.code})
        span.output(planning.shown(plan))
    return plan, round((time.monotonic() - began) * 1000)


def with_instruction(messages: Sequence[AnyMessage], text: str) -> list[AnyMessage]:
    """Add to the system message: many chat templates take one, and only at the beginning."""
    first, *rest = messages
    if isinstance(first, SystemMessage):
        return [SystemMessage(f"{first.text}\n\n{text}"), *rest]
    return [SystemMessage(text), *messages]


def _model(turn: Turn) -> GatewayChatModel:
    return GatewayChatModel(
        model=turn.model, context=turn.context, cancelled=turn.progress.raise_if_cancelled
    )


def _tools(skills: Mapping[str, Skill]) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {
                "name": alias,
                "description": skill.description,
                "parameters": skill.input_schema,
            },
        }
        for alias, skill in skills.items()
    ]


def _asked(reply: AIMessageChunk | None) -> list[Asked]:
    """Read the calls strictly: LangChain would mend JSON that breaks off, and so change a call."""
    asked: list[Asked] = []
    for chunk in reply.tool_call_chunks[:MAX_CALLS] if reply is not None else ():
        written = chunk["args"] or "{}"
        mistake = ""
        try:
            arguments = json.loads(written)
        except (ValueError, RecursionError):
            arguments = None
        if not isinstance(arguments, dict):
            mistake = f"The arguments are not a JSON object: {written[:200]!r}. Write valid JSON."
            arguments = {}
        asked.append(Asked(chunk["id"] or "", chunk["name"] or "", arguments, mistake))
    return asked


def _count(turn: Turn, reply: Any) -> int:
    """Add a call's tokens and cost to the run's; return the tokens written."""
    metadata = getattr(reply, "usage_metadata", None) or {}
    cost = (getattr(reply, "response_metadata", None) or {}).get("cost_usd")
    written = int(metadata.get("output_tokens", 0))
    turn.progress.usage(
        input_tokens=int(metadata.get("input_tokens", 0)),
        output_tokens=written,
        cost_usd=cost if isinstance(cost, int | float) else None,
    )
    return written
