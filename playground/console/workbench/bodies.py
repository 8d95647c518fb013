"""What the API of workbenches and their columns takes and gives."""

import datetime as dt
import uuid
from typing import Any, Literal, Self

from ninja import Schema
from pydantic import model_validator

from playground.console.workbench import inputs
from playground.console.workbench.models import Column, Workbench
from playground.core.bodies import BodyIn


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


class WorkbenchesOut(Schema):
    items: list[WorkbenchOut]
    next: str | None


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


class VersionOut(Schema):
    ref: str
