"""Run columns: once, over a table, or on with a conversation; and stop them.

What a column asks is rendered here, while the person waits, so that a cell keeps exactly what it
was asked; a worker gets the answers, see ``answering``.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count

from playground.console.workbench import inputs, tooling
from playground.console.workbench.answering import KIND, conversation_of
from playground.console.workbench.asking import NO_MODEL, Wanted, asked, wanted
from playground.console.workbench.keeping import find_workbench
from playground.console.workbench.merging import find_column
from playground.console.workbench.models import SINGLE, Cell, Column, Turn, TurnStatus, Workbench
from playground.console.workbench.specifying import ColumnSpec
from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput, NotFound, PlaygroundError
from playground.messaging import runs
from playground.messaging.appending import append_message
from playground.messaging.models import Run, RunQuerySet
from playground.messaging.texts import check_content

MAX_TURNS = 50
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
    seconds: float = RENDERING_S,
) -> list[Cell]:
    """Ask in these columns, or in all; with ``table`` once for each of its rows.

    Args:
        seconds: for rendering; what is not rendered by then says so in its cell.

    A column that cannot be rendered has its error in its cells, and the others go on. One that is
    still at work is left alone.

    Raises:
        NotFound, PolicyDenied: see ``keeping.find_workbench``.
        InvalidInput: ``workbench.no-table``.
        Conflict: ``workbench.column-busy``, all of them are at work.
    """
    bench = find_workbench(context, bench_id, action="run")
    if table and not bench.inputs:
        raise InvalidInput("workbench.no-table", "Paste or upload a table first.")
    chosen = (
        list(bench.columns.all())
        if columns is None
        else [find_column(bench, column) for column in columns]
    )
    busy = set(_active(chosen).values_list("lane_id", flat=True))
    chosen = [column for column in chosen if column.lane_id not in busy]
    if not chosen:
        raise _busy()
    schema = schema_of(context, bench)
    rows: dict[int, dict[str, Any]] = {SINGLE: bench.variables}
    if table:
        rows = {
            number: inputs.row_variables(schema, bench.variables, row)
            for number, row in enumerate(bench.inputs, 1)
        }
    until = time.monotonic() + seconds
    cells = [cell for column in chosen for cell in _run_column(context, bench, column, rows, until)]
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


def continue_cell(
    context: RequestContext,
    bench_id: uuid.UUID,
    cell_id: uuid.UUID,
    *,
    content: str | None = None,
    results: Mapping[str, Any] | None = None,
    invoke: bool = False,
) -> Turn:
    """Say more in a cell: as the user, as the tools, or let the real skills answer.

    Args:
        results: by the id of a call that waits, what it gave.
        invoke: the skills are called, those that change something too.

    Raises:
        NotFound: ``workbench.cell-not-found``.
        Conflict: ``workbench.cell-busy``, ``workbench.calls-waiting``, ``workbench.cell-failed``.
        InvalidInput: ``workbench.nothing-said``, ``workbench.results-missing``.
    """
    bench = find_workbench(context, bench_id, action="run")
    cell = find_cell(bench, cell_id)
    with transaction.atomic():
        Cell.objects.select_for_update().get(pk=cell.pk)
        turns = list(cell.turns.select_related("run"))
        waits = tooling.pending(conversation_of(turns))
        _check_ready(cell, turns)
        if invoke:
            _check_skills(context, waits)
        said: list[dict[str, Any]] = []
        if results is not None:
            said = tooling.given(waits, results)
        elif not invoke:
            said = [{"role": "user", "content": _checked_content(content, waits)}]
        run = _ring(context, cell.column, f"goes on with cell {cell.pk}")
        return Turn.objects.create(
            cell=cell, number=len(turns) + 1, run_id=run, asked=said, invokes=invoke
        )


def continue_all(context: RequestContext, bench_id: uuid.UUID, *, content: str) -> list[Turn]:
    """Say the same in every column's conversation that waits for more; return the turns.

    Raises:
        Conflict: ``workbench.nothing-to-continue``, no column does.
        InvalidInput, NotFound, PolicyDenied: see ``continue_cell``.
    """
    bench = find_workbench(context, bench_id, action="run")
    _checked_content(content, [])
    turns = []
    for cell in Cell.objects.shown(bench).filter(row=SINGLE):
        try:
            turns.append(continue_cell(context, bench_id, cell.pk, content=content))
        except Conflict:
            # It is at work, waits for a tool's result, or never began.
            continue
    if not turns:
        raise Conflict("workbench.nothing-to-continue", "No column has an answer to go on from.")
    return turns


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


def find_cell(bench: Workbench, cell_id: uuid.UUID) -> Cell:
    """Return a cell of the workbench, its column loaded.

    Raises:
        NotFound: it has no such cell.
    """
    cell = Cell.objects.filter(column__bench=bench, pk=cell_id).select_related("column").first()
    if cell is None:
        raise NotFound("workbench.cell-not-found", "The workbench has no such cell.")
    return cell


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
    cells = [
        _cell(context, bench, column, spec, found, row, variables, until)
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
            run = _ring(context, column, f"{len(waiting)} to answer")
            Turn.objects.bulk_create([Turn(cell=cell, run_id=run) for cell in waiting])
        _forget_old(column)
    return cells


def _cell(
    context: RequestContext,
    bench: Workbench,
    column: Column,
    spec: ColumnSpec,
    found: Wanted | PlaygroundError,
    row: int,
    variables: dict[str, Any],
    until: float,
) -> Cell:
    cell = Cell(
        column=column,
        row=row,
        table_key=bench.table_key if row != SINGLE else None,
        variables=variables,
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
        cell.request = asked(context, spec, found, variables).as_json()
    except PlaygroundError as error:
        places = {key: error.extra[key] for key in ("message", "line") if key in error.extra}
        cell.error = {"code": error.code, "detail": error.detail, **places}
    return cell


def _ring(context: RequestContext, column: Column, content: str) -> uuid.UUID:
    """Append the message that starts a run, inside the caller's transaction."""
    appended = append_message(
        column.lane_id,
        role="user",
        content=content,
        author=context.subject,
        starts_run=True,
        why={
            "kind": KIND,
            "actor": context.actor,
            "purpose": context.purpose,
            "locale": context.locale,
            "training_consent": context.training_consent,
        },
    )
    assert appended.run_id is not None
    return appended.run_id


