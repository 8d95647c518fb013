"""Let ramps hear what people and programs say of runs, late and changed as it may be.

A run that takes a ramped prompt leaves a note of its arm, period and unit. Whatever is said of it
counts there: thumbs as ``thumbs``, everything else as ``score:<key>``, of each author once.

When somebody says otherwise, what they had said is taken out of the sums and the new value put in,
so that these are always what they would be had everybody said at once what they say now. A
sequential test does not allow that by itself: it bets on each observation as it comes, and a bet
that may be taken back is worth nothing. So the values that were said first are summed up, too,
under a name of their own, and never corrected. A verdict takes the evidence of both: what was said
first makes that a false alarm stays as rare as ``alpha`` says, for there nothing is ever revised
and the sequence is an ordinary one; what is said now keeps a ramp from being rolled back for what
nobody means any more. See ``metrics.cautious``.
"""

import logging
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import connection, transaction

from playground.core import spans
from playground.core.errors import PlaygroundError
from playground.messaging.events import RunFeedback
from playground.prompts.models import CountedFeedback, Ramp, RunInRamp
from playground.prompts.ramps import metrics
from playground.prompts.ramps.assigning import unit_hash
from playground.prompts.ramps.guarding_ramps import judge
from playground.prompts.ramps.observing import correct, record

log = logging.getLogger(__name__)

# A later attempt stands for the run, as its answer does.
_NOTE = """
INSERT INTO prompts_runinramp AS old (run_id, ramp_id, attempt, period, arm, unit, mixed)
VALUES (%(run)s, %(ramp)s, %(attempt)s, %(period)s, %(arm)s, %(unit)s, false)
ON CONFLICT (run_id, ramp_id) DO UPDATE SET
    mixed = old.attempt = EXCLUDED.attempt AND (old.mixed OR old.arm <> EXCLUDED.arm),
    attempt = EXCLUDED.attempt, period = EXCLUDED.period, arm = EXCLUDED.arm, unit = EXCLUDED.unit
WHERE old.attempt <= EXCLUDED.attempt
"""


def note(token: Mapping[str, Any]) -> None:
    """Note that the run in which the caller is takes part in a ramp; outside of a run, nothing."""
    span = spans.current()
    if span is None or not span.trace.run_id:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _NOTE, {**token, "run": uuid.UUID(span.trace.run_id), "attempt": span.trace.attempt}
        )


def hear(said: RunFeedback) -> None:
    """Count what was said of a run with every live ramp that it took part in.

    Called with the lane of the run locked, so that what is said of it is heard in one order.
    """
    metric = metrics.of_feedback(said.key)
    notes = RunInRamp.objects.filter(run_id=said.run_id, mixed=False)
    for taken in notes.filter(ramp__state__in=Ramp.LIVE).select_related("ramp").order_by("ramp"):
        if _count(taken, metric, said):
            transaction.on_commit(partial(_judge, taken.ramp_id), robust=True)


def _count(taken: RunInRamp, metric: str, said: RunFeedback) -> bool:
    ramp = taken.ramp
    author = unit_hash(said.author, salt=ramp.salt)
    known = CountedFeedback.objects.filter(
        ramp=ramp, run_id=said.run_id, metric=metric, author=author
    )
    counted = known.first()
    if counted is not None:
        known.update(value=said.score)
        token = counted.as_token(ramp.pk)
        return correct(token, metric, before=counted.value, after=said.score, at=counted.at)
    if said.score is None or not record(taken.as_token(ramp.pk), {metric: said.score}):
        return False
    CountedFeedback.objects.create(
        ramp=ramp,
        run_id=said.run_id,
        metric=metric,
        author=author,
        value=said.score,
        period=taken.period,
        arm=taken.arm,
        unit=taken.unit,
    )
    return True


def _judge(ramp_id: uuid.UUID) -> None:
    try:
        judge(ramp_id)
    except PlaygroundError as error:
        log.warning("a ramp stays where it is: %s (%s)", ramp_id, error.code)
