"""Whatever happens in whatever order, nothing is overdrawn and the ledger adds up."""

import asyncio
from datetime import UTC, datetime

import pytest
import redis
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from playground.gateway.quotas.ledger_queue import LedgerQueue, Row
from playground.gateway.quotas.limits import Amount, Kind, Limit, Scope, rate_limit_headers
from playground.gateway.quotas.reservations import Outcome, OverQuota, Reservation
from playground.gateway.quotas.reserving import PREFIX, Quotas, connect
from tests.gateway.quotas.conftest import Clock

TEAM, KEY = Scope(team="a&key=b"), Scope(key="b")
CAPS = {
    Limit(TEAM, Kind.TOKENS_PER_MINUTE, 60),
    Limit(KEY, Kind.TOKENS_PER_MINUTE, 45),
    Limit(KEY, Kind.CONCURRENT_STREAMS, 3),
    Limit(TEAM, Kind.REQUESTS_PER_MINUTE, 6),
    Limit(TEAM, Kind.MONEY_PER_DAY, 90),
    Limit(KEY, Kind.MONEY_PER_MONTH, 400),
}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(0, 30), st.integers(0, 30)),
        st.tuples(st.just("settle"), st.integers(0, 9), st.integers(0, 100)),
        st.tuples(st.just("extend"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 50_000), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([60_000, 86_400_000]), st.just(0)),
        st.tuples(st.just("reap"), st.integers(1, 3), st.just(0)),
    ),
    max_size=40,
)


def window(kind: Kind, ms: int) -> str:
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    if kind is Kind.MONEY_PER_MONTH:
        return f"{moment:%Y-%m}"
    return f"{moment:%Y-%m-%d}" if kind is Kind.MONEY_PER_DAY else f"{moment:%Y-%m-%dT%H:%M}"


class Bookkeeper:
    """Do the steps, and keep book of them beside in the plainest way."""

    def __init__(self, valkey: redis.Redis) -> None:
        self.valkey = valkey
        self.clock = Clock()
        self.made: list[tuple[Reservation, int]] = []
        self.rows: dict[str, Row] = {}

    async def play(self, steps: list[tuple[str, int, int]]) -> None:
        client = connect(settings.REDIS_URL)
        try:
            quotas = Quotas(client, fail_open=False, now_ms=self.clock)
            queue = LedgerQueue(client, consumer="book")
            for step in steps:
                await self.do(quotas, *step)
                await queue.drain(self.keep)
                self.compare()
            self.clock.ms += 3_600_000
            await quotas.reap()
            await queue.drain(self.keep)
            self.compare()
            assert self.rows.keys() == {held.id for held, _ in self.made}
        finally:
            await client.aclose()

    async def keep(self, rows: list[Row]) -> None:
        for row in rows:
            assert row["reservation_id"] not in self.rows
            self.rows[row["reservation_id"]] = row

    async def do(self, quotas: Quotas, step: str, one: int, other: int) -> None:
        if step == "reserve":
            try:
                held = await quotas.reserve(CAPS, Amount(one, other), row={})
                self.made.append((held, self.clock.ms))
            except OverQuota:
                assert any(
                    self.counted(limit) + Amount(one, other).of(limit.kind) > limit.cap
                    for limit in CAPS
                )
        elif step == "wait":
            self.clock.ms += one
        elif step == "reap":
            await quotas.reap(most=one)
        elif self.made:
            held, _ = self.made[one % len(self.made)]
            if step == "extend":
                lost = await quotas.extend(held)
                assert (lost == {held.id}) == (held.id in self.rows)
            else:
                used = Amount(
                    held.amount.tokens * other // 100, held.amount.cost_micro_usd * other // 100
                )
                settled = await quotas.settle(held, used, outcome=Outcome.SUCCEEDED)
                assert settled == (held.id not in self.rows)

    def counted(self, limit: Limit) -> int:
        """Add up what a limit's window has used by the ledger and by what is still held."""
        if limit.kind is Kind.CONCURRENT_STREAMS:
            return sum(held.id not in self.rows for held, _ in self.made)
        total = 0
        for held, at in self.made:
            if window(limit.kind, at) == window(limit.kind, self.clock.ms):
                row = self.rows.get(held.id)
                used = Amount(row["tokens"], row["cost_micro_usd"]) if row else held.amount
                total += used.of(limit.kind)
        return total

    def stored(self, limit: Limit) -> int:
        key = limit.scope.redis_key(PREFIX)
        if limit.kind is Kind.CONCURRENT_STREAMS:
            return int(self.valkey.scard(f"{key}:streams"))
        last = max((at for _, at in self.made), default=0)
        if window(limit.kind, last) != window(limit.kind, self.clock.ms):
            return 0
        return int(self.valkey.hget(key, limit.kind.value) or 0)

    def compare(self) -> None:
        for limit in CAPS:
            assert self.stored(limit) == self.counted(limit) <= limit.cap


@effort(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_it_stays_below_every_cap_and_equals_the_ledger_when_anything_happens(valkey, steps):
    valkey.flushall()

    asyncio.run(Bookkeeper(valkey).play(steps))


@effort(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moment=st.datetimes(datetime(2037, 1, 1), datetime(2120, 1, 1), timezones=st.just(UTC)),
)
def test_it_begins_a_month_anew_when_the_calendar_does(valkey, moment):
    valkey.flushall()
    clock = Clock(int(moment.timestamp() * 1000))
    first = (moment.replace(day=1) + (datetime(2001, 2, 1) - datetime(2001, 1, 1))).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )

    async def reset_s() -> float:
        client = connect(settings.REDIS_URL)
        try:
            limit = Limit(TEAM, Kind.MONEY_PER_MONTH, 1)
            quotas = Quotas(client, fail_open=False, now_ms=clock)
            held = await quotas.reserve([limit], Amount(0, 1), row={})
            return held.standings[0].reset_s
        finally:
            await client.aclose()

    assert asyncio.run(reset_s()) == pytest.approx((first.timestamp() * 1000 - clock.ms) / 1000)


@given(
    scopes=st.lists(
        st.builds(
            Scope,
            team=st.none() | st.text("ab&=:{} %\n"),
            key=st.none() | st.text("ab&=:{} %\n"),
        ),
        unique=True,
        max_size=8,
    )
)
def test_it_keeps_scopes_apart_when_their_names_are_odd(scopes):
    keys = {scope.redis_key(PREFIX) for scope in scopes}

    assert len(keys) == len(scopes)
    assert all(key.count("{") == 1 and not any(map(str.isspace, key)) for key in keys)


def test_it_has_no_headers_when_nothing_is_limited():
    assert rate_limit_headers([]) == {}
