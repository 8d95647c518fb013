"""Write changes into a workbench that others change too: nobody overwrites what they never saw."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.console.workbench.checking import checked_name, checked_table, checked_variables
from playground.console.workbench.models import Column, Workbench
from playground.console.workbench.specifying import spec_of
from playground.core.clock import now
from playground.core.errors import Conflict, NotFound
from playground.core.ids import new_id


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to become of a workbench; None leaves a thing as it is.

    Attributes:
        columns: by the column's id, its whole specification.
        table_key: of the table that was seen; None writes over whatever stands there.
        revision: of the workbench that name, variables and table were changed in; None writes
            over whatever stands there.
        revisions: the same for columns, by their ids.
    """

    name: str | None = None
    variables: Mapping[str, Any] | None = None
    table: Mapping[str, Any] | None = None
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    table_key: uuid.UUID | None = None
    revision: int | None = None
    revisions: Mapping[str, int] = field(default_factory=dict)


def locked(bench_id: uuid.UUID) -> Workbench:
    """Return the workbench as it is now, and let nobody else change it in this transaction.

    Raises:
        NotFound: it was deleted meanwhile.
    """
    benches = Workbench.objects.select_for_update(of=("self",)).select_related("team")
    bench = benches.filter(pk=bench_id).first()
    if bench is None:
        raise NotFound("workbench.not-found", "There is no such workbench.")
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


def merge(bench: Workbench, changes: Changes) -> None:
    """Write what differs from what stands there, and nothing else; the workbench is locked.

    Raises:
        Conflict: ``workbench.edited-meanwhile``, somebody changed the same since the revision
            that was given; ``column`` is its id, absent where it is none, ``table`` tells that
            it is the table.
        InvalidInput: ``workbench.…``.
        NotFound: it has no such column.
    """
    seen = bench.table_key if changes.table_key is None else changes.table_key
    stale_table = changes.table is not None and seen != bench.table_key
    changed = _changed_fields(bench, changes)
    if stale_table and "table" in changed:
        raise _meanwhile("The table", table=True)
    if changed:
        _check_seen("The workbench", bench.revision, changes.revision)
        bench.revision += 1
    columns = [
        column
        for key, spec in changes.columns.items()
        if _changes_column(column := find_column(bench, key), spec, changes.revisions.get(key))
    ]
    for column in columns:
        column.save(update_fields=["spec", "revision"])
    if changed or columns:
        bench.updated_at = now()
        bench.save(update_fields=[*changed, "revision", "updated_at"])


def check_column_seen(column: Column, seen: int | None) -> None:
    """Refuse to go on from an older revision of a column.

    Raises:
        Conflict: ``workbench.edited-meanwhile``.
    """
    _check_seen("This column", column.revision, seen, column=str(column.pk))


def _changed_fields(bench: Workbench, changes: Changes) -> list[str]:
    changed = []
    if changes.name is not None and (name := checked_name(changes.name)) != bench.name:
        bench.name = name
        changed.append("name")
    if changes.variables is not None:
        variables = checked_variables(changes.variables)
        if variables != bench.variables:
            bench.variables = variables
            changed.append("variables")
    if changes.table is not None and (table := checked_table(changes.table)) != bench.table:
        bench.table, bench.table_key = table, new_id()
        changed += ["table", "table_key"]
    return changed


def _changes_column(column: Column, spec: Mapping[str, Any], seen: int | None) -> bool:
    wanted = spec_of(spec).as_json()
    if wanted == column.spec:
        return False
    check_column_seen(column, seen)
    column.spec = wanted
    column.revision += 1
    return True


def _check_seen(what: str, current: int, seen: int | None, **extra: Any) -> None:
    if seen is not None and seen != current:
        raise _meanwhile(what, **extra)


def _meanwhile(what: str, **extra: Any) -> Conflict:
    return Conflict(
        "workbench.edited-meanwhile",
        f"{what} was changed by somebody else meanwhile. Reload to see how it is now.",
        **extra,
    )
