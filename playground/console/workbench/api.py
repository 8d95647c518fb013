"""The workbench over HTTP: everything that its page does."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal, Self

from django.db.models import QuerySet, prefetch_related_objects
from django.http import HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field, model_validator

from playground.console.workbench import changing, exporting, inputs, keeping, opening, running
from playground.console.workbench.merging import Changes, find_column
from playground.console.workbench.models import Cell, Column, Turn, Workbench
from playground.core.errors import InvalidInput
from playground.policy.requests import TeamRequest

workbench_api = Router(tags=["workbench"])

MAX_PAGE = 200


class ColumnIn(Schema):
    """A column: a prompt's version or label, or a draft, with what goes over it.

    ``source`` is ``team/name@3``, ``team/name:label`` or ``team/name``; ``content`` is a draft in
    the shape of a prompt's version. ``tool_mode`` says who answers calls of tools.
    """

    source: str = ""
    content: dict[str, Any] | None = None
    model: str = ""
    parameters: dict[str, Any] = {}
    tools: list[dict[str, Any]] | None = None
    response_format: dict[str, Any] | None = None
    skills: list[str] = []
    tool_mode: Literal["ask", "simulate", "skills"] = "ask"
    simulated: dict[str, Any] = {}


class ColumnPutIn(ColumnIn):
    """All of a column; ``revision`` is the one that was changed: an older one is refused."""

    revision: int | None = None


class TableIn(Schema):
    """Rows of inputs: names and rows of text, or ``csv`` whose first line has the names."""

    names: list[str] = []
    rows: list[list[str]] = []
    csv: str | None = None

    def table(self) -> dict[str, Any]:
        """Return the table in its one shape."""
        if self.csv is not None:
            return inputs.table_of(self.csv)
        return {"names": self.names, "rows": self.rows}


class WorkbenchIn(Schema):
    name: str = ""
    columns: list[ColumnIn] = []
    variables: dict[str, Any] = {}
    table: TableIn | None = None


class WorkbenchPatchIn(Schema):
    """What is to change; a new table starts without outputs.

    ``revision`` is the workbench's that the change was made in: an older one is refused.
    """

    name: str | None = None
    variables: dict[str, Any] | None = None
    table: TableIn | None = None
    revision: int | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.name is None and self.variables is None and self.table is None:
            raise ValueError("Give a name, variables or a table.")
        return self


class SpanIn(Schema):
    trace_id: str
    span_id: str


class DraftIn(Schema):
    """``prompt`` is ``team/name``; ``variables`` by dotted name, over the examples."""

    prompt: str
    variables: dict[str, str] = {}


class RunIn(Schema):
    """Which columns to run, all where none is named; with ``table`` once for each row."""

    columns: list[uuid.UUID] | None = None
    table: bool = False


class StopIn(Schema):
    columns: list[uuid.UUID] | None = None


class ContinueIn(Schema):
    """What to say next: words, results of the calls that wait by their ids, or the skills'."""

    content: str | None = None
    results: dict[str, Any] | None = None
    invoke: bool = False


class SayIn(Schema):
    content: str


class PublishIn(Schema):
    """``note`` says what changed."""

    note: str = ""


class ColumnOut(ColumnIn):
    """A column; ``lane_id`` is followed at ``/api/threads/{lane_id}/events``."""

    id: uuid.UUID
    lane_id: uuid.UUID
    revision: int

    @classmethod
    def of(cls, column: Column) -> "ColumnOut":
        """Show a column as it is now."""
        return cls(id=column.pk, lane_id=column.lane_id, revision=column.revision, **column.spec)


class WorkbenchOut(Schema):
    id: uuid.UUID
    name: str
    author: str
    variables: dict[str, Any]
    table: dict[str, Any]
    notes: list[str]
    columns: list[ColumnOut]
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime

    @classmethod
    def of(cls, bench: Workbench) -> "WorkbenchOut":
        """Show a workbench with its columns."""
        return cls(
            id=bench.pk,
            name=bench.name,
            author=bench.author,
            variables=bench.variables,
            table=bench.table,
            notes=bench.notes,
            columns=[ColumnOut.of(column) for column in bench.columns.all()],
            revision=bench.revision,
            created_at=bench.created_at,
            updated_at=bench.updated_at,
        )


