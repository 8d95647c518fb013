"""What the page shows of a column: what it asks, with which model, and what is wrong with it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from playground.console.workbench import forming
from playground.console.workbench.asking import Wanted, model_of, wanted
from playground.console.workbench.models import SINGLE, Column
from playground.console.workbench.reviewing import review
from playground.console.workbench.specifying import ColumnSpec
from playground.console.workbench.telling import CellView
from playground.core.context import RequestContext
from playground.core.errors import PlaygroundError
from playground.prompts.content import Placeholder
from playground.prompts.linting import Finding
from playground.prompts.pages.marking import Part, parts_of

LETTERS = "ABCDEF"


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the prompt that a column names, to read."""

    role: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class ColumnView:
    """One column.

    Attributes:
        ref: the version that ``source`` means now; empty for a draft.
        problem: why it cannot be asked as it is.
        model: what would answer.
        note: what is to be said of that model: that it is rule-based, for example.
        findings: what there is to say about its draft.
        errors: by field, what was just typed and could not be read.
    """

    id: uuid.UUID
    revision: int
    lane: uuid.UUID
    head_seq: int
    letter: str
    spec: ColumnSpec
    fields: forming.Fields
    ref: str
    href: str
    messages: tuple[Message, ...]
    model: str
    note: str
    problem: str
    findings: list[Finding]
    cell: CellView | None
    rows: dict[int, CellView]
    busy: bool
    errors: Mapping[str, str]

    @property
    def mistakes(self) -> list[tuple[str, str]]:
        """Return each field that says itself what is wrong with it, and that, where it is."""
        return [(name, self.errors.get(name, "")) for name in forming.TELLING]

    @property
    def elsewhere(self) -> list[str]:
        """Return what is wrong in fields that have no place to say so."""
        return [why for name, why in self.errors.items() if name not in forming.TELLING]

    @property
    def drafted(self) -> bool:
        """Tell whether it asks a draft."""
        return self.spec.content is not None

    @property
    def title(self) -> str:
        """Name the column in few words."""
        if self.spec.content is None:
            return self.ref or self.spec.source or "No prompt yet"
        return f"Draft of {self.spec.source}" if self.spec.source else "Draft"


def find(context: RequestContext, column: Column) -> tuple[Wanted | None, str]:
    """Return what a column names, or why that cannot be found."""
    try:
        return wanted(context, ColumnSpec(**column.spec)), ""
    except PlaygroundError as error:
        return None, error.detail


def column_view(
    context: RequestContext,
    column: Column,
    index: int,
    found: tuple[Wanted | None, str],
    cells: Mapping[int, CellView],
    notes: Mapping[str, str],
    *,
    busy: bool,
    errors: Mapping[str, str],
) -> ColumnView:
    """Show a column.

    Args:
        found: see ``find``.
        cells: by row.
        notes: what is to be said of models, by their names.
        busy: its lane is at work; a stop or a lost worker leaves no turn open whose run has ended.
        errors: see ``ColumnView``.
    """
    names, problem = found
    spec = ColumnSpec(**column.spec)
    model = model_of(spec, names.content if names else None)
    version = names.version if names else None
    return ColumnView(
        id=column.pk,
        revision=column.revision,
        lane=column.lane_id,
        head_seq=column.lane.head_seq,
        letter=LETTERS[index],
        spec=spec,
        fields=forming.fields_of(spec),
        ref=version.ref if version else "",
        href=f"/prompts/{version.prompt.path}?version={version.number}" if version else "",
        messages=_messages(names) if version and names else (),
        model=model,
        note=notes.get(model, ""),
        problem=problem,
        findings=review(context, spec),
        cell=cells.get(SINGLE),
        rows={row: cell for row, cell in cells.items() if row != SINGLE},
        busy=busy,
        errors=errors,
    )


def _messages(found: Wanted) -> tuple[Message, ...]:
    return tuple(
        Message(each.role, tuple(parts_of(f"messages of {each.name}")))
        if isinstance(each, Placeholder)
        else Message(each.role, tuple(parts_of(each.template)))
        for each in found.content.messages
    )
