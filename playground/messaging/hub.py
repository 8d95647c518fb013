"""What this process's sockets follow: one Redis subscription, each event read and encoded once.

Redis only says where to look. A lane that is watched here is also looked at every few seconds
without being told, so a lost hint, or Redis being away, costs seconds and loses nothing.
"""

import asyncio
import contextlib
import logging
import random
import uuid
import weakref
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import orjson
import redis.asyncio
from channels.db import DatabaseSyncToAsync
from django.conf import settings

from playground.core.context import RequestContext
from playground.core.markdown import render_markdown
from playground.messaging import hinting, reading, rendering
from playground.messaging.following import Entry, Feed, Subscriber, Text, entry

log = logging.getLogger(__name__)

PATROL_S = 4.0
PATROL_WITHOUT_REDIS_S = 1.0
PAINT_S = 0.5
KEEP_HTML_S = 1.0
MAX_HTML = 2000

Result = TypeVar("Result")
_readers = ThreadPoolExecutor(4, thread_name_prefix="hub")


async def in_thread(action: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """Run something that reads the database, beside other readers."""
    call = DatabaseSyncToAsync(action, thread_sensitive=False, executor=_readers)
    result: Result = await call(*args, **kwargs)
    return result


class Hub:
    """All lanes that are followed from one event loop."""

    def __init__(self) -> None:
        self._feeds: dict[uuid.UUID, Feed] = {}
        # Also lanes whose feed is still being opened.
        self._wanted: set[uuid.UUID] = set()
        self._locks: weakref.WeakValueDictionary[uuid.UUID, asyncio.Lock] = (
            weakref.WeakValueDictionary()
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._pubsub: redis.asyncio.client.PubSub | None = None
        self._connected = False
        self._looking: dict[uuid.UUID, asyncio.Task[None]] = {}
        self._painted: dict[str, tuple[int, int, int]] = {}

    @contextlib.asynccontextmanager
    async def subscription(
        self, lane_id: uuid.UUID, *, html: bool = False
    ) -> AsyncIterator[tuple[Feed, Subscriber]]:
        """Follow a lane while the block runs; what is new wakes the subscriber."""
        lock = self._locks.setdefault(lane_id, asyncio.Lock())
        async with lock:
            feed = self._feeds.get(lane_id)
            if feed is None:
                feed = await self._open(lane_id)
            subscriber = Subscriber(html=html)
            feed.subscribers.add(subscriber)
        try:
            yield feed, subscriber
        finally:
            feed.subscribers.discard(subscriber)
            # Under the lock, or this could unsubscribe somebody who has just come.
            async with lock:
                if not feed.subscribers and self._feeds.get(lane_id) is feed:
                    del self._feeds[lane_id]
                    await self._close(lane_id)

    async def _open(self, lane_id: uuid.UUID) -> Feed:
        if not self._tasks:
            steps = (self._listen, self._patrol, self._paint)
            self._tasks = [asyncio.create_task(step()) for step in steps]
        # Listen first and read then: whatever happens between the two is heard.
        self._wanted.add(lane_id)
        await self._subscribe(lane_id)
        head = (await in_thread(reading.heads, [lane_id]))[lane_id]
        feed = Feed(lane_id, head=head.seq, stream_epoch=head.stream_epoch)
        feed.settle(await in_thread(reading.partials, lane_id))
        self._feeds[lane_id] = feed
        return feed

    async def _close(self, lane_id: uuid.UUID) -> None:
        self._wanted.discard(lane_id)
        if self._pubsub is not None and self._connected:
            with contextlib.suppress(redis.RedisError, OSError):
                await self._pubsub.unsubscribe(hinting.channel(lane_id))

    async def _subscribe(self, *lane_ids: uuid.UUID) -> None:
        if self._pubsub is not None and self._connected and lane_ids:
            try:
                await self._pubsub.subscribe(*(hinting.channel(one) for one in lane_ids))
            except (redis.RedisError, OSError):
                self._connected = False

    async def _listen(self) -> None:
        """Hear hints and pieces; after a broken connection begin again and look at every lane."""
        wait_s = 0.1
        while True:
            client = redis.asyncio.Redis.from_url(
                settings.REDIS_URL, socket_connect_timeout=2, health_check_interval=10
            )
            try:
                self._pubsub = client.pubsub()
                # A channel that nobody uses keeps the connection in its listening state.
                await self._pubsub.subscribe("lane:")
                self._connected = True
                await self._subscribe(*self._wanted)
                for feed in self._feeds.values():
                    feed.rough = True
                    self._look(feed)
                wait_s = 0.1
                while self._connected:
                    message = await self._pubsub.get_message(
                        ignore_subscribe_messages=True, timeout=5.0
                    )
                    if message is not None:
                        self._hear(message["channel"], message["data"])
            except (redis.RedisError, OSError) as error:
                log.warning("hints do not arrive: %s", type(error).__name__)
            except Exception:
                log.exception("listening failed")
            self._connected = False
            with contextlib.suppress(Exception):
                await client.aclose()
            await asyncio.sleep(random.uniform(wait_s / 2, wait_s))
            wait_s = min(wait_s * 2, 2.0)

    def _hear(self, channel: bytes, data: bytes) -> None:
        try:
            feed = self._feeds.get(uuid.UUID(channel.decode().removeprefix("lane:")))
            message = orjson.loads(data)
            if feed is None:
                return
            if "delta" in message:
                feed.piece(message["delta"])
                if feed.rough:
                    self._look(feed, after_s=0.3)
            elif int(message["head_seq"]) > feed.head:
                self._look(feed)
        except (ValueError, KeyError, TypeError):
            log.warning("a hint that cannot be read")

    def _look(self, feed: Feed, *, after_s: float = 0.0) -> None:
        """Read what is new in a lane, once at a time; a hint during a reading starts another."""
        running = self._looking.get(feed.lane_id)
        if running is None or running.done():
            task = asyncio.create_task(self._read(feed, after_s))
            self._looking[feed.lane_id] = task
            task.add_done_callback(lambda done: self._looked(feed, done))
        else:
            feed.asked = True

    def _looked(self, feed: Feed, task: "asyncio.Task[None]") -> None:
        if self._looking.get(feed.lane_id) is task:
            del self._looking[feed.lane_id]
        if task.cancelled():
            return
        if task.exception() is not None:
            log.warning("reading a lane failed: %s", type(task.exception()).__name__)
        elif self._feeds.get(feed.lane_id) is feed and (feed.asked or feed.rough):
            again_s = 0.3 if not feed.asked else 0.0
            feed.asked = False
            self._look(feed, after_s=again_s)

    async def _read(self, feed: Feed, after_s: float) -> None:
        if after_s:
            await asyncio.sleep(after_s)
        while True:
            rows = await in_thread(reading.events_after, feed.lane_id, feed.head)
            feed.extend([(row.seq, row.body()) for row in rows])
            if len(rows) < reading.PAGE:
                break
        if feed.rough:
            feed.settle(await in_thread(reading.partials, feed.lane_id))

    async def _patrol(self) -> None:
        """Look at every watched lane now and then without being told."""
        while True:
            pause = PATROL_S if self._connected else PATROL_WITHOUT_REDIS_S
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            if not self._feeds:
                continue
            try:
                heads = await in_thread(reading.heads, list(self._feeds))
            except Exception as error:
                log.warning("lanes cannot be looked at: %s", type(error).__name__)
                continue
            for lane_id, feed in list(self._feeds.items()):
                head = heads.get(lane_id)
                if head is None or head.stream_epoch != feed.stream_epoch or head.seq < feed.head:
                    epoch = head.stream_epoch if head else ""
                    feed.restart(head=head.seq if head else 0, stream_epoch=epoch)
                elif head.seq > feed.head or not self._connected:
                    feed.rough = feed.rough or not self._connected
                    self._look(feed)

    async def _paint(self) -> None:
        """Send pages the answers being written as HTML, about twice a second."""
        while True:
            await asyncio.sleep(PAINT_S)
            for feed in list(self._feeds.values()):
                pages = [one for one in feed.subscribers if one.html]
                for run, text in list(feed.texts.items()) if pages else ():
                    state = (text.attempt, text.base, len(text.text))
                    if not text.text or self._painted.get(run) == state:
                        continue
                    self._painted[run] = state
                    frame = await snapshot_frame(run, text, html=True)
                    for page in pages:
                        page.offer(frame)
            alive = {run for feed in self._feeds.values() for run in feed.texts}
            self._painted = {run: at for run, at in self._painted.items() if run in alive}


async def snapshot_frame(run_id: str, text: Text, *, html: bool) -> str:
    """Encode what is written of an answer; ``offset`` counts its characters."""
    written = text.text
    frame = {
        "type": "snapshot",
        "run_id": run_id,
        "attempt": text.attempt,
        "offset": len(written),
        "text": written,
    }
    if html:
        loop = asyncio.get_running_loop()
        frame["html"] = str(await loop.run_in_executor(_readers, render_markdown, written))
    return orjson.dumps(frame).decode()


async def entries_after(feed: Feed, seq: int) -> list[Entry]:
    """Return the next events after a number: from memory, or a page of the log."""
    kept = feed.after(seq)
    if kept is not None:
        return kept
    rows = await in_thread(reading.events_after, feed.lane_id, seq)
    return [entry(row.seq, row.body()) for row in rows]


async def rendered(lane_id: uuid.UUID, event: Entry, context: RequestContext) -> str:
    """Return an event's HTML, rendered once for all sockets of the same person."""
    key = (lane_id, event.seq, context.subject, context.actor)
    kept = _html.get(key)
    if kept is None:
        if len(_html) >= MAX_HTML:
            _html.clear()
        body = {"seq": event.seq, **event.event}
        kept = asyncio.ensure_future(in_thread(rendering.render, lane_id, body, context))
        _html[key] = kept
        # Rows are rendered as they are now, so nothing is kept for long.
        asyncio.get_running_loop().call_later(KEEP_HTML_S, _html.pop, key, None)
    return await asyncio.shield(kept)


_html: "dict[tuple[object, ...], asyncio.Future[str]]" = {}
_hubs: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = weakref.WeakKeyDictionary()


def hub() -> Hub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
