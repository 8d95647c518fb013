"""The last runs of a column: when, by whom, of what and at what cost; one of them to look at."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Exists, FloatField, Max, Min, OuterRef, Q, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from playground.console.workbench.asking import Asked, asked_in
from playground.console.workbench.models import SINGLE, Cell, Column, Turn, TurnStatus, Workbench
from playground.console.workbench.standing import OPEN
from playground.console.workbench.telling import CellView, cell_view
from playground.core.context import RequestContext
from playground.messaging.statuses import RunStatus
from playground.policy.people import names_of

SHOWN = 10
"""How many runs of a column are listed, the newest."""


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run of a column that is still kept, or what is kept of it.

    Attributes:
        batch: its id, the ``batch`` of its cells.
        ref: ``team/name@3``; empty for a draft.
        rows: of the table; 0 where it asked with the shared variables.
        cost_usd: None where no price is known.
    """

    batch: uuid.UUID
    column: uuid.UUID
    at: dt.datetime
    author: str
    by: str
    ref: str
    model: str
    rows: int
    failed: int
    cost_usd: float | None
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Earlier:
    """A run that is shown beside the newest outputs of its column."""

    run: PastRun
    letter: str
    asked: Asked | None
    cell: CellView | None
    rows: dict[int, CellView] = field(default_factory=dict)


def past_runs(bench: Workbench, columns: Sequence[Column]) -> list[PastRun]:
    """Return the newest runs of each of these columns, the newest first; a query for each."""
    rows = [row for column in columns for row in _batches(bench, column)[:SHOWN]]
    return _filled(rows)


def earlier_of(
    context: RequestContext,
    bench: Workbench,
    batch: uuid.UUID,
    *,
    numbers: Sequence[int],
    against: dict[int, str] | None = None,
) -> Earlier | None:
    """Return one run with its cells of these rows; None where nothing of it is kept.

    Args:
        against: by row, the texts that its answers are marked against.
    """
    columns = list(bench.columns.all())
    found = [
        (row, index)
        for index, column in enumerate(columns)
        for row in _batches(bench, column).filter(batch=batch)
    ]
    if not found:
        return None
    row, index = found[0]
    cells = Cell.objects.of_batch(bench, batch).filter(row__in=[SINGLE, *numbers])
    texts = against or {}
    views = {
        cell.row: cell_view(context, cell, base=texts.get(cell.row))
        for cell in cells.prefetch_related("turns__run")
    }
    first = Cell.objects.of_batch(bench, batch).exclude(request=None).order_by("row").first()
    return Earlier(
        run=_filled([row])[0],
        letter="ABCDEF"[index : index + 1],
        asked=asked_in(first.request) if first else None,
        cell=views.pop(SINGLE, None),
        rows=views,
    )


def _batches(bench: Workbench, column: Column) -> Any:
    present = Q(row=SINGLE) | Q(table_key=bench.table_key)
    return (
        Cell.objects.filter(present, column=column)
        .order_by()
        .values("column_id", "batch")
        .annotate(
            at=Min("created_at"),
            by=Min("author"),
            cells=Count("pk"),
            last=Max("row"),
            unasked=Count("pk", filter=Q(request=None)),
            ref=Max(KT("request__ref")),
            model=Max(KT("request__model")),
        )
        .order_by("-batch")
    )


def _filled(rows: Sequence[dict[str, Any]]) -> list[PastRun]:
    # A cell fails by its last turn; one that is still open failed with the run that left it so.
    later = Turn.objects.filter(cell=OuterRef("cell"), number__gt=OuterRef("number"))
    failed = Q(status=TurnStatus.FAILED) | Q(
        status__in=OPEN, run__status__in=(RunStatus.FAILED, RunStatus.DEAD)
    )
    spent: dict[uuid.UUID, Any] = {
        each["cell__batch"]: each
        for each in Turn.objects.filter(cell__batch__in=[row["batch"] for row in rows])
        .order_by()
        .values("cell__batch")
        .annotate(
            failed=Count("pk", filter=failed & Q(~Exists(later))),
            cost=_figure("cost_usd"),
            given=_figure("input_tokens"),
            written=_figure("output_tokens"),
        )
    }
    names = names_of(row["by"] for row in rows)
    return [_past(row, spent.get(row["batch"], {}), names) for row in rows]


def _past(row: dict[str, Any], spent: dict[str, Any], names: dict[str, str]) -> PastRun:
    return PastRun(
        batch=row["batch"],
        column=row["column_id"],
        at=row["at"],
        author=row["by"],
        by=names.get(row["by"], ""),
        ref=row["ref"] or "",
        model=row["model"] or "",
        rows=row["cells"] if row["last"] != SINGLE else 0,
        failed=row["unasked"] + spent.get("failed", 0),
        cost_usd=spent.get("cost"),
        input_tokens=int(spent.get("given") or 0),
        output_tokens=int(spent.get("written") or 0),
    )


def _figure(name: str) -> Sum:
    return Sum(Cast(KT(f"figures__{name}"), FloatField()))
