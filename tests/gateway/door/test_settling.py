"""What a call costs that does not go the usual way: nothing is free, nothing is held for ever."""

import asyncio
import time
from decimal import Decimal
from typing import Any

import pytest

from playground.gateway import caching, connecting, metering, watching
from playground.gateway.breaking import FAILURES, breaker
from playground.gateway.models import CacheRule, Endpoint, Guardrail, LedgerRow, Quota, ServedModel
from playground.gateway.quotas.limits import MOST
from playground.gateway.quotas.reservations import Outcome
from playground.gateway.quotas.reserving import PREFIX
from playground.policy.models import ApiKey, Team
from tests.gateway.door.conftest import Door

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

MAIL = "ada.lovelace@example.com"


async def limit(kind: str, cap: Any, **scope: Any) -> None:
    await Quota.objects.acreate(kind=kind, cap=Decimal(str(cap)), **scope)


async def rows_of(door: Door, number: int = 1) -> list[LedgerRow]:
    for _ in range(100):
        if len(rows := await door.ledger()) >= number:
            return rows
        await asyncio.sleep(0.05)
    raise AssertionError("no row came")


@pytest.mark.parametrize("stream", [False, True])
async def test_it_charges_what_the_model_said_when_a_rule_blocks_the_answer(
    door: Door, stream: bool
) -> None:
    await Guardrail.objects.acreate(name="no-pii", check_kind="pii", action="block", stage="output")
    door.first.words = ["Write", " to", f" {MAIL}", " today", " or", " tomorrow", "."]

    await door.ask(stream=stream)

    (row,) = await rows_of(door)
    assert (row.outcome, row.blocked_by, row.served_by) == ("blocked", "no-pii", "one/m")
    assert row.input_tokens > 0
    assert row.output_tokens >= 3
    if not stream:
        assert (row.input_tokens, row.output_tokens) == door.first.told[0]


@pytest.mark.parametrize("stream", [False, True])
async def test_it_charges_what_was_read_when_the_caller_leaves_before_the_answer(
    door: Door, stream: bool
) -> None:
    door.first.hang = True
    await Endpoint.objects.aupdate(silence_s=30)
    watching.forget()

    asking = asyncio.create_task(door.ask(stream=stream))
    for _ in range(1000):
        if door.first.running:
            break
        await asyncio.sleep(0.01)
    asking.cancel()

    await asyncio.wait_for(door.first.left.wait(), 5)
    (row,) = await rows_of(door)
    assert (row.outcome, row.served_by, row.output_tokens) == ("aborted", "one/m", 0)
    assert row.input_tokens > 0
    assert row.counted_here


async def test_it_charges_nothing_when_nobody_answered(door: Door) -> None:
    door.first.status = door.second.status = 500

    await door.ask()

    (row,) = await rows_of(door)
    assert (row.outcome, row.input_tokens, row.cost_micro_usd) == ("failed", 0, 0)


async def test_it_charges_nothing_when_the_answer_was_kept(door: Door) -> None:
    await ServedModel.objects.filter(endpoint__name="one").aupdate(
        input_price=Decimal(2), output_price=Decimal(10)
    )
    team = await Team.objects.aget(slug="hiring")
    await CacheRule.objects.acreate(team=team, ttl_s=60)

    for _ in range(2):
        await door.ask()

    rows = await rows_of(door, 2)
    assert [(row.from_cache, row.cost_micro_usd) for row in rows] == [(False, 42), (True, 0)]


@pytest.mark.parametrize("finish", [None, "length", "content_filter"])
@pytest.mark.parametrize("stream", [False, True])
async def test_it_keeps_no_answer_that_was_cut_off(
    door: Door, stream: bool, finish: str | None
) -> None:
    team = await Team.objects.aget(slug="hiring")
    await CacheRule.objects.acreate(team=team, ttl_s=60)
    door.first.finish = finish

    for _ in range(2):
        await door.ask(stream=stream)

    assert not any(row.from_cache for row in await rows_of(door, 2))


