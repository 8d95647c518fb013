"""Quotas and the ledger, through the door."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
import redis

from playground.gateway.models import Quota, ServedModel
from playground.policy.models import ApiKey, Team
from tests.gateway.door.conftest import ASK, Door

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


async def limit(kind: str, cap: Any, **scope: Any) -> None:
    await Quota.objects.acreate(kind=kind, cap=Decimal(str(cap)), **scope)


async def hiring() -> Team:
    return await Team.objects.aget(slug="hiring")


@pytest.mark.parametrize("stream", [False, True])
async def test_it_writes_what_the_endpoint_counted_when_a_call_ends(
    door: Door, stream: bool
) -> None:
    await ServedModel.objects.filter(endpoint__name="one").aupdate(
        input_price=Decimal(2), output_price=Decimal(10)
    )

    await door.ask(stream=stream)

    (row,) = await door.ledger()
    assert (row.team, row.subject, row.model, row.served_by) == (
        "hiring", "user:alice", "both", "one/m",
    )  # fmt: skip
    assert (row.input_tokens, row.output_tokens) == door.first.told[0]
    assert row.cost_micro_usd == 11 * 2 + 2 * 10
    assert (row.outcome, row.route, row.endpoint, row.streamed) == (
        "succeeded", "both", "one", stream,
    )  # fmt: skip
    assert row.key_id == (await ApiKey.objects.aget()).id
    assert row.trace_id
    assert row.latency_ms > 0
    assert not row.counted_here


async def test_it_writes_no_price_when_none_is_known(door: Door) -> None:
    await door.ask()

    assert (await door.ledger())[0].cost_micro_usd is None


async def test_it_writes_one_row_when_a_call_fell_over(door: Door) -> None:
    door.first.status = 500

    await door.ask()

    (row,) = await door.ledger()
    assert (row.served_by, row.attempts, row.outcome) == ("two/m", 2, "succeeded")


async def test_it_counts_what_came_when_the_stream_breaks(door: Door) -> None:
    door.first.cut_after = 1

    await door.ask(stream=True)

    (row,) = await door.ledger()
    assert (row.outcome, row.error_code) == ("failed", "provider.cut")
    assert row.output_tokens == 1
    assert row.counted_here


async def test_it_counts_what_came_when_the_caller_leaves(door: Door) -> None:
    door.first.pause_s = 0.2

    await door.leave_after(b"Hello")

    await asyncio.wait_for(door.first.left.wait(), 5)
    rows = await eventually(door)
    assert rows[0].outcome == "aborted"
    assert 1 <= rows[0].output_tokens <= 2


async def eventually(door: Door) -> list[Any]:
    for _ in range(100):
        if rows := await door.ledger():
            return rows
        await asyncio.sleep(0.05)
    raise AssertionError("no row came")


async def test_it_writes_consent_only_when_it_was_given(door: Door) -> None:
    await door.ask()
    for said in ("granted", "denied", "yes"):
        header = {"Playground-Training-Consent": said}
        await door.http.post("/v1/chat/completions", json=ASK, headers=header)

    assert [row.training_consent for row in await door.ledger()] == [False, True, False, False]


async def test_it_refuses_with_standard_headers_when_requests_are_used_up(door: Door) -> None:
    await limit("requests", 2, team=await hiring())

    first, _, third = [await door.ask() for _ in range(3)]

    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    assert third.status_code == 429
    assert third.json()["error"]["code"] == "rate_limit_exceeded"
    assert third.json()["error"]["type"] == "rate_limit_error"
    assert 1 <= int(third.headers["retry-after"]) <= 60
    assert third.headers["x-ratelimit-remaining-requests"] == "0"
    assert door.first.calls == 2


@pytest.mark.parametrize(
    "scope", [{"model": "both"}, {"model": "one/m"}, {}], ids=["route", "model", "all"]
)
async def test_it_holds_a_limit_for_whatever_it_names(door: Door, scope: dict[str, Any]) -> None:
    await limit("requests", 1, **scope)

    assert [(await door.ask()).status_code for _ in range(2)] == [200, 429]


async def test_it_leaves_other_models_alone_when_one_is_limited(door: Door) -> None:
    await limit("requests", 0, model="two/m")

    assert (await door.ask()).status_code == 200
    assert (await door.ask(model="two/m")).status_code == 429


async def test_it_overshoots_by_nothing_when_fifty_calls_come_at_once(door: Door) -> None:
    await limit("tokens", 1000, team=await hiring())
    door.first.pause_s = 0.3

    answers = await asyncio.gather(*(door.ask(max_tokens=92) for _ in range(50)))

    served = [answer for answer in answers if answer.status_code == 200]
    rows = [row for row in await door.ledger() if row.outcome == "succeeded"]
    assert len(served) == door.first.calls == len(rows)
    assert len(served) >= 1
    assert sum(row.reserved_tokens for row in rows) <= 1000
    # As many as fit: one more would have been too much.
    assert sum(row.reserved_tokens for row in rows) + rows[0].reserved_tokens > 1000


async def test_it_holds_answers_to_a_length_when_tokens_are_limited(door: Door) -> None:
    await limit("tokens", 10_000, team=await hiring())
    await ServedModel.objects.filter(endpoint__name="one").aupdate(max_output_tokens=300)

    await door.ask()
    await door.ask(max_tokens=7)

    assert [body.get("max_tokens") for body in door.first.bodies] == [300, 7]


async def test_it_leaves_answers_as_long_as_they_are_when_nothing_is_limited(door: Door) -> None:
    await door.ask()

    assert "max_tokens" not in door.first.bodies[0]


async def test_it_gives_back_what_was_not_used_when_a_call_ends(door: Door) -> None:
    await limit("tokens", 1000, team=await hiring())

    answers = [await door.ask(max_tokens=900) for _ in range(5)]

    assert {answer.status_code for answer in answers} == {200}


async def test_it_says_that_waiting_is_no_use_when_a_call_is_too_large(door: Door) -> None:
    await limit("tokens", 100, team=await hiring())

    answer = await door.ask(max_tokens=500)

    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "quota.too-large"
    assert "retry-after" not in answer.headers


async def test_it_stops_when_the_money_of_the_day_is_spent(door: Door) -> None:
    await ServedModel.objects.filter(endpoint__name="one").aupdate(
        input_price=Decimal(1000), output_price=Decimal(1000)
    )
    # A call costs 13 tokens at a tenth of a cent each; it reserves 5 + 8 and 2 are written.
    await limit("day", "0.04", team=await hiring())

    statuses = [(await door.ask(max_tokens=4)).status_code for _ in range(5)]

    assert statuses[0] == 200
    assert statuses[-1] == 429
    spent = sum(row.cost_micro_usd or 0 for row in await door.ledger())
    assert spent == 13_000 * statuses.count(200)


async def test_it_frees_the_permit_when_the_stream_ends(door: Door) -> None:
    await limit("streams", 1, team=await hiring())
    door.first.pause_s = 0.1

    at_once = await asyncio.gather(*(door.ask(stream=True) for _ in range(3)))
    later = await door.ask(stream=True)

    assert sorted(answer.status_code for answer in at_once) == [200, 429, 429]
    assert later.status_code == 200


async def test_it_counts_embeddings_once_when_the_same_text_comes_again(door: Door) -> None:
    await ServedModel.objects.filter(endpoint__name="one").aupdate(operation="embeddings")
    ask = {"model": "one/m", "input": ["alpha", "beta"]}

    first = await door.http.post("/v1/embeddings", json=ask)
    second = await door.http.post("/v1/embeddings", json=ask | {"input": ["beta", "gamma"]})

    assert [each["embedding"] for each in first.json()["data"]] == [[5.0, 1.0], [4.0, 1.0]]
    assert [each["embedding"] for each in second.json()["data"]] == [[4.0, 1.0], [5.0, 1.0]]
    assert [body["input"] for body in door.first.bodies] == [["alpha", "beta"], ["gamma"]]
    assert [row.input_tokens for row in await door.ledger()] == [2, 1]


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 0}, {"prompt_tokens": "x"}])
async def test_it_says_who_counted_the_tokens_of_embeddings(door: Door, usage: Any) -> None:
    await ServedModel.objects.filter(endpoint__name="one").aupdate(operation="embeddings")
    door.first.usage = usage

    await door.http.post("/v1/embeddings", json={"model": "one/m", "input": "one two three"})

    (row,) = await door.ledger()
    assert (row.input_tokens, row.counted_here) == ((1, False) if usage is None else (3, True))


@pytest.mark.parametrize("stream", [False, True])
async def test_it_says_how_a_response_was_sent(door: Door, stream: bool) -> None:
    ask = {"model": "both", "input": "hi", "stream": stream}

    answer = await door.http.post("/v1/responses", json=ask)

    assert "Hello there" in answer.text
    (row,) = await door.ledger()
    assert (row.operation, row.streamed) == ("chat", stream)
    assert [bool(body.get("stream")) for body in door.first.bodies] == [stream]
    assert (row.input_tokens, row.output_tokens) == (11, 2)


async def test_it_adds_up_to_what_the_endpoints_counted_when_calls_are_mixed(door: Door) -> None:
    door.first.status, door.first.failures = 503, 3

    await asyncio.gather(*(door.ask(stream=bool(number % 2)) for number in range(20)))

    told = [*door.first.told, *door.second.told]
    rows = await door.ledger()
    assert len(rows) == len(told) == 20
    assert sum(row.input_tokens for row in rows) == sum(told_in for told_in, _ in told)
    assert sum(row.output_tokens for row in rows) == sum(told_out for _, told_out in told)


async def test_it_settles_before_the_last_byte_when_a_stream_ends(
    door: Door, valkey: "redis.Redis"
) -> None:
    async with door.http.stream("POST", "/v1/chat/completions", json=ASK | {"stream": True}) as got:
        async for line in got.aiter_lines():
            if line == "data: [DONE]":
                assert valkey.xlen("playground:{quota}:ledger") == 1
                break
        else:
            raise AssertionError("no end came")


async def test_it_writes_nothing_of_the_text_when_a_row_is_kept(door: Door) -> None:
    await door.ask(messages=[{"role": "user", "content": "my dog is called Rumpelstilzchen"}])

    (row,) = await door.ledger()
    shown = json.dumps({f.attname: str(getattr(row, f.attname)) for f in row._meta.fields})
    assert "Rumpel" not in shown
