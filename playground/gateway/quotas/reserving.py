"""Take what a call may need before it begins, give back what it did not use, once.

A reservation is a lease: whoever dies between the two leaves it to ``reap``, which counts all that
was reserved as used. Every settled reservation is one row of the ledger's queue.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import orjson
import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from playground.core.errors import Unavailable
from playground.core.ids import new_id
from playground.core.offloading import Errands
from playground.gateway.quotas.limits import Amount, Limit, Standing, tightest
from playground.gateway.quotas.reservations import Outcome, OverQuota, Reservation

# The braces are the hash tag: all keys of quotas lie in one slot, as one script needs them.
PREFIX = "playground:{quota}"

# What Redis says that is there and cannot answer just now.
_NOT_NOW = ("NOREPLICAS", "MISCONF", "BUSY", "TRYAGAIN")
# A stalled Redis runs what was sent to it before when it goes on.
_RELEASE_AFTER_S = (0.2, 0.5, 1.0, 2.0, 4.0, 0.0)
_SCRIPT = (Path(__file__).parent / "quotas.lua").read_text(encoding="utf-8")
_AWAY = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.MasterDownError,
    OSError,
)


class Quotas:
    """Reserve, widen, settle, extend and reap on one Redis.

    Args:
        client: see ``connect``; redis-py's default of three retries would stall calls for seconds.
        fail_open: whether calls go on unmetered while Redis is away.
        lease_s: how long a reservation lives without being extended.
        now_ms: replays another time than Redis's own, which all processes share.
    """

    def __init__(
        self,
        client: "redis.asyncio.Redis",
        *,
        fail_open: bool,
        lease_s: float = 60,
        prefix: str = PREFIX,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        self._script = cast(Any, client.register_script(_SCRIPT))
        self._fail_open = fail_open
        self._lease_ms = int(lease_s * 1000)
        self._prefix = prefix
        self._keys = [f"{prefix}:leases", ledger_key(prefix)]
        self._now = now_ms
        self._errands = Errands()

    async def reserve(
        self, limits: Iterable[Limit], amount: Amount, *, row: Mapping[str, Any]
    ) -> Reservation:
        """Take a request, tokens, money and a stream's permit of all limits, or of none.

        Args:
            amount: input and most output tokens, and the most they can cost.
            row: what the ledger already knows: who, key, model, consent.

        Raises:
            OverQuota: a ``QuotaExceeded`` with ``limit`` and, where waiting helps,
                ``retry_after_s``.
            Unavailable: Redis is away, and ``fail_open`` is not set.
        """
        reservation = Reservation(new_id().hex, amount, row)
        try:
            return await self._reserve(reservation, tightest(limits))
        except asyncio.CancelledError:
            # The script may run all the same; what nobody will use goes back at once.
            self._errands.begin(self._release(reservation))
            raise

    async def widen(self, reservation: Reservation, limits: Iterable[Limit]) -> None:
        """Take what the call may need of further limits too, or of none of them.

        Raises:
            OverQuota: as ``reserve`` does.
            Unavailable: Redis is away, and ``fail_open`` is not set.
        """
        held = {(one.limit.scope, one.limit.kind) for one in reservation.standings}
        more = tightest(limit for limit in limits if (limit.scope, limit.kind) not in held)
        if not more or reservation.unmetered:
            return
        keys, steps = _compiled(more, self._prefix)
        lease = self._lease(reservation.id)
        try:
            granted, *answer = await self._run(
                "widen", [lease, *keys], reservation.id, "", "", "", new_id().hex, steps
            )
        except Unavailable:
            if not self._fail_open:
                raise
            return
        if not granted:
            raise OverQuota(_standings(more, answer), reservation.amount)

    async def settle(
        self,
        reservation: Reservation,
        used: Amount,
        *,
        outcome: Outcome,
        row: Mapping[str, Any] | None = None,
    ) -> bool:
        """Count what was used, free the permit and queue the ledger row; safe to repeat.

        It goes on when the caller is cancelled meanwhile. Where Redis has lost the lease, the row
        is queued all the same. False means that it was settled before (or reaped), and changed
        nothing.

        Args:
            used: what the call really took; may be more than was reserved.
            row: the rest of the ledger row: route, tokens in, out and cached, latency.

        Raises:
            Unavailable: Redis is away; unless it is repeated, the lease will be reaped.
        """
        try:
            return await self._settle(reservation, used, outcome, row)
        except asyncio.CancelledError:
            self._errands.begin(self._settle_all_the_same(reservation, used, outcome, row))
            raise

    async def extend(self, *reservations: Reservation) -> set[str]:
        """Let leases live on for another ``lease_s``; return the ids of those already gone.

        Raises:
            Unavailable: Redis is away.
        """
        ids = [one.id for one in reservations if not one.unmetered]
        if not ids:
            return set()
        lost = await self._run("extend", [], self._lease_ms, *ids)
        return {one.decode() if isinstance(one, bytes) else one for one in lost}

    async def reap(self, *, most: int = 100) -> int:
        """Settle up to ``most`` lapsed leases as used in full; return how many there were.

        Raises:
            Unavailable: Redis is away.
        """
        return int(await self._run("reap", [self._lease("")], most, Outcome.ABANDONED))

    async def finish(self) -> None:
        """Wait for what cancelled callers left to be done; call it before the loop ends."""
        await self._errands.finish()

    async def _reserve(self, reservation: Reservation, limits: tuple[Limit, ...]) -> Reservation:
        keys, steps = _compiled(limits, self._prefix)
        amount, opened = reservation.amount, reservation.opened
        try:
            granted, *answer = await self._run(
                "reserve",
                [self._lease(reservation.id), *keys],
                reservation.id,
                self._lease_ms,
                amount.tokens,
                amount.cost_micro_usd,
                orjson.dumps(opened),
                steps,
            )
        except Unavailable:
            if not self._fail_open:
                self._errands.begin(self._release(reservation))
                raise
            return Reservation(reservation.id, amount, opened, unmetered=True)
        standings = _standings(limits, answer)
        if not granted:
            raise OverQuota(standings, amount)
        return Reservation(reservation.id, amount, opened, standings)

    async def _settle(
        self,
        reservation: Reservation,
        used: Amount,
        outcome: Outcome,
        row: Mapping[str, Any] | None,
    ) -> bool:
        if not reservation.unmetered and await self._close(reservation, used, outcome, row):
            return True
        # Once more with all that the row needs: Redis may have come back without the lease.
        held = Amount(0, 0) if reservation.unmetered else reservation.amount
        opened = (orjson.dumps(reservation.opened), held.tokens, held.cost_micro_usd)
        return await self._close(reservation, used, outcome, row, *opened)

    async def _close(
        self,
        reservation: Reservation,
        used: Amount,
        outcome: Outcome,
        row: Mapping[str, Any] | None,
        *opened: Any,
    ) -> bool:
        settled = await self._run(
            "settle",
            [self._lease(reservation.id)],
            reservation.id,
            outcome.value,
            orjson.dumps(row or {}),
            used.tokens,
            used.cost_micro_usd,
            *opened,
        )
        return bool(settled)

    async def _settle_all_the_same(
        self,
        reservation: Reservation,
        used: Amount,
        outcome: Outcome,
        row: Mapping[str, Any] | None,
    ) -> None:
        # Whoever was cancelled cannot be told; the lease is reaped then.
        with contextlib.suppress(Unavailable):
            await self._settle(reservation, used, outcome, row)

    async def _release(self, reservation: Reservation) -> None:
        """Give back what nobody will use, also where Redis takes it only when it is back."""
        for pause_s in _RELEASE_AFTER_S:
            with contextlib.suppress(Unavailable):
                if await self._close(reservation, Amount(0, 0), Outcome.ABORTED, None):
                    return
            await asyncio.sleep(pause_s)

    async def _run(self, verb: str, keys: list[str], *args: Any) -> Any:
        now = "" if self._now is None else self._now()
        try:
            return await self._script(keys=[*self._keys, *keys], args=[verb, now, *args])
        except (*_AWAY, redis.ResponseError) as error:
            if not isinstance(error, _AWAY) and not str(error).startswith(_NOT_NOW):
                raise
            raise Unavailable(
                "quota.unavailable", "Quotas cannot be checked just now; try again soon."
            ) from error

    def _lease(self, reservation_id: str) -> str:
        return f"{self._prefix}:lease:{reservation_id}"


def _standings(limits: tuple[Limit, ...], answer: list[Any]) -> tuple[Standing, ...]:
    return tuple(
        Standing(limit, used=int(used), reset_s=int(reset_ms) / 1000)
        for limit, used, reset_ms in zip(limits, answer[::2], answer[1::2], strict=True)
    )


def connect(url: str, *, timeout_s: float = 1.0) -> "redis.asyncio.Redis":
    """Return a client that tells within about twice ``timeout_s`` that Redis is away."""
    return redis.asyncio.Redis.from_url(
        url,
        socket_connect_timeout=timeout_s,
        socket_timeout=timeout_s,
        # Once, for a connection that died while idle; scripts are safe to repeat.
        retry=Retry(NoBackoff(), 1),
    )


def ledger_key(prefix: str = PREFIX) -> str:
    """Return the key of the stream of ledger rows."""
    return f"{prefix}:ledger"


@lru_cache(maxsize=4096)
def _compiled(limits: tuple[Limit, ...], prefix: str) -> tuple[list[str], str]:
    """Return the scopes' keys, and for each limit its scope's number, kind and cap."""
    scopes = list(dict.fromkeys(limit.scope for limit in limits))
    steps = (f"{scopes.index(each.scope) + 1} {each.kind} {each.cap}" for each in limits)
    return [scope.redis_key(prefix) for scope in scopes], ";".join(steps)
