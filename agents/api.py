"""Agents and threads over HTTP."""

import datetime as dt
import uuid
from typing import Annotated, Any, Self

from ninja import Header, Router, Schema, Status
from pydantic import Field, model_validator

from agents import building, listing, threads
from agents.models import Agent, AgentVersion, Thread
from agents.specifying import DEFAULT_MODEL, USUAL_STEPS, AgentSpec
from playground.core.errors import InvalidInput
from playground.policy.requests import TeamRequest

agents_api = Router(tags=["agents"])
threads_api = Router(tags=["threads"])

Limit = Annotated[int, Field(ge=1, le=listing.MAX_PAGE)]


class WiringIn(Schema):
    """What an agent is made of. ``model`` is an id of ``/api/models`` or ``default``.

    With ``prompt_label`` each run takes the version of the agent's prompt that the label points at.
    """

    title: str
    prompt: str
    prompt_label: str = ""
    description: str = ""
    skills: list[str] = []
    model: str = DEFAULT_MODEL
    step_limit: int = USUAL_STEPS
    planning: bool = False
    suggested: list[str] = []
    note: str = ""

    def spec(self, name: str) -> AgentSpec:
        """Return the wiring under a name."""
        return AgentSpec(
            name=name,
            title=self.title,
            prompt=self.prompt,
            prompt_label=self.prompt_label,
            description=self.description,
            skills=tuple(self.skills),
            model=self.model,
            step_limit=self.step_limit,
            planning=self.planning,
            suggested=tuple(self.suggested),
            note=self.note,
        )


class AgentIn(WiringIn):
    name: str


class WiringUpdateIn(WiringIn):
    """A new version. With ``based_on`` it is refused if somebody saved another meanwhile."""

    based_on: int | None = None


class AgentPatchIn(Schema):
    archived: bool


class VersionOut(Schema):
    version: int
    title: str
    description: str
    prompt: str
    prompt_version: int
    prompt_label: str
    skills: list[str]
    model: str
    step_limit: int
    planning: bool
    suggested: list[str]
    note: str
    author: str
    created_at: dt.datetime


class AgentOut(VersionOut):
    name: str
    archived: bool


class AgentsOut(Schema):
    items: list[AgentOut]
    next: str | None


class VersionsOut(Schema):
    items: list[VersionOut]
    next: str | None


class ThreadIn(Schema):
    agent: str
    title: str | None = None


class ThreadPatchIn(Schema):
    title: str | None = None
    archived: bool | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.title is None and self.archived is None:
            raise ValueError("Give a title, or say whether the thread is archived.")
        return self


class ThreadOut(Schema):
    """A thread; ``status`` is that of its newest run, null before the first."""

    id: uuid.UUID
    agent: str
    agent_version: int
    latest_version: int
    title: str
    owner: str
    status: str | None
    unread: bool
    archived: bool
    created_at: dt.datetime
    updated_at: dt.datetime


class ThreadsOut(Schema):
    items: list[ThreadOut]
    next: str | None


class MessageIn(Schema):
    """A message. The same ``dedup_key``, or ``Idempotency-Key``, gives the same answer again."""

    content: str
    dedup_key: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class PostedOut(Schema):
    id: uuid.UUID
    seq: int
    run_id: uuid.UUID | None


class MessageOut(Schema):
    id: uuid.UUID
    seq: int
    role: str
    content: str
    run_id: uuid.UUID | None
    author: str
    data: dict[str, Any] | None
    created_at: dt.datetime


class MessagesOut(Schema):
    items: list[MessageOut]
    next: str | None


class ReadIn(Schema):
    seq: Annotated[int, Field(ge=0, lt=2**62)]


@agents_api.get("", response=AgentsOut, summary="List the team's agents")
def list_agents(
    request: TeamRequest,
    q: str = "",
    archived: bool = False,
    cursor: str | None = None,
    limit: Limit = listing.MAX_PAGE,
) -> dict[str, Any]:
    """List by name, each with its latest version."""
    page = listing.agents_page(request.context, q=q, archived=archived, cursor=cursor, limit=limit)
    return {"items": [_agent(a, a.current) for a in page.items], "next": page.next}


@agents_api.post("", response={201: AgentOut}, summary="Make an agent")
def make_agent(request: TeamRequest, body: AgentIn) -> Status[dict[str, Any]]:
    """Make version 1 of a new agent; a taken name is a 409."""
    version = building.save_agent(request.context, body.spec(body.name), must_be_new=True)
    return Status(201, _agent(version.agent, version))


@agents_api.get("/{name}", response=AgentOut, summary="Read an agent")
def read_agent(request: TeamRequest, name: str) -> dict[str, Any]:
    """Read the latest version."""
    agent = building.find_agent(request.context, name)
    return _agent(agent, agent.latest)


@agents_api.put("/{name}", response=AgentOut, summary="Save a new version of an agent")
def save_agent(request: TeamRequest, name: str, body: WiringUpdateIn) -> dict[str, Any]:
    """Save a version; saving the same wiring again gives the version that is there."""
    building.find_agent(request.context, name)
    version = building.save_agent(request.context, body.spec(name), based_on=body.based_on)
    return _agent(building.find_agent(request.context, name), version)


@agents_api.patch("/{name}", response=AgentOut, summary="Archive or restore an agent")
def archive_agent(request: TeamRequest, name: str, body: AgentPatchIn) -> dict[str, Any]:
    """Close an agent to new threads, or open it again."""
    agent = building.archive(request.context, name, archived=body.archived)
    return _agent(agent, agent.latest)


