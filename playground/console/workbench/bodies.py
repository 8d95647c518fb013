"""What the workbench's API takes and gives."""

import datetime as dt
import uuid
from typing import Any, Literal, Self

from ninja import Schema
from pydantic import ConfigDict, model_validator

from playground.console.workbench import inputs
from playground.console.workbench.models import Cell, Column, Turn, Workbench
from playground.console.workbench.recalling import PastRun
from playground.console.workbench.standing import Only
from playground.console.workbench.summing import ColumnSum


class BodyIn(Schema):
    """A body; a member that it does not know is refused, as a slip of the pen."""

    model_config = ConfigDict(extra="forbid")


class ColumnBody(Schema):
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


class ColumnIn(BodyIn, ColumnBody):
    __doc__ = ColumnBody.__doc__


class ColumnPutIn(ColumnIn):
    """All of a column; ``revision`` is the one that was changed: an older one is refused."""

    revision: int | None = None


class TableIn(BodyIn):
    """Rows of inputs: names and rows of text, or ``csv`` whose first line has the names."""

    names: list[str] = []
    rows: list[list[str]] = []
    csv: str | None = None

    def table(self) -> dict[str, Any]:
        """Return the table in its one shape."""
        if self.csv is not None:
            return inputs.table_of(self.csv)
        return {"names": self.names, "rows": self.rows}


class WorkbenchIn(BodyIn):
    name: str = ""
    columns: list[ColumnIn] = []
    variables: dict[str, Any] = {}
    table: TableIn | None = None


class WorkbenchPatchIn(BodyIn):
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


class SpanIn(BodyIn):
    trace_id: str
    span_id: str


class RunIn(BodyIn):
    """Which columns to run, all where none is named; with ``table`` once for each row.

    ``only`` leaves out rows that were answered: ``failed`` runs those that failed, ``rest`` those
    that were stopped or never run, too.
    """

    columns: list[uuid.UUID] | None = None
    table: bool = False
    only: Only | None = None

    @model_validator(mode="after")
    def _chooses_rows(self) -> Self:
        if self.only is not None and not self.table:
            raise ValueError("Only rows of the table can be left out: set table.")
        return self


class StopIn(BodyIn):
    columns: list[uuid.UUID] | None = None


class ContinueIn(BodyIn):
    """What to say next: words, results of the calls that wait by their ids, or the skills'."""

    content: str | None = None
    results: dict[str, Any] | None = None
    invoke: bool = False


class SayIn(BodyIn):
    content: str


class DraftIn(BodyIn):
    """``prompt`` is ``team/name``; ``variables`` by dotted name, over the examples."""

    prompt: str
    variables: dict[str, str] = {}


class PublishIn(BodyIn):
    """``note`` says what changed."""

    note: str = ""


class ColumnOut(ColumnBody):
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
    """One conversation of a column about one row; row 0 has the shared variables.

    ``batch`` is the same in all cells that one run of the column made.
    """

    id: uuid.UUID
    column_id: uuid.UUID
    batch: uuid.UUID
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
            batch=cell.batch,
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


class PastRunOut(Schema):
    """A run of a column that is still kept; ``rows`` is 0 where it asked with the variables."""

    batch: uuid.UUID
    column_id: uuid.UUID
    at: dt.datetime
    author: str
    prompt: str | None
    model: str
    rows: int
    failed: int
    cost_usd: float | None
    input_tokens: int
    output_tokens: int

    @classmethod
    def of(cls, run: PastRun) -> "PastRunOut":
        """Show a run of a column."""
        told = {name: getattr(run, name) for name in run.__slots__}
        return cls(column_id=told.pop("column"), prompt=told.pop("ref") or None, **told)


class PastRunsOut(Schema):
    items: list[PastRunOut]
    next: str | None = None


class ColumnSumOut(Schema):
    """All rows of one column together; ``unpriced`` of them have no known cost.

    ``p50_ms`` and ``p95_ms`` are of the rows that were answered.
    """

    column_id: uuid.UUID
    answered: int
    failed: int
    stopped: int
    working: int
    cost_usd: float | None
    unpriced: int
    input_tokens: int
    output_tokens: int
    p50_ms: float | None
    p95_ms: float | None

    @classmethod
    def of(cls, total: ColumnSum) -> "ColumnSumOut":
        """Show what the rows of a column took."""
        told = {name: getattr(total, name) for name in total.__slots__}
        return cls(column_id=told.pop("column"), **told)


class SummaryOut(Schema):
    """How far the rows are that were run, and what they took in each column."""

    total: int
    done: int
    failed: int
    stopped: int
    left_s: float | None
    columns: list[ColumnSumOut]


class FindingOut(Schema):
    """``message`` counts from 0 and is null where it is about none; lines and columns from 1."""

    severity: str
    code: str
    detail: str
    message: int | None
    line: int
    column: int


class ReviewOut(Schema):
    items: list[FindingOut]
    next: str | None = None


class StoppedOut(Schema):
    stopped: int


class VersionOut(Schema):
    ref: str
