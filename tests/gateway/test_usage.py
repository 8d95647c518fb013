"""What the models took: the sums are the ledger's, and nobody sees another team's."""

import csv
import datetime as dt
import io
import random
import uuid
from collections import defaultdict
from collections.abc import Iterable
from statistics import median
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from playground.core.clock import now
from playground.core.errors import InvalidInput, PolicyDenied
from playground.gateway import charts, usage, usage_calls
from playground.gateway.models import LedgerRow
from playground.gateway.usage import Usage
from playground.gateway.usage_rows import NO_KEY, PERIODS, Filters, Period
from playground.policy import keys

SUMMED = ("input_tokens", "output_tokens", "cached_tokens", "cost_micro_usd")
KEYS = [uuid.UUID(int=1), uuid.UUID(int=2), None]


def midnight() -> dt.datetime:
    return now().replace(hour=0, minute=0, second=0, microsecond=0)


def call(**fields: Any) -> LedgerRow:
    known: dict[str, Any] = {
        "id": uuid.uuid4(), "settled_at": now(), "team": "hiring", "subject": "user:alice",
        "purpose": "agent-development", "operation": "chat", "model": "chat-default",
        "served_by": "local/small", "input_tokens": 100, "output_tokens": 20,
        "cost_micro_usd": 3100, "latency_ms": 420.0, "outcome": "succeeded",
    }  # fmt: skip
    return LedgerRow(**known | fields)


def some_calls(count: int, *, team: str = "hiring", seed: int = 7) -> list[LedgerRow]:
    """Make calls of the last twelve days, as different as they come, some of them of today."""
    choose = random.Random(seed)
    today = now() - midnight()
    made = []
    for _ in range(count):
        ago = dt.timedelta(minutes=choose.randrange(12 * 24 * 60))
        if choose.random() < 0.1:
            # Just after midnight there would be none otherwise.
            ago = today * choose.random()
        tokens = choose.randrange(4000)
        blocked = choose.random() < 0.05
        outcome = choose.choice(["succeeded"] * 8 + ["failed", "aborted", "timed-out"])
        made.append(
            call(
                settled_at=now() - ago,
                team=team,
                key_id=choose.choice(KEYS),
                model=choose.choice(["chat-default", "local/small", "far/large"]),
                input_tokens=tokens,
                cached_tokens=choose.randrange(tokens + 1),
                output_tokens=choose.randrange(900),
                cost_micro_usd=choose.choice([None, choose.randrange(100_000)]),
                latency_ms=choose.random() * 5000,
                first_token_ms=choose.choice([None, choose.random() * 500]),
                outcome="blocked" if blocked else outcome,
                blocked_by="no-secrets" if blocked else "",
                from_cache=choose.random() < 0.1,
            )
        )
    return LedgerRow.objects.bulk_create(made)


def value_in(row: LedgerRow, group: str) -> Any:
    at = row.settled_at.astimezone(dt.UTC)
    return {
        "hour": at.replace(minute=0, second=0, microsecond=0),
        "day": at.replace(hour=0, minute=0, second=0, microsecond=0),
        "model": row.model,
        "key": row.key_id,
        "outcome": row.outcome,
        "team": row.team,
    }[group]


def summed(rows: Iterable[LedgerRow]) -> dict[str, int]:
    kept = list(rows)
    sums = {name: sum(getattr(row, name) or 0 for row in kept) for name in SUMMED}
    return sums | {
        "calls": len(kept),
        "unpriced": sum(row.cost_micro_usd is None and row.tokens > 0 for row in kept),
        "errors": sum(row.outcome in ("failed", "timed-out") for row in kept),
        "blocks": sum(bool(row.blocked_by) for row in kept),
        "cache_hits": sum(row.from_cache for row in kept),
    }


def told(measured: Usage) -> dict[str, int]:
    names = (*SUMMED, "calls", "unpriced", "errors", "blocks", "cache_hits")
    return {name: getattr(measured, name) for name in names}


# The sums


