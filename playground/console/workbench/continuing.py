"""Go on with the conversations of cells: with words, with results of tools, or with skills."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from playground.console.workbench import tooling
from playground.console.workbench.answering import conversation_of
from playground.console.workbench.asking import NO_MODEL
from playground.console.workbench.keeping import find_workbench
from playground.console.workbench.models import SINGLE, Cell, Turn, TurnStatus, Workbench
from playground.console.workbench.ringing import ring
from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput, NotFound
from playground.messaging.texts import check_content

MAX_TURNS = 50


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
        run = ring(context, cell.column, f"goes on with cell {cell.pk}")
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


def find_cell(bench: Workbench, cell_id: uuid.UUID) -> Cell:
    """Return a cell of the workbench, its column loaded.

    Raises:
        NotFound: it has no such cell.
    """
    cell = Cell.objects.filter(column__bench=bench, pk=cell_id).select_related("column").first()
    if cell is None:
        raise NotFound("workbench.cell-not-found", "The workbench has no such cell.")
    return cell


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
