"""Append to a lane: gapless numbers in commit order, each dedup key once.

The lane's row is locked first and until the commit, so that numbers equal commit order.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from django.db import connection, transaction

from playground.core.canonical import content_hash
from playground.core.errors import Conflict, InvalidInput, NotFound
from playground.core.ids import new_id
from playground.messaging import events, hinting, texts, waking
from playground.messaging.fencing import IDLE_IN_TRANSACTION
from playground.messaging.models import Event, Message, Role, Run


class Runnable(StrEnum):
    """From when on workers may claim a lane, as an expression of SQL.

    In turn, a run that waits to be retried keeps its time.
    """

    IN_TURN = "COALESCE(runnable_at, clock_timestamp())"
    AT_ONCE = "clock_timestamp()"


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a message lies; ``duplicate`` when its key had been used for the same before."""

    message_id: uuid.UUID
    seq: int
    run_id: uuid.UUID | None
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that has no number yet.

    Attributes:
        run_id: the run that wrote it; None for those that come from outside.
        why: kept on the run that the message starts.
    """

    role: str
    content: str
    author: str
    data: dict[str, Any] | None = None
    dedup_key: str | None = None
    run_id: uuid.UUID | None = None
    starts_run: bool = False
    control: bool = False
    why: dict[str, Any] | None = None

    def body_hash(self) -> str:
        """Hash what a repetition must have in common."""
        return content_hash({"role": self.role, "content": self.content, "data": self.data})


class _Repeated(Exception):
    """The dedup key exists; everything done so far is rolled back."""

    def __init__(self, original: Message) -> None:
        self.original = original


def append_message(
    lane_id: uuid.UUID,
    *,
    role: str,
    content: str,
    author: str,
    data: dict[str, Any] | None = None,
    dedup_key: str | None = None,
    starts_run: bool = False,
    control: bool = False,
    why: dict[str, Any] | None = None,
) -> Appended:
    """Append a message in one short transaction, and call a worker once it is committed.

    Asks no policy: callers do.

    Raises:
        NotFound: there is no such lane.
        InvalidInput: the content or key cannot be stored.
        Conflict: the key was used with another body.
    """
    if role not in Role.values:
        raise InvalidInput("message.unknown-role", "The role is user, assistant, tool or system.")
    texts.check_content(content)
    texts.check_key(dedup_key)
    draft = Draft(
        role=role,
        content=content,
        author=author,
        data=texts.storable(data),
        dedup_key=dedup_key,
        starts_run=starts_run,
        control=control,
        why=texts.storable(why),
    )
    try:
        with transaction.atomic():
            return insert(lane_id, draft)
    except _Repeated as repeated:
        original = repeated.original
        if original.body_hash != draft.body_hash():
            raise Conflict(
                "message.dedup-conflict", "The dedup key was used for another message."
            ) from None
        return _as_before(original)


def append_event(lane_id: uuid.UUID, event: Mapping[str, Any]) -> int:
    """Append an event that is no message and belongs to no run; return its number.

    Raises:
        NotFound: there is no such lane.
        pydantic.ValidationError: the event is none of ours.
    """
    with transaction.atomic():
        return log(lane_id, [events.parse(texts.storable(dict(event)))])


def insert_once(lane_id: uuid.UUID, draft: Draft) -> Appended:
    """Insert inside the caller's transaction; what its key names already stays as it is.

    For workers, whose next attempt may word the same answer differently.
    """
    try:
        with transaction.atomic():
            return insert(lane_id, draft)
    except _Repeated as repeated:
        return _as_before(repeated.original)


def insert(lane_id: uuid.UUID, draft: Draft) -> Appended:
    """Insert message, run and events inside the caller's transaction."""
    message_id = new_id()
    run_id = new_id() if draft.starts_run else draft.run_id
    log_entry = events.MessageCreated(
        message_id=message_id,
        role=draft.role,  # type: ignore[arg-type]
        content=draft.content,
        data=draft.data,
        author=draft.author,
        run_id=run_id,
    )
    announced: list[events.LaneEvent] = [log_entry]
    if draft.starts_run and run_id is not None:
        announced.append(events.RunQueued(run_id=run_id))
    runnable = None
    if draft.starts_run:
        runnable = Runnable.AT_ONCE if draft.control else Runnable.IN_TURN
    first = take_numbers(lane_id, len(announced), runnable=runnable)
    if draft.dedup_key is not None:
        original = Message.objects.filter(lane_id=lane_id, dedup_key=draft.dedup_key).first()
        if original is not None:
            raise _Repeated(original)
    # The message names the run before it exists; the foreign key is checked at the commit.
    Message.objects.create(
        id=message_id,
        lane_id=lane_id,
        seq=first,
        role=draft.role,
        content=draft.content,
        data=draft.data,
        author=draft.author,
        dedup_key=draft.dedup_key,
        body_hash=draft.body_hash(),
        run_id=run_id,
        control=draft.control,
    )
    if draft.starts_run:
        Run.objects.create(id=run_id, lane_id=lane_id, message_id=message_id, why=draft.why)
    _write(lane_id, announced, first)
    return Appended(message_id, first, run_id)


def log(
    lane_id: uuid.UUID,
    entries: Sequence[events.LaneEvent],
    *,
    runnable: Runnable | None = None,
    touch: bool = True,
) -> int:
    """Append events inside the caller's transaction; return the last one's number.

    Without ``touch`` the lane stays where it is among those last used.
    """
    first = take_numbers(lane_id, len(entries), runnable=runnable, touch=touch)
    _write(lane_id, entries, first)
    return first + len(entries) - 1


def take_numbers(
    lane_id: uuid.UUID, count: int, *, runnable: Runnable | None = None, touch: bool = True
) -> int:
    """Lock the lane until the transaction ends, and return the first of ``count`` numbers.

    With ``runnable`` workers see the lane, and one is called after the commit.

    Raises:
        NotFound: there is no such lane.
    """
    moment = "runnable_at" if runnable is None else runnable.value
    used = "clock_timestamp()" if touch else "updated_at"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE messaging_lane SET next_seq = next_seq + %s, updated_at = {used},"
            f" runnable_at = {moment} WHERE id = %s RETURNING next_seq - %s,"
            " set_config('idle_in_transaction_session_timeout', %s, true)",
            [count, lane_id, count, IDLE_IN_TRANSACTION],
        )
        row = cursor.fetchone()
    if row is None:
        raise NotFound("lane.not-found", "There is no such lane.")
    if runnable is not None:
        transaction.on_commit(partial(waking.ring, lane_id), robust=True)
    return int(row[0])


def _write(lane_id: uuid.UUID, entries: Sequence[events.LaneEvent], first: int) -> None:
    Event.objects.bulk_create(
        Event(
            lane_id=lane_id,
            seq=first + position,
            type=entry.type,
            payload=events.payload(entry),
            run_id=getattr(entry, "run_id", None),
        )
        for position, entry in enumerate(entries)
    )
    head = first + len(entries) - 1
    transaction.on_commit(partial(hinting.hint, lane_id, head), robust=True)


def _as_before(original: Message) -> Appended:
    return Appended(original.pk, original.seq, original.run_id, duplicate=True)
