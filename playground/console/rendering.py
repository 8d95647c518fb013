"""Render an event of a thread as the fragments of the page that it changes.

Every fragment has an id; the page replaces the element of the same id, else appends it to the one
named in ``data-parent``. The templates are those of the page, so that first render + events equals
a reload.
"""

import uuid
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from agents.models import Thread
from playground.console import conversation, folding
from playground.console.threads import ThreadRow, thread_header
from playground.core.context import RequestContext
from playground.messaging.models import Message, Run


def _fragment(name: str, **values: Any) -> str:
    return render_to_string(f"console/chat/{name}.html", values)


def _run(run_id: uuid.UUID | str) -> Run:
    return Run.objects.select_related("message").get(pk=run_id)


def render_event(lane_id: uuid.UUID, event: dict[str, Any], context: RequestContext) -> SafeString:
    """Return the fragments for one event, as the context's subject sees them.

    Rows are read as they are now: an event that is rendered late shows what has become of it.
    """
    kind = event["type"]
    if kind == "message.created":
        html = _message(event, context)
    elif kind == "run.queued":
        run = conversation.load_run(_run(event["run_id"]), context)
        html = _fragment("run", run=run) + _row(lane_id, context)
    elif kind == "run.step":
        run_row = _run(event["run_id"])
        step = folding.step_view(run_row.pk, run_row.trace_id, event)
        html = _fragment("step", step=step)
    elif kind == "run.plan":
        html = _fragment("plan", run={"id": event["run_id"], "plan": event["items"]})
    elif kind in ("run.started", "run.retrying", "run.ended"):
        run = conversation.load_run(_run(event["run_id"]), context)
        html = _fragment("live", run=run) + _fragment("foot", run=run)
        if kind == "run.ended":
            stopped = [step for step in run.steps if step.status == "stopped"]
            html += "".join(_fragment("step", step=step) for step in stopped)
            html += _fragment("plan", run=run) + _row(lane_id, context)
    elif kind == "run.feedback":
        run = conversation.load_run(_run(event["run_id"]), context)
        # A run that failed may be judged, too; its traces show that, the chat does not.
        html = _fragment("feedback", run=run) if run.judged else ""
    elif kind == "thread.updated":
        html = _thread(lane_id, context)
    else:
        html = ""
    return mark_safe(html)


def _message(event: dict[str, Any], context: RequestContext) -> str:
    message = Message.objects.get(pk=event["message_id"])
    if message.control or message.role == "tool":
        return ""
    html = _fragment("message", message=conversation.message_view(message, context))
    if message.role == "assistant" and message.run_id:
        run = conversation.load_run(_run(message.run_id), context)
        html += _fragment("live", run=run) + _fragment("foot", run=run)
    return html


def _row(lane_id: uuid.UUID, context: RequestContext) -> str:
    thread = Thread.objects.visible_to(context).with_status().newest_first().get(pk=lane_id)
    return _fragment("thread_row", row=ThreadRow.of(thread, context, current=True))


def _thread(lane_id: uuid.UUID, context: RequestContext) -> str:
    thread = Thread.objects.visible_to(context).with_status().newest_first().get(pk=lane_id)
    header = thread_header(thread, context)
    return (
        _fragment("title", thread=header)
        + _fragment("banner", thread=header)
        + _fragment("about", thread=header)
        + _fragment("thread_row", row=ThreadRow.of(thread, context, current=True))
    )
