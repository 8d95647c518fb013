"""What the columns of a workbench answer, over HTTP: run, stop, go on, read, compare, export."""

import uuid
from typing import Annotated, Any

from django.db.models import F, prefetch_related_objects
from django.http import HttpResponse
from ninja import Query, Router, Status

from playground.console.workbench import (
    continuing,
    exporting,
    inputs,
    keeping,
    recalling,
    running,
)
from playground.console.workbench.cell_bodies import (
    CellOut,
    CellsOut,
    ColumnSumOut,
    ContinueIn,
    PastRunOut,
    PastRunsOut,
    RunIn,
    SayIn,
    StopIn,
    StoppedOut,
    SummaryOut,
    TurnOut,
)
from playground.console.workbench.merging import find_column
from playground.console.workbench.models import Cell
from playground.console.workbench.standing import standings
from playground.console.workbench.summing import progress_of, sums_of
from playground.core.clock import now
from playground.core.errors import InvalidInput
from playground.policy.requests import TeamRequest
from playground.prompts.paging import Cursor, page_of

MAX_CELLS = 200

cells_api = Router(tags=["workbench"])


@cells_api.post("/{uuid:bench_id}/run", response={202: CellsOut}, summary="Run columns")
def run(request: TeamRequest, bench_id: uuid.UUID, body: RunIn) -> Status[dict[str, Any]]:
    """Ask in these columns; the cells' answers follow."""
    cells = running.run_columns(
        request.context, bench_id, columns=body.columns, table=body.table, only=body.only
    )
    return Status(202, {"items": _shown(cells)})


@cells_api.post("/{uuid:bench_id}/stop", response={202: StoppedOut}, summary="Stop columns")
def stop(request: TeamRequest, bench_id: uuid.UUID, body: StopIn) -> Status[dict[str, int]]:
    """Stop what runs or waits in these columns; what was written until then stays."""
    stopped = running.stop(request.context, bench_id, columns=body.columns)
    return Status(202, {"stopped": stopped})


@cells_api.post(
    "/{uuid:bench_id}/say", response={202: CellsOut}, summary="Say the same to every column"
)
def say_to_all(request: TeamRequest, bench_id: uuid.UUID, body: SayIn) -> Status[dict[str, Any]]:
    """Go on with the same words in every column's conversation that waits for more."""
    turns = continuing.continue_all(request.context, bench_id, content=body.content)
    return Status(202, {"items": _shown([turn.cell for turn in turns])})


@cells_api.get("/{uuid:bench_id}/cells", response=CellsOut, summary="The outputs")
def list_cells(
    request: TeamRequest,
    bench_id: uuid.UUID,
    row: Annotated[int | None, Query(ge=0, le=inputs.MAX_ROWS)] = None,
    batch: uuid.UUID | None = None,
    cursor: Cursor | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_CELLS)] = MAX_CELLS,
) -> dict[str, Any]:
    """Return the newest cell of each column and row, or those of one run; follow `next` for more.

    They come row by row, from left to right.
    """
    bench = keeping.find_workbench(request.context, bench_id)
    cells = Cell.objects.shown(bench) if batch is None else Cell.objects.of_batch(bench, batch)
    if row is not None:
        cells = cells.filter(row=row)
    placed = cells.annotate(place=F("column__position"))
    order = ("row", "place", "column_id")
    page = page_of(placed, order=order, cursor=cursor, limit=limit, most=MAX_CELLS)
    return {"items": _shown(page.items), "next": page.next}


@cells_api.get("/{uuid:bench_id}/cells/{uuid:cell_id}", response=CellOut, summary="One output")
def get_cell(request: TeamRequest, bench_id: uuid.UUID, cell_id: uuid.UUID) -> CellOut:
    """Return a cell, also an older one."""
    bench = keeping.find_workbench(request.context, bench_id)
    return _shown([continuing.find_cell(bench, cell_id)])[0]


@cells_api.post(
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
    turn = continuing.continue_cell(
        request.context,
        bench_id,
        cell_id,
        content=body.content,
        results=body.results,
        invoke=body.invoke,
    )
    return Status(202, TurnOut.of(turn))


@cells_api.get("/{uuid:bench_id}/outputs.csv", summary="The table with its outputs, as CSV")
def outputs_csv(request: TeamRequest, bench_id: uuid.UUID) -> HttpResponse:
    """Return one line for each row, with what each column answered."""
    bench = keeping.find_workbench(request.context, bench_id)
    return HttpResponse(exporting.outputs_csv(bench), content_type="text/csv; charset=utf-8")


@cells_api.get("/{uuid:bench_id}/outputs.jsonl", summary="The table with its outputs, as JSON")
def outputs_jsonl(request: TeamRequest, bench_id: uuid.UUID) -> HttpResponse:
    """Return one JSON object a line for each row and column that was run."""
    bench = keeping.find_workbench(request.context, bench_id)
    return HttpResponse(exporting.outputs_jsonl(bench), content_type="application/jsonl")


@cells_api.get("/{uuid:bench_id}/summary", response=SummaryOut, summary="What the rows took")
def summary(request: TeamRequest, bench_id: uuid.UUID) -> dict[str, Any]:
    """Return how far the rows of the table are, and what they took in each column."""
    bench = keeping.find_workbench(request.context, bench_id)
    found = standings(bench)
    progress = progress_of(found, now=now())
    columns = bench.columns.values_list("pk", flat=True)
    sums = [ColumnSumOut.of(each) for each in sums_of(columns, found)]
    return {**{name: getattr(progress, name) for name in progress.__slots__}, "columns": sums}


@cells_api.get("/{uuid:bench_id}/runs", response=PastRunsOut, summary="The columns' last runs")
def list_runs(
    request: TeamRequest, bench_id: uuid.UUID, column: uuid.UUID | None = None
) -> dict[str, Any]:
    """Return the last ten runs of each column, or of one, that are kept; the newest first."""
    bench = keeping.find_workbench(request.context, bench_id)
    columns = list(bench.columns.all()) if column is None else [find_column(bench, column)]
    return {"items": [PastRunOut.of(run) for run in recalling.past_runs(bench, columns)]}


def _shown(cells: list[Cell]) -> list[CellOut]:
    prefetch_related_objects(cells, "turns__run")
    return [CellOut.of(cell) for cell in cells]
