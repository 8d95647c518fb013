"""Open workbenches, name, change, duplicate and delete them, and arrange their columns."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max

from playground.console.workbench.answering import KIND
from playground.console.workbench.checking import (
    MAX_NAME,
    checked_name,
    checked_table,
    checked_variables,
)
from playground.console.workbench.merging import Changes, find_column, locked, merge
from playground.console.workbench.models import Column, Workbench
from playground.console.workbench.specifying import MAX_COLUMNS, ColumnSpec, spec_of
from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import Conflict, NotFound, PolicyDenied
from playground.messaging import lanes
from playground.policy import auditing
from playground.policy.deciding import Resource, require
from playground.policy.models import Team
from playground.policy.people import person_for


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
            name=checked_name(name),
            author=context.subject,
            variables=checked_variables(variables or {}),
            table=checked_table(table or {}),
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


def change_workbench(context: RequestContext, bench_id: uuid.UUID, changes: Changes) -> Workbench:
    """Change what is given and leave the rest; a new table starts without outputs.

    Raises:
        NotFound, PolicyDenied: see ``find_workbench``.
        Conflict, InvalidInput: see ``merging.merge``; nothing has changed then.
    """
    find_workbench(context, bench_id, action="edit")
    with transaction.atomic():
        bench = locked(bench_id)
        merge(bench, changes)
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
        locked(bench.pk)
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
        locked(bench.pk)
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


def _too_many() -> Conflict:
    return Conflict("workbench.columns-full", f"A workbench has 1 to {MAX_COLUMNS} columns.")


def _record(context: RequestContext, bench: Workbench, action: str) -> None:
    auditing.record(context, action=action, resource=bench.urn, outcome="done")
