"""Give feedback on the answer of a run, change it and take it back.

It stands beside the run and not beside the trace: the run has the team, the lane whose log tells
viewers of it, and is there also where its spans were lost. Rooms that learn from it listen.
"""

import logging
import math
import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models.functions import Now

from playground.core import spans
from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput, NotFound, PlaygroundError
from playground.core.ids import urn
from playground.messaging import appending, events, runs, statuses
from playground.messaging.models import MAX_COMMENT, Feedback, Run, Source
from playground.policy import auditing
from playground.policy.deciding import Resource, require

log = logging.getLogger(__name__)

THUMBS = "thumbs"
# So that sums of squares of scores stay within a float.
LARGEST = 1e12
MOST_PER_RUN = 100
_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")

Listener = Callable[[events.RunFeedback], None]
_listeners: list[Listener] = []


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody says of a run.

    Attributes:
        comment: None leaves the one that stands there.
    """

    key: str
    score: bool | float
    comment: str | None = None
    source: Source = Source.HUMAN


def register(listener: Listener) -> None:
    """Let this listener hear what changes, in its transaction and one change of a run at a time.

    What it fails with is logged, and the feedback is kept all the same.
    """
    _listeners.append(listener)


def give(run_id: uuid.UUID, given: Given, *, by: RequestContext) -> Feedback:
    """Keep what the context's subject says of a run, in place of what they said before.

    Raises:
        NotFound, PolicyDenied
        Conflict: ``feedback.run-active``, there is no answer yet; ``feedback.full``.
        InvalidInput: ``feedback.key-invalid``, ``feedback.score-invalid``,
            ``feedback.comment-invalid``.
    """
    check(given)
    run = _run_for(run_id, by)
    fields: dict[str, Any] = {"score": float(given.score), "source": given.source.value}
    if given.comment is not None:
        fields["comment"] = spans.kept(given.comment.strip())
    with transaction.atomic():
        runs.lock(run.lane_id)
        _check_state(run)
        mine = Feedback.objects.filter(run=run, key=given.key, author=by.subject)
        if mine.filter(**fields).exists():
            return mine.get()
        if not mine.update(**fields, updated_at=Now()):
            _check_room(run)
            Feedback.objects.create(run=run, key=given.key, author=by.subject, **fields)
        _announce(
            events.RunFeedback(
                run_id=run.pk,
                key=given.key,
                author=by.subject,
                source=given.source.value,  # type: ignore[arg-type]
                score=float(given.score),
            ),
            run,
        )
        # Their other window may take it back as soon as this one is done.
        kept = mine.get()
    _record(by, run, "give_feedback", given.key)
    return kept


def take_back(run_id: uuid.UUID, key: str, *, by: RequestContext) -> None:
    """Delete what the context's subject said of a run under a key.

    Raises:
        NotFound: ``feedback.not-found``, they said nothing; or there is no such run.
        PolicyDenied
    """
    run = _run_for(run_id, by)
    with transaction.atomic():
        runs.lock(run.lane_id)
        gone, _ = Feedback.objects.filter(run=run, key=key, author=by.subject).delete()
        if not gone:
            raise NotFound("feedback.not-found", "You have given no such feedback.")
        _announce(events.RunFeedback(run_id=run.pk, key=key, author=by.subject), run)
    _record(by, run, "take_back_feedback", key)


def of_runs(run_ids: Iterable[uuid.UUID], *, team: str) -> dict[uuid.UUID, list[Feedback]]:
    """Return what was said of those runs that are the team's, oldest first; one query."""
    found: dict[uuid.UUID, list[Feedback]] = {}
    for one in Feedback.objects.filter(run_id__in=list(run_ids), run__lane__team__slug=team):
        found.setdefault(one.run_id, []).append(one)
    return found


def check(given: Given) -> None:
    """Refuse what nothing can be learnt from; see ``give``."""
    if not _KEY.fullmatch(given.key):
        raise InvalidInput(
            "feedback.key-invalid",
            "A key has 1 to 64 small letters, digits, dots, dashes and underscores.",
        )
    if not math.isfinite(given.score) or abs(given.score) > LARGEST:
        raise InvalidInput("feedback.score-invalid", "A score is a finite number, yes or no.")
    if given.key == THUMBS and given.score not in (0, 1):
        raise InvalidInput("feedback.score-invalid", "A thumb is up, 1, or down, 0.")
    _check_comment(given.comment or "")


def _check_comment(comment: str) -> None:
    if len(comment) > MAX_COMMENT or "\x00" in comment:
        raise InvalidInput(
            "feedback.comment-invalid",
            f"A comment has at most {MAX_COMMENT:,} characters and no NUL.",
        )
    try:
        comment.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("feedback.comment-invalid", "A comment is Unicode text.") from error


def _run_for(run_id: uuid.UUID, by: RequestContext) -> Run:
    run = runs.find(run_id, by=by)
    owner = by.subject
    require(by, "create", Resource("Feedback", str(run.pk), run.lane.team.slug, owner=owner))
    return run


def _check_state(run: Run) -> None:
    run.refresh_from_db(fields=["status"])
    if run.status not in statuses.TERMINAL:
        raise Conflict("feedback.run-active", "The run is still at work: say it when it has ended.")


def _check_room(run: Run) -> None:
    if Feedback.objects.filter(run=run).count() >= MOST_PER_RUN:
        raise Conflict("feedback.full", f"Of one run at most {MOST_PER_RUN} things are kept.")


def _announce(event: events.RunFeedback, run: Run) -> None:
    # The thread is no news for that, and stays where it is among those last used.
    appending.log(run.lane_id, [event], touch=False)
    for listener in _listeners:
        try:
            with transaction.atomic():
                listener(event)
        except (PlaygroundError, DatabaseError) as error:
            log.warning("feedback was kept and not learnt from: %s", type(error).__name__)


def _record(by: RequestContext, run: Run, action: str, key: str) -> None:
    auditing.record(
        by, action=action, resource=urn("run", run.pk), outcome="done", details={"key": key}
    )
