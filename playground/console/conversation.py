"""A thread as the chat shows it: turns of a message and the run that answers it."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from playground.console.folding import Progress, StepView, fold
from playground.console.opinions import Opinions, opinions_of
from playground.core.clock import now
from playground.core.context import RequestContext
from playground.messaging import feedback
from playground.messaging.models import Event, Message, Run
from playground.policy.people import names_of

ACTIVE = frozenset({"queued", "running", "waiting"})
PAGE_TURNS = 40


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message; ``mine`` when the reader wrote it."""

    id: uuid.UUID
    seq: int
    role: str
    content: str
    author: str
    author_name: str
    mine: bool
    created_at: dt.datetime
    run_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class RunView:
    """One run with everything that the conversation and the run's page show of it."""

    id: uuid.UUID
    thread_id: uuid.UUID
    status: str
    attempt: int
    max_attempts: int
    trace_id: str
    error_code: str
    error_detail: str
    message_text: str
    partial_text: str
    partial_offset: int
    created_at: dt.datetime
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    cancel_requested_at: dt.datetime | None
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    retry_note: str = ""
    steps: tuple[StepView, ...] = ()
    plan: tuple[Mapping[str, Any], ...] = ()
    answers: tuple[MessageView, ...] = ()
    opinions: Opinions = field(default_factory=Opinions)

    @property
    def active(self) -> bool:
        """Tell whether the run will still change."""
        return self.status in ACTIVE

    @property
    def ms(self) -> float | None:
        """Return how long it worked, in milliseconds, once it has ended."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds() * 1000

    @property
    def waited_ms(self) -> float:
        """Return how long it waited for a worker, in milliseconds, until now if it still does."""
        return ((self.started_at or now()) - self.created_at).total_seconds() * 1000

    @property
    def total_tokens(self) -> int:
        """Return input and output tokens together."""
        return self.input_tokens + self.output_tokens

    @property
    def answer_text(self) -> str:
        """Return the answers as one Markdown text."""
        return "\n\n".join(answer.content for answer in self.answers)

    @property
    def judged(self) -> bool:
        """Tell whether there is an answer, of which people may say something."""
        return bool(self.answer_text) and not self.active

    @property
    def title(self) -> str:
        """Name the run by its request."""
        return " ".join(self.message_text.split())[:120] or "Run"


@dataclass(frozen=True, slots=True)
class Turn:
    """A message and the run that answers it; either may be missing."""

    message: MessageView | None
    run: RunView | None


def message_view(
    message: Message, context: RequestContext, names: Mapping[str, str] | None = None
) -> MessageView:
    """Show a message to the context's subject."""
    known = names_of([message.author]) if names is None else names
    return MessageView(
        id=message.pk,
        seq=message.seq,
        role=message.role,
        content=message.content,
        author=message.author,
        author_name=known.get(message.author) or message.author.partition(":")[2],
        mine=message.author == context.subject,
        created_at=message.created_at,
        run_id=message.run_id,
    )


def run_view(
    run: Run,
    *,
    progress: Progress | None = None,
    answers: Sequence[MessageView] = (),
    opinions: Opinions | None = None,
) -> RunView:
    """Show a run; its message must be loaded."""
    usage = run.usage or {}
    progress = progress or Progress()
    answered = bool(answers)
    partial = "" if answered or run.status == "succeeded" else run.partial_text or ""
    return RunView(
        id=run.pk,
        thread_id=run.lane_id,
        status=run.status,
        attempt=run.attempt,
        max_attempts=run.max_attempts,
        trace_id=run.trace_id,
        error_code=run.error_code or "",
        error_detail=run.error_detail or "",
        message_text=run.message.content if run.message_id else "",
        partial_text=partial,
        partial_offset=len(partial),
        created_at=run.created_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        cancel_requested_at=run.cancel_requested_at,
        input_tokens=int(usage.get("input_tokens") or 0),
        output_tokens=int(usage.get("output_tokens") or 0),
        cost_usd=usage.get("cost_usd"),
        retry_note=progress.retry_note,
        steps=tuple(progress.steps.values()),
        plan=progress.plan,
        answers=tuple(answers),
        opinions=opinions or Opinions(),
    )


def load_run(run: Run, context: RequestContext) -> RunView:
    """Return one run with its steps, plan, answers and what was said of them; five queries."""
    events = Event.objects.filter(run_id=run.pk).order_by("seq")
    said = Message.objects.filter(run_id=run.pk, role="assistant").order_by("seq")
    answers = [message_view(message, context, {}) for message in said]
    said_of = feedback.of_runs([run.pk], team=context.team).get(run.pk, [])
    names = names_of(one.author for one in said_of)
    opinions = opinions_of(said_of, context, names)
    return run_view(run, progress=fold(run, events), answers=answers, opinions=opinions)


def load_turns(
    lane_id: uuid.UUID, context: RequestContext, *, before: int | None = None
) -> tuple[list[Turn], int | None]:
    """Return the newest turns, oldest first, and the seq before which there are earlier ones.

    Seven queries, whatever the length.
    """
    said = Message.objects.filter(lane_id=lane_id, control=False, role__in=("user", "system"))
    if before is not None:
        said = said.filter(seq__lt=before)
    newest = list(said.order_by("-seq")[: PAGE_TURNS + 1])
    earlier = newest[PAGE_TURNS - 1].seq if len(newest) > PAGE_TURNS else None
    opening = newest[:PAGE_TURNS][::-1]
    runs = list(
        Run.objects.filter(message_id__in=[message.pk for message in opening]).select_related(
            "message"
        )
    )
    run_ids = [run.pk for run in runs]
    events: dict[uuid.UUID, list[Event]] = {run_id: [] for run_id in run_ids}
    for event in Event.objects.filter(lane_id=lane_id, run_id__in=run_ids).order_by("seq"):
        if event.run_id is not None:
            events[event.run_id].append(event)
    replies = list(
        Message.objects.filter(lane_id=lane_id, run_id__in=run_ids, role="assistant").order_by(
            "seq"
        )
    )
    said_of = feedback.of_runs(run_ids, team=context.team)
    authors = {one.author for each in said_of.values() for one in each}
    names = names_of(authors | {message.author for message in [*opening, *replies]})
    answers: dict[uuid.UUID, list[MessageView]] = {run_id: [] for run_id in run_ids}
    for reply in replies:
        if reply.run_id is not None:
            answers[reply.run_id].append(message_view(reply, context, names))
    by_message = {
        run.message_id: run_view(
            run,
            progress=fold(run, events[run.pk]),
            answers=answers[run.pk],
            opinions=opinions_of(said_of.get(run.pk, []), context, names),
        )
        for run in runs
    }
    turns = [
        Turn(message_view(message, context, names), by_message.get(message.pk))
        for message in opening
    ]
    return turns, earlier
