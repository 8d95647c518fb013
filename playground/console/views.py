"""Home, chat, the page of a run, and the palette."""

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agents import threads as threading
from playground.console import conversation, explaining, finding, inspecting
from playground.console import threads as listing
from playground.console.shell import only_offline
from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound, PlaygroundError
from playground.core.health import check_parts
from playground.messaging import feedback, runs
from playground.messaging.feedback import Given
from playground.messaging.models import Event, Run
from playground.policy.deciding import decide
from playground.policy.requests import TeamRequest

PART_NAMES = {
    "default": "PostgreSQL",
    "memory": "Memory silo",
    "client_data": "Client data silo",
    "redis": "Valkey",
    "worker": "Worker",
}


@require_GET
def home(request: TeamRequest) -> HttpResponse:
    """Show what to do first and what happened last."""
    if request.GET.get("part") == "health":
        parts = [
            {
                "name": PART_NAMES.get(name, name),
                "status": "ok" if state == "ok" else "error",
                "note": state,
            }
            for name, state in check_parts().items()
        ]
        return render(request, "console/health.html", {"health": parts})
    context = request.context
    said = Run.objects.visible_to(context).filter(lane__kind="thread").select_related("message")
    recent = said.order_by("-created_at")[:7]
    rows, _ = listing.thread_rows(context)
    address = f"{settings.PLAYGROUND_PUBLIC_URL}/api/threads"
    return render(
        request,
        "console/home.html",
        {
            **_start(request, context),
            "threads": rows[:7],
            "runs": [conversation.run_view(run) for run in recent],
            "offline_model": only_offline(),
            "api_line": f"curl -H 'Authorization: Bearer pg_…' {address}",
        },
    )


def _start(request: TeamRequest, context: RequestContext, **values: Any) -> dict[str, Any]:
    agents = listing.agent_choices(context)
    wanted = request.POST.get("agent") or request.GET.get("agent")
    chosen = next((one for one in agents if one.name == wanted), agents[0] if agents else None)
    return {
        "agents": agents,
        "chosen": chosen,
        "draft": request.GET.get("draft", ""),
        "may_start": decide(context, "run", finding.any_agent(context), audit=False).allowed,
        **values,
    }


@require_http_methods(["GET", "HEAD", "POST"])
def threads(request: TeamRequest) -> HttpResponse:
    """Show the threads and a composer; a posted message opens a thread with it."""
    context = request.context
    error = None
    draft = request.GET.get("draft", "")
    if request.method == "POST":
        draft = request.POST.get("suggested") or request.POST.get("content", "")
        try:
            return redirect("thread", _begin(context, request.POST.get("agent", ""), draft))
        except PlaygroundError as refused:
            error = refused
    values = _start(request, context, draft=draft, error=error, autofocus=True)
    values |= _listed(request, context)
    return render(request, "console/chat.html", values, status=error.status if error else 200)


def _begin(context: RequestContext, agent: str, content: str) -> uuid.UUID:
    threading.check_content(content)
    thread = threading.open_thread(context, agent=agent)
    threading.post_message(context, thread.pk, content=content, dedup_key=None)
    opened: uuid.UUID = thread.pk
    return opened


@require_GET
def thread_list(request: TeamRequest) -> HttpResponse:
    """Render the list of threads alone, as the search field asks for it."""
    current = _uuid(request.GET.get("current", ""))
    values = _listed(request, request.context, current=current)
    return render(request, "console/chat/thread_list.html", values)


def _listed(
    request: TeamRequest, context: RequestContext, *, current: uuid.UUID | None = None
) -> dict[str, Any]:
    """Return the list of threads as it is filtered: ``q`` a text, ``of`` an agent's name."""
    query, agent = request.GET.get("q", ""), request.GET.get("of", "")
    rows, total = listing.thread_rows(context, query=query, agent=agent, current=current)
    return {
        "threads": rows,
        "query": query,
        "of_agent": agent,
        "thread_agents": listing.agents_with_threads(context),
        "thread_total": total,
        "more_threads": total > len(rows),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def thread(request: TeamRequest, thread_id: uuid.UUID) -> HttpResponse:
    """Show a thread; a posted message is appended, for browsers without a socket too."""
    context = request.context
    if request.method == "POST":
        return _change_thread(request, context, thread_id)
    found = threading.find_thread(context, thread_id)
    header = listing.thread_header(found, context)
    turns, earlier = conversation.load_turns(thread_id, context)
    threading.mark_read(context, thread_id, seq=header.head_seq)
    asked = request.GET.get("run")
    values = {
        "thread": header,
        "turns": turns,
        "earlier": earlier,
        **_listed(request, context, current=thread_id),
        "pane": "inspector" if "tab" in request.GET else "talk",
        **_inspector(context, thread_id, tab=request.GET.get("tab", "trace"), run_id=asked),
    }
    return render(request, "console/chat.html", values)


def _change_thread(
    request: TeamRequest, context: RequestContext, thread_id: uuid.UUID
) -> HttpResponse:
    match request.POST.get("action", "send"):
        case "send":
            threading.post_message(
                context,
                thread_id,
                content=request.POST.get("content", ""),
                dedup_key=request.POST.get("dedup_key") or None,
            )
        case "upgrade":
            threading.move_to_latest(context, thread_id)
        case "read":
            seq = request.POST.get("seq", "")
            if not seq.isdecimal() or len(seq) > 18:
                raise InvalidInput("thread.seq-invalid", "The sequence number is not one.")
            threading.mark_read(context, thread_id, seq=int(seq))
        case _:
            raise InvalidInput("thread.action-unknown", "There is no such action.")
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=204)
    return redirect("thread", thread_id)


