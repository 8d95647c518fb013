"""Open workbenches, name, change, duplicate and delete them, and arrange their columns."""

import uuid
from collections.abc import Mapping
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Max

from playground.console.workbench import inputs
from playground.console.workbench.answering import KIND
from playground.console.workbench.models import Column, Workbench
from playground.console.workbench.specifying import MAX_COLUMNS, ColumnSpec, spec_of
from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput, NotFound, PolicyDenied
from playground.core.ids import new_id
from playground.messaging import lanes
from playground.policy import auditing
from playground.policy.deciding import Resource, require
from playground.policy.models import Team
from playground.policy.people import person_for

MAX_NAME = 100


def open_workbench(
    context: RequestContext,
    *,
    name: str = "",
    columns: list[Mapping[str, Any]] | None = None,
    variables: Mapping[str, Any] | None = None,
    table: Mapping[str, Any] | None = None,
    notes: list[str] | None = None,
) -> Workbench:
    """Open a workbench with these columns, or an empty one.

    Raises:
        PolicyDenied: the context may not create one, or is no user, who alone can own it.
        InvalidInput: ``workbench.…``.
    """
    require(context, "create", Resource("Workbench", "new", context.team))
    specs = [spec_of(each) for each in columns or [{}]]
    if not 1 <= len(specs) <= MAX_COLUMNS:
        raise _too_many()
    with transaction.atomic():
        bench = Workbench.objects.create(
            team=Team.objects.get(slug=context.team),
            name=_checked_name(name),
            author=context.subject,
            variables=_checked_variables(variables or {}),
            table=_checked_table(table or {}),
            notes=notes or [],
        )
        for position, spec in enumerate(specs):
            _add(context, bench, spec, position)
        _record(context, bench, "create")
    return bench


def find_workbench(
    context: RequestContext, bench_id: uuid.UUID, *, action: str = "view"
) -> Workbench:
    """Return a workbench of the context's team, its team loaded.

    Raises:
        NotFound: there is none that the context may see.
        PolicyDenied: it may be seen, and this may not be done with it.
    """
    benches = Workbench.objects.visible_to(context).select_related("team")
    bench = benches.filter(pk=bench_id).first()
    if bench is None:
        raise NotFound("workbench.not-found", "There is no such workbench.")
    require(context, action, bench.resource(), audit=action != "view")
    return bench


