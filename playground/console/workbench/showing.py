"""What the page of a workbench shows: its columns, a page of its rows, how far the work is."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from playground.console.workbench import forming, inputs
from playground.console.workbench.asking import NO_MODEL
from playground.console.workbench.describing import LETTERS, ColumnView, column_view, find
from playground.console.workbench.looking import Look, Page, page_of
from playground.console.workbench.models import SINGLE, Cell, TurnStatus, Workbench
from playground.console.workbench.recalling import Earlier, earlier_of
from playground.console.workbench.running import busy_lanes
from playground.console.workbench.specifying import MAX_COLUMNS
from playground.console.workbench.standing import Standing, standings
from playground.console.workbench.summing import (
    ColumnSum,
    Progress,
    charts_of,
    progress_of,
    sums_of,
)
from playground.console.workbench.telling import CellView, cell_view, text_of
from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.forms import FormField
from playground.gateway import catalogue
from playground.gateway.catalogue import ModelInfo
from playground.gateway.charts import Chart
from playground.policy.deciding import decide
from playground.policy.people import names_of
from playground.prompts.models import Prompt
from playground.prompts.pages import browsing
from playground.prompts.pages.editing import ROLES
from skills import registry
from skills.declaring import Skill


@dataclass(frozen=True, slots=True)
class RowCell:
    """What one column has in a row; ``earlier`` is what it had in the run that is looked at."""

    column: uuid.UUID
    cell: CellView | None
    beside: bool = False
    earlier: CellView | None = None


@dataclass(frozen=True, slots=True)
class RowView:
    """A row of the table."""

    number: int
    inputs: tuple[tuple[str, str], ...]
    cells: tuple[RowCell, ...]


@dataclass(frozen=True, slots=True)
class BenchView:
    """Everything that the page shows.

    Attributes:
        schema: of the variables, as JSON.
        fragments: what drafts may include, as JSON: ``path`` and ``title`` of each.
        errors: by field, such as ``<column id>.<name>``, what was just typed and could not be read.
    """

    bench: Workbench
    look: Look
    columns: list[ColumnView]
    earlier: Earlier | None
    fields: list[FormField]
    schema: str
    unread: list[str]
    rows: list[RowView]
    page: Page
    progress: Progress
    sums: list[ColumnSum]
    charts: list[Chart]
    may_run: bool
    may_edit: bool
    may_delete: bool
    author: str
    full: bool
    models: list[ModelInfo]
    sources: list[str]
    fragments: str
    skills: list[Skill]
    errors: Mapping[str, str]
    roles: tuple[str, ...] = ROLES
    most: int = MAX_COLUMNS

    @property
    def working(self) -> bool:
        """Tell whether something runs or waits."""
        return any(column.busy for column in self.columns)

    @property
    def unanswered(self) -> int:
        """Return how many rows of how many columns have no answer, and get none just now."""
        wanted = len(self.bench.inputs) * len(self.columns)
        return wanted - sum(each.answered + each.working for each in self.sums)

    @property
    def signature(self) -> str:
        """Name the fields, so that a page knows whether it has them already."""
        return " ".join(f"{each.name}:{each.kind}" for each in self.fields)


def view_of(
    context: RequestContext, bench: Workbench, look: Look, *, errors: Mapping[str, str]
) -> BenchView:
    """Return what of the workbench is looked at; ``errors`` as in ``BenchView``."""
    models = catalogue.available()
    notes = {each.id: f"{each.title}, {each.note}" for each in models if each.offline}
    notes[NO_MODEL] = "Shows what the prompt renders to; name a model to ask it."
    standing = standings(bench)
    page = page_of(look, _numbers(bench, standing, look))
    cells = _cells(bench, page.numbers)
    columns = list(bench.columns.select_related("lane"))
    texts = {cell.row: text_of(cell) for cell in cells if cell.column_id == look.against}
    busy = busy_lanes(columns)
    views, schemas = [], []
    for index, column in enumerate(columns):
        found = find(context, column)
        if found[0] is not None:
            schemas.append(found[0].schema)
        base = {} if column.pk == look.against else texts
        mine = {
            cell.row: cell_view(context, cell, base=base.get(cell.row))
            for cell in cells
            if cell.column_id == column.pk
        }
        views.append(
            column_view(
                context,
                column,
                index,
                found,
                mine,
                notes,
                busy=column.lane_id in busy,
                errors=forming.errors_of(str(column.pk), errors),
            )
        )
    earlier = None
    if look.earlier is not None:
        earlier = earlier_of(context, bench, look.earlier, numbers=page.numbers, against=texts)
    schema = inputs.union(schemas)
    names = {each.name for each in inputs.fields(schema, {})}
    sums = sums_of([column.pk for column in columns], standing)
    return BenchView(
        bench=bench,
        look=look,
        columns=views,
        earlier=earlier,
        fields=[
            replace(field, error=errors.get(f"input.{field.name}", ""))
            for field in inputs.fields(schema, bench.variables)
        ],
        schema=json.dumps(schema, ensure_ascii=False),
        unread=[name for name in bench.table.get("names", []) if name not in names],
        rows=_rows(bench, page.numbers, views, earlier),
        page=page,
        progress=progress_of(standing, now=now()),
        sums=sums,
        charts=charts_of(sums, LETTERS[: len(columns)]) if bench.table else [],
        may_run=_may(context, "run", bench),
        may_edit=_may(context, "edit", bench),
        may_delete=_may(context, "delete", bench),
        author=names_of([bench.author])[bench.author],
        full=len(columns) >= MAX_COLUMNS,
        models=models,
        sources=_sources(context),
        fragments=_fragments(context),
        skills=registry.visible_to(context),
        errors=errors,
    )


def _numbers(bench: Workbench, found: Sequence[Standing], look: Look) -> list[int]:
    count = len(bench.inputs)
    if look.rows:
        return [number for number in look.rows if 1 <= number <= count]
    if look.failed:
        return sorted({each.row for each in found if each.state == TurnStatus.FAILED})
    return list(range(1, count + 1))


def _cells(bench: Workbench, numbers: Sequence[int]) -> list[Cell]:
    cells = Cell.objects.shown(bench).filter(row__in=[SINGLE, *numbers])
    return list(cells.select_related("column").prefetch_related("turns__run"))


def _rows(
    bench: Workbench,
    numbers: Sequence[int],
    columns: Sequence[ColumnView],
    earlier: Earlier | None,
) -> list[RowView]:
    table = bench.inputs
    beside = earlier.run.column if earlier is not None and earlier.run.rows else None
    older = earlier.rows if earlier is not None else {}
    return [
        RowView(
            number,
            tuple(table[number - 1].items()),
            tuple(
                RowCell(
                    column.id,
                    column.rows.get(number),
                    beside=column.id == beside,
                    earlier=older.get(number) if column.id == beside else None,
                )
                for column in columns
            ),
        )
        for number in numbers
    ]


def _sources(context: RequestContext) -> list[str]:
    """Return what columns may name: each prompt, and each of its labels."""
    prompts = Prompt.objects.visible_to(context).active().exclude(kind="fragment")
    rows = prompts.select_related("team").prefetch_related("labels").order_by("name")[:300]
    named = []
    for prompt in rows:
        named.append(prompt.path)
        named += [f"{prompt.path}:{label.name}" for label in prompt.labels.all()]
    return named


def _fragments(context: RequestContext) -> str:
    found = browsing.fragments_for(context)
    return json.dumps([{"path": each.path, "title": each.title} for each in found])


def _may(context: RequestContext, action: str, bench: Workbench) -> bool:
    return decide(context, action, bench.resource(), audit=False).allowed
