"""What the page of a workbench shows: its columns, its cells, how far the work is."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from playground.console.workbench import forming, inputs, tooling
from playground.console.workbench.answering import conversation_of
from playground.console.workbench.asking import NO_MODEL, Wanted, model_of, wanted
from playground.console.workbench.marking import marked
from playground.console.workbench.models import SINGLE, Cell, Column, Turn, TurnStatus, Workbench
from playground.console.workbench.specifying import MAX_COLUMNS, ColumnSpec
from playground.core.context import RequestContext
from playground.core.errors import PlaygroundError
from playground.core.forms import FormField
from playground.gateway import catalogue
from playground.gateway.catalogue import ModelInfo
from playground.policy.deciding import decide
from playground.prompts.content import Placeholder
from playground.prompts.models import Prompt
from playground.prompts.pages import browsing
from playground.prompts.pages.aligning import Piece
from playground.prompts.pages.editing import ROLES
from playground.prompts.pages.marking import Part, parts_of
from skills import registry
from skills.declaring import Skill

PAGE = 50
_OPEN = (TurnStatus.QUEUED, TurnStatus.RUNNING)


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
        return self.state in _OPEN

    @property
    def rendered(self) -> bool:
        """Tell whether it shows what the prompt renders to, and no answer."""
        return self.model == NO_MODEL

    @property
    def callable_skills(self) -> bool:
        """Tell whether there is a skill for every call that waits."""
        return all(call.skill for call in self.calls)


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the prompt that a column names, to read."""

    role: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class ColumnView:
    """One column.

    Attributes:
        ref: the version that ``source`` means now; empty for a draft.
        problem: why it cannot be asked as it is.
        model: what would answer.
        note: what is to be said of that model: that it is rule-based, for example.
    """

    id: uuid.UUID
    revision: int
    lane: uuid.UUID
    head_seq: int
    letter: str
    spec: ColumnSpec
    fields: forming.Fields
    ref: str
    href: str
    messages: tuple[Message, ...]
    model: str
    note: str
    problem: str
    cell: CellView | None
    rows: dict[int, CellView]
    busy: bool

    @property
    def title(self) -> str:
        """Name the column in few words."""
        if self.spec.content is None:
            return self.ref or self.spec.source or "No prompt yet"
        return f"Draft of {self.spec.source}" if self.spec.source else "Draft"


@dataclass(frozen=True, slots=True)
class RowView:
    """A row of the table with each column's cell, None where it was not run."""

    number: int
    inputs: tuple[tuple[str, str], ...]
    cells: tuple[tuple[uuid.UUID, CellView | None], ...]


@dataclass(frozen=True, slots=True)
class BenchView:
    """Everything that the page shows."""

    bench: Workbench
    columns: list[ColumnView]
    fields: list[FormField]
    unread: list[str]
    rows: list[RowView]
    compared: uuid.UUID | None
    done: int
    total: int
    may_run: bool
    may_edit: bool
    may_delete: bool
    author: str
    full: bool
    models: list[ModelInfo]
    sources: list[str]
    skills: list[Skill]
    roles: tuple[str, ...] = ROLES

    @property
    def working(self) -> bool:
        """Tell whether something runs or waits."""
        return any(column.busy for column in self.columns)

    @property
    def signature(self) -> str:
        """Name the fields, so that a page knows whether it has them already."""
        return " ".join(f"{each.name}:{each.kind}" for each in self.fields)


@dataclass(frozen=True, slots=True)
class Listed:
    """A workbench of the list."""

    bench: Workbench
    author: str
    columns: int


def listed(context: RequestContext, *, q: str = "") -> list[Listed]:
    """Return the team's newest workbenches; three queries."""
    found = Workbench.objects.visible_to(context).prefetch_related("columns")
    if q:
        found = found.filter(name__icontains=q.replace("\x00", ""))
    benches = list(found.order_by("-updated_at", "-pk")[:PAGE])
    names = browsing.names_of(bench.author for bench in benches)
    return [
        Listed(bench, names.get(bench.author, ""), len(bench.columns.all())) for bench in benches
    ]


