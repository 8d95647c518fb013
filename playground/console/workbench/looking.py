"""What of a workbench its page shows, as its address says it. Pure: imports no Django."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ROWS = 25
"""How many rows of the table are on one page."""


@dataclass(frozen=True, slots=True)
class Look:
    """Which part of a workbench is looked at, and beside what.

    Attributes:
        against: the column that the others' outputs are marked against.
        earlier: the run of a column that is shown beside its newest outputs.
        page: of the table's rows, from 1.
        failed: only rows that failed in a column.
        rows: these rows, whatever has become of them since the page was made.
    """

    against: uuid.UUID | None = None
    earlier: uuid.UUID | None = None
    page: int = 1
    failed: bool = False
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows are shown of how many; ``first`` and ``last`` count among those."""

    numbers: tuple[int, ...]
    number: int
    count: int
    first: int
    last: int
    total: int

    @property
    def before(self) -> int | None:
        """Return the page before this one."""
        return self.number - 1 if self.number > 1 else None

    @property
    def after(self) -> int | None:
        """Return the page after this one."""
        return self.number + 1 if self.number < self.count else None


def look_in(query: Mapping[str, str]) -> Look:
    """Read an address; what cannot be read of it is as if it was not there."""
    return Look(
        against=_id(query.get("against", "")),
        earlier=_id(query.get("earlier", "")),
        page=max(1, _whole(query.get("page", "")) or 1),
        failed=query.get("show") == "failed",
        rows=tuple(
            number
            for text in query.get("rows", "").split(",")[:ROWS]
            if (number := _whole(text)) is not None
        ),
    )


def page_of(look: Look, numbers: Sequence[int]) -> Page:
    """Return the page of these rows that is looked at; the last one where it is beyond that."""
    count = max(1, -(-len(numbers) // ROWS))
    number = min(look.page, count)
    begin = (number - 1) * ROWS
    shown = tuple(numbers[begin : begin + ROWS])
    return Page(
        numbers=shown,
        number=number,
        count=count,
        first=begin + 1 if shown else 0,
        last=begin + len(shown),
        total=len(numbers),
    )


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None