class TurnOut(Schema):
    """What was asked at once and all that came of it; ``figures`` has times, tokens and cost.

    ``unknown`` are the ids of calls whose skill may have acted already: look before you go on.
    """

    number: int
    status: str
    trace_id: str
    asked: list[dict[str, Any]]
    said: list[dict[str, Any]]
    unknown: list[str]
    figures: dict[str, Any]
    structured: dict[str, Any] | None
    error: dict[str, Any] | None

    @classmethod
    def of(cls, turn: Turn) -> "TurnOut":
        """Show a turn as it is now."""
        return cls(
            number=turn.number,
            status=turn.state,
            trace_id=turn.trace_id,
            asked=turn.asked,
            said=turn.said,
            unknown=turn.unknown,
            figures=turn.figures,
            structured=turn.check_result,
            error=turn.failure,
        )


class CellOut(Schema):
    """One conversation of a column about one row; row 0 has the shared variables."""

    id: uuid.UUID
    column_id: uuid.UUID
    row: int
    status: str
    variables: dict[str, Any]
    request: dict[str, Any] | None
    error: dict[str, Any] | None
    turns: list[TurnOut]

    @classmethod
    def of(cls, cell: Cell) -> "CellOut":
        """Show a cell with its turns; load ``turns__run`` before."""
        turns = [TurnOut.of(turn) for turn in cell.turns.all()]
        return cls(
            id=cell.pk,
            column_id=cell.column_id,
            row=cell.row,
            status=turns[-1].status if turns else "failed",
            variables=cell.variables,
            request=cell.request,
            error=cell.error,
            turns=turns,
        )


class WorkbenchesOut(Schema):
    items: list[WorkbenchOut]
    next: str | None


class CellsOut(Schema):
    items: list[CellOut]
    next: str | None = None


class StoppedOut(Schema):
    stopped: int


class VersionOut(Schema):
    ref: str


@workbench_api.get("", response=WorkbenchesOut, summary="The team's workbenches")
def list_workbenches(
    request: TeamRequest,
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50,
    after: uuid.UUID | None = None,
) -> dict[str, Any]:
    """List them, the newest made first."""
    found: QuerySet[Workbench] = Workbench.objects.visible_to(request.context)
    if after is not None:
        found = found.filter(pk__lt=after)
    page = list(found.prefetch_related("columns").order_by("-pk")[: limit + 1])
    items = [WorkbenchOut.of(bench) for bench in page[:limit]]
    return {"items": items, "next": str(items[-1].id) if len(page) > limit else None}


@workbench_api.post("", response={201: WorkbenchOut}, summary="Open a workbench")
def create_workbench(request: TeamRequest, body: WorkbenchIn) -> Status[WorkbenchOut]:
    """Open a workbench with 1 to 6 columns; without any it has an empty one."""
    bench = keeping.open_workbench(
        request.context,
        name=body.name,
        columns=[column.dict() for column in body.columns] or None,
        variables=body.variables,
        table=body.table.table() if body.table else None,
    )
    return Status(201, WorkbenchOut.of(bench))


@workbench_api.post("/from-span", response={201: WorkbenchOut}, summary="Open a traced call")
def open_span(request: TeamRequest, body: SpanIn) -> Status[WorkbenchOut]:
    """Open a workbench with what a traced call of a model asked; ``notes`` say what is missing."""
    bench = opening.open_span(request.context, body.trace_id, body.span_id)
    return Status(201, WorkbenchOut.of(bench))


@workbench_api.post("/from-draft", response={201: WorkbenchOut}, summary="Open one's draft")
def open_draft(request: TeamRequest, body: DraftIn) -> Status[WorkbenchOut]:
    """Open a workbench with the version that your draft of a prompt began with, and the draft.

    Without a draft of yours it is a copy of the newest version.
    """
    bench = opening.open_draft(request.context, body.prompt, values=body.variables)
    return Status(201, WorkbenchOut.of(bench))