@pytest.mark.parametrize("group", usage.GROUPS)
@pytest.mark.parametrize("days", PERIODS)
def test_it_sums_to_the_token_and_micro_dollar_when_grouped(alice, group, days):
    period = Period.ending(now(), days=days)
    rows = [row for row in some_calls(400) if period.start <= row.settled_at < period.end]

    report = usage.report(alice.context(), Filters(days=days), groups=[group], staff=False)

    parts = defaultdict(list)
    for row in rows:
        parts[value_in(row, group)].append(row)
    assert told(report.total) == summed(rows)
    assert {share.value: told(share.usage) for share in report.groups[group]} == {
        value: summed(part) for value, part in parts.items()
    }


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        (Filters(30, model="far/large"), lambda row: row.model == "far/large"),
        (Filters(30, key=str(KEYS[0])), lambda row: row.key_id == KEYS[0]),
        (Filters(30, key=NO_KEY), lambda row: row.key_id is None),
        (Filters(30, outcome="timed-out"), lambda row: row.outcome == "timed-out"),
        (
            Filters(30, model="local/small", outcome="failed"),
            lambda row: (row.model, row.outcome) == ("local/small", "failed"),
        ),
    ],
)
def test_it_sums_what_is_left_when_filtered(alice, filters, kept):
    rows = [row for row in some_calls(300) if kept(row)]

    report = usage.report(alice.context(), filters, groups=usage.GROUPS, staff=False)

    assert rows
    assert told(report.total) == summed(rows)
    for group in usage.GROUPS:
        assert sum(share.usage.calls for share in report.groups[group]) == len(rows)


def test_it_takes_the_median_wait_when_rules_and_cache_answered_some(alice):
    waits = [100.0, 250.0, 900.0, 1200.0]
    rows = [call(latency_ms=each, first_token_ms=each / 10) for each in waits]
    rows += [call(latency_ms=1, from_cache=True), call(latency_ms=2, blocked_by="no-secrets")]
    LedgerRow.objects.bulk_create(rows)

    total = usage.report(alice.context(), Filters(), groups=[], staff=False).total

    assert total.latency_p50_ms == pytest.approx(median(waits))
    assert total.latency_p95_ms == pytest.approx(900 + 0.85 * 300)
    assert total.first_token_p50_ms == pytest.approx(median(waits) / 10)


def test_it_compares_like_with_like_when_the_period_is_not_over(alice):
    yesterday = now() - dt.timedelta(days=1)
    LedgerRow.objects.bulk_create(
        [
            call(input_tokens=7),
            call(settled_at=max(yesterday - dt.timedelta(seconds=1), midnight() - dt.timedelta(1)),
                 input_tokens=5),
            call(settled_at=midnight() - dt.timedelta(milliseconds=1), input_tokens=1000),
        ]
    )  # fmt: skip

    report = usage.report(alice.context(), Filters(days=1), groups=[], staff=False)

    assert report.total.input_tokens == 7
    assert report.previous.input_tokens == 5


def test_it_has_every_day_when_some_are_without_calls(alice):
    LedgerRow.objects.bulk_create([call(), call(settled_at=now() - dt.timedelta(days=3))])
    report = usage.report(alice.context(), Filters(), groups=["day"], staff=False)

    days = usage.timeline(report.period, report.groups["day"], group="day")

    assert [share.usage.calls for share in days] == [0, 0, 0, 1, 0, 0, 1]
    assert days[-1].value == midnight()


# Who may see


@pytest.fixture
def two_teams(alice, charlie):
    some_calls(40)
    LedgerRow.objects.bulk_create(
        [
            call(team="trust", subject="user:charlie", model="trust/secret", input_tokens=10**9,
                 trace_id="c" * 32, key_id=uuid.UUID(int=99)),
        ]
    )  # fmt: skip


@pytest.mark.parametrize("address", ["/models/usage", "/models/usage.csv", "/api/models/usage",
                                     "/api/models/calls"])  # fmt: skip
@pytest.mark.parametrize("filtered", ["", "&model=trust/secret", f"&key={uuid.UUID(int=99)}"])
def test_it_shows_no_other_teams_calls_when_a_member_asks(
    two_teams, alice, client_for, api_for, address, filtered
):
    client = (api_for if address.startswith("/api") else client_for)(alice)

    for group in ("day", "model", "key", "team"):
        answer = client.get(f"{address}?period=90&group={group}{filtered}")

        assert answer.status_code == 200
        text = answer.content.decode()
        for echo in ("trust/secret", "trust%2Fsecret", str(uuid.UUID(int=99))):
            # What was asked for is in the page's links; only what it finds must not be.
            text = text.replace(echo, "") if filtered else text
        for theirs in (
            "trust",
            "charlie",
            "000000000063",
            "cccccccc",
            "1000000000",
            "1,000,000,000",
        ):
            assert theirs not in text


@pytest.mark.parametrize("address", ["/models/usage", "/models/usage.csv", "/api/models/usage",
                                     "/api/models/calls"])  # fmt: skip
@pytest.mark.parametrize("team", ["trust", "nobody", "*"])
def test_it_refuses_another_team_when_the_asker_is_not_staff(
    two_teams, ada, client_for, api_for, address, team
):
    client = (api_for if address.startswith("/api") else client_for)(ada)

    answer = client.get(f"{address}?team={team}", headers={"accept": "application/json"})

    assert answer.status_code == 403
    assert "secret" not in answer.content.decode()


