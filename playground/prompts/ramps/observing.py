"""Keep what calls under a ramp turn out to be, as sums alone."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q

from playground.core.clock import now
from playground.prompts.models import ArmSums, Ramp
from playground.prompts.ramps import metrics
from playground.prompts.ramps.bucketing import Arm
from playground.prompts.ramps.clustering import UnitSums
from playground.prompts.ramps.slotting import begin_of, slot_of

Seen = dict[str, dict[Arm, UnitSums]]
"""What was seen of a ramp in a period, by metric and arm."""

# Whoever adds locks rows in the order of the metrics' names, so that none waits for another's.
# ``n`` is 1 for an observation, 0 for one that is changed and -1 for one that is taken out.
_ADD = """
WITH given (metric, n, value, square) AS (
    SELECT * FROM unnest(
        %(metrics)s::text[], %(counts)s::int[], %(values)s::float8[], %(squares)s::float8[]
    ) ORDER BY 1
), seen AS (
    INSERT INTO prompts_exposure (ramp_id, unit, arm)
    VALUES (%(ramp)s, %(unit)s, %(arm)s) ON CONFLICT DO NOTHING RETURNING arm
), exposed AS (
    INSERT INTO prompts_exposedsums AS old (ramp_id, slot, arm, units)
    SELECT %(ramp)s, %(slot)s, arm, 1 FROM seen
    ON CONFLICT (ramp_id, slot, arm) DO UPDATE SET units = old.units + 1
), tally AS (
    INSERT INTO prompts_unittally AS old (ramp_id, period, unit, metric, n, total)
    SELECT %(ramp)s, %(period)s, %(unit)s, metric, n, value FROM given
    ON CONFLICT (ramp_id, period, unit, metric)
    DO UPDATE SET n = old.n + EXCLUDED.n, total = old.total + EXCLUDED.total
    RETURNING metric, n::float8 AS n, total
), added AS (
    SELECT metric, given.n, value, square,
        (tally.n > 0)::int - (tally.n > given.n)::int AS units,
        tally.n * tally.n - (tally.n - given.n) * (tally.n - given.n) AS counts,
        tally.n * total - (tally.n - given.n) * (total - value) AS products,
        total * total - (total - value) * (total - value) AS totals
    FROM tally JOIN given USING (metric) ORDER BY metric
), slots AS (
    INSERT INTO prompts_slotsums AS old (ramp_id, slot, metric, arm, n, total, squares)
    SELECT %(ramp)s, %(slot)s, metric, %(arm)s, n, value, square
    FROM added WHERE metric NOT LIKE 'first:%%' ORDER BY metric
    ON CONFLICT (ramp_id, slot, metric, arm)
    DO UPDATE SET n = old.n + EXCLUDED.n, total = old.total + EXCLUDED.total,
        squares = old.squares + EXCLUDED.squares
)
INSERT INTO prompts_armsums AS old (ramp_id, period, metric, arm, n, total, squares,
    units, counts_squared, products, totals_squared)
SELECT %(ramp)s, %(period)s, metric, %(arm)s, n, value, square,
    units, counts, products, totals
FROM added ORDER BY metric
ON CONFLICT (ramp_id, period, metric, arm)
DO UPDATE SET n = old.n + EXCLUDED.n, total = old.total + EXCLUDED.total,
    squares = old.squares + EXCLUDED.squares, units = old.units + EXCLUDED.units,
    counts_squared = old.counts_squared + EXCLUDED.counts_squared,
    products = old.products + EXCLUDED.products,
    totals_squared = old.totals_squared + EXCLUDED.totals_squared
"""


@dataclass(frozen=True, slots=True)
class _Change:
    """By how much an observation changes the number, the sum and the sum of squares."""

    n: int
    value: float
    square: float


def record(token: Mapping[str, Any], outcome: Mapping[str, float]) -> bool:
    """Add what a call turned out to be to the sums of its arm; return whether it counted.

    What belongs to a ramp that is over counts no more. Runs two statements of its own.

    Args:
        token: what ``assigning.Assigned.token`` said when the call began.
        outcome: values by metric; only the guarded ones and errors are kept.

    Raises:
        InvalidInput: see ``metrics.checked``.
    """
    values = metrics.checked(outcome)
    ramp = Ramp.objects.live().filter(pk=token["ramp"]).first()
    if ramp is None or not 1 <= token["period"] <= ramp.period:
        return False
    guarded = {*ramp.guards.values_list("kind", flat=True), metrics.ERROR_RATE}
    kept = {metric: value for metric, value in values.items() if metric in guarded}
    if not kept:
        return False
    kept |= {metrics.said_first(metric): kept[metric] for metric in kept.keys() - metrics.OF_CALLS}
    _add(ramp, token, {metric: _Change(1, value, value * value) for metric, value in kept.items()})
    return True


def correct(
    token: Mapping[str, Any],
    metric: str,
    *,
    before: float | None,
    after: float | None,
    at: dt.datetime,
) -> bool:
    """Change what was recorded at a time, or take it out: None; return whether that moved sums.

    The sums of what was said first stay. Runs two statements of its own.

    Raises:
        InvalidInput: see ``metrics.checked``.
    """
    old, new = (
        _Change(0, 0.0, 0.0) if value is None else _Change(1, value, value * value)
        for value in (before, after)
    )
    change = _Change(new.n - old.n, new.value - old.value, new.square - old.square)
    ramp = Ramp.objects.live().filter(pk=token["ramp"]).first()
    if ramp is None or change == _Change(0, 0.0, 0.0):
        return False
    if after is not None:
        metrics.checked({metric: after})
    _add(ramp, token, {metric: change}, at=at)
    return True


def _add(
    ramp: Ramp,
    token: Mapping[str, Any],
    changes: Mapping[str, _Change],
    *,
    at: dt.datetime | None = None,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _ADD,
            {
                "ramp": ramp.pk,
                "period": token["period"],
                "unit": token["unit"],
                "slot": _slot(ramp, at or now()),
                "arm": Arm(token["arm"]).value,
                "metrics": list(changes),
                "counts": [change.n for change in changes.values()],
                "values": [change.value for change in changes.values()],
                "squares": [change.square for change in changes.values()],
            },
        )


def sums_of(ramp: Ramp) -> Seen:
    """Return what was seen in the current period; all of it in one query."""
    return sums_of_each([ramp])[ramp.pk]


def sums_of_each(ramps: Sequence[Ramp]) -> dict[uuid.UUID, Seen]:
    """Return the same of many ramps, in one query for all of them."""
    found: dict[uuid.UUID, Seen] = {ramp.pk: {} for ramp in ramps}
    # As the ramps were read: one may be a period on by now.
    pairs = Q()
    for ramp in ramps:
        pairs |= Q(ramp=ramp, period=ramp.period)
    for row in ArmSums.objects.filter(pairs) if ramps else ():
        found[row.ramp_id].setdefault(row.metric, {})[Arm(row.arm)] = UnitSums(
            n=row.n,
            total=row.total,
            squares=row.squares,
            units=row.units,
            counts_squared=row.counts_squared,
            products=row.products,
            totals_squared=row.totals_squared,
        )
    return found


def _slot(ramp: Ramp, moment: dt.datetime) -> dt.datetime:
    age = moment - (ramp.started_at or moment)
    return begin_of(moment, slot_of(age.total_seconds()))
