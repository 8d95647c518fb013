"""The pages of the workbench: the list, one workbench, and the fragments that keep it current."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from playground.console.workbench import changing, exporting, inputs, keeping, opening, running
from playground.console.workbench.merging import Changes, find_column
from playground.console.workbench.models import Workbench
from playground.console.workbench.showing import BenchView, listed, view_of
from playground.core.errors import InvalidInput, PlaygroundError
from playground.policy.deciding import Resource, decide
from playground.policy.requests import TeamRequest

MAX_UPLOAD = 1_000_000


@require_http_methods(["GET", "HEAD", "POST"])
def benches(request: TeamRequest) -> HttpResponse:
    """Show the team's workbenches; a POST opens one, with a column for each ``source``."""
    if request.method == "POST":
        sources = [source for source in request.POST.getlist("source") if source]
        bench = opening.open_prompts(request.context, sources)
        return redirect("workbench", bench.pk)
    query = request.GET.get("q", "").strip()[:100]
    new = Resource("Workbench", "new", request.context.team)
    shown = {
        "benches": listed(request.context, q=query),
        "query": query,
        "may_create": decide(request.context, "create", new, audit=False).allowed,
    }
    template = "workbench/list.html#results" if request.htmx else "workbench/list.html"
    return render(request, template, shown)


@require_http_methods(["GET", "HEAD", "POST"])
def workbench(request: TeamRequest, bench_id: uuid.UUID) -> HttpResponse:
    """Show a workbench; a POST keeps what is typed and does what ``do`` asks."""
    if request.method == "POST":
        return _act(request, bench_id)
    bench = keeping.find_workbench(request.context, bench_id)
    return render(request, "workbench/bench.html", _shown(request, bench))


@require_POST
def save_workbench(request: TeamRequest, bench_id: uuid.UUID) -> HttpResponse:
    """Keep what is typed, and answer the parts of the page that follow from it."""
    errors = _save(request, bench_id)
    return _parts(request, bench_id, errors=errors, status=422 if errors else 200)


@require_safe
def workbench_outputs(request: TeamRequest, bench_id: uuid.UUID) -> HttpResponse:
    """Answer the parts of the page that work changes."""
    return _parts(request, bench_id)


@require_safe
def workbench_csv(request: TeamRequest, bench_id: uuid.UUID) -> HttpResponse:
    """Answer the table with each column's outputs as CSV."""
    bench = keeping.find_workbench(request.context, bench_id)
    answer = HttpResponse(exporting.outputs_csv(bench), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="workbench-{bench.pk}.csv"'
    return answer


@require_POST
def open_span(request: TeamRequest, trace_id: str, span_id: str) -> HttpResponse:
    """Open a workbench from a traced call of a model."""
    return redirect("workbench", opening.open_span(request.context, trace_id, span_id).pk)


def _act(request: TeamRequest, bench_id: uuid.UUID) -> HttpResponse:
    do, _, about = request.POST.get("do", "save").partition(":")
    verb = _VERBS.get(do)
    if verb is None:
        raise InvalidInput("workbench.action-unknown", "There is no such action.")
    errors = {} if do in _WITHOUT_SAVING else _save(request, bench_id)
    if errors:
        return _refused(request, bench_id, errors)
    target = verb(request, bench_id, about)
    if request.htmx and target is None:
        return _parts(request, bench_id)
    address = target or reverse("workbench", args=[bench_id])
    if request.htmx:
        answer = HttpResponse(status=204)
        answer["HX-Redirect"] = address
        return answer
    return redirect(address)


def _run(request: TeamRequest, bench_id: uuid.UUID, about: str) -> None:
    columns = [about] if about else None
    running.run_columns(request.context, bench_id, columns=columns)


def _run_table(request: TeamRequest, bench_id: uuid.UUID, about: str) -> None:
    columns = [about] if about else None
    running.run_columns(request.context, bench_id, columns=columns, table=True)


def _stop(request: TeamRequest, bench_id: uuid.UUID, about: str) -> None:
    running.stop(request.context, bench_id, columns=[about] if about else None)


def _say(request: TeamRequest, bench_id: uuid.UUID, about: str) -> None:
    """Go on in one cell, or with the same words in every column."""
    if about:
        content = request.POST.get(f"say.{about}", "")
        running.continue_cell(request.context, bench_id, _uuid(about), content=content)
        return
    content = request.POST.get("say", "")
    running.continue_all(request.context, bench_id, content=content)


def _give(request: TeamRequest, bench_id: uuid.UUID, about: str) -> None:
    prefix = f"result.{about}."
    results = {
        key.removeprefix(prefix): value
        for key, value in request.POST.items()
        if key.startswith(prefix)
    }
    running.continue_cell(request.context, bench_id, _uuid(about), results=results)


def _invoke(request: TeamRequest, bench_id: uuid.UUID, about: str) -> None:
    running.continue_cell(request.context, bench_id, _uuid(about), invoke=True)


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
    changes = Changes(table=inputs.table_of(text))
    keeping.change_workbench(request.context, bench_id, changes)
    return reverse("workbench", args=[bench_id])


def _clear_table(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    keeping.change_workbench(request.context, bench_id, Changes(table={}))
    return reverse("workbench", args=[bench_id])


def _add(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    spec = None
    if about:
        bench = keeping.find_workbench(request.context, bench_id, action="edit")
        spec = find_column(bench, about).spec
    column = keeping.add_column(request.context, bench_id, spec)
    return f"{reverse('workbench', args=[bench_id])}#column-{column.pk}"


def _remove(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    keeping.remove_column(request.context, bench_id, _uuid(about))
    return reverse("workbench", args=[bench_id])


def _draft(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    changing.make_draft(request.context, bench_id, _uuid(about))
    return f"{reverse('workbench', args=[bench_id])}#column-{about}"


def _drop_draft(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    changing.drop_draft(request.context, bench_id, _uuid(about))
    return f"{reverse('workbench', args=[bench_id])}#column-{about}"


def _publish(request: TeamRequest, bench_id: uuid.UUID, about: str) -> str:
    note = request.POST.get(f"note.{about}", "")
    version = changing.save_draft(request.context, bench_id, _uuid(about), note=note)
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


_VERBS: dict[str, Callable[[TeamRequest, uuid.UUID, str], str | None]] = {
    "save": _keep,
    "run": _run,
    "run-table": _run_table,
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
_WITHOUT_SAVING = ("stop", "delete")


def _save(request: TeamRequest, bench_id: uuid.UUID) -> dict[str, str]:
    form = {key: [str(each) for each in values] for key, values in request.POST.lists()}
    return changing.keep_form(request.context, bench_id, form)


def _refused(request: TeamRequest, bench_id: uuid.UUID, errors: dict[str, str]) -> HttpResponse:
    if request.htmx:
        return _parts(request, bench_id, errors=errors, status=422)
    for why in errors.values():
        messages.error(request, why)
    return redirect("workbench", bench_id)


def _parts(
    request: TeamRequest,
    bench_id: uuid.UUID,
    *,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    bench = keeping.find_workbench(request.context, bench_id)
    shown = {**_shown(request, bench), "errors": errors or {}}
    return render(request, "workbench/parts.html", shown, status=status)


def _shown(request: TeamRequest, bench: Workbench) -> dict[str, Any]:
    try:
        compared = _uuid(request.GET.get("against", "") or request.POST.get("against", ""))
    except PlaygroundError:
        compared = None
    view: BenchView = view_of(request.context, bench, compared=compared)
    return {"view": view, "bench": bench}


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InvalidInput("workbench.id-invalid", "This is no id.") from None
