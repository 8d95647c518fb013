"""The page of what the models took: figures, charts, groups, the latest calls, and their CSV."""

import datetime as dt
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from playground.core.asking import in_thread
from playground.core.clock import now
from playground.core.errors import InvalidInput
from playground.gateway import catalogue, usage, usage_calls
from playground.gateway.quotas.reservations import Outcome
from playground.gateway.usage import Group, Report
from playground.gateway.usage_calls import MAX_PAGE, Offered
from playground.gateway.usage_csv import sheet
from playground.gateway.usage_figures import Time, drawings, figures
from playground.gateway.usage_rows import EVERY_TEAM, NO_KEY, Filters, Period
from playground.gateway.usage_tables import key_name, table, tabs
from playground.policy.requests import TeamRequest

_PERIODS = ((1, "Today"), (7, "7 days"), (30, "30 days"), (90, "90 days"))
_NAMES = ("period", "from", "to", "model", "key", "outcome", "team", "by", "sort", "cursor")
# What an address need not say.
_USUAL = {"period": "7", "by": "model"}
_CURL = (
    'curl {base}/v1/chat/completions -H "Authorization: Bearer $PLAYGROUND_KEY" '
    "-H 'Content-Type: application/json' "
    '-d \'{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}\''
)


@require_safe
def usage_page(request: TeamRequest) -> HttpResponse:
    """Show what the team's calls took; the calls alone or the page's body where asked."""
    filters, staff = _filters(request), request.user.is_staff
    target = request.headers.get("HX-Target")
    if target == "usage-calls":
        return render(request, "gateway/usage_calls.html", _calls(request, filters, staff))
    shown = _figures_page(request, filters, staff)
    return render(request, f"gateway/usage{'_body' if target == 'usage' else ''}.html", shown)


