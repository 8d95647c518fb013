import asyncio
import os
import signal

import pytest
import redis
import redis.asyncio

from playground.core.errors import QuotaExceeded, Unavailable
from playground.gateway.quotas.ledger_queue import LedgerQueue, Row
from playground.gateway.quotas.limits import Amount, Kind, Limit, Scope
from playground.gateway.quotas.reservations import Outcome, OverQuota, Reservation
from playground.gateway.quotas.reserving import PREFIX, Quotas, connect
from tests.gateway.quotas.conftest import Clock

TEAM = Scope(team="hiring")
KEY = Scope(key="k-1")
STREAMS = Kind.CONCURRENT_STREAMS
MODEL = Scope(team="hiring", model="chat-default")


async def ledger(client: "redis.asyncio.Redis") -> list[Row]:
    rows: list[Row] = []

    async def keep(batch: list[Row]) -> None:
        rows.extend(batch)

    await LedgerQueue(client, consumer="test").drain(keep)
    return rows


async def left(quotas: Quotas, limit: Limit) -> int:
    """Ask for more than the cap: the refusal tells what remains and takes nothing."""
    with pytest.raises(OverQuota) as refused:
        await quotas.reserve(
            [limit, Limit(Scope(key="never"), Kind.REQUESTS_PER_MINUTE, 0)], Amount(0, 0), row={}
        )
    return refused.value.standings[0].remaining


@pytest.mark.parametrize(
    ("kind", "cap", "granted"),
    [
        (Kind.REQUESTS_PER_MINUTE, 17, 17),
        (Kind.TOKENS_PER_MINUTE, 1_050, 10),
        (Kind.CONCURRENT_STREAMS, 7, 7),
        (Kind.MONEY_PER_DAY, 2_999, 9),
        (Kind.MONEY_PER_MONTH, 3_000, 10),
    ],
)
async def test_it_never_overshoots_when_fifty_calls_come_at_once(
    quotas: Quotas, kind: Kind, cap: int, granted: int
):
    limit = Limit(TEAM, kind, cap)

    answers = await asyncio.gather(
        *(quotas.reserve([limit], Amount(100, 300), row={}) for _ in range(50)),
        return_exceptions=True,
    )

    assert sum(isinstance(one, Reservation) for one in answers) == granted
    assert sum(isinstance(one, OverQuota) for one in answers) == 50 - granted
    assert await left(quotas, limit) == cap - granted * Amount(100, 300).of(kind)


async def test_it_gives_back_what_was_not_used_when_a_call_ends(quotas: Quotas, client):
    tokens = Limit(TEAM, Kind.TOKENS_PER_MINUTE, 1_000)
    money = Limit(TEAM, Kind.MONEY_PER_DAY, 10_000)
    streams = Limit(TEAM, Kind.CONCURRENT_STREAMS, 2)
    held = await quotas.reserve(
        [tokens, money, streams], Amount(800, 9_000), row={"team": "hiring", "model": "m"}
    )

    settled = await quotas.settle(
        held, Amount(123, 456), outcome=Outcome.SUCCEEDED, row={"route": "r", "model": "m-2"}
    )

    assert settled
    assert await left(quotas, tokens) == 877
    assert await left(quotas, money) == 9_544
    assert await left(quotas, streams) == 2
    assert await ledger(client) == [
        {
            "team": "hiring",
            "model": "m-2",
            "route": "r",
            "reservation_id": held.id,
            "outcome": "succeeded",
            "settled_at_ms": 2_214_086_430_000,
            "tokens": 123,
            "cost_micro_usd": 456,
            "reserved_tokens": 800,
            "reserved_cost_micro_usd": 9_000,
        }
    ]


async def test_it_counts_all_that_was_used_when_it_was_more_than_reserved(quotas: Quotas):
    tokens = Limit(TEAM, Kind.TOKENS_PER_MINUTE, 100)
    held = await quotas.reserve([tokens], Amount(60, 0), row={})

    await quotas.settle(held, Amount(140, 0), outcome=Outcome.SUCCEEDED)

    with pytest.raises(OverQuota) as refused:
        await quotas.reserve([tokens], Amount(1, 0), row={})
    assert (refused.value.standings[0].used, refused.value.extra["remaining"]) == (140, 0)