@pytest.mark.parametrize("stream", [False, True])
async def test_it_keeps_no_answer_when_a_choice_never_came(door: Door, stream: bool) -> None:
    team = await Team.objects.aget(slug="hiring")
    await CacheRule.objects.acreate(team=team, ttl_s=60)

    told = [(await door.ask(stream=stream, n=2)).headers["playground-cache"] for _ in range(2)]

    assert told == ["miss", "miss"]


async def test_it_forgets_the_oldest_answer_when_a_team_keeps_too_many(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "MOST_KEPT", 2)
    team = await Team.objects.aget(slug="hiring")
    await CacheRule.objects.acreate(team=team, ttl_s=60)

    answers = [await door.ask(max_tokens=number) for number in (1, 2, 3, 3, 2, 1)]

    told = [answer.headers["playground-cache"] for answer in answers]
    assert told == ["miss", "miss", "miss", "hit", "hit", "miss"]


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5, "completion_tokens": -7},
        {"prompt_tokens": 10**30, "completion_tokens": 1},
        {"prompt_tokens": 10**12, "completion_tokens": 10**15},
        {"prompt_tokens": "many", "completion_tokens": [1]},
        {"prompt_tokens": True, "completion_tokens": 1e400},
    ],
    ids=["negative", "endless", "enormous", "words", "odd"],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_it_frees_what_was_held_when_an_endpoint_tells_absurd_tokens(
    door: Door, stream: bool, usage: dict[str, Any]
) -> None:
    await limit("streams", 1, team=await Team.objects.aget(slug="hiring"))
    door.first.usage = usage

    statuses = [(await door.ask(stream=stream)).status_code for _ in range(3)]

    assert 429 not in statuses
    rows = await rows_of(door, 3)
    assert all(0 <= row.input_tokens <= MOST and 0 <= row.output_tokens <= MOST for row in rows)
    assert not metering._running().held


async def test_it_keeps_the_lease_until_it_could_settle(door: Door) -> None:
    meter = await metering.begin((), metering.Estimate(1, 1), models=[], row={"team": "hiring"})
    settling = asyncio.create_task(
        meter.settle(metering.Used(3, 4), model=None, outcome=Outcome.ABORTED, row={})
    )
    await asyncio.sleep(0)
    settling.cancel()

    (row,) = await rows_of(door)

    assert (row.outcome, row.input_tokens, row.output_tokens) == ("aborted", 3, 4)
    for _ in range(100):
        if not metering._running().held:
            break
        await asyncio.sleep(0.02)
    assert not metering._running().held
    assert len(await door.ledger()) == 1


async def test_it_answers_a_message_of_a_million_letters(door: Door) -> None:
    await Guardrail.objects.acreate(name="no-pii", check_kind="pii", action="redact")
    door.first.usage = {}

    answer = await door.ask(messages=[{"role": "user", "content": "word " * 240_000}])

    assert answer.status_code == 200
    (row,) = await rows_of(door)
    assert row.input_tokens == pytest.approx(240_000, rel=0.01)


async def test_it_holds_a_call_to_the_limits_of_the_model_it_falls_over_to(door: Door) -> None:
    await limit("requests", 1, model="two/m")
    door.first.status = 500

    statuses = [(await door.ask()).status_code for _ in range(3)]

    assert statuses[0] == 200
    assert 200 not in statuses[1:]
    assert door.second.calls == 1


async def test_it_holds_a_call_to_those_limits_when_the_first_model_rests(door: Door) -> None:
    await limit("requests", 1, model="two/m")
    for _ in range(FAILURES):
        breaker.failed("one/m")

    statuses = [(await door.ask()).status_code for _ in range(3)]

    assert statuses == [200, 429, 429]
    assert (door.first.calls, door.second.calls) == (0, 1)


async def test_it_settles_the_tokens_of_the_model_it_fell_over_to(door: Door) -> None:
    await limit("tokens", 100, model="two/m")
    door.first.status = 500

    statuses = [(await door.ask(max_tokens=60)).status_code for _ in range(3)]

    # Of those reserved only 13 a call were used: the second and third would not fit otherwise.
    assert statuses == [200, 200, 200]


