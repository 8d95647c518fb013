"""Lists of agents and threads, page by page."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from agents.models import Agent, AgentVersion, Thread
from playground.core.clock import moment_of
from playground.core.context import RequestContext
from playground.core.cursors import give, take
from playground.messaging.models import Message, Run

MAX_PAGE = 100
_THREADS = "threads -used"


@dataclass(frozen=True, slots=True)
class Page:
    """Some items, and the cursor of those after them."""

    items: list[Any]
    next: str | None


def threads_page(
    context: RequestContext,
    *,
    q: str = "",
    agent: str = "",
    mine: bool = False,
    archived: bool = False,
    cursor: str | None = None,
    limit: int = 30,
) -> Page:
    """Return the team's threads, last used first, with ``run_status`` and ``seen_seq``.

    Raises:
        InvalidInput: the cursor is none of ours.
    """
    threads = Thread.objects.visible_to(context).matching(_clean(q))
    threads = threads.filter(archived_at__isnull=not archived)
    if agent:
        threads = threads.filter(agent__name=_clean(agent))
    if mine:
        threads = threads.filter(lane__owner__username=context.subject.removeprefix("user:"))
    if cursor:
        at, last = take(_THREADS, cursor, moment_of, uuid.UUID)
        threads = threads.filter(
            Q(lane__updated_at__lt=at) | Q(lane__updated_at=at, lane_id__lt=last)
        )
    size = page_size(limit)
    ordered = threads.with_status().with_unread(context.subject).newest_first()
    found = list(ordered[: size + 1])
    if len(found) <= size:
        return Page(found, None)
    oldest = found[size - 1]
    return Page(found[:size], give(_THREADS, oldest.updated_at, oldest.pk))


def agents_page(
    context: RequestContext,
    *,
    q: str = "",
    archived: bool = False,
    cursor: str | None = None,
    limit: int = MAX_PAGE,
) -> Page:
    """Return the team's agents by name, each with its latest version as ``current``."""
    agents = Agent.objects.visible_to(context).with_use().order_by("name")
    agents = agents.filter(archived_at__isnull=not archived)
    if _clean(q):
        text = _clean(q)
        agents = agents.filter(
            Q(name__icontains=text) | Q(title__icontains=text) | Q(description__icontains=text)
        )
    if cursor:
        agents = agents.filter(name__gt=_clean(cursor))
    size = page_size(limit)
    found = list(agents[: size + 1])
    latest = {
        version.agent_id: version
        for version in AgentVersion.objects.filter(agent__in=found)
        .select_related("agent", "prompt_version__prompt")
        .order_by("agent_id", "-number")
        .distinct("agent_id")
    }
    for agent in found:
        agent.current = latest[agent.pk]
    return Page(found[:size], found[size - 1].name if len(found) > size else None)


def messages_page(thread: Thread, *, after: int = 0, limit: int = MAX_PAGE) -> Page:
    """Return a thread's messages in order, those after a sequence number."""
    size = page_size(limit)
    found = list(
        Message.objects.filter(lane_id=thread.pk, seq__gt=after).order_by("seq")[: size + 1]
    )
    return Page(found[:size], str(found[size - 1].seq) if len(found) > size else None)


def recent_runs(agent: Agent, *, limit: int = 8) -> list[Run]:
    """Return the newest runs of an agent's threads, threads loaded."""
    runs = Run.objects.filter(lane__thread__agent=agent).select_related("lane__thread", "message")
    return list(runs.order_by("-created_at")[:limit])


def page_size(limit: int) -> int:
    """Hold a wished page size to what is served."""
    return max(1, min(limit, MAX_PAGE))


def _clean(text: str) -> str:
    return text.strip()[:200]
