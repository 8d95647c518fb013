"""Run columns, once or over a table, and stop them.

What a column asks is rendered here, while the person waits, so that a cell keeps exactly what it
was asked; a worker gets the answers, see ``answering``.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Window
from django.db.models.functions import RowNumber

from playground.console.workbench import inputs
from playground.console.workbench.asking import Wanted, asked, wanted
from playground.console.workbench.checking import refuse_lost
from playground.console.workbench.keeping import find_workbench
from playground.console.workbench.merging import find_column
from playground.console.workbench.models import SINGLE, Cell, Column, Turn, Workbench
from playground.console.workbench.ringing import ring
from playground.console.workbench.specifying import ColumnSpec
from playground.console.workbench.standing import Only, rows_to_run
from playground.console.workbench.storing import lost_numbers
from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput, PlaygroundError
from playground.core.ids import new_id
from playground.messaging import runs
from playground.messaging.models import Run, RunQuerySet

RENDERING_S = 5.0
"""How long everything that one request runs may be rendered, in seconds."""
KEPT_CELLS = 20
"""How many cells of one column and row are kept, the newest."""


def run_columns(
    context: RequestContext,
    bench_id: uuid.UUID,
    *,
    columns: Sequence[uuid.UUID | str] | None = None,
    table: bool = False,
    only: Only | None = None,
    seconds: float = RENDERING_S,
) -> list[Cell]:
    """Ask in these columns, or in all; with ``table`` once for each of its rows.

    Args:
        only: of the table the rows that failed in a column, or all that have no answer there.
        seconds: for rendering; what is not rendered by then says so in its cell.

    A column that cannot be rendered has its error in its cells, and the others go on. One that is
    still at work is left alone.

    Raises:
        NotFound, PolicyDenied: see ``keeping.find_workbench``.
        InvalidInput: ``workbench.no-table``.
        Conflict: ``workbench.column-busy``, all of them are at work; ``workbench.nothing-to-run``.
    """
    bench = find_workbench(context, bench_id, action="run")
    if table and not bench.inputs:
        raise InvalidInput("workbench.no-table", "Paste or upload a table first.")
    chosen = (
        list(bench.columns.all())
        if columns is None
        else [find_column(bench, column) for column in columns]
    )
    busy = busy_lanes(chosen)
    chosen = [column for column in chosen if column.lane_id not in busy]
    if not chosen:
        raise _busy()
    rows = _rows(context, bench) if table else {SINGLE: bench.variables}
    parts = dict.fromkeys(chosen, rows)
    if table and only is not None:
        parts = {column: _picked(bench, column, rows, only) for column in chosen}
        if not any(parts.values()):
            what = "failed" if only == "failed" else "is without an answer"
            raise Conflict("workbench.nothing-to-run", f"No row {what} in these columns.")
    until = time.monotonic() + seconds
    cells = [
        cell
        for column, mine in parts.items()
        if mine
        for cell in _run_column(context, bench, column, mine, until)
    ]
    if not cells:
        # Somebody else was faster, in every one of them.
        raise _busy()
    return cells


def schema_of(context: RequestContext, bench: Workbench) -> dict[str, Any]:
    """Return the schema of the variables that the columns read; of those that can be found."""
    schemas = []
    for column in bench.columns.all():
        try:
            schemas.append(wanted(context, ColumnSpec(**column.spec)).schema)
        except PlaygroundError:
            # It says so where it is edited, and when it is run.
            continue
    return inputs.union(schemas)


def stop(
    context: RequestContext,
    bench_id: uuid.UUID,
    *,
    columns: Sequence[uuid.UUID | str] | None = None,
) -> int:
    """Stop what runs or waits in these columns, or in all; return how many runs that were.

    Raises:
        NotFound, PolicyDenied: see ``keeping.find_workbench``.
    """
    bench = find_workbench(context, bench_id, action="run")
    chosen = (
        list(bench.columns.all())
        if columns is None
        else [find_column(bench, each) for each in columns]
    )
    active = list(_active(chosen).values_list("pk", flat=True))
    for run_id in active:
        runs.cancel(run_id, by=context)
    return len(active)


def _rows(context: RequestContext, bench: Workbench) -> dict[int, dict[str, Any]]:
    schema = schema_of(context, bench)
    return {
        number: inputs.row_variables(schema, bench.variables, row)
        for number, row in enumerate(bench.inputs, 1)
    }


def _picked(
    bench: Workbench, column: Column, rows: Mapping[int, dict[str, Any]], only: Only
) -> dict[int, dict[str, Any]]:
    wanted_rows = rows_to_run(bench, column.pk, only)
    return {number: variables for number, variables in rows.items() if number in wanted_rows}


def _run_column(
    context: RequestContext,
    bench: Workbench,
    column: Column,
    rows: Mapping[int, dict[str, Any]],
    until: float,
) -> list[Cell]:
    spec = ColumnSpec(**column.spec)
    found: Wanted | PlaygroundError
    try:
        found = wanted(context, spec)
    except PlaygroundError as error:
        found = error
    batch = new_id()
    cells = [
        _cell(context, bench, column, batch, spec, found, row, variables, until)
        for row, variables in rows.items()
    ]
    with transaction.atomic():
        held = Column.objects.select_for_update().filter(pk=column.pk).first()
        if held is None or _active([column]).exists():
            # It was removed, or somebody else ran it, while this was rendered.
            return []
        Cell.objects.bulk_create(cells)
        waiting = [cell for cell in cells if cell.error is None]
        if waiting:
            run = ring(context, column, f"{len(waiting)} to answer")
            Turn.objects.bulk_create([Turn(cell=cell, run_id=run) for cell in waiting])
        _forget_old(column)
    return cells


def _cell(
    context: RequestContext,
    bench: Workbench,
    column: Column,
    batch: uuid.UUID,
    spec: ColumnSpec,
    found: Wanted | PlaygroundError,
    row: int,
    variables: dict[str, Any],
    until: float,
) -> Cell:
    cell = Cell(
        column=column,
        batch=batch,
        row=row,
        table_key=bench.table_key if row != SINGLE else None,
        variables={
            name: value
            for name, value in variables.items()
            if not any(lost_numbers(name, value, long=True))
        },
        author=context.subject,
    )
    try:
        if isinstance(found, PlaygroundError):
            raise found
        if time.monotonic() > until:
            raise InvalidInput(
                "workbench.rendering-slow",
                f"There was no time left for this cell: what is run at once is rendered within "
                f"{RENDERING_S:g} seconds. Make the templates cheaper, or run fewer rows.",
            )
        refuse_lost(variables)
        cell.request = asked(context, spec, found, variables).as_json()
    except PlaygroundError as error:
        # A place inside of a fragment is none in what is asked here.
        here = {} if "fragment" in error.extra else error.extra
        places = {key: here[key] for key in ("message", "line", "column") if key in here}
        cell.error = {"code": error.code, "detail": error.detail, **places}
    return cell


def busy_lanes(columns: Sequence[Column]) -> set[uuid.UUID]:
    """Return the lanes of those columns that are at work."""
    return set(_active(columns).values_list("lane_id", flat=True))


def _active(columns: Sequence[Column]) -> RunQuerySet:
    return Run.objects.filter(lane_id__in=[column.lane_id for column in columns]).active()


def _busy() -> Conflict:
    return Conflict("workbench.column-busy", "Still at work; stop it, or wait for its end.")


def _forget_old(column: Column) -> None:
    place = Window(RowNumber(), partition_by="row", order_by=["-created_at", "-pk"])
    placed = Cell.objects.filter(column=column).annotate(place=place)
    Cell.objects.filter(pk__in=placed.filter(place__gt=KEPT_CELLS).values("pk")).delete()
