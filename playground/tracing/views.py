"""The pages of the traces: the list, one trace, its tree as a fragment, one span's detail."""

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from playground.core.clock import now
from playground.core.cursors import MAX_CURSOR
from playground.core.errors import InvalidInput, NotFound
from playground.core.span_records import SpanStatus
from playground.policy.deciding import Resource, decide
from playground.policy.requests import TeamRequest
from playground.tracing import feedback, reading, showing
from playground.tracing.models import REQUEST, Trace

FIRST_ROWS = 300
MORE_ROWS = 2000
_WANTED = (("any", "With feedback"), ("up", "Thumbs up"), ("down", "Thumbs down"))
_SORTS = ("name", "status", "started", "duration", "tokens", "cost")
_HEADINGS = (
    ("status", "Status", ""),
    ("name", "Name", ""),
    ("thread", "Thread", "hide-narrow"),
    ("started", "Started", ""),
    ("duration", "Duration", "num"),
    ("tokens", "Tokens", "num"),
    ("cost", "Cost", "num"),
    ("spans", "Spans", "num hide-narrow"),
    ("model", "Model", "hide-narrow"),
)


def trace_list(request: TeamRequest) -> HttpResponse:
    """Show the team's traces; htmx gets the table alone."""
    filters = _filters(request)
    page = reading.list_traces(request.context, filters, count=True)
    fragment = request.headers.get("HX-Target") == "traces"
    return render(
        request,
        "tracing/list_table.html" if fragment else "tracing/list.html",
        {
            "page": page,
            "marks": feedback.marks_of(page.items),
            "filters": filters,
            "statuses": list(SpanStatus),
            "wanted": _WANTED,
            "names": _names(request),
            "headings": _HEADINGS,
            "total": f"{page.total:,}",
            "all": f"{page.all:,}",
            "columns": {name: _column(request, filters, name) for name in _SORTS},
            "next_url": _address(request, cursor=page.next) if page.next else "",
            "first_url": _address(request, cursor=None) if filters.cursor else "",
        },
    )


def trace_page(request: TeamRequest, trace_id: str) -> HttpResponse:
    """Show one trace, or that its run has not begun."""
    context = request.context
    try:
        trace = reading.trace_for(context, trace_id)
    except NotFound:
        if not showing.is_expected(context, trace_id):
            raise
        return render(request, "tracing/waiting.html", {"trace_id": trace_id})
    neighbours = showing.neighbours_of(context, trace)
    title = reading.requests_of([trace]).get(trace.pk, trace.name)
    shown = {"neighbours": neighbours, "title": title, "compact": False}
    return render(request, "tracing/trace.html", {**_tree(trace), **shown})


def trace_tree(request: TeamRequest, trace_id: str) -> HttpResponse:
    """Answer the tree for the chat's inspector, with ``offset`` its further rows.

    With ``lines`` it is a line for each span, as JSON. A run that has no span yet has no content.
    """
    try:
        trace = reading.trace_for(request.context, trace_id)
    except NotFound:
        if not showing.is_expected(request.context, trace_id):
            raise
        return HttpResponse(status=204)
    if "lines" in request.GET:
        return JsonResponse(showing.lines_of(trace))
    offset = request.GET.get("offset", "")
    if offset:
        if not (offset.isdigit() and offset.isascii() and len(offset) < 9):
            raise InvalidInput("trace.offset-invalid", "An offset is a whole number.")
        rows = reading.tree_of(trace).rows[int(offset) : int(offset) + MORE_ROWS]
        return render(request, "tracing/rows.html", {"rows": rows})
    return render(request, "tracing/tree.html", {**_tree(trace), "compact": True})


def span_detail(request: TeamRequest, trace_id: str, span_id: str) -> HttpResponse:
    """Answer one span's detail with its tabs."""
    span = reading.span_for(request.context, trace_id, span_id)
    messages = showing.messages_of(span)
    bench = Resource(kind="Workbench", id="new", team=request.context.team)
    may_open = decide(request.context, "create", bench, audit=False)
    return render(
        request,
        "tracing/span.html",
        {
            "span": span,
            "messages": messages,
            "given": span.attribute(REQUEST) if span.input is None else span.input,
            "first": span.attribute(_FIRST_CHUNK),
            "raw": showing.raw(span),
            "opens_in_workbench": showing.is_chat(span) and may_open.allowed,
            "prompt": showing.prompt_of(span),
        },
    )


_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"


def _tree(trace: Trace) -> dict[str, Any]:
    tree = reading.tree_of(trace)
    remarks = feedback.remarks_of([trace]).get(trace.pk, ())
    read_at = "" if tree.read_at is None else tree.read_at.isoformat()
    return {
        "trace": trace,
        "remarks": remarks,
        "marks": feedback.marks(remarks),
        "prompts": showing.prompts_of(trace),
        "rows": tree.rows[:FIRST_ROWS],
        "total": len(tree.rows),
        "read_at": read_at,
        "now_ms": f"{now().timestamp() * 1000:.0f}",
    }


def _filters(request: TeamRequest) -> reading.Filters:
    asked = request.GET
    minimum = asked.get("min", "").strip()
    try:
        min_ms = float(minimum) if minimum else None
    except ValueError:
        min_ms = None
    if min_ms is not None and not 0 <= min_ms < 1e12:
        min_ms = None
    sort = asked.get("sort", "-started")
    return reading.Filters(
        status=asked.get("status", ""),
        name=asked.get("agent", "")[:300],
        thread_id=asked.get("thread", "")[:64],
        run_id=asked.get("run", "")[:64],
        ramp=asked.get("ramp", "")[:64],
        arm=asked.get("arm", "")[:20],
        min_ms=min_ms,
        feedback=asked.get("feedback", "")[:20],
        q=asked.get("q", "")[:200],
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        cursor=asked.get("cursor", "")[:MAX_CURSOR],
    )


def _names(request: TeamRequest) -> list[str]:
    names = Trace.objects.visible_to(request.context).order_by("name")
    return list(names.values_list("name", flat=True).distinct()[:100])


def _column(request: TeamRequest, filters: reading.Filters, name: str) -> dict[str, str]:
    """Return a heading's link, and how it is sorted now, for ``aria-sort``."""
    mine = filters.sort == name
    descending = not filters.descending if mine else name not in ("name", "status")
    order = ("descending" if filters.descending else "ascending") if mine else ""
    url = _address(request, sort=f"{'-' if descending else ''}{name}", cursor=None)
    return {"url": url, "order": order}


def _address(request: TeamRequest, **changes: str | None) -> str:
    """Return the list's address with some of its parameters changed, empty ones left out."""
    asked = request.GET.copy()
    for key, value in changes.items():
        asked[key] = value or ""
    kept = asked.copy()
    for key in list(asked):
        if not asked[key]:
            del kept[key]
    return f"{reverse('traces')}?{kept.urlencode()}" if kept else reverse("traces")
