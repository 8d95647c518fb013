"""Find anything by name or id for the palette, and say events in words for a run's log."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from agents.models import Agent, Thread
from playground.console.workbench.models import Workbench
from playground.core.context import RequestContext
from playground.messaging.models import Event
from playground.policy.deciding import Resource, decide
from playground.prompts.models import Prompt
from playground.tracing.models import Trace
from skills import registry

PER_GROUP = 5
_ID = re.compile(r"[0-9a-f-]{6,36}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to jump to, or one command (``verb`` of the shell's script).

    ``needs`` is the action on agents that one must be allowed to be offered it.
    """

    title: str
    icon: str
    note: str = ""
    href: str = ""
    verb: str = ""
    value: str = ""
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Items of one sort."""

    name: str
    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of a run in words; ``after_ms`` counts from the run's creation."""

    seq: int
    type: str
    says: str
    after_ms: float


COMMANDS = (
    Item("New chat", "message-plus", "n", href="/chat", needs="run"),
    Item("New agent", "plus", "", href="/agents/new", needs="create"),
    Item("New prompt", "plus", "", href="/prompts/new", needs="create"),
    Item("Workbench", "columns-2", "g w", href="/workbench"),
    Item("Home", "home", "g h", href="/"),
    Item("Chat", "message-circle", "g c", href="/chat"),
    Item("Prompts", "file-text", "g p", href="/prompts"),
    Item("Skills", "bolt", "g s", href="/skills"),
    Item("Agents", "robot", "g a", href="/agents"),
    Item("Models", "sparkles", "g m", href="/models"),
    Item("Traces", "list-tree", "g t", href="/traces"),
    Item("API keys", "key", "", href="/keys"),
    Item("API reference", "code", "", href="/api/docs"),
    Item("Theme: light", "sun", "", verb="theme", value="light"),
    Item("Theme: dark", "moon", "", verb="theme", value="dark"),
    Item("Theme: as the system", "device-desktop", "", verb="theme", value="system"),
    Item("Keyboard shortcuts", "keyboard", "?", verb="keys"),
)


def find(context: RequestContext, query: str) -> list[Group]:
    """Return what the context may see that matches, in groups; six queries at most."""
    words = query.lower().split()
    commands = [
        one
        for one in COMMANDS
        if all(word in one.title.lower() for word in words) and _offered(context, one)
    ]
    groups = [
        Group("threads", "Threads", tuple(_threads(context, query))),
        Group("agents", "Agents", tuple(_agents(context, query))),
        Group("prompts", "Prompts", tuple(_prompts(context, query)) if query else ()),
        Group("workbenches", "Workbenches", tuple(_workbenches(context, query)) if query else ()),
        Group("skills", "Skills", tuple(_skills(context, words)) if query else ()),
        Group("traces", "Traces", tuple(_traces(context, query)) if query else ()),
        Group("commands", "Commands", tuple(commands if query else commands[:7])),
    ]
    return [group for group in groups if group.items]


def any_agent(context: RequestContext) -> Resource:
    """Return what stands for an agent of the team that is not known yet."""
    return Resource(kind="Agent", id="any", team=context.team)


def _offered(context: RequestContext, item: Item) -> bool:
    return not item.needs or decide(context, item.needs, any_agent(context), audit=False).allowed


def _threads(context: RequestContext, query: str) -> list[Item]:
    threads = Thread.objects.visible_to(context).active()
    if query:
        matching = Q(title__icontains=query) | Q(agent__title__icontains=query)
        if _ID.fullmatch(query):
            matching |= Q(lane__id__endswith=query.lower()) | Q(lane__id__startswith=query.lower())
        threads = threads.filter(matching)
    return [
        Item(str(one), "message-circle", one.agent.title, href=f"/chat/{one.pk}")
        for one in threads.newest_first()[:PER_GROUP]
    ]


def _agents(context: RequestContext, query: str) -> list[Item]:
    agents = Agent.objects.visible_to(context).active()
    if query:
        agents = agents.filter(Q(title__icontains=query) | Q(name__icontains=query))
    return [
        Item(one.title, "robot", one.name, href=f"/agents/{one.name}") for one in agents[:PER_GROUP]
    ]


def _prompts(context: RequestContext, query: str) -> list[Item]:
    prompts = Prompt.objects.visible_to(context).active().select_related("team")
    found = prompts.filter(Q(name__icontains=query) | Q(title__icontains=query))
    return [
        Item(one.title or one.name, "file-text", one.path, href=f"/prompts/{one.path}")
        for one in found[:PER_GROUP]
    ]


def _workbenches(context: RequestContext, query: str) -> list[Item]:
    found = Workbench.objects.visible_to(context).filter(name__icontains=query)
    newest = found.order_by("-updated_at")[:PER_GROUP]
    return [Item(str(one), "columns-2", "", href=f"/workbench/{one.pk}") for one in newest]


def _skills(context: RequestContext, words: list[str]) -> list[Item]:
    found = [
        one
        for one in registry.visible_to(context)
        if all(word in f"{one.name} {one.title}".lower() for word in words)
    ]
    return [Item(one.title, "bolt", one.name, href=f"/skills/{one.name}") for one in found][
        :PER_GROUP
    ]


def _traces(context: RequestContext, query: str) -> list[Item]:
    matching = Trace.objects.visible_to(context).matching(query)
    if _ID.fullmatch(query):
        matching |= Trace.objects.visible_to(context).filter(id__endswith=query.lower())
    traces = matching.order_by("-started_at")[:PER_GROUP]
    return [
        Item(one.name, "list-tree", str(one.id)[-8:], href=f"/traces/{one.id}") for one in traces
    ]


def reasons_of(why: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say in words what was decided for a run: by name, and what it was."""
    return [(name.replace("_", " "), _decided(value)) for name, value in why.items()]


def _decided(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_decided(each) for each in value)
    if isinstance(value, Mapping) and "version" in value:
        arm = f", {value['arm']}" if value.get("arm") else ""
        return f"{value.get('name')} v{value['version']}{arm} ({value.get('reason')})"
    return str(value)


def log_line(event: Event, since: dt.datetime) -> LogLine:
    """Say an event in words."""
    after = (event.created_at - since).total_seconds() * 1000
    return LogLine(event.seq, event.type, _says(event.type, event.payload), max(0.0, after))


def _says(kind: str, payload: dict[str, Any]) -> str:
    match kind:
        case "message.created":
            return f"{payload['role']}: {payload['content']}"
        case "run.queued":
            return "waits for a worker"
        case "run.started":
            return f"attempt {payload['attempt']}"
        case "run.step":
            summary = f": {payload['summary']}" if payload.get("summary") else ""
            return f"{payload['title']}, {payload['status']}{summary}"
        case "run.plan":
            items = payload["items"]
            done = sum(item["status"] in ("done", "ok") for item in items)
            return f"{done} of {len(items)} steps done"
        case "run.retrying":
            wait = payload.get("delay_ms") or 0
            return f"attempt {payload['attempt']} failed with {payload['code']}, again in {wait} ms"
        case "run.feedback":
            score = payload.get("score")
            said = "taken back" if score is None else f"{score:g}"
            return f"{payload['key']}: {said}, by {payload['author'].partition(':')[2]}"
        case "run.ended":
            return " ".join(
                str(payload[key]) for key in ("status", "code", "detail") if payload.get(key)
            )
        case _:
            return ""