@agents_api.get("/{name}/versions", response=VersionsOut, summary="List an agent's versions")
def list_versions(
    request: TeamRequest, name: str, cursor: int | None = None, limit: Limit = 50
) -> dict[str, Any]:
    """List the versions, newest first."""
    agent = building.find_agent(request.context, name)
    versions = agent.versions.select_related("prompt_version").order_by("-number")
    if cursor is not None:
        versions = versions.filter(number__lt=max(0, min(cursor, 2**31 - 1)))
    found = list(versions[: limit + 1])
    after = str(found[limit - 1].number) if len(found) > limit else None
    return {"items": [_version(version) for version in found[:limit]], "next": after}


@threads_api.get("", response=ThreadsOut, summary="List the team's threads")
def list_threads(
    request: TeamRequest,
    q: str = "",
    agent: str = "",
    mine: bool = False,
    archived: bool = False,
    cursor: str | None = None,
    limit: Limit = 30,
) -> dict[str, Any]:
    """List threads, last used first."""
    page = listing.threads_page(
        request.context,
        q=q,
        agent=agent,
        mine=mine,
        archived=archived,
        cursor=cursor,
        limit=limit,
    )
    return {"items": [_thread(thread) for thread in page.items], "next": page.next}


@threads_api.post("", response={201: ThreadOut}, summary="Open a thread")
def open_thread(request: TeamRequest, body: ThreadIn) -> Status[dict[str, Any]]:
    """Open a thread with the latest version of an agent."""
    thread = threads.open_thread(request.context, agent=body.agent, title=body.title)
    return Status(201, _thread(thread))


@threads_api.get("/{thread_id}", response=ThreadOut, summary="Read a thread")
def read_thread(request: TeamRequest, thread_id: str) -> dict[str, Any]:
    """Read a thread."""
    return _thread(threads.find_thread(request.context, thread_id))


@threads_api.patch("/{thread_id}", response=ThreadOut, summary="Rename or archive a thread")
def change_thread(request: TeamRequest, thread_id: str, body: ThreadPatchIn) -> dict[str, Any]:
    """Change the title, or take the thread out of the list."""
    thread = threads.find_thread(request.context, thread_id)
    if body.title is not None:
        thread = threads.rename(request.context, thread_id, title=body.title)
    if body.archived is not None:
        thread = threads.archive(request.context, thread_id, archived=body.archived)
    return _thread(thread)


@threads_api.get("/{thread_id}/messages", response=MessagesOut, summary="List a thread's messages")
def list_messages(
    request: TeamRequest,
    thread_id: str,
    cursor: Annotated[int, Field(ge=0, lt=2**62)] = 0,
    limit: Limit = listing.MAX_PAGE,
) -> dict[str, Any]:
    """List messages in their order."""
    thread = threads.find_thread(request.context, thread_id)
    page = listing.messages_page(thread, after=cursor, limit=limit)
    return {"items": page.items, "next": page.next}


@threads_api.post(
    "/{thread_id}/messages", response={202: PostedOut}, summary="Send a message to the agent"
)
def post_message(
    request: TeamRequest,
    thread_id: str,
    body: MessageIn,
    idempotency_key: Annotated[
        str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)
    ] = None,
) -> Status[dict[str, Any]]:
    """Accept a message; its run is queued when this returns."""
    keys = {key for key in (body.dedup_key, idempotency_key) if key}
    if len(keys) > 1:
        raise InvalidInput("message.dedup-keys", "The header and the body name different keys.")
    posted = threads.post_message(
        request.context, thread_id, content=body.content, dedup_key=next(iter(keys), None)
    )
    answer = {"id": posted.message_id, "seq": posted.seq, "run_id": posted.run_id}
    return Status(202, answer)


@threads_api.post(
    "/{thread_id}/upgrade", response=ThreadOut, summary="Move a thread to the latest version"
)
def upgrade(request: TeamRequest, thread_id: str) -> dict[str, Any]:
    """Let the thread's next messages be answered by the agent's latest version."""
    return _thread(threads.move_to_latest(request.context, thread_id))


@threads_api.post("/{thread_id}/read", response={204: None}, summary="Say how far one has read")
def mark_read(request: TeamRequest, thread_id: str, body: ReadIn) -> Status[None]:
    """Remember the last sequence number that the caller has seen."""
    threads.mark_read(request.context, thread_id, seq=body.seq)
    return Status(204, None)


def _version(version: AgentVersion) -> dict[str, Any]:
    return {
        "version": version.number,
        "title": version.title,
        "description": version.description,
        "prompt": version.prompt,
        "prompt_version": version.prompt_version.number,
        "prompt_label": version.prompt_label,
        "skills": version.skills,
        "model": version.model,
        "step_limit": version.step_limit,
        "planning": version.planning,
        "suggested": version.suggested,
        "note": version.note,
        "author": version.author,
        "created_at": version.created_at,
    }


def _agent(agent: Agent, version: AgentVersion) -> dict[str, Any]:
    return {**_version(version), "name": agent.name, "archived": agent.archived_at is not None}


def _thread(thread: Thread) -> dict[str, Any]:
    latest = getattr(thread, "latest_number", None) or thread.agent.latest.number
    return {
        "id": thread.pk,
        "agent": thread.agent.name,
        "agent_version": thread.version.number,
        "latest_version": latest,
        "title": thread.title,
        "owner": thread.resource().owner,
        "status": getattr(thread, "run_status", None),
        "unread": thread.unread,
        "archived": thread.archived_at is not None,
        "created_at": thread.created_at,
        "updated_at": thread.updated_at,
    }
