"""What a call holds while it runs, how it ended, and the refusal when it may not begin."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from playground.core.errors import QuotaExceeded
from playground.gateway.quotas.limits import Amount, Standing, rate_limit_headers, refusing


class Outcome(StrEnum):
    """How a call ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"
    TIMED_OUT = "timed-out"
    BLOCKED = "blocked"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a call holds until it is settled.

    ``opened`` is the part of the ledger row known at the start; ``unmetered`` says that Redis was
    away and nothing was checked.
    """

    id: str
    amount: Amount
    opened: Mapping[str, Any]
    standings: tuple[Standing, ...] = field(default=(), repr=False)
    unmetered: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """Return the rate-limit headers of the call's answer."""
        return rate_limit_headers(self.standings)


class OverQuota(QuotaExceeded):
    """A refusal that knows how all the call's limits stand.

    Its code is ``quota.too-large`` where the call would not fit an empty window either.
    """

    def __init__(self, standings: tuple[Standing, ...], amount: Amount) -> None:
        refused = refusing(standings, amount)
        limit = refused.limit
        needed, name = amount.of(limit.kind), limit.kind.name.lower()
        never = needed > limit.cap
        self.retry_after_s = None if never else max(1, math.ceil(refused.reset_s))
        wait = {} if self.retry_after_s is None else {"retry_after_s": self.retry_after_s}
        super().__init__(
            "quota.too-large" if never else "quota.exceeded",
            f"The call needs {needed} of {name}; {refused.remaining} of {limit.cap} are left.",
            retryable=not never,
            limit=name,
            scope=limit.scope.named,
            cap=limit.cap,
            remaining=refused.remaining,
            **wait,
        )
        self.standings = standings

    @property
    def headers(self) -> dict[str, str]:
        """Return the rate-limit headers, with ``retry-after`` where waiting helps."""
        return rate_limit_headers(self.standings, retry_after_s=self.retry_after_s)