@workbench_api.get("/{uuid:bench_id}", response=WorkbenchOut, summary="One workbench")
def get_workbench(request: TeamRequest, bench_id: uuid.UUID) -> WorkbenchOut:
    """Return a workbench with its columns, variables and table."""
    return WorkbenchOut.of(keeping.find_workbench(request.context, bench_id))


@workbench_api.patch("/{uuid:bench_id}", response=WorkbenchOut, summary="Change a workbench")
def patch_workbench(
    request: TeamRequest, bench_id: uuid.UUID, body: WorkbenchPatchIn
) -> WorkbenchOut:
    """Change its name, its variables or its table."""
    changes = Changes(
        name=body.name,
        variables=body.variables,
        table=body.table.table() if body.table else None,
        revision=body.revision,
    )
    return WorkbenchOut.of(keeping.change_workbench(request.context, bench_id, changes))


@workbench_api.delete("/{uuid:bench_id}", response={204: None}, summary="Delete a workbench")
def delete_workbench(request: TeamRequest, bench_id: uuid.UUID) -> Status[None]:
    """Delete a workbench with all its outputs."""
    keeping.delete_workbench(request.context, bench_id)
    return Status(204, None)


@workbench_api.post(
    "/{uuid:bench_id}/duplicate", response={201: WorkbenchOut}, summary="Copy a workbench"
)
def duplicate_workbench(request: TeamRequest, bench_id: uuid.UUID) -> Status[WorkbenchOut]:
    """Open another one with the same columns, variables and table, and no outputs."""
    return Status(201, WorkbenchOut.of(keeping.duplicate_workbench(request.context, bench_id)))


@workbench_api.post("/{uuid:bench_id}/columns", response={201: ColumnOut}, summary="Add a column")
def add_column(request: TeamRequest, bench_id: uuid.UUID, body: ColumnIn) -> Status[ColumnOut]:
    """Add a column on the right, up to six."""
    return Status(201, ColumnOut.of(keeping.add_column(request.context, bench_id, body.dict())))


@workbench_api.put(
    "/{uuid:bench_id}/columns/{uuid:column_id}", response=ColumnOut, summary="Change a column"
)
def put_column(
    request: TeamRequest, bench_id: uuid.UUID, column_id: uuid.UUID, body: ColumnPutIn
) -> ColumnOut:
    """Replace all that a column is made of; its outputs stay."""
    key = str(column_id)
    revisions = {} if body.revision is None else {key: body.revision}
    changes = Changes(columns={key: body.dict(exclude={"revision"})}, revisions=revisions)
    bench = keeping.change_workbench(request.context, bench_id, changes)
    return ColumnOut.of(find_column(bench, column_id))


@workbench_api.delete(
    "/{uuid:bench_id}/columns/{uuid:column_id}", response={204: None}, summary="Remove a column"
)
def remove_column(request: TeamRequest, bench_id: uuid.UUID, column_id: uuid.UUID) -> Status[None]:
    """Remove a column with its outputs."""
    keeping.remove_column(request.context, bench_id, column_id)
    return Status(204, None)


@workbench_api.post(
    "/{uuid:bench_id}/columns/{uuid:column_id}/draft",
    response=ColumnOut,
    summary="Make a draft of a column",
)
def make_draft(request: TeamRequest, bench_id: uuid.UUID, column_id: uuid.UUID) -> ColumnOut:
    """Copy what the column names into it, to be changed there."""
    return ColumnOut.of(changing.make_draft(request.context, bench_id, column_id))


