"""What the API of running columns takes, and what it gives of their cells and runs."""

import datetime as dt
import uuid
from typing import Any, Self

from ninja import Schema
from pydantic import model_validator

from playground.console.workbench.models import Cell, Turn
from playground.console.workbench.recalling import PastRun
from playground.console.workbench.standing import Only
from playground.console.workbench.summing import ColumnSum
from playground.core.bodies import BodyIn


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


class StoppedOut(Schema):
    stopped: int
