"""Follow one trace over a WebSocket: join first, then read the store, then follow."""

import asyncio
import contextlib
import datetime as dt
import time
from typing import Any

import orjson
from channels.db import database_sync_to_async
from django.template.loader import render_to_string

from playground.core.clock import moment_of
from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound
from playground.policy import bodies
from playground.policy.origins import origin_allowed
from playground.policy.sockets import NOT_FOUND, UNAUTHENTICATED, GuardedConsumer
from playground.tracing import reading, showing
from playground.tracing.feedback import Mark, marks_of
from playground.tracing.following import follower
from playground.tracing.models import Trace
from playground.tracing.rows import Row
from playground.tracing.showing import PromptUse

POLL_S = 1.0
SETTLE_S = 0.15
"""After a root's end the store needs about this long to settle the trace's totals."""
RECHECK_S = 60.0
MAX_FRAME = 4096
FORBIDDEN = 4403


class TraceConsumer(GuardedConsumer):
    """Send rows, text and the header of a trace while it grows.

    Client: ``{"type": "resume", "after": moment | null}``, ``{"type": "ping"}``. Server: ``hello``,
    ``span`` with the row's JSON and HTML, ``delta``, ``trace`` with the header's, ``pong``,
    ``error``. A span's revision tells which of two rows is newer.
    """

    trace_id: str
    context: RequestContext

    async def connect(self) -> None:
        """Let in who may see the trace; close with 4401, 4403 or 4404 otherwise."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._revisions: dict[str, int] = {}
        self._header = ""
        self._after: dt.datetime | None = None
        self._resumed = asyncio.Event()
        self.trace_id = self.scope["url_route"]["kwargs"]["trace_id"]
        await self.accept()
        if not origin_allowed(self.scope):
            await self.close(FORBIDDEN)
            return
        context = await self.identify()
        if context is None:
            return
        self.context = context
        try:
            await self._trace()
        except NotFound as error:
            await self.refuse(error, NOT_FOUND)
            return
        task = asyncio.create_task(self._follow())
        self._tasks.add(task)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take ``resume`` and ``ping``."""
        try:
            self.take()
            match _parse(text_data):
                case {"type": "ping"}:
                    await self.say({"type": "pong"})
                case {"type": "resume", **rest}:
                    self._after = _moment(rest.get("after"))
                    self._resumed.set()
                case _:
                    raise InvalidInput("frame.unknown-type", "The type is resume or ping.")
        except Exception as error:
            await self.fault(error)

    async def disconnect(self, code: int) -> None:
        """Stop following."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self) -> None:
        async with follower().follow(self.trace_id) as queue:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._resumed.wait(), POLL_S)
            await self.say({"type": "hello", "trace_id": self.trace_id})
            live = await self._catch_up()
            checked = polled = time.monotonic()
            patience = POLL_S if live else RECHECK_S
            while True:
                try:
                    message = await asyncio.wait_for(queue.get(), patience)
                    await self._pass_on(message)
                    patience = POLL_S
                except TimeoutError:
                    message = None
                clock = time.monotonic()
                if clock - checked >= RECHECK_S:
                    checked = clock
                    if await self.identify() != self.context:
                        await self.close(UNAUTHENTICATED)
                        return
                if message is None or not message["spans"] or clock - polled >= POLL_S:
                    polled = clock
                    patience = POLL_S if await self._catch_up() else RECHECK_S
                if message is not None and _ends(message):
                    patience = SETTLE_S

    async def _pass_on(self, message: dict[str, Any]) -> None:
        for fields in message["spans"]:
            await self._send_row(Row(**fields))
        for delta in message["deltas"]:
            await self.say({"type": "delta", **delta})

    async def _catch_up(self) -> bool:
        """Send what the store knows beyond what was sent; return whether more is to come."""
        try:
            trace, prompts, rows, read_at, marks = await self._changes()
        except NotFound:
            await self.close(NOT_FOUND)
            return False
        self._after = read_at
        for row in rows:
            await self._send_row(row)
        shown = {"trace": trace, "prompts": prompts, "marks": marks}
        header = render_to_string("tracing/header.html", shown)
        if header != self._header:
            self._header = header
            await self.say(
                {"type": "trace", "id": trace.id, "status": trace.status, "html": header}
            )
        return trace.live

    async def _send_row(self, row: Row) -> None:
        if self._revisions.get(row.id, 0) >= row.revision:
            return
        self._revisions[row.id] = row.revision
        html = render_to_string("tracing/row.html", {"row": row})
        await self.say({"type": "span", "span": row.as_json(), "html": html})

    @database_sync_to_async
    def _changes(
        self,
    ) -> tuple[Trace, list[PromptUse], list[Row], dt.datetime, list[Mark]]:
        trace = reading.trace_for(self.context, self.trace_id)
        read_at = reading.database_now()
        marks = marks_of([trace]).get(trace.pk, [])
        prompts = showing.prompts_of(trace)
        if self._after is None:
            return trace, prompts, reading.tree_of(trace).rows, read_at, marks
        return trace, prompts, reading.rows_since(self.trace_id, self._after), read_at, marks

    @database_sync_to_async
    def _trace(self) -> Trace:
        return reading.trace_for(self.context, self.trace_id)


def _ends(message: dict[str, Any]) -> bool:
    return any(row["parent_id"] is None and row["end"] for row in message["spans"])


def _parse(text: str | None) -> Any:
    if text is None:
        raise InvalidInput("frame.binary", "Frames are text.")
    if len(text) > MAX_FRAME:
        raise InvalidInput("frame.too-large", f"A frame has at most {MAX_FRAME} characters.")
    encoded = text.encode("utf-8", "surrogatepass")
    bodies.check_json(encoded)
    return orjson.loads(encoded)


def _moment(value: Any) -> dt.datetime | None:
    if value in (None, ""):
        return None
    try:
        return moment_of(value)
    except (ValueError, TypeError) as error:
        detail = "`after` is a moment in ISO 8601 with its time zone."
        raise InvalidInput("frame.invalid", detail) from error
