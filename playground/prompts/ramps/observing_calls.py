"""Learn from the gateway's settled calls what became of those under a ramp."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, DataError, IntegrityError

from playground.core.errors import PlaygroundError
from playground.gateway.quotas.reservations import Outcome
from playground.prompts.ramps import metrics
from playground.prompts.ramps.guarding_ramps import judge
from playground.prompts.ramps.telling_once import record_once

log = logging.getLogger(__name__)

_ROWS_FAULT = (
    PlaygroundError,
    ValidationError,
    DataError,
    IntegrityError,
    ValueError,
    TypeError,
    KeyError,
)

_FAILED = frozenset((Outcome.FAILED, Outcome.TIMED_OUT))
# Whose caller or process went away tells nothing about the prompt.
_TELLING = _FAILED | {Outcome.SUCCEEDED, Outcome.BLOCKED}


def observe(rows: Sequence[Mapping[str, Any]]) -> None:
    """Add settled calls to the sums of their ramps, each once, and judge these.

    A row that makes no sense is left out; the others count.

    Raises:
        DatabaseError: the database went away; all of it may be told again.
    """
    ramps: set[uuid.UUID] = set()
    for row in rows:
        try:
            outcome = outcome_of(row)
            key = f"call:{row['reservation_id']}"
            if outcome and record_once(row["observed"], outcome, key=key):
                ramps.add(uuid.UUID(row["observed"]["ramp"]))
        except _ROWS_FAULT as error:
            log.warning("a call tells its ramp nothing: %s", type(error).__name__)
    for ramp in ramps:
        try:
            judge(ramp)
        except (PlaygroundError, DatabaseError) as error:
            # It is judged again soon, whatever comes.
            log.warning("a ramp stays where it is: %s (%s)", ramp, type(error).__name__)


def outcome_of(row: Mapping[str, Any]) -> dict[str, float]:
    """Return what a row of the ledger says about the call, by metric."""
    outcome = row.get("outcome")
    if outcome not in _TELLING:
        return {}
    told = {
        metrics.ERROR_RATE: float(outcome in _FAILED),
        metrics.BLOCK_RATE: float(outcome == Outcome.BLOCKED),
    }
    # How long an error takes, and what an answer from memory costs, are other questions.
    if outcome == Outcome.SUCCEEDED and not row.get("from_cache"):
        told[metrics.LATENCY_MS] = float(row["latency_ms"])
        if row.get("price_known"):
            told[metrics.COST_USD] = row["cost_micro_usd"] / 1_000_000
    return told
