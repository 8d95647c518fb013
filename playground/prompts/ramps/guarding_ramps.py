"""Judge live ramps: take back what got worse, and go on where it is time and was told.

Whoever judges, and however many at once: a verdict is acted upon only in the period that it was
made of, under the ramp's lock, so that it is acted upon once.
"""

import datetime as dt
import logging
import uuid
from collections.abc import Sequence

from django.db import connection
from django.db.models import prefetch_related_objects

from playground.core.context import RequestContext
from playground.core.errors import Conflict, PlaygroundError
from playground.prompts.crediting import GUARD
from playground.prompts.models import GuardMetric, Ramp, RampEvent
from playground.prompts.ramps import metrics
from playground.prompts.ramps.bucketing import Arm
from playground.prompts.ramps.clustering import UnitSums
from playground.prompts.ramps.metrics import Comparison
from playground.prompts.ramps.observing import Seen, sums_of, sums_of_each
from playground.prompts.ramps.sequential import TIGHTEST_AT, Verdict
from playground.prompts.ramps.stepping import step
from playground.prompts.ramps.wording import counted, difference, name_of, write
from playground.prompts.reasoning import MAX_REASON

log = logging.getLogger(__name__)

What = RampEvent.What


def judge_all() -> int:
    """Judge every live ramp; return how many were changed. One that fails holds up no other."""
    changed = 0
    for ramp_id in list(Ramp.objects.live().values_list("pk", flat=True)):
        try:
            changed += judge(ramp_id) is not None
        except PlaygroundError as error:
            # Such as a label that may not go to the candidate any more: people have to see to it.
            log.warning("a ramp stays where it is: %s (%s)", ramp_id, error.code)
        except Exception:
            log.exception("a ramp cannot be judged: %s", ramp_id)
    return changed


def judge(ramp_id: uuid.UUID) -> RampEvent.What | None:
    """Pause or roll back a ramp that got worse, or advance it; return what was done.

    One that is paused goes on being guarded: a part of the callers goes on with the candidate.
    Asks the database three times where nothing is to be done.
    """
    ramp = Ramp.objects.live().whole().filter(pk=ramp_id).first()
    if ramp is None:
        return None
    sums = sums_of(ramp)
    worse = [each for each in comparisons(ramp, sums) if each.verdict is Verdict.REGRESSED]
    running = ramp.state == Ramp.State.RUNNING
    if worse:
        back = ramp.on_regression == Ramp.Remedy.ROLL_BACK
        if not back and not running:
            return None
        what = What.ROLLED_BACK if back else What.PAUSED
        return _act(ramp, what, "; ".join(_in_words(each) for each in worse))
    if running and ramp.automatic_advance and not what_lacks(ramp, sums):
        last = ramp.stage + 1 >= len(ramp.stages)
        what = What.COMPLETED if last else What.ADVANCED
        return _act(ramp, what, "the stage has lasted and seen enough, and nothing got worse")
    return None


def comparisons_of_each(ramps: Sequence[Ramp]) -> dict[uuid.UUID, list[Comparison]]:
    """Compare both arms of many ramps, in two queries for all of them."""
    prefetch_related_objects(ramps, "guards")
    sums = sums_of_each(ramps)
    return {ramp.pk: comparisons(ramp, sums[ramp.pk]) for ramp in ramps}


def comparisons(ramp: Ramp, sums: Seen | None = None) -> list[Comparison]:
    """Compare both arms by each guard, with what was seen in the current period."""
    if not ramp.period:
        return []
    seen = sums_of(ramp) if sums is None else sums
    return [_judged(ramp, guard, seen) for guard in ramp.guards.all()]


def what_lacks(ramp: Ramp, sums: Seen | None = None) -> str:
    """Return in words what the stage still needs before the next one may begin; empty: nothing."""
    stage, lacks = ramp.step, []
    minutes = _minutes_since(ramp.since)
    if minutes < stage.min_minutes:
        lacks.append(f"{minutes:.0f} of {counted(stage.min_minutes, 'minute')} passed")
    if stage.min_samples:
        seen = (sums_of(ramp) if sums is None else sums).get(metrics.ERROR_RATE, {})
        # Where everybody has the candidate nobody is left to see the baseline.
        arms = list(Arm) if stage.percent < 100 else [Arm.CANDIDATE]
        for arm in arms:
            n = seen.get(arm, UnitSums()).n
            if n < stage.min_samples:
                calls = counted(stage.min_samples, "call")
                lacks.append(f"{n:,} of {calls} with the {arm} seen")
    return ", ".join(lacks)


def _judged(ramp: Ramp, guard: GuardMetric, seen: Seen) -> Comparison:
    arms = seen.get(guard.kind, {})
    now = _compared(ramp, guard, arms)
    first = seen.get(metrics.said_first(guard.kind), arms)
    if first == arms:
        return now
    return metrics.cautious(now, _compared(ramp, guard, first), tolerated=guard.tolerated)


def _compared(ramp: Ramp, guard: GuardMetric, arms: dict[Arm, UnitSums]) -> Comparison:
    share = ramp.step.percent / 100
    smaller = min(share, 1 - share) or 1.0
    return metrics.compare(
        guard.kind,
        arms.get(Arm.BASELINE, UnitSums()),
        arms.get(Arm.CANDIDATE, UnitSums()),
        tolerated=guard.tolerated,
        lower_is_better=guard.lower_is_better,
        alpha=metrics.share_of_alpha(guard.alpha, ramp.period),
        tightest_at=round(ramp.step.min_samples / smaller) or TIGHTEST_AT,
    )


def _act(ramp: Ramp, what: RampEvent.What, reason: str) -> RampEvent.What | None:
    context = RequestContext(subject=GUARD, team=ramp.prompt.team.slug, purpose="evaluation")
    try:
        step(context, ramp.pk, what, reason=reason[:MAX_REASON], period=ramp.period)
    except Conflict as error:
        if error.code not in ("ramp.state", "ramp.judged-meanwhile"):
            raise
        # Somebody else has acted on the same verdict, or a person was faster.
        return None
    return what


def _in_words(found: Comparison) -> str:
    kind, one, other = found.metric, found.baseline, found.candidate
    means = f"{write(kind, _mean(other))} against {write(kind, _mean(one))}"
    return (
        f"{name_of(kind)} got worse: {means}, "
        f"by at least {difference(kind, found.worse_by)}, after {other.n} and {one.n} calls"
    )


def _mean(sums: UnitSums) -> float:
    return sums.total / sums.n if sums.n else 0.0


def _minutes_since(since: dt.datetime | None) -> float:
    if since is None:
        return 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp() - %s) / 60", [since])
        return float(cursor.fetchone()[0])
