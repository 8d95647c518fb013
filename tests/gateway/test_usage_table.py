"""Dates, tabs and sorting of the usage page: each adds up to the ledger, each is in the address."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from playground.core.clock import now
from playground.core.errors import InvalidInput
from playground.gateway import usage
from playground.gateway.models import LedgerRow
from playground.gateway.usage_rows import MOST_DAYS, Filters
from playground.policy.models import User
from tests.gateway.test_usage import call, midnight, some_calls, summed, told

Clients = Callable[..., Client]


def cells(text: str) -> list[list[str]]:
    """Return the texts of the table's rows."""
    body = text.split("usage-table")[1].split("<tbody>")[1].split("</tbody>")[0]
    rows = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    cut = [re.findall(r"<td.*?</td>", row, re.DOTALL) for row in rows]
    return [[re.sub(r"<[^>]+>", "", cell).strip() for cell in row] for row in cut]


# Dates


@pytest.mark.parametrize(("first", "last"), [(0, 0), (5, 2), (11, 0), (3, 3)])
@pytest.mark.parametrize("group", ["day", "model", "key", "outcome"])
def test_it_sums_whole_days_when_dates_are_given(
    alice: User, first: int, last: int, group: usage.Group
) -> None:
    start, end = (midnight().date() - dt.timedelta(days=each) for each in (first, last))
    rows = [
        row for row in some_calls(400) if start <= row.settled_at.astimezone(dt.UTC).date() <= end
    ]

    filters = Filters(start=start, end=end)
    report = usage.report(alice.context(), filters, groups=[group], staff=False)

    assert told(report.total) == summed(rows)
    parts: Counter[str] = Counter()
    for share in report.groups[group]:
        parts.update(told(share.usage))
    assert {name: parts[name] for name in summed(rows)} == summed(rows)


def test_it_ends_today_when_no_last_date_is_given(alice: User) -> None:
    LedgerRow.objects.bulk_create([call(), call(settled_at=now() - dt.timedelta(days=2))])

    filters = Filters(start=midnight().date() - dt.timedelta(days=2))

    assert usage.report(alice.context(), filters, groups=[], staff=False).total.calls == 2


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-02-02&to=2026-02-01",
        "to=2026-02-01",
        "from=2020-01-01&to=2026-01-01",
        "from=0001-01-01&to=0001-01-02",
        "from=9999-12-30&to=9999-12-31",
        "from=2026-13-01",
        "from=yesterday",
    ],
)
def test_it_says_what_is_wrong_when_dates_are_none(
    alice: User, client_for: Clients, api_for: Clients, query: str
) -> None:
    page = client_for(alice).get(f"/models/usage?{query}")
    sheet = client_for(alice).get(f"/models/usage.csv?{query}")
    answer = api_for(alice).get(f"/api/models/usage?{query}")

    assert (page.status_code, sheet.status_code, answer.status_code) == (422, 422, 422)
    assert answer["Content-Type"].startswith("application/problem+json")


def test_it_says_what_is_wrong_in_words_when_the_page_asks_for_a_part(
    alice: User, client_for: Clients
) -> None:
    """What ``usage.js`` sends: a problem when it is refused, HTML when it is not."""
    headers = {
        "Accept": "application/problem+json, */*", "HX-Request": "true", "HX-Target": "usage"
    }  # fmt: skip

    refused = client_for(alice).get("/models/usage?from=2020-01-01", headers=headers)
    shown = client_for(alice).get("/models/usage", headers=headers)

    assert "366 days at most" in refused.json()["detail"]
    assert shown["Content-Type"].startswith("text/html")


def test_it_asks_for_dates_over_the_api(alice: User, api_for: Clients) -> None:
    yesterday = midnight() - dt.timedelta(hours=3)
    LedgerRow.objects.bulk_create([call(), call(settled_at=yesterday, cost_micro_usd=7)])
    query = f"from={yesterday:%Y-%m-%d}&to={yesterday:%Y-%m-%d}"

    body = api_for(alice).get(f"/api/models/usage?{query}&group=day").json()
    calls = api_for(alice).get(f"/api/models/calls?{query}").json()

    assert body["total"]["cost_micro_usd"] == 7
    assert [item["value"] for item in body["items"]] == [f"{yesterday:%Y-%m-%d}"]
    assert [item["cost_micro_usd"] for item in calls["items"]] == [7]


def test_it_refuses_a_period_of_dates_that_is_too_long() -> None:
    start = dt.date(2026, 1, 1)
    Filters(start=start, end=start + dt.timedelta(days=MOST_DAYS - 1))

    with pytest.raises(InvalidInput):
        Filters(start=start, end=start + dt.timedelta(days=MOST_DAYS))


# The table


@pytest.mark.parametrize("by", ["model", "key", "outcome", "day", "hour", "nonsense"])
@pytest.mark.parametrize("period", [1, 30])
def test_it_counts_every_call_whichever_way_it_is_grouped(
    alice: User, client_for: Clients, by: str, period: int
) -> None:
    rows = some_calls(300)
    kept = [r for r in rows if period == 30 or r.settled_at >= midnight()]

    text = client_for(alice).get(f"/models/usage?period={period}&by={by}").content.decode()

    assert sum(int(row[1].replace(",", "")) for row in cells(text)) == len(kept)
    assert text.split('id="usage"')[1].count('aria-current="true"') == 2