def test_it_shows_every_team_when_staff_asks(two_teams, ada, client_for, api_for):
    ada.is_staff = True
    ada.save()

    page = client_for(ada).get("/models/usage?period=90&team=*&by=team").content.decode()
    one = client_for(ada).get("/models/usage?period=90&team=trust").content.decode()
    body = api_for(ada).get("/api/models/usage?period=90&team=*&group=team").json()
    rows = client_for(ada).get("/models/usage.csv?period=90&team=*").content.decode()

    assert 'aria-label="By team"' in page
    assert "/models/usage?period=90&amp;team=trust" in page
    assert "trust/secret" in one
    assert {(item["value"], item["calls"]) for item in body["items"]} == {
        ("hiring", 40), ("trust", 1),
    }  # fmt: skip
    assert "trust/secret" in rows


def test_it_needs_staff_when_the_ledger_is_asked_for_all_teams(alice):
    with pytest.raises(PolicyDenied):
        usage_calls.calls(alice.context(), Filters(team="*"), staff=False)


def test_it_names_only_ones_own_keys_when_a_teammate_called_too(alice, bob, client_for):
    mine = keys.create(user=alice, team=alice.memberships.get().team, name="my notebook").key
    theirs = keys.create(user=bob, team=bob.memberships.get().team, name="bobs-nightly").key
    LedgerRow.objects.bulk_create([call(key_id=mine.pk), call(key_id=theirs.pk)])

    page = client_for(alice).get("/models/usage").content.decode()

    assert "my notebook" in page
    assert "bobs-nightly" not in page
    assert f"…{theirs.pk.hex[-8:]}" in page


# The page


def test_it_tells_how_to_call_when_there_was_no_call(alice, client_for):
    page = client_for(alice).get("/models/usage").content.decode()

    assert "No model was called yet" in page
    assert "curl http" in page
    assert "chart-plot" not in page


def test_it_offers_a_longer_period_when_all_calls_are_older(alice, client_for):
    call(settled_at=now() - dt.timedelta(days=20)).save(force_insert=True)

    page = client_for(alice).get("/models/usage").content.decode()

    assert "No calls in this period" in page
    assert 'href="/models/usage?period=90"' in page


def test_it_offers_to_clear_the_filters_when_nothing_is_left(alice, client_for):
    call().save(force_insert=True)

    page = client_for(alice).get("/models/usage?period=30&outcome=failed").content.decode()

    assert "No call matches these filters" in page
    assert 'href="/models/usage?period=30"' in page


def test_it_shows_figures_charts_and_calls_when_there_are_some(alice, client_for):
    call(trace_id="a" * 32, model="chat-default", served_by="local/small").save(force_insert=True)

    page = client_for(alice).get("/models/usage").content.decode()

    assert page.count('role="img"><title>') == 4
    assert "$0.0031" in page
    assert "/traces/" + "a" * 32 in page
    assert "→ local/small" in page
    assert "style=" not in page
    assert 'aria-current="page">Usage' in page


@pytest.mark.parametrize("query", ["", "?period=90", "?model=local/small&outcome=succeeded",
                                   "?period=30&team=*"])  # fmt: skip
def test_it_asks_five_times_at_most_when_the_page_is_shown(ada, client_for, query):
    some_calls(200)
    ada.is_staff = True
    ada.save()
    client = client_for(ada)
    client.get("/models")
    with CaptureQueriesContext(connection) as around:
        client.get("/models")

    with CaptureQueriesContext(connection) as asked:
        assert client.get(f"/models/usage{query}").status_code == 200

    assert len(asked) - len(around) <= 5
    assert sum("gateway_ledgerrow" in each["sql"] for each in asked) <= 4


@pytest.mark.parametrize("query", ["period=8", "period=x", "outcome=fine", "key=me", "cursor=me",
                                   "cursor=WzEsMl0="])  # fmt: skip
def test_it_says_what_is_wrong_when_a_filter_is_none(alice, client_for, api_for, query):
    call().save(force_insert=True)

    page = client_for(alice).get(f"/models/usage?{query}")
    answer = api_for(alice).get(f"/api/models/calls?{query}")

    assert page.status_code == answer.status_code == 422


# The calls