async def test_it_changes_nothing_when_a_reservation_is_settled_again(quotas: Quotas, client):
    tokens = Limit(TEAM, Kind.TOKENS_PER_MINUTE, 1_000)
    held = await quotas.reserve([tokens], Amount(500, 0), row={})

    settled = await asyncio.gather(
        *(quotas.settle(held, Amount(n, 0), outcome=Outcome.SUCCEEDED) for n in range(1, 21))
    )

    assert sorted(settled) == [False] * 19 + [True]
    [row] = await ledger(client)
    assert await left(quotas, tokens) == 1_000 - row["tokens"]


async def test_it_takes_once_when_the_answer_to_a_reservation_was_lost(quotas: Quotas):
    tokens = Limit(TEAM, Kind.TOKENS_PER_MINUTE, 1_000)
    held = await quotas.reserve([tokens], Amount(600, 0), row={})

    again = await quotas._reserve(held, (tokens,))

    assert again.standings[0].used == 600
    assert await left(quotas, tokens) == 400


async def test_it_takes_nothing_from_any_when_the_tightest_refuses(quotas: Quotas, valkey):
    limits = [
        Limit(TEAM, Kind.TOKENS_PER_MINUTE, 1_000),
        Limit(TEAM, Kind.CONCURRENT_STREAMS, 5),
        Limit(KEY, Kind.REQUESTS_PER_MINUTE, 9),
        Limit(MODEL, Kind.TOKENS_PER_MINUTE, 100),
    ]

    with pytest.raises(QuotaExceeded) as refused:
        await quotas.reserve(limits, Amount(101, 0), row={})

    assert refused.value.extra["limit"] == "tokens_per_minute"
    assert refused.value.extra["scope"] == {"team": "hiring", "model": "chat-default"}
    assert valkey.keys(f"{PREFIX}:*") == []


async def test_it_names_the_longest_wait_when_several_refuse(quotas: Quotas):
    limits = [Limit(TEAM, Kind.REQUESTS_PER_MINUTE, 1), Limit(KEY, Kind.MONEY_PER_DAY, 10)]
    await quotas.reserve(limits, Amount(1, 10), row={})

    with pytest.raises(OverQuota) as refused:
        await quotas.reserve(limits, Amount(1, 10), row={})

    assert refused.value.code == "quota.exceeded"
    assert refused.value.extra["limit"] == "money_per_day"
    assert refused.value.retry_after_s == 86_370
    assert refused.value.headers == {
        "x-ratelimit-limit-requests": "1",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "30s",
        "retry-after": "86370",
    }


async def test_it_says_that_waiting_does_not_help_when_a_call_is_above_the_cap(quotas: Quotas):
    with pytest.raises(OverQuota) as refused:
        await quotas.reserve([Limit(TEAM, Kind.TOKENS_PER_MINUTE, 10)], Amount(11, 0), row={})

    assert (refused.value.code, refused.value.may_retry) == ("quota.too-large", False)
    assert "retry-after" not in refused.value.headers


async def test_it_frees_rates_but_not_permits_when_the_minute_turns(quotas: Quotas, clock: Clock):
    tokens = Limit(TEAM, Kind.TOKENS_PER_MINUTE, 100)
    streams = Limit(TEAM, Kind.CONCURRENT_STREAMS, 1)
    money = Limit(TEAM, Kind.MONEY_PER_DAY, 100)
    held = await quotas.reserve([tokens, streams, money], Amount(100, 40), row={})

    clock.ms += 29_999
    before = await left(quotas, tokens)
    clock.ms += 1
    after = await left(quotas, tokens)
    permits = await left(quotas, streams)
    await quotas.reserve([tokens], Amount(70, 0), row={})
    await quotas.settle(held, Amount(0, 30), outcome=Outcome.SUCCEEDED)

    assert (before, after, permits) == (0, 100, 0)
    # What the last minute did not use is no gift to this one; the day goes on.
    assert await left(quotas, tokens) == 30
    assert await left(quotas, money) == 70
    assert await left(quotas, streams) == 1