async def test_it_holds_an_answer_to_a_length_when_only_a_model_behind_is_limited(
    door: Door,
) -> None:
    await limit("tokens", 10_000, model="two/m")
    door.first.status = 500

    await door.ask()

    assert [body["max_tokens"] for body in door.second.bodies] == [metering.LONGEST_ANSWER]


async def test_it_takes_a_keys_request_once_when_a_call_falls_over(door: Door) -> None:
    key = await ApiKey.objects.afirst()
    await limit("requests", 3, key=key)
    door.first.status = 500

    assert [(await door.ask()).status_code for _ in range(4)] == [200, 200, 200, 429]


async def test_it_takes_nothing_of_a_model_that_rests(door: Door) -> None:
    await limit("requests", 1, model="two/m")
    door.first.status = 500
    for _ in range(FAILURES):
        breaker.failed("two/m")

    await door.ask()
    breaker.reset()

    assert (await door.ask(model="two/m")).status_code == 200


async def test_it_charges_what_a_model_thinks(door: Door) -> None:
    door.first.member, door.first.usage = "reasoning_content", {}
    door.first.words = [" word"] * 50

    await door.ask(stream=True)

    (row,) = await rows_of(door)
    assert row.output_tokens == pytest.approx(50, abs=2)


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": 11},
        {"prompt_tokens": 11, "completion_tokens": 0},
    ],
)
async def test_it_counts_the_tokens_when_an_endpoint_tells_none(
    door: Door, usage: dict[str, Any]
) -> None:
    door.first.usage, door.first.words = usage, [" word"] * 50

    await door.ask(stream=True)

    (row,) = await rows_of(door)
    assert row.input_tokens > 0
    assert row.output_tokens == pytest.approx(50, abs=2)
    assert row.counted_here


async def test_it_goes_on_renewing_leases_when_redis_may_not_write_for_a_while(
    door: Door, valkey: Any, settings: Any
) -> None:
    settings.PLAYGROUND_CALL_LEASE_S = 2
    connecting._quotas.clear()
    meter = await metering.begin((), metering.Estimate(1, 1), models=[], row={"team": "hiring"})
    valkey.config_set("min-replicas-to-write", 1)
    await asyncio.sleep(0.8)
    valkey.config_set("min-replicas-to-write", 0)

    await asyncio.sleep(2)

    assert valkey.zscore(f"{PREFIX}:leases", meter.reservation.id) > time.time() * 1000
    await meter.settle(metering.Used(1, 1), model=None, outcome=Outcome.SUCCEEDED, row={})
    connecting._quotas.clear()


async def test_it_keeps_the_row_of_a_call_when_redis_loses_all_meanwhile(
    door: Door, valkey: Any
) -> None:
    door.first.pause_s = 0.3

    asking = asyncio.create_task(door.ask())
    while not door.first.running:
        await asyncio.sleep(0.01)
    valkey.flushall()

    assert (await asking).status_code == 200
    (row,) = await rows_of(door)
    assert (row.outcome, row.team, row.served_by) == ("succeeded", "hiring", "one/m")
    assert (row.input_tokens, row.output_tokens) == door.first.told[0]


async def test_it_never_refuses_the_guard_models_own_call(door: Door) -> None:
    await limit("requests", 1, team=await Team.objects.aget(slug="hiring"))
    await Guardrail.objects.acreate(
        name="judged", check_kind="judge", action="block", stage="input",
        settings={"model": "two/m", "fails": "closed"},
    )  # fmt: skip
    door.second.words = ["safe"]

    statuses = [(await door.ask()).status_code for _ in range(2)]

    assert statuses == [200, 429]
    judged, asked = await rows_of(door, 2)
    assert (judged.served_by, asked.served_by) == ("two/m", "one/m")


async def test_it_holds_an_answer_to_what_every_model_of_the_route_can_give(door: Door) -> None:
    await limit("tokens", 100_000, team=await Team.objects.aget(slug="hiring"))
    await ServedModel.objects.filter(endpoint__name="one").aupdate(max_output_tokens=900)
    await ServedModel.objects.filter(endpoint__name="two").aupdate(context_tokens=200)

    await door.ask()

    (body,) = door.first.bodies
    assert 150 < body["max_tokens"] < 200