def test_it_counts_every_call_of_every_team_when_staff_groups_by_team(
    alice: User, client_for: Clients
) -> None:
    some_calls(60)
    some_calls(30, team="trust", seed=3)
    User.objects.filter(pk=alice.pk).update(is_staff=True)

    page = client_for(alice).get("/models/usage?period=30&team=*&by=team&sort=name")

    shown = cells(page.content.decode())
    assert [row[:2] for row in shown] == [["hiring", "60"], ["trust", "30"]]


@pytest.mark.parametrize("by", ["model", "outcome", "day"])
@pytest.mark.parametrize("sort", ["calls", "-calls"])
def test_it_sorts_by_a_column_whichever_way(
    alice: User, client_for: Clients, by: str, sort: str
) -> None:
    some_calls(300)

    text = client_for(alice).get(f"/models/usage?period=30&by={by}&sort={sort}").content.decode()

    counts = [int(row[1].replace(",", "")) for row in cells(text)]
    assert len(set(counts)) > 1
    assert counts == sorted(counts, reverse=sort.startswith("-"))
    order = "descending" if sort.startswith("-") else "ascending"
    assert f'aria-sort="{order}"' in text


def test_it_keeps_spend_as_the_order_of_days_when_it_is_asked_for(
    alice: User, client_for: Clients
) -> None:
    LedgerRow.objects.bulk_create(
        [call(cost_micro_usd=1), call(cost_micro_usd=9, settled_at=now() - dt.timedelta(days=2))]
    )
    client = client_for(alice)
    text = client.get("/models/usage?by=day").content.decode()
    address = re.findall(r'href="([^"]*)" id="usage-sort-3"', text)[0].replace("&amp;", "&")

    sorted_days = cells(client.get(address).content.decode())

    assert [row[2] for row in sorted_days][:2] == ["$0.0000090", "$0.0000010"]
    assert len(cells(text)) == len(sorted_days) == 7


def test_it_puts_what_was_never_measured_last_whichever_way(
    alice: User, client_for: Clients
) -> None:
    LedgerRow.objects.bulk_create(
        [
            call(model="cached", from_cache=True),
            call(model="slow", latency_ms=900),
            call(model="fast", latency_ms=9),
        ]
    )
    client = client_for(alice)

    names = [
        [row[0] for row in cells(client.get(f"/models/usage?sort={sort}").content.decode())]
        for sort in ("p95", "-p95")
    ]

    assert names == [["fast", "slow", "cached"], ["slow", "fast", "cached"]]


def test_it_leads_from_a_row_to_what_it_is_made_of_and_keeps_the_filters(
    alice: User, client_for: Clients
) -> None:
    some_calls(200)
    client = client_for(alice)
    text = client.get("/models/usage?period=30&outcome=succeeded").content.decode()
    model = re.findall(r'data-href="(/models/usage[^"]*model=[^"]*)"', text)[0]

    inside = client.get(model.replace("&amp;", "&")).content.decode()

    assert "outcome=succeeded" in model
    assert "by=key" in model
    assert "/traces?q=" in text
    assert 'aria-label="By key"' in inside
    assert sum(int(row[1]) for row in cells(inside)) > 0


def test_it_leads_from_a_day_to_its_hours(alice: User, client_for: Clients) -> None:
    call(settled_at=midnight() - dt.timedelta(days=1, hours=-3)).save(force_insert=True)
    client = client_for(alice)
    text = client.get("/models/usage?by=day").content.decode()
    address = re.findall(r'data-href="(/models/usage[^"]*from=[^"]*)"', text)[0]

    inside = client.get(address.replace("&amp;", "&")).content.decode()

    assert "period=" not in address
    assert ">Hour<" in inside
    assert inside.count('role="img"><title>') == 4


@pytest.mark.parametrize("by", ["model", "key", "outcome", "day"])
def test_it_asks_no_more_for_another_tab(alice: User, client_for: Clients, by: str) -> None:
    some_calls(200)
    client = client_for(alice)
    client.get("/models/usage")

    with CaptureQueriesContext(connection) as asked:
        client.get(f"/models/usage?period=90&by={by}")

    assert sum("gateway_ledgerrow" in each["sql"] for each in asked) <= 4


def test_it_tells_the_first_words_wait_of_the_slowest(alice: User, api_for: Clients) -> None:
    LedgerRow.objects.bulk_create([call(first_token_ms=each) for each in (10.0, 20.0, 30.0)])

    total = api_for(alice).get("/api/models/usage").json()["total"]

    assert total["first_token_p50_ms"] == pytest.approx(20)
    assert total["first_token_p95_ms"] == pytest.approx(29)


def test_it_shows_the_route_beside_what_was_named(alice: User, client_for: Clients) -> None:
    call(model="default", route="chat-fast", served_by="local/small").save(force_insert=True)

    text = client_for(alice).get("/models/usage").content.decode()

    assert ">chat-fast</span>" in text.split('id="usage-calls"')[1]
