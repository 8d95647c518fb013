"""What the rows of the table took in each column, how far they are, and both as small charts."""

import datetime as dt
import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from playground.console.workbench.models import TurnStatus
from playground.console.workbench.standing import Standing
from playground.core.templatetags.playground import duration_ms, money
from playground.gateway.charts import Chart, Series, Write, draw

_LEAST_DONE = 3
"""Before so many rows are done, how long the rest takes is a guess."""


@dataclass(frozen=True, slots=True)
class ColumnSum:
    """All rows of one column together.

    Attributes:
        answered, failed, stopped, working: how many rows stand so; the others were not run.
        cost_usd: of those whose price is known; ``unpriced`` counts the others that were asked.
        p50_ms, p95_ms: of the model's whole time for the rows that were answered, by nearest rank;
            None where no model was asked.
    """

    column: uuid.UUID
    answered: int = 0
    failed: int = 0
    stopped: int = 0
    working: int = 0
    cost_usd: float | None = None
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far all rows are that were run; ``left_s`` is None where it cannot be told."""

    total: int = 0
    done: int = 0
    failed: int = 0
    stopped: int = 0
    left_s: float | None = None

    @property
    def left(self) -> str:
        """Write the time that is left, no finer than it is known."""
        if self.left_s is None:
            return ""
        return (
            f"{max(1, round(self.left_s))} s"
            if self.left_s < 60
            else duration_ms(self.left_s * 1000)
        )


def sums_of(columns: Iterable[uuid.UUID], found: Sequence[Standing]) -> list[ColumnSum]:
    """Sum the rows of each column up, in the columns' order."""
    return [_sum(column, [each for each in found if each.column == column]) for column in columns]


def progress_of(found: Sequence[Standing], *, now: dt.datetime) -> Progress:
    """Tell how far the rows are; the time that is left is that of the slowest run."""
    by_run: dict[uuid.UUID, list[Standing]] = {}
    for each in found:
        if each.run is not None:
            by_run.setdefault(each.run, []).append(each)
    left = [seconds for rows in by_run.values() if (seconds := _left(rows, now)) is not None]
    working = sum(each.working for each in found)
    return Progress(
        total=len(found),
        done=len(found) - working,
        failed=_count(found, TurnStatus.FAILED),
        stopped=_count(found, TurnStatus.CANCELLED),
        left_s=max(left) if left and working else None,
    )


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the value that so many percent do not exceed, by nearest rank; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def charts_of(sums: Sequence[ColumnSum], letters: Sequence[str]) -> list[Chart]:
    """Draw the columns beside each other: time, cost, tokens, what failed; empty before an answer.

    Columns that only render have neither time nor cost.
    """
    if not any(each.answered for each in sums):
        return []
    of_models = [
        _chart("Time, p50", letters, [each.p50_ms for each in sums], duration_ms),
        _chart("Time, p95", letters, [each.p95_ms for each in sums], duration_ms),
        _chart("Cost of the rows", letters, [each.cost_usd for each in sums], money),
    ]
    read = [float(each.input_tokens + each.output_tokens) for each in sums]
    return [
        *(of_models if any(each.p50_ms is not None for each in sums) else ()),
        _chart("Tokens of the rows", letters, read, _whole, whole=True),
        _chart("Failed rows", letters, [float(each.failed) for each in sums], _whole, whole=True),
    ]


def _sum(column: uuid.UUID, rows: Sequence[Standing]) -> ColumnSum:
    took = [each.figures for each in rows if each.figures.get("calls")]
    answered = [each.figures for each in rows if each.state == TurnStatus.SUCCEEDED]
    # What is only rendered takes none of a model's time.
    times = [float(each["total_ms"]) for each in answered if each.get("total_ms")]
    costs = [each["cost_usd"] for each in took if each.get("cost_usd") is not None]
    return ColumnSum(
        column=column,
        answered=len(answered),
        failed=_count(rows, TurnStatus.FAILED),
        stopped=_count(rows, TurnStatus.CANCELLED),
        working=sum(each.working for each in rows),
        cost_usd=math.fsum(costs) if costs else None,
        unpriced=len(took) - len(costs),
        input_tokens=_total(took, "input_tokens"),
        output_tokens=_total(took, "output_tokens"),
        p50_ms=percentile(times, 50),
        p95_ms=percentile(times, 95),
    )


def _left(rows: Sequence[Standing], now: dt.datetime) -> float | None:
    done = sum(not each.working for each in rows)
    began = rows[0].began
    if began is None or done < _LEAST_DONE or done == len(rows):
        return None
    return (now - began).total_seconds() / done * (len(rows) - done)


def _chart(
    title: str,
    letters: Sequence[str],
    values: Sequence[float | None],
    write: Write,
    *,
    whole: bool = False,
) -> Chart:
    series = [Series("columns", title, values)]
    drawn = draw("bars", title=title, moments=letters, series=series, write=write, whole=whole)
    # Columns are no time: each has its letter below it.
    return replace(drawn, labels=tuple(letters))


def _count(rows: Sequence[Standing], status: TurnStatus) -> int:
    return sum(each.state == status for each in rows)


def _total(figures: Sequence[Mapping[str, float]], name: str) -> int:
    return int(sum(each.get(name) or 0 for each in figures))


def _whole(value: float) -> str:
    return f"{value:.0f}"
