"""Learn from endpoints how many tokens their models make of what counts as so many here.

The tables hold sums over the calls that told; each process keeps the ratios in memory.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from playground.gateway.models import TokenRatio
from playground.gateway.quotas.reservations import Outcome

FRESH_S = 10.0
# Fewer say little: a handful of short calls is mostly the overhead of their templates.
ENOUGH_CALLS, ENOUGH_TOKENS = 5, 500
# Then what was learned before counts half, so that a model that was exchanged is learned anew.
MOST_CALLS = 2000
# What lies outside is no other vocabulary: a part was cut off, or the endpoint tells nonsense.
LEAST, MOST = 0.2, 5.0
_ADD = """
INSERT INTO gateway_tokenratio AS known (model, counted, told, calls)
VALUES (%s, %s, %s, %s)
ON CONFLICT (model) DO UPDATE SET
    counted = excluded.counted + known.counted / (CASE WHEN known.calls < %s THEN 1 ELSE 2 END),
    told = excluded.told + known.told / (CASE WHEN known.calls < %s THEN 1 ELSE 2 END),
    calls = excluded.calls + known.calls / (CASE WHEN known.calls < %s THEN 1 ELSE 2 END),
    updated_at = clock_timestamp()
"""


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many tokens a model makes of one in the newest vocabulary, as so many calls told."""

    value: float
    calls: int


class _Known:
    lock = threading.Lock()
    at = -1e9
    ratios: Mapping[str, Ratio] = {}


def ratio_of(model_id: str) -> Ratio | None:
    """Return the last known ratio of ``endpoint/model``; None where too little was told."""
    return _Known.ratios.get(model_id)


def refresh() -> None:
    """Read the ratios from the database, where they are older than ``FRESH_S``."""
    if time.monotonic() - _Known.at < FRESH_S:
        return
    with _Known.lock:
        if time.monotonic() - _Known.at >= FRESH_S:
            enough = TokenRatio.objects.filter(calls__gte=ENOUGH_CALLS, counted__gte=ENOUGH_TOKENS)
            _Known.ratios = {row.model: Ratio(row.told / row.counted, row.calls) for row in enough}
            _Known.at = time.monotonic()


def forget() -> None:
    """Let the next look ask the database."""
    _Known.at, _Known.ratios = -1e9, {}


def learn(rows: Iterable[Mapping[str, Any]]) -> None:
    """Add what settled calls told of their models; rows that tell nothing are passed over."""
    sums: dict[str, tuple[int, int, int]] = {}
    for row in rows:
        counted, told = row.get("counted_tokens") or 0, row.get("input_tokens") or 0
        if not _tells(row) or not LEAST * counted <= told <= MOST * counted or not counted:
            continue
        before = sums.get(row["served_by"], (0, 0, 0))
        sums[row["served_by"]] = (before[0] + counted, before[1] + told, before[2] + 1)
    if not sums:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        # In one order in every process, so that none waits for another in a circle.
        for model, (counted, told, calls) in sorted(sums.items()):
            cursor.execute(_ADD, [model[:250], counted, told, calls, *[MOST_CALLS] * 3])


def _tells(row: Mapping[str, Any]) -> bool:
    # What was counted here says nothing about the endpoint, and an answer from memory told before.
    return bool(
        row.get("served_by")
        and row.get("outcome") == Outcome.SUCCEEDED
        and not row.get("counted_here", True)
        and not row.get("from_cache")
    )