def test_it_lists_each_call_once_when_pages_are_followed(alice, client_for, api_for):
    moment = now()
    made = [call(settled_at=moment - dt.timedelta(seconds=each // 3)) for each in range(60)]
    LedgerRow.objects.bulk_create(made)
    client, cursor, seen = api_for(alice), "", []

    while cursor is not None:
        body = client.get("/api/models/calls", {"cursor": cursor, "limit": 7}).json()
        seen += [(item["settled_at"], item["id"]) for item in body["items"]]
        cursor = body["next"]

    in_time = [row for row in made if row.settled_at >= midnight() - dt.timedelta(days=6)]
    assert sorted(each for _, each in seen) == sorted(str(row.pk) for row in in_time)
    assert seen == sorted(seen, reverse=True)


def test_it_answers_the_calls_alone_when_the_pager_asks(alice, client_for):
    LedgerRow.objects.bulk_create([call() for _ in range(usage_calls.PAGE + 1)])
    client = client_for(alice)
    page = client.get("/models/usage").content.decode()
    address = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]

    older = client.get(address, headers={"HX-Target": "usage-calls"}).content.decode()

    assert older.lstrip().startswith('<section class="section" id="usage-calls"')
    assert older.count("<tr data-href") + older.count("<tr>") == 2
    assert "Newest" in older


def test_it_writes_every_call_when_csv_is_asked(alice, client_for):
    rows = some_calls(50)

    answer = client_for(alice).get("/models/usage.csv?period=90")

    read = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert answer["Content-Type"].startswith("text/csv")
    assert {line["id"] for line in read} == {str(row.pk) for row in rows}
    for name in SUMMED:
        assert sum(int(line[name] or 0) for line in read) == summed(rows)[name]


def test_it_defuses_formulas_when_csv_is_asked(alice, client_for):
    call(model="=HYPERLINK(1)").save(force_insert=True)

    answer = client_for(alice).get("/models/usage.csv").content.decode()

    assert ",'=HYPERLINK(1)," in answer


@pytest.mark.django_db(transaction=True)
async def test_it_streams_the_csv_when_there_are_many_calls(alice):
    made = [call() for _ in range(usage_calls.MAX_PAGE * 2 + 5)]
    await sync_to_async(LedgerRow.objects.bulk_create)(made)
    client = AsyncClient()
    await sync_to_async(client.force_login)(alice)

    answer = await client.get("/models/usage.csv")

    assert answer.streaming
    chunks = [each.decode() async for each in answer.streaming_content]
    lines = list(csv.DictReader(io.StringIO("".join(chunks))))
    assert len(chunks) == 3
    assert {line["id"] for line in lines} == {str(row.pk) for row in made}


# The API


def test_it_sums_over_the_api_when_a_program_asks(alice, api_for):
    rows = [call(cost_micro_usd=1), call(cost_micro_usd=2), call(cost_micro_usd=None)]
    LedgerRow.objects.bulk_create(rows)

    body = api_for(alice).get("/api/models/usage?period=7&group=day").json()

    assert [item["value"] for item in body["items"]] == [f"{now():%Y-%m-%d}"]
    assert body["items"][0]["cost_micro_usd"] == body["total"]["cost_micro_usd"] == 3
    assert body["total"]["unpriced"] == 1
    assert body["next"] is None


# The charts


@given(most=st.floats(min_value=1e-9, max_value=1e15), whole=st.booleans())
def test_it_reaches_the_most_with_round_steps_when_a_scale_is_made(most, whole):
    ticks = charts.nice_ticks(most, whole=whole)

    assert ticks[0] == 0
    assert ticks[-1] >= most * (1 - 1e-6)
    assert 2 <= len(ticks) <= 5
    assert not whole or all(tick == int(tick) for tick in ticks)


@given(
    columns=st.lists(
        st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=90
    )
)
def test_it_keeps_bars_inside_and_in_proportion_when_they_are_stacked(columns):
    lower, upper = zip(*columns, strict=True)
    chart = charts.draw(
        "bars",
        title="T",
        moments=[str(each) for each in range(len(columns))],
        series=[charts.Series("a", "a", lower), charts.Series("b", "b", upper)],
        write=str,
    )

    for slot in chart.slots:
        for bar in slot.bars:
            assert 0 <= bar.x <= chart.width - bar.width
            assert -0.02 <= bar.y <= bar.y + bar.height <= charts.HEIGHT + 0.02
        pairs = zip(slot.bars, slot.bars[1:], strict=False)
        assert all(above.y + above.height == pytest.approx(below.y, abs=0.02)
                   for below, above in pairs)  # fmt: skip


def test_it_breaks_a_line_when_a_value_is_missing():
    chart = charts.draw(
        "lines", title="T", moments=list("abcd"), write=str,
        series=[charts.Series("p50", "p50", [10.0, None, 5.0, 0.0])],
    )  # fmt: skip

    assert chart.lines[0].path == "M5.0 0.0h0M25.0 50.0h0L35.0 100.0"
    assert chart.slots[1].title == "b: no calls"


def test_it_draws_an_empty_scale_when_nothing_happened():
    chart = charts.draw(
        "bars", title="T", moments=["a"], write=str, series=[charts.Series("a", "a", [0])]
    )

    assert chart.empty
    assert chart.slots[0].bars == ()


def test_it_refuses_a_period_when_it_is_not_offered():
    with pytest.raises(InvalidInput):
        Filters(days=14)