async def test_it_uses_the_clock_of_redis_when_none_is_given(client, valkey):
    quotas = Quotas(client, fail_open=False)

    held = await quotas.reserve([Limit(TEAM, Kind.MONEY_PER_DAY, 5)], Amount(1, 1), row={})

    seconds, _ = valkey.time()
    assert held.standings[0].reset_s == pytest.approx(86_400 - seconds % 86_400, abs=2)
    ends_ms = valkey.pexpiretime(TEAM.redis_key(PREFIX))
    assert ends_ms % 86_400_000 == 0


async def test_it_goes_on_when_redis_forgot_the_script(quotas: Quotas, valkey):
    held = await quotas.reserve([], Amount(1, 1), row={})

    valkey.script_flush()

    assert await quotas.settle(held, Amount(1, 1), outcome=Outcome.SUCCEEDED)


async def test_it_gives_all_back_when_the_caller_is_cancelled_while_reserving(quotas, client):
    tokens = Limit(TEAM, Kind.TOKENS_PER_MINUTE, 1_000)
    tasks = [
        asyncio.create_task(quotas.reserve([tokens], Amount(10, 0), row={})) for _ in range(20)
    ]
    await asyncio.sleep(0)

    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await quotas.finish()

    assert await left(quotas, tokens) == 1_000
    assert {row["tokens"] for row in await ledger(client)} <= {0}


async def test_it_settles_when_the_caller_is_cancelled_while_settling(quotas, client):
    held = await quotas.reserve([], Amount(10, 0), row={})
    task = asyncio.create_task(quotas.settle(held, Amount(4, 0), outcome=Outcome.ABORTED))
    await asyncio.sleep(0)

    task.cancel()
    await asyncio.wait([task])
    await quotas.finish()

    [row] = await ledger(client)
    assert (row["tokens"], row["outcome"]) == (4, "aborted")


@pytest.fixture
async def nowhere(tmp_path):
    client = connect(f"unix://{tmp_path}/nobody.sock", timeout_s=0.2)
    yield client
    await client.aclose()


async def test_it_refuses_when_redis_is_away_and_quotas_fail_closed(nowhere):
    with pytest.raises(Unavailable) as refused:
        await Quotas(nowhere, fail_open=False).reserve([], Amount(1, 1), row={})

    assert refused.value.code == "quota.unavailable"


async def test_it_goes_on_unmetered_and_keeps_one_row_when_quotas_fail_open(
    nowhere, quotas: Quotas, client
):
    held = await Quotas(nowhere, fail_open=True).reserve([], Amount(9, 9), row={"team": "hiring"})

    settled = [await quotas.settle(held, Amount(5, 6), outcome=Outcome.SUCCEEDED) for _ in range(2)]

    assert (held.unmetered, settled) == (True, [True, False])
    [row] = await ledger(client)
    assert (row["team"], row["tokens"], row["reserved_tokens"]) == ("hiring", 5, 0)


async def test_it_keeps_one_row_when_only_the_answer_of_redis_was_lost(quotas: Quotas, client):
    held = await quotas.reserve([], Amount(9, 9), row={})
    unsure = Reservation(held.id, held.amount, held.opened, unmetered=True)

    settled = [
        await quotas.settle(unsure, Amount(5, 6), outcome=Outcome.SUCCEEDED) for _ in range(2)
    ]

    assert settled == [True, False]
    assert [row["tokens"] for row in await ledger(client)] == [5]


async def test_it_keeps_one_row_when_redis_came_back_empty(quotas: Quotas, client, valkey):
    held = await quotas.reserve([], Amount(9, 8), row={"team": "hiring"})
    valkey.flushall()

    settled = [
        await quotas.settle(held, Amount(5, 6), outcome=Outcome.SUCCEEDED, row={"route": "r"})
        for _ in range(3)
    ]

    assert settled == [True, False, False]
    [row] = await ledger(client)
    assert (row["reservation_id"], row["team"], row["route"]) == (held.id, "hiring", "r")
    assert (row["tokens"], row["cost_micro_usd"]) == (5, 6)
    assert (row["reserved_tokens"], row["reserved_cost_micro_usd"]) == (9, 8)


