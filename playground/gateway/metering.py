"""Meter calls: reserve what one may need, keep the lease while it runs, settle what it used.

Settling queues the row of the ledger, durably and before the caller gets the last byte.
"""

import asyncio
import contextlib
import logging
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings

from playground.core.errors import Unavailable
from playground.core.offloading import Errands
from playground.gateway.chat import MOST_TOKENS
from playground.gateway.configuration import Configuration, Model
from playground.gateway.connecting import quotas
from playground.gateway.quotas.limits import MOST, Amount, Kind, Limit, Scope
from playground.gateway.quotas.reservations import Outcome, Reservation

log = logging.getLogger(__name__)

# Of an answer without any known limit of length.
LONGEST_ANSWER = 4096
# What one key, or one person, may call without any quota of its own: 100 a second.
CALLS_PER_MINUTE = 6000
# How often a lease is renewed within its time.
RENEWED = 4
_PATIENCE_S = 2.0
_KEEP_TRYING_S = 900.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a call may need at most; ``capped`` answers must be held to ``output_tokens``.

    Attributes:
        by_model: what each model makes of the input, by its id.
    """

    input_tokens: int
    output_tokens: int
    capped: bool = False
    by_model: Mapping[str, int] = field(default_factory=dict)

    def input_of(self, model: Model | None) -> int:
        """Return what one model makes of the input."""
        return self.by_model.get(model.id, self.input_tokens) if model else self.input_tokens


@dataclass
class Used:
    """What a call took; ``counted_here`` where the endpoint did not tell its tokens."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    counted_here: bool = False

    def __post_init__(self) -> None:
        # Whatever an endpoint tells: no call gives tokens back, and none takes more than fit.
        self.input_tokens = min(max(0, self.input_tokens), MOST_TOKENS)
        self.output_tokens = min(max(0, self.output_tokens), MOST_TOKENS)
        self.cached_tokens = min(max(0, self.cached_tokens), self.input_tokens)

    @property
    def tokens(self) -> int:
        """Return the tokens in and out; cached ones are part of those in."""
        return self.input_tokens + self.output_tokens


@dataclass
class Meter:
    """One call's reservation."""

    reservation: Reservation
    begun: float = field(default_factory=time.perf_counter)

    @property
    def headers(self) -> dict[str, str]:
        """Return the rate-limit headers of the call's answer."""
        if self.reservation.unmetered:
            return {"playground-quota": "unmetered"}
        return self.reservation.headers

    async def settle(
        self,
        used: Used,
        *,
        model: Model | None,
        outcome: Outcome,
        row: Mapping[str, Any],
    ) -> int | None:
        """Count what was used; return its price in micro-dollars, None where none is known.

        Where that fails it is tried again in the background, also when the caller is cancelled
        meanwhile; until then the lease is kept, and it outlives this process.
        """
        # What took nothing costs nothing, whatever the price.
        cost = cost_micro_usd(model, used) if used.tokens else 0
        closed = {
            **row,
            "endpoint": model.server.name if model else "",
            "served_by": model.id if model else "",
            "input_tokens": used.input_tokens,
            "output_tokens": used.output_tokens,
            "cached_tokens": used.cached_tokens,
            "counted_here": used.counted_here,
            "price_known": cost is not None,
            "latency_ms": (time.perf_counter() - self.begun) * 1000,
        }
        amount = Amount(used.tokens, min(cost or 0, MOST))
        try:
            await quotas().settle(self.reservation, amount, outcome=outcome, row=closed)
        except BaseException as error:
            _errands.begin(_settle_again(self.reservation, amount, outcome, closed))
            if not isinstance(error, Exception):
                raise
            log.warning(
                "a call is settled later: %s (%s)", self.reservation.id, type(error).__name__
            )
        else:
            _running().discard(self.reservation)
        return cost

    async def widen(self, limits: tuple[Limit, ...]) -> None:
        """Hold the call to further limits, those of a model that it falls over to.

        Raises:
            OverQuota: one of them is used up.
            Unavailable: ``quota.unavailable``, Redis is away and calls do not go on without it.
        """
        await quotas().widen(self.reservation, limits)


