"""The pages of the workbench: the list, one workbench, and the fragments that keep it current."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from playground.console.workbench import changing, exporting, keeping, opening, recalling
from playground.console.workbench.listing import SORTS, Sort, browse
from playground.console.workbench.looking import look_in
from playground.console.workbench.merging import find_column
from playground.console.workbench.models import Workbench
from playground.console.workbench.showing import view_of
from playground.console.workbench.verbs import VERBS, WITHOUT_SAVING
from playground.core.errors import InvalidInput
from playground.policy.deciding import Resource, decide
from playground.policy.requests import TeamRequest
from playground.prompts.pages.addressing import address, headings

_COLUMNS = (
    ("Workbench", "name", ""),
    ("Columns", "", "num"),
    ("Rows", "", "num hide-narrow"),
    ("Owner", "owner", "hide-narrow"),
    ("Changed", "-updated", ""),
)


@require_http_methods(["GET", "HEAD", "POST"])
def benches(request: TeamRequest) -> HttpResponse:
    """Show the team's workbenches; a POST opens one, with a column for each ``source``."""
    if request.method == "POST":
        sources = [source for source in request.POST.getlist("source") if source]
        bench = opening.open_prompts(request.context, sources)
        return redirect("workbench", bench.pk)
    query, asked = request.GET.get("q", "").strip()[:100], request.GET.get("sort", "")
    sort: Sort = asked if asked in SORTS else "-updated"
    cursor = request.GET.get("cursor") or None
    page = browse(request.context, q=query, sort=sort, cursor=cursor)
    new = Resource("Workbench", "new", request.context.team)
    shown = {
        "page": page,
        "query": query,
        "sort": sort,
        "headings": headings(request, sort, _COLUMNS),
        "next_url": address(request, cursor=page.next) if page.next else "",
        "first_url": address(request, cursor=None) if cursor else "",
        "may_create": decide(request.context, "create", new, audit=False).allowed,
    }
    return render(request, _list_template(request), shown)


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


@require_safe
def workbench_jsonl(request: TeamRequest, bench_id: uuid.UUID) -> HttpResponse:
    """Answer the table with each column's outputs as JSON, an object for each row and column."""
    bench = keeping.find_workbench(request.context, bench_id)
    answer = HttpResponse(exporting.outputs_jsonl(bench), content_type="application/jsonl")
    answer["Content-Disposition"] = f'attachment; filename="workbench-{bench.pk}.jsonl"'
    return answer


@require_safe
def workbench_history(
    request: TeamRequest, bench_id: uuid.UUID, column_id: uuid.UUID
) -> HttpResponse:
    """Answer the list of a column's last runs."""
    bench = keeping.find_workbench(request.context, bench_id)
    column = find_column(bench, column_id)
    shown = {
        "runs": recalling.past_runs(bench, [column]),
        "look": look_in(request.GET.dict()),
        "bench": bench,
    }
    return render(request, "workbench/history.html", shown)


@require_POST
def open_span(request: TeamRequest, trace_id: str, span_id: str) -> HttpResponse:
    """Open a workbench from a traced call of a model."""
    return redirect("workbench", opening.open_span(request.context, trace_id, span_id).pk)


def _list_template(request: TeamRequest) -> str:
    """Name what answers: the page, its list after a filter, or further rows."""
    if request.htmx and request.GET.get("rows"):
        return "workbench/list_rows.html"
    return "workbench/list.html#results" if request.htmx else "workbench/list.html"


def _act(request: TeamRequest, bench_id: uuid.UUID) -> HttpResponse:
    do, _, about = request.POST.get("do", "save").partition(":")
    verb = VERBS.get(do)
    if verb is None:
        raise InvalidInput("workbench.action-unknown", "There is no such action.")
    errors = {} if do in WITHOUT_SAVING else _save(request, bench_id)
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
    shown = _shown(request, bench, errors)
    return render(request, "workbench/parts.html", shown, status=status)


def _shown(
    request: TeamRequest, bench: Workbench, errors: dict[str, str] | None = None
) -> dict[str, Any]:
    view = view_of(request.context, bench, look_in(request.GET.dict()), errors=errors or {})
    return {"view": view, "bench": bench}