@pytest.mark.parametrize(
    ("kind", "cap", "granted"),
    [
        (Kind.REQUESTS_PER_MINUTE, 17, 17),
        (Kind.TOKENS_PER_MINUTE, 1_050, 10),
        (Kind.CONCURRENT_STREAMS, 7, 7),
        (Kind.MONEY_PER_DAY, 2_999, 9),
    ],
)
async def test_it_never_overshoots_when_fifty_calls_fall_over_at_once(
    quotas: Quotas, kind: Kind, cap: int, granted: int
):
    limit = Limit(MODEL, kind, cap)
    held = [await quotas.reserve([], Amount(100, 300), row={}) for _ in range(50)]

    answers = await asyncio.gather(
        *(quotas.widen(one, [limit]) for one in held), return_exceptions=True
    )

    assert answers.count(None) == granted
    assert sum(isinstance(one, OverQuota) for one in answers) == 50 - granted
    assert await left(quotas, limit) == cap - granted * Amount(100, 300).of(kind)


async def test_it_gives_back_to_all_limits_when_a_call_that_fell_over_is_settled(quotas: Quotas):
    tokens, streams = Limit(MODEL, Kind.TOKENS_PER_MINUTE, 900), Limit(MODEL, STREAMS, 2)
    team = Limit(TEAM, Kind.TOKENS_PER_MINUTE, 900)
    held = await quotas.reserve([team], Amount(100, 0), row={})
    await quotas.widen(held, [team, tokens, streams])

    before = [await left(quotas, limit) for limit in (team, tokens, streams)]
    await quotas.settle(held, Amount(30, 0), outcome=Outcome.SUCCEEDED)
    after = [await left(quotas, limit) for limit in (team, tokens, streams)]

    assert (before, after) == ([800, 800, 1], [870, 870, 2])


async def test_it_takes_nothing_more_when_a_call_has_ended(quotas: Quotas):
    tokens = Limit(MODEL, Kind.TOKENS_PER_MINUTE, 900)
    held = await quotas.reserve([], Amount(100, 0), row={})
    await quotas.settle(held, Amount(30, 0), outcome=Outcome.SUCCEEDED)

    await quotas.widen(held, [tokens])

    assert await left(quotas, tokens) == 900


async def test_it_takes_once_when_the_answer_to_a_widening_was_lost(quotas: Quotas, client):
    """The client sends a command again whose answer was lost with its connection."""
    tokens = Limit(MODEL, Kind.TOKENS_PER_MINUTE, 900)
    held = await quotas.reserve([], Amount(100, 0), row={})
    run, sent = quotas._run, []

    async def twice(verb: str, keys: list[str], *args: object) -> object:
        sent.append(verb)
        await run(verb, keys, *args)
        return await run(verb, keys, *args)

    quotas._run = twice
    await quotas.widen(held, [tokens])
    quotas._run = run

    assert sent == ["widen"]
    assert await left(quotas, tokens) == 800


async def test_it_gives_back_what_redis_took_after_it_was_refused(quotas, client, valkey):
    """A Redis that stalls runs what was sent to it when it goes on."""
    tokens = Limit(TEAM, Kind.TOKENS_PER_MINUTE, 1_000)
    await quotas.settle(
        await quotas.reserve([tokens], Amount(1, 0), row={}),
        Amount(0, 0),
        outcome=Outcome.SUCCEEDED,
    )
    process = valkey.info("server")["process_id"]
    os.kill(process, signal.SIGSTOP)
    try:
        with pytest.raises(Unavailable):
            await quotas.reserve([tokens], Amount(600, 0), row={})
    finally:
        os.kill(process, signal.SIGCONT)
    await quotas.finish()

    assert await left(quotas, tokens) == 1_000
    assert await client.zcard(f"{PREFIX}:leases") == 0


async def test_it_is_unavailable_when_redis_may_not_write_just_now(quotas, valkey):
    valkey.config_set("min-replicas-to-write", 1)
    try:
        with pytest.raises(Unavailable):
            await quotas.reserve([], Amount(1, 0), row={})
    finally:
        valkey.config_set("min-replicas-to-write", 0)
