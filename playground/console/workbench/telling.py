"""What the page shows of a cell: what was said, what waits, what it took."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from playground.console.workbench import tooling
from playground.console.workbench.answering import conversation_of
from playground.console.workbench.asking import NO_MODEL
from playground.console.workbench.marking import marked
from playground.console.workbench.models import SINGLE, Cell, Turn, TurnStatus
from playground.console.workbench.standing import OPEN
from playground.core.context import RequestContext
from playground.prompts.aligning import Piece
from skills.declaring import Skill


@dataclass(frozen=True, slots=True)
class CallView:
    """A call that waits for a result; ``skill`` is the one that could give it, if any.

    Attributes:
        unknown: the skill was called, and nobody knows whether it has acted.
    """

    id: str
    name: str
    arguments: str
    example: str
    skill: Skill | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class SaidView:
    """One message of a cell after its prompt.

    Attributes:
        calls: name and arguments of each call that it makes.
        by: who answered, where it is a tool's result: ``simulated`` or a skill's name.
        pieces: the text with its differences marked; empty where none are asked for.
    """

    role: str
    text: str
    calls: tuple[tuple[str, str], ...] = ()
    by: str = ""
    cut: bool = False
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class CellView:
    """One cell as it stands.

    Attributes:
        live: what is being written just now, at ``attempt``; None where nothing is.
    """

    id: uuid.UUID
    column: uuid.UUID
    row: int
    state: str
    ref: str
    model: str
    said: tuple[SaidView, ...] = ()
    error: Mapping[str, Any] | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    check: Mapping[str, Any] | None = None
    calls: tuple[CallView, ...] = ()
    trace_id: str = ""
    live: str | None = None
    attempt: int = 0
    created_at: dt.datetime | None = None

    @property
    def working(self) -> bool:
        """Tell whether an answer is on its way."""
        return self.state in OPEN

    @property
    def rendered(self) -> bool:
        """Tell whether it shows what the prompt renders to, and no answer."""
        return self.model == NO_MODEL

    @property
    def callable_skills(self) -> bool:
        """Tell whether there is a skill for every call that waits."""
        return all(call.skill for call in self.calls)

    @property
    def changing(self) -> list[str]:
        """Return the titles of the skills that would change something."""
        return [
            call.skill.title for call in self.calls if call.skill and call.skill.effect == "write"
        ]


def cell_view(context: RequestContext, cell: Cell, *, base: str | None = None) -> CellView:
    """Show a cell; its turns and their runs are loaded.

    Args:
        base: the text that its answer is marked against.
    """
    request = cell.request or {}
    turns = list(cell.turns.all())
    last = turns[-1] if turns else None
    state = last.state if last else TurnStatus.FAILED.value
    waits = tooling.pending(conversation_of(turns)) if state not in OPEN else []
    writes = last is not None and state == TurnStatus.RUNNING and cell.row == SINGLE
    if writes and last is not None and last.said and last.said[-1]["role"] == "assistant":
        # What was said stands there whole; the rest of the turn has not begun.
        writes = bool(last.run.partial_text)
    return CellView(
        id=cell.pk,
        column=cell.column_id,
        row=cell.row,
        state=state,
        ref=request.get("ref", ""),
        model=request.get("model", ""),
        said=_said(turns, base),
        error=cell.error or (last.failure if last else None),
        figures=last.figures if last else {},
        check=last.check_result if last else None,
        calls=tuple(
            _call(context, call, request.get("simulated", {}), last.unknown if last else [])
            for call in waits
        ),
        trace_id=last.trace_id if last else "",
        live=last.run.partial_text if writes and last is not None else None,
        attempt=last.run.attempt if last else 0,
        created_at=cell.created_at,
    )


def _said(turns: list[Turn], base: str | None) -> tuple[SaidView, ...]:
    views = []
    messages = conversation_of(turns)
    last = max((i for i, each in enumerate(messages) if each["role"] == "assistant"), default=-1)
    for index, message in enumerate(messages):
        text = message.get("content") or ""
        text = text if isinstance(text, str) else ""
        calls = [call["function"] for call in message.get("tool_calls") or []]
        pieces = marked(base, text) if base is not None and index == last else ()
        views.append(
            SaidView(
                role=message["role"],
                text=text,
                calls=tuple((each["name"], each["arguments"]) for each in calls),
                by=message.get("by", ""),
                cut=message.get("cut", False),
                pieces=pieces,
            )
        )
    return tuple(views)


def text_of(cell: Cell) -> str:
    """Return the last thing that the model said in a cell."""
    said = conversation_of(list(cell.turns.all()))
    return next((each["content"] for each in reversed(said) if each["role"] == "assistant"), "")


def _call(
    context: RequestContext,
    call: Mapping[str, Any],
    simulated: Mapping[str, Any],
    unknown: Sequence[str],
) -> CallView:
    name = call["function"]["name"]
    known = simulated.get(name)
    example = tooling.as_text(known) if known is not None else tooling.example(name)
    return CallView(
        id=call["id"],
        name=name,
        arguments=call["function"]["arguments"],
        example=example,
        skill=tooling.skill_of(context, name),
        unknown=call["id"] in unknown,
    )
