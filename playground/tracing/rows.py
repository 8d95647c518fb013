"""The row of the tree: what a span shows of itself before anybody opens it.

It is made from a stored span and from a live record alike, so that a page and the socket that
follows it agree to the byte.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from playground.core.capture import Json
from playground.core.span_records import SpanKind, SpanRecord
from playground.tracing.models import SpanQuerySet

_COST_PLACES = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a span's attributes say in conventional names, picked out for sums and columns."""

    model: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None


def figures_of(attributes: dict[str, Json]) -> Figures:
    """Pick model, tokens and cost out of the attributes.

    Source: OpenTelemetry semantic conventions for GenAI; cost is ours, as there is none.
    """
    model = attributes.get("gen_ai.response.model") or attributes.get("gen_ai.request.model")
    return Figures(
        model=model[:200] if isinstance(model, str) else "",
        input_tokens=_count(attributes.get("gen_ai.usage.input_tokens")),
        output_tokens=_count(attributes.get("gen_ai.usage.output_tokens")),
        cost_usd=_cost(attributes.get("playground.cost_usd")),
    )


def _count(value: Json) -> int | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return min(max(int(value), 0), 2**62) if number else None  # type: ignore[arg-type]


def _cost(value: Json) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        cost = Decimal(str(value)).quantize(_COST_PLACES)
    except ArithmeticError:
        return None
    return cost if cost.is_finite() and 0 <= cost < 10**7 else None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the tree; times are ISO 8601 in UTC with microseconds."""

    id: str
    parent_id: str | None
    name: str
    kind: str
    status: str
    attempt: int
    revision: int
    start: str
    end: str | None
    model: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: str | None

    @property
    def tokens(self) -> int | None:
        """Return input and output tokens together, None where none were counted."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)

    @property
    def duration_ms(self) -> float | None:
        """Return milliseconds from start to end, None while it runs."""
        if self.end is None:
            return None
        elapsed = dt.datetime.fromisoformat(self.end) - dt.datetime.fromisoformat(self.start)
        return elapsed.total_seconds() * 1000

    @property
    def start_ms(self) -> str:
        """Return the start in Unix milliseconds."""
        return _unix_ms(self.start)

    @property
    def end_ms(self) -> str:
        """Return the end in Unix milliseconds, empty while it runs."""
        return "" if self.end is None else _unix_ms(self.end)

    def as_json(self) -> dict[str, Any]:
        """Return the fields as a JSON object."""
        # A tenth of what ``dataclasses.asdict`` takes, once for each span that is published.
        return {name: getattr(self, name) for name in self.__slots__}


def row_of_record(record: SpanRecord) -> Row:
    """Make a row from a live record."""
    figures = figures_of(record.attributes)
    return Row(
        id=record.span_id,
        parent_id=record.parent_id,
        name=record.name[:300],
        kind=record.kind.value,
        status=record.status.value,
        attempt=record.trace.attempt,
        revision=record.revision,
        start=_iso(record.started_at),
        end=None if record.ended_at is None else _iso(record.ended_at),
        model=figures.model if record.kind is SpanKind.MODEL else "",
        input_tokens=figures.input_tokens,
        output_tokens=figures.output_tokens,
        cost_usd=None if figures.cost_usd is None else _money(figures.cost_usd),
    )


def rows_of(spans: SpanQuerySet) -> list[Row]:
    """Read the rows of stored spans, without their contents."""
    return [_row_of_values(*values) for values in spans.values_list(*_COLUMNS)]


_COLUMNS = (
    "span_id", "parent_id", "name", "kind", "status", "attempt", "revision", "started_at",
    "ended_at", "model", "input_tokens", "output_tokens", "cost_usd",
)  # fmt: skip


def _row_of_values(
    span_id: str,
    parent_id: str | None,
    name: str,
    kind: str,
    status: str,
    attempt: int,
    revision: int,
    started_at: dt.datetime,
    ended_at: dt.datetime | None,
    model: str,
    input_tokens: int | None,
    output_tokens: int | None,
    cost_usd: Decimal | None,
) -> Row:
    return Row(
        id=span_id,
        parent_id=parent_id,
        name=name,
        kind=kind,
        status=status,
        attempt=attempt,
        revision=revision,
        start=_iso(started_at),
        end=None if ended_at is None else _iso(ended_at),
        model=model if kind == SpanKind.MODEL else "",
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_usd=None if cost_usd is None else _money(cost_usd),
    )


def in_tree_order(rows: Iterable[Row]) -> list[Row]:
    """Order rows as the tree shows them: parents first, siblings by start, then by id.

    A row whose parent is missing stands at the top, as a root does.
    """
    ordered = sorted(rows, key=lambda row: (row.start, row.id))
    known = {row.id for row in ordered}
    children: dict[str | None, list[Row]] = {}
    for row in ordered:
        above = row.parent_id if row.parent_id in known and row.parent_id != row.id else None
        children.setdefault(above, []).append(row)
    result: list[Row] = []
    waiting = list(reversed(children.get(None, [])))
    while waiting:
        row = waiting.pop()
        result.append(row)
        waiting.extend(reversed(children.get(row.id, [])))
    return result


def _money(value: Decimal) -> str:
    text = f"{value:.8f}".rstrip("0").rstrip(".")
    return text or "0"


def _iso(value: dt.datetime) -> str:
    return value.astimezone(dt.UTC).isoformat(timespec="microseconds")


def _unix_ms(value: str) -> str:
    return f"{dt.datetime.fromisoformat(value).timestamp() * 1000:.3f}"
