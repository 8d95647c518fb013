"""``/ws/threads/<id>``: authorise and stream; what is said comes from the log."""

import asyncio
import contextlib
import logging
import time
import uuid
from typing import Final
from urllib.parse import parse_qs

from playground.core.context import RequestContext
from playground.core.errors import NotFound
from playground.messaging import frames, hub, posting, reading, resuming, runs
from playground.messaging.following import Entry
from playground.policy.origins import origin_allowed
from playground.policy.sockets import NOT_FOUND, GuardedConsumer

log = logging.getLogger(__name__)

CHECK_AGAIN_S: Final = 5.0


class ThreadConsumer(GuardedConsumer):
    """One socket on one lane."""

    context: RequestContext
    lane_id: uuid.UUID

    async def connect(self) -> None:
        """Let in whoever may see the lane; one of another team and an unknown one answer alike."""
        self.pump: asyncio.Task[None] | None = None
        self.checked = time.monotonic()
        self.html = parse_qs(self.scope.get("query_string", b"")).get(b"html") == [b"1"]
        self.lane_id = uuid.UUID(str(self.scope["url_route"]["kwargs"]["thread_id"]))
        if not origin_allowed(self.scope):
            await self.close()
            return
        await self.accept()
        await self._admit()

    async def disconnect(self, code: int) -> None:
        """Stop following."""
        await self._stop()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Do what a frame asks; a wrong one is answered and the socket stays open."""
        if not hasattr(self, "context"):
            return
        try:
            self.take()
            await self._do(frames.parse(text_data))
        except Exception as error:
            await self.fault(error)

    async def _do(self, asked: frames.Resume | frames.Send | frames.Cancel | frames.Ping) -> None:
        match asked:
            case frames.Ping():
                await self.say({"type": "pong"})
            case frames.Resume():
                await self._stop()
                self.pump = asyncio.create_task(self._stream(asked))
            case frames.Send() if await self._admit():
                appended = await hub.in_thread(
                    posting.post,
                    self.context,
                    self.lane_id,
                    content=asked.content,
                    dedup_key=asked.dedup_key,
                )
                await self.say(
                    {
                        "type": "ack",
                        "dedup_key": asked.dedup_key,
                        "id": str(appended.message_id),
                        "seq": appended.seq,
                        "run_id": str(appended.run_id) if appended.run_id else None,
                    }
                )
            case frames.Cancel() if await self._admit():
                await hub.in_thread(_cancel, asked.run_id, self.lane_id, self.context)

    async def _admit(self) -> bool:
        """Ask again who this is and whether they may see the lane, and close where they may not."""
        context = await self.identify()
        if context is None:
            return False
        try:
            await hub.in_thread(reading.find_lane, self.lane_id, by=context)
        except NotFound as error:
            await self.refuse(error, NOT_FOUND)
            return False
        self.context = context
        self.checked = time.monotonic()
        return True

    async def _stream(self, asked: frames.Resume) -> None:
        items = resuming.follow(
            self.lane_id,
            after_seq=asked.after_seq,
            stream_epoch=asked.stream_epoch,
            html=self.html,
        )
        try:
            async with contextlib.aclosing(items) as following:
                async for item in following:
                    # A member who was removed stops hearing soon.
                    due = time.monotonic() - self.checked > CHECK_AGAIN_S
                    if due and not await self._admit():
                        return
                    await self._tell(item)
        except Exception:
            log.exception("following lane %s failed", self.lane_id)
            # The client reconnects and goes on after what it has.
            await self.close(1011)

    async def _tell(self, item: resuming.Item) -> None:
        match item:
            case Entry() if self.html:
                html = await hub.rendered(self.lane_id, item, self.context)
                body = {"type": "event", "seq": item.seq, "event": item.event}
                await self.say({**body, "html": html})
            case Entry():
                await self.send(text_data=item.frame)
            case resuming.Piece():
                await self.send(text_data=item.frame)
            case resuming.Written():
                written = await hub.snapshot_frame(item.run_id, item.text, html=self.html)
                await self.send(text_data=written)
            case resuming.Hello() | resuming.Reset():
                kind = "hello" if isinstance(item, resuming.Hello) else "reset"
                body = {"stream_epoch": item.stream_epoch, "head_seq": item.head_seq}
                await self.say({"type": kind, **body})
            case resuming.Idle():
                pass

    async def _stop(self) -> None:
        if self.pump is not None:
            self.pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.pump
            self.pump = None


def _cancel(run_id: uuid.UUID, lane_id: uuid.UUID, context: RequestContext) -> None:
    """Cancel a run of this lane; one of another lane is none that this socket knows."""
    if runs.find(run_id, by=context).lane_id != lane_id:
        raise NotFound("run.not-found", "There is no such run.")
    runs.cancel(run_id, by=context)
