"""Find anything by name or id for the palette, what fits the typed text best first."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

from django.db.models import Case, Model, Q, QuerySet, When

from agents.models import Agent, Thread
from playground.console.workbench.models import Workbench
from playground.core.context import RequestContext
from playground.policy.deciding import Resource, decide
from playground.prompts.models import Prompt
from playground.tracing.models import Trace
from skills import registry

PER_GROUP = 5
Row = TypeVar("Row", bound=Model)
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


class Fit(IntEnum):
    """How well a name fits what was typed, the best first."""

    EXACT = 0
    BEGINS = 1
    WITHIN = 2


Found = list[tuple[Fit, Item]]


@dataclass(frozen=True, slots=True)
class Group:
    """Items of one sort; ``fit`` is that of the best of them."""

    name: str
    title: str
    items: tuple[Item, ...]
    fit: Fit = Fit.WITHIN


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
    """Return what the context may see that matches, in groups; six queries at most.

    The group whose best item fits best comes first, and in it the item; what fits alike stays in
    the order of the groups, and the newest first.
    """
    words = query.lower().split()
    commands = _commands(context, query, words)
    groups = [
        _group("threads", "Threads", _threads(context, query)),
        _group("agents", "Agents", _agents(context, query)),
        _group("prompts", "Prompts", _prompts(context, query) if query else []),
        _group("workbenches", "Workbenches", _workbenches(context, query) if query else []),
        _group("skills", "Skills", _skills(context, query, words) if query else []),
        _group("traces", "Traces", _traces(context, query) if query else []),
        _group("commands", "Commands", commands if query else commands[:7]),
    ]
    return sorted((group for group in groups if group.items), key=lambda group: group.fit)


def any_agent(context: RequestContext) -> Resource:
    """Return what stands for an agent of the team that is not known yet."""
    return Resource(kind="Agent", id="any", team=context.team)


def _offered(context: RequestContext, item: Item) -> bool:
    return not item.needs or decide(context, item.needs, any_agent(context), audit=False).allowed


def _group(name: str, title: str, found: Found) -> Group:
    best_first = sorted(found, key=lambda each: each[0])
    fit = best_first[0][0] if best_first else Fit.WITHIN
    return Group(name, title, tuple(item for _, item in best_first), fit)


def _fit(query: str, *names: str) -> Fit:
    typed = query.lower()
    if not typed:
        return Fit.WITHIN
    known = [name.lower() for name in names]
    if typed in known:
        return Fit.EXACT
    return Fit.BEGINS if any(name.startswith(typed) for name in known) else Fit.WITHIN


def _best(rows: QuerySet[Row], query: str, names: Iterable[str], *then: str) -> QuerySet[Row]:
    """Keep the rows whose ``names`` fit best, as ``_fit`` has it."""
    if not query:
        return rows.order_by(*then)[:PER_GROUP]
    exact, begins = Q(), Q()
    for name in names:
        exact |= Q(**{f"{name}__iexact": query})
        begins |= Q(**{f"{name}__istartswith": query})
    fit = Case(
        When(exact, then=Fit.EXACT.value),
        When(begins, then=Fit.BEGINS.value),
        default=Fit.WITHIN.value,
    )
    return rows.order_by(fit, *then)[:PER_GROUP]


def _commands(context: RequestContext, query: str, words: list[str]) -> Found:
    return [
        (_fit(query, one.title), one)
        for one in COMMANDS
        if all(word in one.title.lower() for word in words) and _offered(context, one)
    ]


def _threads(context: RequestContext, query: str) -> Found:
    threads = Thread.objects.visible_to(context).active()
    newest = ("-lane__updated_at", "-lane_id")
    if query:
        matching = Q(title__icontains=query) | Q(agent__title__icontains=query)
        if _ID.fullmatch(query):
            matching |= Q(lane__id__endswith=query.lower()) | Q(lane__id__startswith=query.lower())
        threads = threads.filter(matching)
    return [
        (
            _fit(query, one.title),
            Item(str(one), "message-circle", one.agent.title, href=f"/chat/{one.pk}"),
        )
        for one in _best(threads.select_related("agent"), query, ("title",), *newest)
    ]


def _agents(context: RequestContext, query: str) -> Found:
    agents = Agent.objects.visible_to(context).active()
    if query:
        agents = agents.filter(Q(title__icontains=query) | Q(name__icontains=query))
    return [
        (
            _fit(query, one.title, one.name),
            Item(one.title, "robot", one.name, href=f"/agents/{one.name}"),
        )
        for one in _best(agents, query, ("title", "name"), "title", "name")
    ]


def _prompts(context: RequestContext, query: str) -> Found:
    team, slash, name = query.partition("/")
    prompts = Prompt.objects.visible_to(context).active().select_related("team")
    matching = Q(name__icontains=query) | Q(title__icontains=query)
    if slash:
        matching |= Q(team__slug__iexact=team, name__istartswith=name)
    found = _best(prompts.filter(matching), query, ("name", "title"), "name")
    return [
        (
            _fit(query, one.name, one.title, one.path),
            Item(one.title or one.name, "file-text", one.path, href=f"/prompts/{one.path}"),
        )
        for one in found
    ]


def _workbenches(context: RequestContext, query: str) -> Found:
    found = Workbench.objects.visible_to(context).filter(name__icontains=query)
    return [
        (_fit(query, one.name), Item(str(one), "columns-2", "", href=f"/workbench/{one.pk}"))
        for one in _best(found, query, ("name",), "-updated_at")
    ]


def _skills(context: RequestContext, query: str, words: list[str]) -> Found:
    found = [
        (
            _fit(query, one.name, one.title, one.name.rpartition(".")[2]),
            Item(one.title, "bolt", one.name, href=f"/skills/{one.name}"),
        )
        for one in registry.visible_to(context)
        if all(word in f"{one.name} {one.title}".lower() for word in words)
    ]
    return sorted(found, key=lambda each: each[0])[:PER_GROUP]


def _traces(context: RequestContext, query: str) -> Found:
    seen = Trace.objects.visible_to(context)
    matching = seen.matching(query)
    if _ID.fullmatch(query):
        matching |= seen.filter(id__endswith=query.lower())
    return [
        (
            _fit(query, one.name, one.id),
            Item(one.name, "list-tree", str(one.id)[-8:], href=f"/traces/{one.id}"),
        )
        # The newest of many: to order all that match by how they fit would take too long.
        for one in matching.order_by("-started_at")[:PER_GROUP]
    ]