def _check_ready(cell: Cell, turns: list[Turn]) -> None:
    if not turns:
        raise Conflict("workbench.cell-failed", "Nothing was asked in this cell; run it again.")
    if turns[-1].state in (TurnStatus.QUEUED, TurnStatus.RUNNING):
        raise Conflict("workbench.cell-busy", "The cell is still being answered.")
    if (cell.request or {}).get("model") == NO_MODEL:
        raise Conflict("workbench.nothing-to-continue", "The cell holds no answer to go on from.")
    if len(turns) >= MAX_TURNS:
        raise Conflict("workbench.cell-full", f"A conversation has at most {MAX_TURNS} turns.")


def _check_skills(context: RequestContext, waits: list[dict[str, Any]]) -> None:
    names = [call["function"]["name"] for call in waits]
    missing = [name for name in names if tooling.skill_of(context, name) is None]
    if missing or not names:
        what = f"There is no skill for {', '.join(missing)}." if missing else "No call waits here."
        raise InvalidInput("workbench.no-skill", what)


def _checked_content(content: str | None, waits: list[dict[str, Any]]) -> str:
    if waits:
        raise Conflict("workbench.calls-waiting", "The model waits for the results of its calls.")
    if content is None or not content.strip():
        raise InvalidInput("workbench.nothing-said", "Say something, or give results.")
    check_content(content)
    return content


def _active(columns: Sequence[Column]) -> RunQuerySet:
    return Run.objects.filter(lane_id__in=[column.lane_id for column in columns]).active()


def _busy() -> Conflict:
    return Conflict("workbench.column-busy", "Still at work; stop it, or wait for its end.")


def _forget_old(column: Column) -> None:
    crowded = Cell.objects.filter(column=column).order_by().values("row")
    for each in crowded.annotate(count=Count("pk")).filter(count__gt=KEPT_CELLS):
        cells = Cell.objects.filter(column=column, row=each["row"])
        newest = cells.order_by("-created_at", "-pk").values("pk")[:KEPT_CELLS]
        cells.exclude(pk__in=list(newest.values_list("pk", flat=True))).delete()