@workbench_api.post(
    "/{uuid:bench_id}/columns/{uuid:column_id}/publish",
    response={201: VersionOut},
    summary="Save a draft as a version",
)
def publish_draft(
    request: TeamRequest, bench_id: uuid.UUID, column_id: uuid.UUID, body: PublishIn | None = None
) -> Status[dict[str, str]]:
    """Save the column's draft as a new version of the prompt it was made from."""
    note = body.note if body else ""
    saved = changing.save_draft(request.context, bench_id, column_id, note=note)
    return Status(201, {"ref": saved.ref})


@workbench_api.post("/{uuid:bench_id}/run", response={202: CellsOut}, summary="Run columns")
def run(request: TeamRequest, bench_id: uuid.UUID, body: RunIn) -> Status[dict[str, Any]]:
    """Ask in these columns; the cells' answers follow."""
    cells = running.run_columns(request.context, bench_id, columns=body.columns, table=body.table)
    return Status(202, {"items": _shown(cells)})


@workbench_api.post("/{uuid:bench_id}/stop", response={202: StoppedOut}, summary="Stop columns")
def stop(request: TeamRequest, bench_id: uuid.UUID, body: StopIn) -> Status[dict[str, int]]:
    """Stop what runs or waits in these columns; what was written until then stays."""
    stopped = running.stop(request.context, bench_id, columns=body.columns)
    return Status(202, {"stopped": stopped})


@workbench_api.post(
    "/{uuid:bench_id}/say", response={202: CellsOut}, summary="Say the same to every column"
)
def say_to_all(request: TeamRequest, bench_id: uuid.UUID, body: SayIn) -> Status[dict[str, Any]]:
    """Go on with the same words in every column's conversation that waits for more."""
    turns = running.continue_all(request.context, bench_id, content=body.content)
    return Status(202, {"items": _shown([turn.cell for turn in turns])})


@workbench_api.get("/{uuid:bench_id}/cells", response=CellsOut, summary="The outputs")
def list_cells(
    request: TeamRequest,
    bench_id: uuid.UUID,
    row: Annotated[int | None, Query(ge=0, le=inputs.MAX_ROWS)] = None,
) -> dict[str, Any]:
    """Return the newest cell of each column and row, as the page shows them."""
    bench = keeping.find_workbench(request.context, bench_id)
    cells = Cell.objects.shown(bench).order_by("row", "column__position")
    if row is not None:
        cells = cells.filter(row=row)
    return {"items": _shown(list(cells))}


@workbench_api.get("/{uuid:bench_id}/cells/{uuid:cell_id}", response=CellOut, summary="One output")
def get_cell(request: TeamRequest, bench_id: uuid.UUID, cell_id: uuid.UUID) -> CellOut:
    """Return a cell, also an older one."""
    bench = keeping.find_workbench(request.context, bench_id)
    return _shown([running.find_cell(bench, cell_id)])[0]


@workbench_api.post(
    "/{uuid:bench_id}/cells/{uuid:cell_id}/continue",
    response={202: TurnOut},
    summary="Go on with a conversation",
)
def continue_cell(
    request: TeamRequest, bench_id: uuid.UUID, cell_id: uuid.UUID, body: ContinueIn
) -> Status[TurnOut]:
    """Say more, give the results of calls that wait, or let the skills give them."""
    if sum((body.content is not None, body.results is not None, body.invoke)) != 1:
        raise InvalidInput("workbench.nothing-said", "Give content, results or invoke: one.")
    turn = running.continue_cell(
        request.context,
        bench_id,
        cell_id,
        content=body.content,
        results=body.results,
        invoke=body.invoke,
    )
    return Status(202, TurnOut.of(turn))


@workbench_api.get("/{uuid:bench_id}/outputs.csv", summary="The table with its outputs, as CSV")
def outputs_csv(request: TeamRequest, bench_id: uuid.UUID) -> HttpResponse:
    """Return one line for each row, with what each column answered."""
    bench = keeping.find_workbench(request.context, bench_id)
    return HttpResponse(exporting.outputs_csv(bench), content_type="text/csv; charset=utf-8")


def _shown(cells: list[Cell]) -> list[CellOut]:
    prefetch_related_objects(cells, "turns__run")
    return [CellOut.of(cell) for cell in cells]