async def begin(
    limits: tuple[Limit, ...], estimate: Estimate, *, models: list[Model], row: Mapping[str, Any]
) -> Meter:
    """Reserve a call's tokens and money, at the price of the dearest model it may reach.

    Raises:
        OverQuota: a limit is used up.
        Unavailable: ``quota.unavailable``, Redis is away and calls do not go on without it.
    """
    most = Used(estimate.input_tokens, estimate.output_tokens)
    cost = max((cost_micro_usd(model, most) or 0 for model in models), default=0)
    amount = Amount(most.tokens, cost)
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            reservation = await quotas().reserve(limits, amount, row=row)
            break
        except Unavailable:
            # It may be starting again: a call that waits a moment is better than one that fails.
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)
    _keep(reservation)
    return Meter(reservation)


def limits_of(
    configuration: Configuration, *, team: str, key: str, models: tuple[str, ...]
) -> tuple[Limit, ...]:
    """Return the limits of a call, with the one that holds for everybody."""
    limits = configuration.limits_of(team=team, key=key, models=models)
    if not settings.PLAYGROUND_RATE_LIMITS:
        return limits
    return (*limits, Limit(Scope(key=key), Kind.REQUESTS_PER_MINUTE, CALLS_PER_MINUTE))


def counting(limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
    """Return limits that count the money of a call and never refuse it."""
    money = (Kind.MONEY_PER_DAY, Kind.MONEY_PER_MONTH)
    return tuple(replace(limit, cap=MOST) for limit in limits if limit.kind in money)


def estimate(
    limits: tuple[Limit, ...],
    *,
    by_model: Mapping[str, int],
    asked: int | None,
    choices: int,
    models: Sequence[Model],
) -> Estimate:
    """Say how much a call may need; without ``max_tokens`` its answer is held to a length.

    Only where tokens or money are limited: elsewhere nobody's answer is cut for the metering. The
    length is one that every model it may reach can give.

    Args:
        by_model: what each model makes of the input, by its id; the most of them is reserved.
    """
    input_tokens = max(by_model.values(), default=0)
    limited = any(
        limit.kind in (Kind.TOKENS_PER_MINUTE, Kind.MONEY_PER_DAY, Kind.MONEY_PER_MONTH)
        for limit in limits
    )
    if asked is not None:
        return Estimate(input_tokens, asked * choices, by_model=by_model)
    longest = min(
        (_longest(model, by_model.get(model.id, input_tokens)) for model in models),
        default=LONGEST_ANSWER,
    )
    return Estimate(input_tokens, longest * choices, capped=limited, by_model=by_model)


def _longest(model: Model, input_tokens: int) -> int:
    longest = model.max_output_tokens or LONGEST_ANSWER
    if model.context_tokens is None:
        return longest
    # What does not fit at all is the endpoint's to refuse, in its own words.
    return max(1, min(longest, model.context_tokens - input_tokens))


def cost_micro_usd(model: Model | None, used: Used) -> int | None:
    """Return the price of the tokens in micro-dollars, None where the model has none."""
    if model is None or model.price is None:
        return None
    return model.price.cost_micro_usd(
        input_tokens=used.input_tokens,
        cached_tokens=used.cached_tokens,
        output_tokens=used.output_tokens,
    )


_errands = Errands()


async def _settle_again(
    reservation: Reservation, amount: Amount, outcome: Outcome, row: Mapping[str, Any]
) -> None:
    until, pause_s = time.monotonic() + _KEEP_TRYING_S, 0.2
    try:
        while time.monotonic() < until:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 10.0)
            # Repeating is safe: what was settled before changes nothing.
            with contextlib.suppress(Exception):
                await quotas().settle(reservation, amount, outcome=outcome, row=row)
                return
        log.error("a call was not settled, its lease will be: %s", reservation.id)
    finally:
        _running().discard(reservation)


class _Running:
    """The reservations of one loop, whose leases are renewed together."""

    def __init__(self) -> None:
        self.held: dict[str, Reservation] = {}
        self.task: asyncio.Task[None] | None = None

    def discard(self, reservation: Reservation) -> None:
        self.held.pop(reservation.id, None)

    async def renew(self) -> None:
        while self.held:
            await asyncio.sleep(settings.PLAYGROUND_CALL_LEASE_S / RENEWED)
            try:
                await quotas().extend(*self.held.values())
            except Exception as error:
                # One failure must not end it: there are calls that still run.
                log.warning("leases are not renewed just now: %s", type(error).__name__)


_all_running: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Running]" = (
    weakref.WeakKeyDictionary()
)


def _running() -> _Running:
    return _all_running.setdefault(asyncio.get_running_loop(), _Running())


def _keep(reservation: Reservation) -> None:
    running = _running()
    running.held[reservation.id] = reservation
    if running.task is None or running.task.done():
        running.task = asyncio.create_task(running.renew())
