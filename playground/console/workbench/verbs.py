"""What the buttons of the workbench's page do: ``do`` names a verb, and after a colon its object.

A verb returns the address to go on to; None where the page stays.
"""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.urls import reverse

from playground.console.workbench import changing, continuing, inputs, keeping, running
from playground.console.workbench.merging import Changes, find_column
from playground.console.workbench.standing import Only
from playground.core.errors import InvalidInput
from playground.policy.requests import TeamRequest

MAX_UPLOAD = 1_000_000

Verb = Callable[[TeamRequest, uuid.UUID, str], str | None]


def as_id(text: str) -> uuid.UUID:
    """Read an id.

    Raises:
        InvalidInput: ``workbench.id-invalid``.
    """
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InvalidInput("workbench.id-invalid", "This is no id.") from None


def _run(request: TeamRequest, bench_id: uuid.UUID, about: str) -> None:
    columns = [about] if about else None
    running.run_columns(request.context, bench_id, columns=columns)


def _run_table(only: Only | None) -> Verb:
    def run(request: TeamRequest, bench_id: uuid.UUID, about: str) -> None:
        columns = [about] if about else None
        running.run_columns(request.context, bench_id, columns=columns, table=True, only=only)

    return run


def _stop(request: TeamRequest, bench_id: uuid.UUID, about: str) -> None:
    running.stop(request.context, bench_id, columns=[about] if about else None)


def _say(request: TeamRequest, bench_id: uuid.UUID, about: str) -> None:
    """Go on in one cell, or with the same words in every column."""
    if about:
        content = request.POST.get(f"say.{about}", "")
        continuing.continue_cell(request.context, bench_id, as_id(about), content=content)
        return
    content = request.POST.get("say", "")
    continuing.continue_all(request.context, bench_id, content=content)


def _give(request: TeamRequest, bench_id: uuid.UUID, about: str) -> None:
    prefix = f"result.{about}."
    results = {
        key.removeprefix(prefix): value
        for key, value in request.POST.items()
        if key.startswith(prefix)
    }
    continuing.continue_cell(request.context, bench_id, as_id(about), results=results)


def _invoke(request: TeamRequest, bench_id: uuid.UUID, about: str) -> None:
    continuing.continue_cell(request.context, bench_id, as_id(about), invoke=True)


def _keep(request: TeamRequest, bench_id: uuid.UUID, about: str) -> None:
    """Nothing but what every action does first."""


def _table(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    uploaded = request.FILES.get("file")
    text = request.POST.get("table", "")
    if uploaded is not None:
        if (uploaded.size or 0) > MAX_UPLOAD:
            raise InvalidInput("workbench.table-too-large", "A table has at most 1 MB.")
        try:
            text = uploaded.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InvalidInput("workbench.table-invalid", "Save the file as UTF-8.") from None
    changes = Changes(table=inputs.table_of(text), table_key=_seen_table(request))
    keeping.change_workbench(request.context, bench_id, changes)
    return reverse("workbench", args=[bench_id])


def _clear_table(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    changes = Changes(table={}, table_key=_seen_table(request))
    keeping.change_workbench(request.context, bench_id, changes)
    return reverse("workbench", args=[bench_id])


def _add(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    spec = None
    if about:
        bench = keeping.find_workbench(request.context, bench_id, action="edit")
        spec = find_column(bench, about).spec
    column = keeping.add_column(request.context, bench_id, spec)
    return f"{reverse('workbench', args=[bench_id])}#column-{column.pk}"


def _remove(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    keeping.remove_column(request.context, bench_id, as_id(about))
    return reverse("workbench", args=[bench_id])


def _draft(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    changing.make_draft(request.context, bench_id, as_id(about))
    return f"{reverse('workbench', args=[bench_id])}#column-{about}"


def _drop_draft(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    changing.drop_draft(request.context, bench_id, as_id(about))
    return f"{reverse('workbench', args=[bench_id])}#column-{about}"


def _publish(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    note = request.POST.get(f"note.{about}", "")
    version = changing.save_draft(request.context, bench_id, as_id(about), note=note)
    messages.success(request, f"Saved {version.ref}.")
    return f"{reverse('workbench', args=[bench_id])}#column-{about}"


def _duplicate(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    copy = keeping.duplicate_workbench(request.context, bench_id)
    messages.success(request, "This is the copy; it has no outputs yet.")
    return reverse("workbench", args=[copy.pk])


def _delete(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    bench = keeping.find_workbench(request.context, bench_id)
    keeping.delete_workbench(request.context, bench_id)
    messages.success(request, f"“{bench}” is deleted.")
    return reverse("workbenches")


def _seen_table(request: TeamRequest) -> uuid.UUID | None:
    """Return which table the page showed; None where it does not say."""
    text = request.POST.get("table_key", "")
    return as_id(text) if text else None


VERBS: dict[str, Verb] = {
    "save": _keep,
    "run": _run,
    "run-table": _run_table(None),
    "run-failed": _run_table("failed"),
    "run-rest": _run_table("rest"),
    "stop": _stop,
    "say": _say,
    "give": _give,
    "invoke": _invoke,
    "table": _table,
    "clear-table": _clear_table,
    "add": _add,
    "remove": _remove,
    "draft": _draft,
    "drop-draft": _drop_draft,
    "publish": _publish,
    "duplicate": _duplicate,
    "delete": _delete,
}
WITHOUT_SAVING = ("stop", "delete")