def find_column(bench: Workbench, column_id: uuid.UUID | str) -> Column:
    """Return a column of the workbench.

    Raises:
        NotFound: it has no such column.
    """
    try:
        found = bench.columns.filter(pk=uuid.UUID(str(column_id))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound("workbench.column-not-found", "The workbench has no such column.")
    return found


def change_workbench(
    context: RequestContext,
    bench_id: uuid.UUID,
    *,
    name: str | None = None,
    variables: Mapping[str, Any] | None = None,
    table: Mapping[str, Any] | None = None,
    columns: Mapping[str, Mapping[str, Any]] | None = None,
) -> Workbench:
    """Change what is given and leave the rest; a new table starts without outputs.

    Args:
        columns: by the column's id, its whole specification.

    Raises:
        NotFound, PolicyDenied: see ``find_workbench``.
        InvalidInput: ``workbench.…``; nothing has changed then.
    """
    bench = find_workbench(context, bench_id, action="edit")
    specs = {find_column(bench, key): spec_of(spec) for key, spec in (columns or {}).items()}
    if name is not None:
        bench.name = _checked_name(name)
    if variables is not None:
        bench.variables = _checked_variables(variables)
    if table is not None and (checked := _checked_table(table)) != bench.table:
        bench.table, bench.table_key = checked, new_id()
    bench.updated_at = now()
    with transaction.atomic():
        for column, spec in specs.items():
            column.spec = spec.as_json()
            column.save(update_fields=["spec"])
        bench.save()
    return bench


def add_column(
    context: RequestContext, bench_id: uuid.UUID, spec: Mapping[str, Any] | None = None
) -> Column:
    """Add a column on the right; without a specification one like the last.

    Raises:
        NotFound, PolicyDenied: see ``find_workbench``.
        Conflict: ``workbench.columns-full``.
        InvalidInput: see ``specifying.spec_of``.
    """
    bench = find_workbench(context, bench_id, action="edit")
    with transaction.atomic():
        Workbench.objects.select_for_update().get(pk=bench.pk)
        columns = list(bench.columns.all())
        if len(columns) >= MAX_COLUMNS:
            raise _too_many()
        if spec is None:
            spec = columns[-1].spec if columns else {}
        last = bench.columns.aggregate(Max("position"))["position__max"]
        column = _add(context, bench, spec_of(spec), 0 if last is None else last + 1)
        _touch(bench)
    return column


def remove_column(context: RequestContext, bench_id: uuid.UUID, column_id: uuid.UUID) -> None:
    """Remove a column with its outputs; what runs in it is aborted.

    Raises:
        NotFound, PolicyDenied: see ``find_workbench``.
        Conflict: ``workbench.last-column``.
    """
    bench = find_workbench(context, bench_id, action="edit")
    with transaction.atomic():
        Workbench.objects.select_for_update().get(pk=bench.pk)
        column = find_column(bench, column_id)
        if bench.columns.count() == 1:
            raise Conflict("workbench.last-column", "A workbench has at least one column.")
        # Whoever works on it finds its lane gone and stops.
        column.lane.delete()
        _touch(bench)


def duplicate_workbench(context: RequestContext, bench_id: uuid.UUID) -> Workbench:
    """Open another workbench with the same columns, variables and table, and no outputs.

    Raises:
        NotFound, PolicyDenied: see ``find_workbench``.
    """
    bench = find_workbench(context, bench_id)
    name = f"{bench.name} (copy)" if bench.name else ""
    return open_workbench(
        context,
        name=name[:MAX_NAME],
        columns=[column.spec for column in bench.columns.all()],
        variables=bench.variables,
        table=bench.table,
        notes=bench.notes,
    )


def delete_workbench(context: RequestContext, bench_id: uuid.UUID) -> None:
    """Delete a workbench with all its outputs.

    Raises:
        NotFound, PolicyDenied: see ``find_workbench``.
    """
    bench = find_workbench(context, bench_id, action="delete")
    with transaction.atomic():
        for column in bench.columns.select_related("lane"):
            column.lane.delete()
        _record(context, bench, "delete")
        bench.delete()


def _add(context: RequestContext, bench: Workbench, spec: ColumnSpec, position: int) -> Column:
    owner = person_for(context)
    if owner is None:
        raise PolicyDenied("workbench.users-only", "Workbenches belong to users.")
    lane = lanes.open_lane(context=context, owner=owner, kind=KIND)
    return Column.objects.create(bench=bench, lane=lane, position=position, spec=spec.as_json())


def _touch(bench: Workbench) -> None:
    Workbench.objects.filter(pk=bench.pk).update(updated_at=now())


def _checked_name(name: str) -> str:
    if len(name) > MAX_NAME or "\x00" in name:
        raise InvalidInput("workbench.name-invalid", f"A name has at most {MAX_NAME} characters.")
    return name.strip()


def _checked_variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    try:
        encoded = orjson.dumps(dict(variables))
    except (TypeError, RecursionError):
        encoded = b"\\u0000"
    if b"\\u0000" in encoded:
        raise InvalidInput("workbench.variables-invalid", "Variables are a JSON object.")
    if len(encoded) > inputs.MAX_VARIABLES_CHARS:
        raise InvalidInput("workbench.variables-too-large", "Variables have at most 200 kB.")
    return dict(variables)


def _checked_table(table: Mapping[str, Any]) -> dict[str, Any]:
    return inputs.checked_table(table.get("names", []), table.get("rows", []))


def _too_many() -> Conflict:
    return Conflict("workbench.columns-full", f"A workbench has 1 to {MAX_COLUMNS} columns.")


def _record(context: RequestContext, bench: Workbench, action: str) -> None:
    auditing.record(context, action=action, resource=bench.urn, outcome="done")