@require_GET
def thread_rows(request: TeamRequest, thread_id: uuid.UUID) -> HttpResponse:
    """Render the newest turns, or those before a sequence number."""
    context = request.context
    found = threading.find_thread(context, thread_id)
    before = request.GET.get("before", "")
    limit = int(before) if before.isdecimal() and len(before) <= 18 else None
    turns, earlier = conversation.load_turns(thread_id, context, before=limit)
    return render(
        request,
        "console/chat/rows.html",
        {"turns": turns, "earlier": earlier, "thread": listing.thread_header(found, context)},
    )


@require_GET
def inspector(request: TeamRequest, thread_id: uuid.UUID) -> HttpResponse:
    """Render one tab of the inspector, or the thread's page with that tab open."""
    context = request.context
    if request.headers.get("HX-Request") != "true":
        return redirect(f"/chat/{thread_id}?{request.GET.urlencode()}")
    found = threading.find_thread(context, thread_id)
    values = _inspector(
        context, thread_id, tab=request.GET.get("tab", "trace"), run_id=request.GET.get("run")
    )
    values["thread"] = listing.thread_header(found, context)
    return render(request, "console/chat/inspector.html", values)


def _inspector(
    context: RequestContext, thread_id: uuid.UUID, *, tab: str, run_id: str | None
) -> dict[str, Any]:
    shown = inspecting.inspect(thread_id, tab=tab, run_id=run_id)
    values: dict[str, Any] = {"inspector": shown}
    if shown.run and shown.tab == "context":
        values["seen"] = inspecting.seen_by_model(context, shown.run.trace_id)
    if shown.run and shown.tab == "state":
        values["state"] = inspecting.state_of(thread_id)
    return values


@require_http_methods(["GET", "HEAD", "POST"])
def run(request: TeamRequest, run_id: uuid.UUID) -> HttpResponse:
    """Show a run; ``action=cancel`` stops it, ``action=replay`` tries a dead one again."""
    context = request.context
    found = (
        Run.objects.visible_to(context).select_related("message", "lane").filter(pk=run_id).first()
    )
    if found is None:
        raise NotFound("run.not-found", "There is no such run.")
    thread = threading.find_thread(context, found.lane_id)
    if request.method == "POST":
        action = request.POST.get("action")
        if action not in ("cancel", "replay"):
            raise InvalidInput("run.action-unknown", "A run can be cancelled or replayed.")
        (runs.cancel if action == "cancel" else runs.replay)(run_id, by=context)
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(status=204)
        return redirect("run", run_id)
    view = conversation.load_run(found, context)
    events = Event.objects.filter(run_id=run_id).order_by("seq")
    return render(
        request,
        "console/run.html",
        {
            "run": view,
            "thread_title": str(thread),
            "events": [explaining.log_line(event, view.created_at) for event in events],
            "why": explaining.reasons_of(found.why or {}),
            "error_title": "Given up." if view.status == "dead" else "The run failed.",
            "may_run": decide(context, "run", thread.resource(), audit=False).allowed,
        },
    )


@require_POST
def run_feedback(request: TeamRequest, run_id: uuid.UUID) -> HttpResponse:
    """Give an answer a thumb, with a note or as it was; without a ``score`` take it back."""
    score, note = request.POST.get("score", ""), request.POST.get("comment")
    if score not in ("", "0", "1"):
        raise InvalidInput("feedback.score-invalid", "A thumb is up, 1, or down, 0.")
    if score:
        given = Given(feedback.THUMBS, int(score), note)
        feedback.give(run_id, given, by=request.context)
    else:
        feedback.take_back(run_id, feedback.THUMBS, by=request.context)
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=204)
    thread_id = runs.find(run_id, by=request.context).lane_id
    return redirect(f"{reverse('thread', args=[thread_id])}#run-{run_id}")


@require_GET
def palette(request: TeamRequest) -> HttpResponse:
    """Render what the palette offers for the text typed so far."""
    query = request.GET.get("q", "").strip()[:100]
    groups = finding.find(request.context, query)
    return render(request, "console/palette.html", {"groups": groups, "query": query})


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
