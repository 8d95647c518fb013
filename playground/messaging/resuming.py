"""The resume protocol, the same for WebSockets and server-sent events.

Join the lane first, then read the log after the client's number, then follow. What the client
cannot have by going on is told as a reset, never as a silent hole.
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from playground.messaging import hub, reading
from playground.messaging.following import Entry, Feed, Subscriber, Text
from playground.messaging.surviving import CONNECTION_ERRORS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hello:
    """The client may go on; ``head_seq`` says how far the log reaches."""

    stream_epoch: str
    head_seq: int


@dataclass(frozen=True, slots=True)
class Reset:
    """The client must read everything anew; events go on after ``head_seq``."""

    stream_epoch: str
    head_seq: int


@dataclass(frozen=True, slots=True)
class Written:
    """All that is written of an answer so far."""

    run_id: str
    text: Text


@dataclass(frozen=True, slots=True)
class Piece:
    """An encoded frame about an answer that is being written."""

    frame: str


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing happened for a while."""


Item = Hello | Reset | Entry | Written | Piece | Idle


async def follow(
    lane_id: uuid.UUID,
    *,
    after_seq: int,
    stream_epoch: str | None = None,
    html: bool = False,
    idle_s: float = 15.0,
) -> AsyncGenerator[Item, None]:
    """Yield everything after a number, then everything that happens, without end."""
    async with hub.hub().subscription(lane_id, html=html) as (feed, subscriber):
        head = await _head(lane_id)
        yield Hello(head.stream_epoch, head.seq)
        cursor = after_seq
        other = stream_epoch is not None and stream_epoch != head.stream_epoch
        if other or after_seq > head.seq or await _trimmed(lane_id, after_seq, head):
            yield Reset(head.stream_epoch, head.seq)
            cursor = head.seq
        told_texts = False
        while True:
            subscriber.wake.clear()
            if subscriber.reset:
                subscriber.reset = False
                cursor = feed.head
                yield Reset(feed.stream_epoch, cursor)
            for entry in await _entries(feed, cursor):
                if entry.seq > cursor:
                    cursor = entry.seq
                    yield entry
            if cursor < feed.head:
                continue
            for run_id, text in _texts(feed, subscriber):
                if text.text or told_texts:
                    yield Written(run_id, text)
            told_texts = True
            while subscriber.deltas:
                yield Piece(subscriber.deltas.popleft())
            try:
                await asyncio.wait_for(subscriber.wake.wait(), idle_s)
            except TimeoutError:
                yield Idle()


def _texts(feed: Feed, subscriber: Subscriber) -> list[tuple[str, Text]]:
    if not subscriber.wants_snapshots:
        return []
    subscriber.wants_snapshots = False
    subscriber.deltas.clear()
    # Copied at this moment: what comes from now on is queued for this subscriber.
    return [(run, Text(text.attempt, text.base, text.text)) for run, text in feed.texts.items()]


async def _head(lane_id: uuid.UUID) -> reading.Head:
    while True:
        try:
            return (await hub.in_thread(reading.heads, [lane_id]))[lane_id]
        except CONNECTION_ERRORS:
            await asyncio.sleep(0.5)


async def _entries(feed: Feed, cursor: int) -> list[Entry]:
    try:
        return await hub.entries_after(feed, cursor)
    except CONNECTION_ERRORS as error:
        log.warning("the log cannot be read now: %s", type(error).__name__)
        await asyncio.sleep(0.5)
        return []


async def _trimmed(lane_id: uuid.UUID, after_seq: int, head: reading.Head) -> bool:
    if head.seq == after_seq:
        return False
    try:
        return await hub.in_thread(reading.begins_after, lane_id) > after_seq
    except CONNECTION_ERRORS:
        return False
