"""Threads: open them, post to them, move them to a newer version."""

import unicodedata
import uuid
from dataclasses import replace
from typing import Any

from django.db import transaction

from agents.building import find_agent
from agents.models import Thread, ThreadQuerySet, ThreadReading
from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput, NotFound, PolicyDenied
from playground.messaging import lanes
from playground.messaging.appending import Appended, append_event, append_message
from playground.policy.deciding import Resource, require
from playground.policy.models import User
from playground.policy.people import person_for

MAX_MESSAGE_BYTES = 64 * 1024
TITLE_CHARS = 80


def open_thread(context: RequestContext, *, agent: str, title: str | None = None) -> Thread:
    """Open a thread with the latest version of an agent.

    Raises:
        NotFound: the team has no such agent.
        PolicyDenied: the context may not run it.
        Conflict: the agent is archived.
    """
    found = find_agent(context, agent)
    require(context, "run", found.resource())
    require(context, "create", Resource(kind="Thread", id="new", team=context.team))
    if found.archived_at is not None:
        raise Conflict("agent.archived", "The agent is archived; it takes no new threads.")
    check_title(title or "")
    with transaction.atomic():
        lane = lanes.open_lane(context=context, owner=_owner(context), kind="thread")
        return Thread.objects.create(
            lane=lane, agent=found, version=found.latest, title=title or ""
        )


def find_thread(context: RequestContext, thread_id: uuid.UUID | str) -> Thread:
    """Return a thread of the context's team.

    Raises:
        NotFound: there is none that the context may see.
    """
    threads = Thread.objects.visible_to(context).with_status().with_unread(context.subject)
    thread = _by_id(threads, thread_id)
    require(context, "view", thread.resource())
    return thread


def _by_id(threads: ThreadQuerySet, thread_id: uuid.UUID | str) -> Thread:
    try:
        key = uuid.UUID(str(thread_id))
    except ValueError:
        key = None
    thread = threads.newest_first().filter(pk=key).first()
    if thread is None:
        raise NotFound("thread.not-found", "There is no such thread.")
    return thread


def post_message(
    context: RequestContext, thread_id: uuid.UUID | str, *, content: str, dedup_key: str | None
) -> Appended:
    """Append a person's message, which starts a run.

    Raises:
        NotFound: there is no such thread, or it is another team's.
        PolicyDenied: the context may only look.
        InvalidInput: the content is empty, too large or holds NUL characters.
        Conflict: the ``dedup_key`` was used with other content.
    """
    thread = _by_id(Thread.objects.visible_to(context), thread_id)
    require(context, "run", thread.resource())
    check_content(content)
    if thread.archived_at is not None:
        raise Conflict("thread.archived", "The thread is archived; restore it to go on.")
    appended = append_message(
        thread.pk,
        role="user",
        content=content,
        author=context.subject,
        dedup_key=dedup_key,
        starts_run=True,
        why={
            "agent": thread.agent.name,
            "agent_version": thread.version.number,
            "purpose": context.purpose,
            "locale": context.locale,
            "training_consent": context.training_consent,
            # The worker that answers is another process, and later.
            **({"key": context.key} if context.key else {}),
            **({"attributes": dict(context.attributes)} if context.attributes else {}),
        },
    )
    if not thread.title:
        _set_title(thread, shorten(content))
    return appended


def check_content(content: str) -> None:
    """Refuse content that no thread takes.

    Raises:
        InvalidInput: ``message.empty``, ``message.too-large`` (413) or ``message.nul``.
    """
    # What nobody can see says nothing either; format characters are of category Cf.
    if not any(not each.isspace() and unicodedata.category(each) != "Cf" for each in content):
        raise InvalidInput("message.empty", "A message says something.")
    if "\x00" in content:
        raise InvalidInput("message.nul", "A message holds no NUL characters.")
    try:
        size = len(content.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput("message.encoding", "A message is valid Unicode text.") from error
    if size > MAX_MESSAGE_BYTES:
        raise InvalidInput(
            "message.too-large",
            f"A message has at most {MAX_MESSAGE_BYTES // 1024} kB.",
            http_status=413,
        )


def rename(context: RequestContext, thread_id: uuid.UUID | str, *, title: str) -> Thread:
    """Give a thread another title.

    Raises:
        NotFound, PolicyDenied: see ``post_message``.
        InvalidInput: the title is empty or too long.
    """
    thread = find_thread(context, thread_id)
    require(context, "edit", thread.resource())
    if not title.strip():
        raise InvalidInput("thread.title-empty", "Give the thread a title.")
    check_title(title)
    _set_title(thread, title.strip())
    return thread


def check_title(title: str) -> None:
    """Refuse titles that are too long or hold NUL characters."""
    if len(title) > 120:
        raise InvalidInput("thread.title-too-long", "A title has at most 120 characters.")
    if "\x00" in title:
        raise InvalidInput("thread.title-nul", "A title holds no NUL characters.")


def archive(
    context: RequestContext, thread_id: uuid.UUID | str, *, archived: bool = True
) -> Thread:
    """Take a thread out of the list, or put it back.

    Raises:
        NotFound, PolicyDenied: see ``post_message``.
    """
    thread = find_thread(context, thread_id)
    require(context, "edit", thread.resource())
    thread.archived_at = now() if archived else None
    with transaction.atomic():
        thread.save(update_fields=["archived_at"])
        _announce(thread, archived=archived)
    return thread


def move_to_latest(context: RequestContext, thread_id: uuid.UUID | str) -> Thread:
    """Let the thread's next runs use the agent's latest version; a run under way keeps its own.

    Raises:
        NotFound, PolicyDenied: see ``post_message``.
    """
    thread = find_thread(context, thread_id)
    require(context, "run", thread.resource())
    latest = thread.agent.latest
    if thread.version_id != latest.pk:
        thread.version = latest
        with transaction.atomic():
            thread.save(update_fields=["version"])
            _announce(thread, agent_version=latest.number)
    return thread


def mark_read(context: RequestContext, thread_id: uuid.UUID | str, *, seq: int) -> None:
    """Remember how far the context's subject has looked; it never goes back."""
    thread = find_thread(context, thread_id)
    reading, made = ThreadReading.objects.get_or_create(
        thread=thread, reader=context.subject, defaults={"seq": seq}
    )
    if not made:
        ThreadReading.objects.filter(pk=reading.pk, seq__lt=seq).update(seq=seq)


def shorten(content: str) -> str:
    """Make a title of a message: its first line, cut at a word."""
    line = " ".join(content.strip().splitlines()[0].split())
    if len(line) <= TITLE_CHARS:
        return line
    return line[:TITLE_CHARS].rsplit(" ", 1)[0].rstrip(",.;:") + "…"


def _owner(context: RequestContext) -> User:
    """Return who opens a thread: the subject, or the user who acts for a member."""
    owner = person_for(context)
    if owner is None and context.actor is not None:
        owner = person_for(replace(context, subject=context.actor))
    if owner is None:
        raise PolicyDenied("thread.no-owner", "A thread belongs to a user.")
    return owner


def _set_title(thread: Thread, title: str) -> None:
    with transaction.atomic():
        Thread.objects.filter(pk=thread.pk).update(title=title)
        thread.title = title
        _announce(thread, title=title)


def _announce(thread: Thread, **changed: Any) -> None:
    append_event(thread.pk, {"type": "thread.updated", "data": changed})
