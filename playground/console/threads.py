"""Threads as the chat lists and heads them."""

import datetime as dt
import uuid
from dataclasses import dataclass

from agents.listing import agents_page
from agents.models import AgentVersion, Thread
from agents.specifying import DEFAULT_MODEL
from playground.core.context import RequestContext
from playground.gateway.catalogue import default_model
from playground.policy.deciding import decide
from playground.policy.people import person_for

LIST_LIMIT = 60


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """One line of the list of threads."""

    id: uuid.UUID
    title: str
    agent: str
    owner_name: str
    mine: bool
    status: str
    head_seq: int
    unread: bool
    updated_at: dt.datetime
    current: bool

    @classmethod
    def of(cls, thread: Thread, context: RequestContext, *, current: bool = False) -> "ThreadRow":
        """Show a thread that was loaded ``with_status`` and ``newest_first``."""
        return cls(
            id=thread.pk,
            title=str(thread),
            agent=thread.agent.title,
            owner_name=str(thread.lane.owner),
            mine=thread.lane.owner.urn == context.subject,
            status=getattr(thread, "run_status", None) or "",
            head_seq=int(thread.lane.next_seq) - 1,
            unread=not current and hasattr(thread, "has_news") and thread.unread,
            updated_at=thread.updated_at,
            current=current,
        )


@dataclass(frozen=True, slots=True)
class ThreadHeader:
    """What stands over and under a conversation."""

    id: uuid.UUID
    title: str
    agent: str
    agent_title: str
    team_name: str
    version_number: int
    latest_number: int
    model: str
    offline: bool
    suggested: tuple[str, ...]
    may_post: bool
    me: str
    my_name: str
    head_seq: int
    stream_epoch: str


@dataclass(frozen=True, slots=True)
class AgentChoice:
    """An agent that a new chat can begin with."""

    name: str
    title: str
    model: str
    offline: bool
    suggested: tuple[str, ...]


def model_of(version: AgentVersion) -> str:
    """Return the model that a version's runs use now."""
    return default_model() if version.model == DEFAULT_MODEL else str(version.model)


def thread_rows(
    context: RequestContext, *, query: str = "", agent: str = "", current: uuid.UUID | None = None
) -> tuple[list[ThreadRow], int]:
    """Return the team's threads, last used first, and how many match; two queries."""
    matching = Thread.objects.visible_to(context).active().matching(query.strip()[:200])
    if agent:
        matching = matching.filter(agent__name=agent[:100])
    listed = matching.with_status().with_unread(context.subject).newest_first()[:LIST_LIMIT]
    rows = [ThreadRow.of(one, context, current=one.pk == current) for one in listed]
    return rows, len(rows) if len(rows) < LIST_LIMIT else matching.count()


def thread_header(thread: Thread, context: RequestContext) -> ThreadHeader:
    """Describe a thread to the context's subject."""
    version, latest = thread.version, thread.agent.latest
    model = model_of(version)
    return ThreadHeader(
        id=thread.pk,
        title=str(thread),
        agent=thread.agent.name,
        agent_title=version.title,
        team_name=thread.agent.team.name,
        version_number=version.number,
        latest_number=latest.number,
        model=model,
        offline=model.startswith("offline/"),
        suggested=tuple(version.suggested),
        may_post=decide(context, "run", thread.resource(), audit=False).allowed,
        me=context.subject,
        my_name=str(person_for(context) or context.subject),
        head_seq=int(thread.lane.next_seq) - 1,
        stream_epoch=str(thread.lane.stream_epoch),
    )


def agents_with_threads(context: RequestContext) -> list[tuple[str, str]]:
    """Return names and titles of the agents that the team's threads belong to, by title."""
    used = Thread.objects.visible_to(context).active().order_by("agent__title")
    return list(used.values_list("agent__name", "agent__title").distinct()[:100])


def agent_choices(context: RequestContext) -> list[AgentChoice]:
    """Return the team's agents with their latest versions, the most used first."""
    agents = agents_page(context).items
    choices = []
    for agent in sorted(agents, key=lambda one: (-(one.thread_count or 0), one.created_at)):
        model = model_of(agent.current)
        choices.append(
            AgentChoice(
                name=agent.name,
                title=agent.current.title,
                model=model,
                offline=model.startswith("offline/"),
                suggested=tuple(agent.current.suggested),
            )
        )
    return choices
