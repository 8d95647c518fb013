"""What a handler does while it works on a run; each write is fenced in its own transaction."""

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from playground.core.ids import urn
from playground.messaging import appending, events, hinting, texts
from playground.messaging.appending import Appended, Draft
from playground.messaging.fencing import Fence
from playground.messaging.interruptions import (
    LeaseLost,
    RunCancelled,
    RunHandedOver,
    RunInterrupted,
)
from playground.messaging.leases import Lease
from playground.messaging.models import Message, Run
from playground.messaging.surviving import persistently

__all__ = ["LeaseLost", "RunCancelled", "RunHandedOver", "RunInterrupted", "Work"]

SAVE_EVERY_S = 0.5

Result = TypeVar("Result")


class Work:
    """One attempt at one run.

    Attributes:
        message: what is to be answered.
        why: what was decided when the run was started, such as the agent's version.
        fence: for writes of one's own on the default silo.
        cancelled: set once somebody has asked to stop.
        leaving: set once this worker is going down.
    """

    def __init__(self, run: Run, lease: Lease, *, leaving: threading.Event | None = None) -> None:
        self.run = run
        self.lane_id: uuid.UUID = run.lane_id
        self.run_id: uuid.UUID = run.pk
        self.message: Message = run.message
        self.attempt = run.attempt
        self.trace_id = run.trace_id
        self.why: dict[str, Any] = run.why or {}
        self.lease = lease
        self.cancelled = threading.Event()
        self.leaving = leaving or threading.Event()
        self.spent: dict[str, Any] = dict(run.usage or {})
        self._text = threading.Lock()
        self._spending = threading.Lock()
        self._partial = ""
        self._base = 0
        self._saved = (0, 0)
        self._saved_at = 0.0

    @property
    def fence(self) -> Fence:
        return self.lease.fence

    def history(self) -> list[Message]:
        """Return what was said up to this message, in turns: each message, then its answers.

        Messages that wait behind this one are left out. One query.
        """
        later = Q(started_runs__isnull=False, seq__gt=self.message.seq)
        said = Message.objects.filter(lane_id=self.lane_id).exclude(later)
        turn = Coalesce(F("run__message__seq"), F("seq"))
        return list(said.annotate(turn=turn).order_by("turn", "seq"))

    def append(
        self,
        role: str,
        content: str,
        data: dict[str, Any] | None = None,
        *,
        dedup_key: str,
        author: str | None = None,
    ) -> Appended:
        """Append a message of this run.

        A later attempt that uses the same key gets the first one's message, whatever it says.

        Raises:
            LeaseLost
        """
        draft = Draft(
            role=role,
            content=texts.storable(content),
            author=author or urn("run", self.run_id),
            data=texts.storable(data),
            dedup_key=dedup_key,
            run_id=self.run_id,
        )

        def insert() -> Appended:
            appended = appending.insert_once(self.lane_id, draft)
            if role == "assistant":
                self._close_partial()
            return appended

        return self._write(insert)

    def step(
        self,
        step_id: str,
        *,
        kind: str,
        name: str,
        title: str,
        status: Literal["running", "ok", "error"],
        summary: str = "",
        span_id: str | None = None,
        ms: int | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Show a step, or what has become of the one with this id.

        Raises:
            LeaseLost
        """
        entry = events.RunStep(
            run_id=self.run_id,
            attempt=self.attempt,
            step_id=texts.storable(step_id),
            kind=kind,
            name=texts.storable(name),
            title=texts.storable(title),
            status=status,
            summary=texts.storable(summary),
            span_id=span_id,
            ms=None if ms is None else round(ms),
            data=texts.storable(data),
        )
        self._write(lambda: appending.log(self.lane_id, [entry]))

    def plan(self, items: list[dict[str, Any]]) -> None:
        """Show the plan: items of ``id``, ``title`` and ``status``.

        Raises:
            LeaseLost
        """
        lines = [events.PlanItem.model_validate(texts.storable(item)) for item in items]
        entry = events.RunPlan(run_id=self.run_id, items=lines)
        self._write(lambda: appending.log(self.lane_id, [entry]))

    def delta(self, text: str) -> None:
        """Show the next piece of the answer; never waits, never fails."""
        if not text:
            return
        text = texts.storable(text)
        with self._text:
            offset, base = len(self._partial), self._base
            self._partial += text
            piece = hinting.Delta(self.lane_id, self.run_id, self.attempt, base, offset, text)
            hinting.publish_delta(piece)

    def clear_partial(self) -> None:
        """Take back the pieces shown so far.

        Raises:
            LeaseLost
        """
        self._write(self._close_partial)
        piece = hinting.Delta(self.lane_id, self.run_id, self.attempt, self._base, 0, "")
        hinting.publish_delta(piece)

    def raise_if_cancelled(self) -> None:
        """Leave if somebody asked to, or the lane is gone, or the worker goes down; costs nothing.

        Raises:
            RunCancelled, LeaseLost, RunHandedOver
        """
        if self.lease.lost.is_set() or time.monotonic() > self.lease.deadline:
            raise LeaseLost(f"lane {self.lane_id}")
        if self.cancelled.is_set():
            raise RunCancelled(f"run {self.run_id}")
        if self.leaving.is_set():
            raise RunHandedOver(f"run {self.run_id}")

    def set_head(self, checkpoint_id: str) -> None:
        """Note the checkpoint from which the run goes on after a crash.

        Raises:
            LeaseLost
        """

        def record() -> None:
            with connection.cursor() as cursor:
                self.fence.record_head(cursor, checkpoint_id)

        self._write(record)

    def decide(self, **decided: Any) -> None:
        """Note on the run what was decided for it, beside what was when it was started.

        Raises:
            LeaseLost
        """
        why = {**self.why, **texts.storable(decided)}
        self._write(lambda: Run.objects.filter(pk=self.run_id).update(why=why))
        self.why = why

    def usage(
        self, *, input_tokens: int = 0, output_tokens: int = 0, cost_usd: float | None = None
    ) -> None:
        """Add to what the run has spent; stored when the attempt ends. Any thread may."""
        with self._spending:
            self.spent["input_tokens"] = self.spent.get("input_tokens", 0) + input_tokens
            self.spent["output_tokens"] = self.spent.get("output_tokens", 0) + output_tokens
            if cost_usd is not None:
                self.spent["cost_usd"] = (self.spent.get("cost_usd") or 0.0) + cost_usd

    def save_partial(self) -> None:
        """Store what is written of the answer if it is due; called from the keeper's thread.

        Raises:
            LeaseLost
        """
        with self._text:
            state = (self._base, len(self._partial))
            text = self._partial
        if state == self._saved or time.monotonic() - self._saved_at < SAVE_EVERY_S:
            return

        def save() -> None:
            # A later base means that the answer was closed after the text was copied.
            rows = Run.objects.filter(pk=self.run_id, partial_offset__lte=state[0])
            rows.update(partial_text=text, partial_offset=state[0])

        with transaction.atomic():
            self.fence.check(connection)
            save()
        self._saved, self._saved_at = state, time.monotonic()

    def _close_partial(self) -> None:
        with self._text:
            self._base += len(self._partial)
            self._partial = ""
            base = self._base
        Run.objects.filter(pk=self.run_id).update(partial_text="", partial_offset=base)

    def _write(self, action: Callable[[], Result]) -> Result:
        def fenced() -> Result:
            with transaction.atomic():
                self.fence.check(connection)
                return action()

        return persistently(fenced, until=lambda: self.lease.deadline)