@require_safe
def usage_csv(request: TeamRequest) -> HttpResponseBase:
    """Send the calls that the filters leave, streamed where there are many."""
    filters, staff = _filters(request), request.user.is_staff
    first = usage_calls.calls(request.context, filters, staff=staff, limit=MAX_PAGE)
    start = sheet(first.items, heading=True)

    async def rest() -> AsyncIterator[str]:
        page = first
        yield start
        while page.next:
            page = await in_thread(
                usage_calls.calls,
                request.context,
                filters,
                staff=staff,
                cursor=page.next,
                limit=MAX_PAGE,
            )
            yield sheet(page.items)

    period = filters.period(now())
    name = f"usage-{request.context.team}-{period.start:%Y-%m-%d}-{period.days}d.csv"
    headers = {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    if first.next is None:
        return HttpResponse(start, headers=headers)
    return StreamingHttpResponse(rest(), headers=headers)


def _filters(request: TeamRequest) -> Filters:
    asked = request.GET
    days = asked.get("period", "") or "7"
    start, end = _date(asked.get("from", "")), _date(asked.get("to", ""))
    return Filters(
        days=int(days) if days.isascii() and days.isdigit() and len(days) < 4 else 0,
        model=asked.get("model", "")[:250],
        key=asked.get("key", "")[:36],
        outcome=asked.get("outcome", "")[:16],
        team=asked.get("team", "")[:50],
        start=start,
        end=end,
    )


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InvalidInput("usage.period-unknown", "A date is written YYYY-MM-DD.") from error


def _figures_page(request: TeamRequest, filters: Filters, staff: bool) -> dict[str, Any]:
    context, days = request.context, filters.period(now()).days
    time: Time = "hour" if days == 1 else "day"
    by = _by(request, filters, time)

    def address(**changes: str) -> str:
        return _address(request, **changes)

    groups: list[Group] = list(dict.fromkeys((time, "model", "key", by)))
    report = usage.report(context, filters, groups=groups, staff=staff)
    shown: dict[str, Any] = {
        "filters": filters,
        "staff": staff,
        "periods": [
            (
                name,
                _address(request, **{"period": str(length), "from": "", "to": "", "cursor": ""}),
                length == filters.days and not filters.start,
            )
            for length, name in _PERIODS
        ],
        "outcomes": list(Outcome),
        "every_team": EVERY_TEAM,
        "csv_url": _address(request, name="usage-csv", by="", sort="", cursor=""),
        "clear_url": _address(request, model="", key="", outcome="", cursor=""),
        "longer_url": _address(request, **{"period": "90", "from": "", "to": "", "cursor": ""}),
        "dates": _dates_words(report.period) if filters.start else "",
        "today": f"{now():%Y-%m-%d}",
        "before": "the same part of the day before"
        if days == 1
        else f"the same part of the {days} days before",
    }
    offered = _offered(request, filters, report, staff)
    if not report.total.calls and not offered.models:
        ever = usage_calls.ever(context, filters, staff=staff)
        curl = _CURL.format(base=settings.PLAYGROUND_PUBLIC_URL, model=catalogue.default_model())
        return shown | {"state": "quiet" if ever else "empty", "curl": curl}
    names = usage_calls.key_names(context, offered.keys, staff=staff)
    shown |= {
        "models": offered.models,
        "keys": [(str(key or NO_KEY), key_name(key, names)) for key in offered.keys],
    }
    if not report.total.calls:
        return shown | {"state": "filtered"}
    moments = usage.timeline(report.period, report.groups[time], group=time)
    return (
        shown
        | {
            "state": "full",
            "figures": figures(report.total, report.previous),
            "charts": drawings(moments, time=time),
            "moments_url": _address(request, by=time, sort="", cursor=""),
            "table": table(
                address,
                report,
                names,
                moments,
                by=by,
                sort=request.GET.get("sort", ""),
                time=time,
                teams=bool(filters.team),
            ),
        }
        | _calls(request, filters, staff)
    )


def _calls(request: TeamRequest, filters: Filters, staff: bool) -> dict[str, Any]:
    cursor = request.GET.get("cursor", "")[:200]
    page = usage_calls.calls(request.context, filters, staff=staff, cursor=cursor)
    return {
        "calls": [(row, *_cost(row.cost_micro_usd)) for row in page.items],
        "filters": filters,
        "next_url": _address(request, cursor=page.next) if page.next else "",
        "first_url": _address(request, cursor="") if cursor else "",
    }


def _offered(request: TeamRequest, filters: Filters, report: Report, staff: bool) -> Offered:
    """Return what can be filtered by: where nothing is filtered the report has it already."""
    if filters.any:
        return usage_calls.offered(request.context, filters, staff=staff)
    models = sorted(share.value for share in report.groups["model"])
    return Offered(models, sorted((share.value for share in report.groups["key"]), key=str))


def _by(request: TeamRequest, filters: Filters, time: Time) -> Group:
    """Return what the table is grouped by; what cannot be grouped by shows models."""
    asked, offered = request.GET.get("by", ""), [g for g, _ in tabs(time, teams=bool(filters.team))]
    if asked in ("hour", "day"):
        return time
    return next((group for group in offered if group == asked), "model")


def _dates_words(period: Period) -> str:
    last = period.end - dt.timedelta(days=1)
    first = f"{period.start.day} {period.start:%b}"
    return first if period.start == last else f"{first} – {last.day} {last:%b}"


def _cost(micro_usd: int | None) -> tuple[Decimal | None, str]:
    """Return dollars, and the same written to the micro-dollar."""
    if micro_usd is None:
        return None, ""
    dollars = Decimal(micro_usd) / 1_000_000
    return dollars, f"${dollars:,.6f}"


def _address(request: TeamRequest, *, name: str = "usage", **changes: str) -> str:
    """Return the page's address with some of its parameters changed, empty ones left out."""
    asked = request.GET.copy()
    for key in list(asked):
        if key not in _NAMES:
            del asked[key]
    for key, value in changes.items():
        asked[key] = value
    for key in list(asked):
        dated = key == "period" and bool(asked.get("from"))
        if not asked[key] or dated or asked[key] == _USUAL.get(key):
            del asked[key]
    return f"{reverse(name)}?{asked.urlencode()}" if asked else reverse(name)
