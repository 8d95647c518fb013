"""Workbenches, their columns, and what was asked and said in each cell."""

import uuid
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models.functions import Now

from playground.core.context import RequestContext
from playground.core.ids import new_id, urn
from playground.messaging.models import new_trace_id
from playground.messaging.statuses import RunStatus
from playground.policy.deciding import Resource

SINGLE = 0
"""The row of a cell whose inputs are the shared variables; those of a table count from 1."""


UNTITLED = "Untitled workbench"


class TurnStatus(models.TextChoices):
    """Where a turn stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WorkbenchQuerySet(models.QuerySet["Workbench"]):
    def visible_to(self, context: RequestContext) -> Self:
        """Keep the workbenches of the context's team."""
        return self.filter(team__slug=context.team)


class Workbench(models.Model):
    """Some columns with shared variables; everybody in the team who has the link may see it.

    Attributes:
        author: URN of who opened it.
        variables: JSON values by name, nested as the templates read them.
        table: ``{"names": […], "rows": [[text, …], …]}``, empty for none.
        table_key: another one with each table, so that cells of an older one are not shown.
        notes: what could not be taken over from where it was opened from.
        revision: counts changes of name, variables and table, so that whoever changes them
            says which ones they saw.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey("policy.Team", on_delete=models.CASCADE, related_name="workbenches")
    name = models.CharField(max_length=100, blank=True)
    author = models.CharField(max_length=128)
    variables = models.JSONField(default=dict)
    table = models.JSONField(default=dict)
    table_key = models.UUIDField(default=new_id)
    notes = models.JSONField(default=list)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects = WorkbenchQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-updated_at"]
        indexes: ClassVar = [
            models.Index(fields=["team", "-updated_at"], name="workbench_newest_of_team")
        ]

    def __str__(self) -> str:
        return self.name or UNTITLED

    @property
    def urn(self) -> str:
        """Name the workbench in audit rows."""
        return urn("workbench", self.pk)

    @property
    def inputs(self) -> list[dict[str, str]]:
        """Return the table as one mapping from name to text for each row."""
        names = self.table.get("names", [])
        return [dict(zip(names, row, strict=True)) for row in self.table.get("rows", [])]

    def resource(self) -> Resource:
        """Describe the workbench to the policies; reads the team."""
        return Resource(
            kind="Workbench", id=str(self.pk), team=self.team.slug, owner=self.author or None
        )


class Column(models.Model):
    """One way to ask; ``spec`` is a ``specifying.ColumnSpec``, ``lane`` where it waits its turn.

    Attributes:
        revision: counts changes of ``spec``.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    bench = models.ForeignKey(Workbench, on_delete=models.CASCADE, related_name="columns")
    lane = models.OneToOneField("messaging.Lane", on_delete=models.CASCADE)
    position = models.PositiveSmallIntegerField()
    spec = models.JSONField()
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        ordering: ClassVar = ["bench", "position", "id"]

    def __str__(self) -> str:
        return f"column {self.position} of {self.bench_id}"


class CellQuerySet(models.QuerySet["Cell"]):
    def shown(self, bench: Workbench) -> Self:
        """Keep the newest cell of each column and row, those of the present table alone."""
        mine = self.filter(column__bench=bench)
        current = mine.filter(models.Q(row=SINGLE) | models.Q(table_key=bench.table_key))
        newest = current.order_by("column_id", "row", "-created_at", "-id")
        return self.filter(pk__in=newest.distinct("column_id", "row").values("pk"))

    def of_batch(self, bench: Workbench, batch: uuid.UUID) -> Self:
        """Keep the cells that one run of a column made, those of the present table alone."""
        current = models.Q(row=SINGLE) | models.Q(table_key=bench.table_key)
        return self.filter(current, column__bench=bench, batch=batch)


class Cell(models.Model):
    """One conversation of a column about one set of inputs.

    Attributes:
        batch: the same in all cells that one run of the column made.
        variables: the inputs as they were.
        request: what goes to the model, a ``rendering.Asked``, frozen; None where it failed.
        error: ``code`` and ``detail`` of why nothing could be asked.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    column = models.ForeignKey(Column, on_delete=models.CASCADE, related_name="cells")
    row = models.PositiveSmallIntegerField(default=SINGLE)
    table_key = models.UUIDField(null=True)
    batch = models.UUIDField(default=new_id)
    variables = models.JSONField(default=dict)
    request = models.JSONField(null=True)
    error = models.JSONField(null=True)
    author = models.CharField(max_length=128)
    created_at = models.DateTimeField(db_default=Now())

    objects = CellQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["column", "row", "-created_at"]
        indexes: ClassVar = [
            models.Index(fields=["column", "row", "-created_at"], name="workbench_cell_newest"),
            models.Index(fields=["column", "batch"], name="workbench_cell_batch"),
        ]

    def __str__(self) -> str:
        return f"cell of {self.column_id}"


class Turn(models.Model):
    """What was asked of a cell at once, and all that came of it until the model had done.

    Attributes:
        asked: messages that this turn adds, as OpenAI's Chat Completions write them; the first
            turn adds none, for the cell's request holds them.
        said: answers and results of tools, with ``by`` where a result was simulated or a skill's.
        invokes: the skills that wait for a person's word may be called: the person has said so.
        intents: names of skills by the ids of their calls: was to be called, has given no result.
        figures: see ``calling.Figures``.
        check_result: ``{"valid", "violations"}`` of structured output; None without a format.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    cell = models.ForeignKey(Cell, on_delete=models.CASCADE, related_name="turns")
    number = models.PositiveSmallIntegerField(default=1)
    run = models.ForeignKey("messaging.Run", on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=16, choices=TurnStatus, default=TurnStatus.QUEUED.value)
    trace_id = models.CharField(max_length=32, default=new_trace_id, db_index=True)
    asked = models.JSONField(default=list)
    said = models.JSONField(default=list)
    invokes = models.BooleanField(default=False)
    intents = models.JSONField(default=dict)
    figures = models.JSONField(default=dict)
    check_result = models.JSONField(null=True)
    error = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["cell", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cell", "number"], name="workbench_turn_once"),
            models.CheckConstraint(
                condition=models.Q(status__in=TurnStatus.values), name="workbench_turn_status"
            ),
        ]

    def __str__(self) -> str:
        return f"turn {self.number} of {self.cell_id}"

    @property
    def state(self) -> str:
        """Return the status; a turn whose run has ended without it ended the same way.

        Reads the run.
        """
        if self.status not in (TurnStatus.QUEUED, TurnStatus.RUNNING):
            return self.status
        match self.run.status:
            case RunStatus.QUEUED | RunStatus.RUNNING | RunStatus.SUCCEEDED:
                return self.status
            case RunStatus.CANCELLED:
                return TurnStatus.CANCELLED.value
            case _:
                return TurnStatus.FAILED.value

    @property
    def unknown(self) -> list[str]:
        """Return the ids of calls of which nobody knows whether the skill has acted."""
        return [] if self.state in (TurnStatus.QUEUED, TurnStatus.RUNNING) else sorted(self.intents)

    @property
    def failure(self) -> dict[str, Any] | None:
        """Return ``code`` and ``detail`` of what went wrong. Reads the run."""
        if self.error is None and self.state == TurnStatus.FAILED:
            return {"code": self.run.error_code, "detail": self.run.error_detail}
        return self.error  # type: ignore[no-any-return]