def view_of(
    context: RequestContext, bench: Workbench, *, compared: uuid.UUID | None = None
) -> BenchView:
    """Return the page; ``compared`` is the column that the others' outputs are marked against."""
    models = catalogue.available()
    notes = {each.id: f"{each.title}, {each.note}" for each in models if each.offline}
    notes[NO_MODEL] = "Shows what the prompt renders to; name a model to ask it."
    cells = _cells(bench)
    columns = list(bench.columns.select_related("lane"))
    texts = {cell.row: _text_of(cell) for cell in cells if cell.column_id == compared}
    views, schemas = [], []
    for index, column in enumerate(columns):
        found, problem = _found(context, column)
        if found is not None:
            schemas.append(found.schema)
        mine = {
            cell.row: cell_view(
                context,
                cell,
                base=None if column.pk == compared else texts.get(cell.row),
            )
            for cell in cells
            if cell.column_id == column.pk
        }
        views.append(_column(column, index, found, problem, mine, notes))
    schema = inputs.union(schemas)
    names = {each.name for each in inputs.fields(schema, {})}
    table = bench.inputs
    turns = [cell for column in views for cell in column.rows.values()]
    return BenchView(
        bench=bench,
        columns=views,
        fields=inputs.fields(schema, bench.variables),
        unread=[name for name in bench.table.get("names", []) if name not in names],
        rows=[
            RowView(
                number,
                tuple(row.items()),
                tuple((column.id, column.rows.get(number)) for column in views),
            )
            for number, row in enumerate(table, 1)
        ],
        compared=compared,
        done=sum(not cell.working for cell in turns),
        total=len(turns),
        may_run=_may(context, "run", bench),
        may_edit=_may(context, "edit", bench),
        may_delete=_may(context, "delete", bench),
        author=browsing.names_of([bench.author])[bench.author],
        full=len(columns) >= MAX_COLUMNS,
        models=models,
        sources=_sources(context),
        skills=registry.visible_to(context),
    )


def cell_view(context: RequestContext, cell: Cell, *, base: str | None = None) -> CellView:
    """Show a cell; its turns and their runs are loaded.

    Args:
        base: the text that its answer is marked against.
    """
    request = cell.request or {}
    turns = list(cell.turns.all())
    last = turns[-1] if turns else None
    state = last.state if last else TurnStatus.FAILED.value
    waits = tooling.pending(conversation_of(turns)) if state not in _OPEN else []
    writes = last is not None and state == TurnStatus.RUNNING
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


def _cells(bench: Workbench) -> list[Cell]:
    cells = Cell.objects.shown(bench).select_related("column")
    return list(cells.prefetch_related("turns__run"))


def _said(turns: list[Turn], base: str | None) -> tuple[SaidView, ...]:
    views = []
    messages = conversation_of(turns)
    last = max((i for i, each in enumerate(messages) if each["role"] == "assistant"), default=-1)
    for index, message in enumerate(messages):
        text = message.get("content") or ""
        text = text if isinstance(text, str) else ""
        calls = [call["function"] for call in message.get("tool_calls") or []]
        pieces = marked(base, text) if base is not None and index == last else []
        views.append(
            SaidView(
                role=message["role"],
                text=text,
                calls=tuple((each["name"], each["arguments"]) for each in calls),
                by=message.get("by", ""),
                cut=message.get("cut", False),
                pieces=tuple(pieces),
            )
        )
    return tuple(views)


def _text_of(cell: Cell) -> str:
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


def _found(context: RequestContext, column: Column) -> tuple[Wanted | None, str]:
    try:
        return wanted(context, ColumnSpec(**column.spec)), ""
    except PlaygroundError as error:
        return None, error.detail


def _column(
    column: Column,
    index: int,
    found: Wanted | None,
    problem: str,
    cells: dict[int, CellView],
    notes: Mapping[str, str],
) -> ColumnView:
    spec = ColumnSpec(**column.spec)
    model = model_of(spec, found.content if found else None)
    version = found.version if found else None
    return ColumnView(
        id=column.pk,
        revision=column.revision,
        lane=column.lane_id,
        head_seq=column.lane.head_seq,
        letter="ABCDEF"[index : index + 1],
        spec=spec,
        fields=forming.fields_of(spec),
        ref=version.ref if version else "",
        href=f"/prompts/{version.prompt.path}?version={version.number}" if version else "",
        messages=_messages(found) if version and found else (),
        model=model,
        note=notes.get(model, ""),
        problem=problem,
        cell=cells.pop(SINGLE, None),
        rows=cells,
        # A stop or a lost worker leaves no turn open whose run has ended.
        busy=column.lane.runs.active().exists(),
    )


def _messages(found: Wanted) -> tuple[Message, ...]:
    return tuple(
        Message(each.role, tuple(parts_of(f"messages of {each.name}")))
        if isinstance(each, Placeholder)
        else Message(each.role, tuple(parts_of(each.template)))
        for each in found.content.messages
    )


def _sources(context: RequestContext) -> list[str]:
    """Return what columns may name: each prompt, and each of its labels."""
    prompts = Prompt.objects.visible_to(context).active().exclude(kind="fragment")
    rows = prompts.select_related("team").prefetch_related("labels").order_by("name")[:300]
    named = []
    for prompt in rows:
        named.append(prompt.path)
        named += [f"{prompt.path}:{label.name}" for label in prompt.labels.all()]
    return named


def _may(context: RequestContext, action: str, bench: Workbench) -> bool:
    return decide(context, action, bench.resource(), audit=False).allowed
