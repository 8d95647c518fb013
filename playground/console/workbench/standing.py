"""How the rows of the table stand in each column, without what was said in them."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from playground.console.workbench.models import SINGLE, Cell, Turn, TurnStatus, Workbench

OPEN = (TurnStatus.QUEUED, TurnStatus.RUNNING)
_UNANSWERED = (TurnStatus.FAILED, TurnStatus.CANCELLED)

Only = Literal["failed", "rest"]
"""Rows that are run again: those that failed, or all that have no answer."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One row in one column.

    Attributes:
        figures: of its last turn, see ``calling.Figures``.
        run: in which it is or was answered; None where nothing could be asked.
        began: when that run began, None before it has.
    """

    column: uuid.UUID
    row: int
    state: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    run: uuid.UUID | None = None
    began: dt.datetime | None = None

    @property
    def working(self) -> bool:
        """Tell whether an answer is on its way."""
        return self.state in OPEN


def standings(bench: Workbench) -> list[Standing]:
    """Return how every row that was run stands, by column and row; two queries."""
    shown = Cell.objects.shown(bench).exclude(row=SINGLE)
    cells = list(shown.order_by("column", "row").values_list("pk", "column_id", "row"))
    turns = Turn.objects.filter(cell__in=shown.values("pk")).select_related("run")
    narrow = turns.only("cell_id", "number", "status", "figures", "run__status", "run__started_at")
    last = {turn.cell_id: turn for turn in narrow.order_by("number")}
    found = []
    for pk, column, row in cells:
        turn = last.get(pk)
        found.append(
            Standing(column, row, TurnStatus.FAILED.value)
            if turn is None
            else Standing(column, row, turn.state, turn.figures, turn.run_id, turn.run.started_at)
        )
    return found


def rows_to_run(bench: Workbench, column: uuid.UUID, only: Only) -> set[int]:
    """Return the numbers of the rows that are to be run again in a column."""
    states = {each.row: each.state for each in standings(bench) if each.column == column}
    if only == "failed":
        return {row for row, state in states.items() if state == TurnStatus.FAILED}
    return {
        row
        for row in range(1, len(bench.inputs) + 1)
        if row not in states or states[row] in _UNANSWERED
    }
