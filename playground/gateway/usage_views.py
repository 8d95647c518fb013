"""The page of what the models took: figures, charts, groups, the latest calls, and their CSV."""

import csv
import datetime as dt
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from playground.core.asking import in_thread
from playground.core.templatetags.playground import duration_ms, money, short_id, tokens
from playground.gateway import catalogue, charts, usage
from playground.gateway.charts import Chart, Series
from playground.gateway.models import LedgerRow
from playground.gateway.quotas.reservations import Outcome
from playground.gateway.usage import Filters, Group, Report, Share, Usage
from playground.policy.requests import TeamRequest

ROWS = 12
_PERIODS = ((1, "Today"), (7, "7 days"), (30, "30 days"), (90, "90 days"))
_NAMES = ("period", "model", "key", "outcome", "team", "cursor")
_COLUMNS = (
    *("id", "settled_at", "team", "key_id", "subject", "actor", "purpose", "operation", "model"),
    *("route", "endpoint", "served_by", "streamed", "input_tokens", "output_tokens"),
    *("cached_tokens", "counted_here", "cost_micro_usd", "latency_ms", "first_token_ms"),
    *("outcome", "error_code", "blocked_by", "attempts", "from_cache", "request_id", "trace_id"),
)
_CURL = (
    'curl {base}/v1/chat/completions -H "Authorization: Bearer $PLAYGROUND_KEY" '
    "-H 'Content-Type: application/json' "
    '-d \'{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}\''
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the figures at the head; ``change`` compares with the period before."""

    label: str
    value: str
    exact: str
    change: str
    before: str
    note: str = ""
    worse: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table of groups; ``percent`` is its share of the calls."""

    name: str
    side: str
    url: str
    usage: Usage
    percent: float

    @property
    def calls(self) -> str:
        """Write how many calls it had."""
        return f"{self.usage.calls:,}"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of groups and how many of its rows are left out."""

    title: str
    lines: list[Line]
    more: int


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
    first = usage.calls(request.context, filters, staff=staff, limit=usage.MAX_PAGE)
    start = _written([_COLUMNS]) + _written(_cells(first.items))

    async def rest() -> AsyncIterator[str]:
        page = first
        yield start
        while page.next:
            page = await in_thread(
                usage.calls,
                request.context,
                filters,
                staff=staff,
                cursor=page.next,
                limit=usage.MAX_PAGE,
            )
            yield _written(_cells(page.items))

    name = f"usage-{request.context.team}-{filters.days}d.csv"
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
    return Filters(
        days=int(days) if days.isascii() and days.isdigit() and len(days) < 4 else 0,
        model=asked.get("model", "")[:250],
        key=asked.get("key", "")[:36],
        outcome=asked.get("outcome", "")[:16],
        team=asked.get("team", "")[:50],
    )


def _figures_page(request: TeamRequest, filters: Filters, staff: bool) -> dict[str, Any]:
    context, time = request.context, _grain(filters)
    groups: list[Group] = [time, "model", "key", *(["team"] if filters.team else [])]  # type: ignore[list-item]
    report = usage.report(context, filters, groups=groups, staff=staff)
    shown: dict[str, Any] = {
        "filters": filters,
        "staff": staff,
        "periods": [
            (name, _address(request, period=str(days), cursor=""), days == filters.days)
            for days, name in _PERIODS
        ],
        "outcomes": list(Outcome),
        "every_team": usage.EVERY_TEAM,
        "csv_url": _address(request, name="usage-csv", cursor=""),
        "clear_url": _address(request, model="", key="", outcome="", cursor=""),
        "longer_url": _address(request, period="90", cursor=""),
        "before": "the same part of the day before"
        if filters.days == 1
        else f"the same part of the {filters.days} days before",
    }
    offered = _offered(request, filters, report, staff)
    if not report.total.calls and not offered.models:
        ever = usage.ever(context, filters, staff=staff)
        curl = _CURL.format(base=settings.PLAYGROUND_PUBLIC_URL, model=catalogue.default_model())
        return shown | {"state": "quiet" if ever else "empty", "curl": curl}
    names = usage.key_names(context, offered.keys, staff=staff)
    shown |= {
        "models": offered.models,
        "keys": [(str(key or usage.NO_KEY), _key_name(key, names)) for key in offered.keys],
    }
    if not report.total.calls:
        return shown | {"state": "filtered"}
    moments = usage.timeline(report.period, report.groups[time], group=time)
    return (
        shown
        | {
            "state": "full",
            "figures": _figures(report.total, report.previous),
            "charts": _charts(moments, _moment_words(time)),
            "moments": [(_moment_words(time)(each.value), each.usage) for each in moments],
            "time": time,
            "tables": _tables(request, report, names),
        }
        | _calls(request, filters, staff)
    )


def _calls(request: TeamRequest, filters: Filters, staff: bool) -> dict[str, Any]:
    cursor = request.GET.get("cursor", "")[:200]
    page = usage.calls(request.context, filters, staff=staff, cursor=cursor)
    return {
        "calls": [(row, *_cost(row.cost_micro_usd)) for row in page.items],
        "filters": filters,
        "next_url": _address(request, cursor=page.next) if page.next else "",
        "first_url": _address(request, cursor="") if cursor else "",
    }


def _offered(request: TeamRequest, filters: Filters, report: Report, staff: bool) -> usage.Offered:
    """Return what can be filtered by: where nothing is filtered the report has it already."""
    if filters.any:
        return usage.offered(request.context, filters, staff=staff)
    models = sorted(share.value for share in report.groups["model"])
    return usage.Offered(models, sorted((share.value for share in report.groups["key"]), key=str))


def _grain(filters: Filters) -> Any:
    return "hour" if filters.days == 1 else "day"


def _moment_words(time: Group) -> Any:
    return lambda moment: f"{moment:%H:%M}" if time == "hour" else f"{moment.day} {moment:%b}"


def _figures(total: Usage, before: Usage) -> list[Figure]:
    def figure(
        label: str, value: str, now: float | None, then: float | None, **more: Any
    ) -> Figure:
        return Figure(label, value, **{"exact": "", "change": _change(now, then), **more})

    def ms(value: float | None) -> str:
        return duration_ms(value)

    points = total.error_percent - before.error_percent
    unpriced = f"{total.unpriced:,} without price" if total.unpriced else ""
    hits = 100 * total.cache_hits / total.calls
    return [
        figure(
            "Spend", _spent(total), total.cost_micro_usd, before.cost_micro_usd,
            exact=total.cost_exact, before=_spent(before), note=unpriced,
        ),
        figure(
            "Tokens in", tokens(total.input_tokens), total.input_tokens, before.input_tokens,
            exact=f"{total.input_tokens:,}", before=f"{before.input_tokens:,}",
            note=f"{tokens(total.cached_tokens)} cached" if total.cached_tokens else "",
        ),
        figure(
            "Tokens out", tokens(total.output_tokens), total.output_tokens, before.output_tokens,
            exact=f"{total.output_tokens:,}", before=f"{before.output_tokens:,}",
        ),
        figure(
            "Calls", f"{total.calls:,}", total.calls, before.calls, before=f"{before.calls:,}"
        ),
        figure(
            "Latency p50", ms(total.latency_p50_ms), total.latency_p50_ms, before.latency_p50_ms,
            before=ms(before.latency_p50_ms),
            note=f"first token {ms(total.first_token_p50_ms)}"
            if total.first_token_p50_ms is not None
            else "",
        ),
        figure(
            "Latency p95", ms(total.latency_p95_ms), total.latency_p95_ms, before.latency_p95_ms,
            before=ms(before.latency_p95_ms),
        ),
        Figure(
            "Errors", f"{total.error_percent:.1f} %", f"{total.errors:,} calls",
            f"{points:+.1f} pp" if before.calls and abs(points) >= 0.05 else "",
            f"{before.error_percent:.1f} %", f"{total.errors:,} calls",
            worse=bool(before.calls) and points >= 0.5,
        ),
        figure(
            "Blocks", f"{total.blocks:,}", total.blocks, before.blocks,
            before=f"{before.blocks:,}",
        ),
        figure(
            "Cache hits", f"{total.cache_hits:,}", total.cache_hits, before.cache_hits,
            before=f"{before.cache_hits:,}", note=f"{hits:.1f} % of calls" if hits else "",
        ),
    ]  # fmt: skip


def _change(now: float | None, then: float | None) -> str:
    """Say how much more or less it is, empty where there is nothing to compare with."""
    if not then or now is None:
        return ""
    percent = 100 * (now - then) / then
    if abs(percent) < 0.5:
        return "±0 %"
    return f"×{now / then:.0f}" if percent >= 400 else f"{percent:+.0f} %".replace("-", "−")


def _charts(moments: Sequence[Share], words: Any) -> list[Chart]:
    said = [words(each.value) for each in moments]
    each = [moment.usage for moment in moments]

    def draw(kind: Any, title: str, write: charts.Write, *series: Series, whole: bool) -> Chart:
        return charts.draw(kind, title=title, moments=said, series=series, write=write, whole=whole)

    def count(value: float) -> str:
        return tokens(round(value))

    spend = [one.cost_micro_usd / 1e6 for one in each]
    fresh = [one.input_tokens - min(one.cached_tokens, one.input_tokens) for one in each]
    return [
        draw("bars", "Spend", money, Series("spend", "spend", spend), whole=False),
        draw(
            "bars",
            "Tokens",
            count,
            Series("input", "input", fresh),
            Series("cached", "cached", [one.cached_tokens for one in each]),
            Series("output", "output", [one.output_tokens for one in each]),
            whole=True,
        ),
        draw(
            "lines",
            "Latency",
            duration_ms,
            Series("p50", "p50", [one.latency_p50_ms for one in each]),
            Series("p95", "p95", [one.latency_p95_ms for one in each]),
            whole=False,
        ),
        draw(
            "bars",
            "Errors and blocks",
            count,
            Series("errors", "errors", [one.errors for one in each]),
            Series("blocks", "blocks", [one.blocks for one in each]),
            whole=True,
        ),
    ]


def _tables(request: TeamRequest, report: Report, names: dict[Any, str]) -> list[Table]:
    def table(title: str, group: Group, parameter: str) -> Table:
        lines = []
        for share in report.groups[group][:ROWS]:
            value = share.value
            name, side = str(value or "–"), ""
            if group == "key":
                name, side = _key_name(value, names), (share.usage.subject or "") if value else ""
                value = value or usage.NO_KEY
            url = _address(request, **{parameter: str(value)}, cursor="")
            percent = round(100 * share.usage.calls / max(1, report.total.calls), 2)
            lines.append(Line(name, side.removeprefix("user:"), url, share.usage, percent))
        return Table(title, lines, max(0, len(report.groups[group]) - ROWS))

    tables = [table("Model", "model", "model"), table("Key", "key", "key")]
    return [*tables, table("Team", "team", "team")] if "team" in report.groups else tables


def _key_name(key: Any, names: dict[Any, str]) -> str:
    return "Without a key" if key is None else names.get(key, f"…{short_id(key)}")


def _spent(total: Usage) -> str:
    if not total.cost_micro_usd and total.unpriced:
        return "–"
    return money(total.cost_usd)


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
        if not asked[key] or (key == "period" and asked[key] == "7"):
            del asked[key]
    return f"{reverse(name)}?{asked.urlencode()}" if asked else reverse(name)


def _cells(rows: Iterable[LedgerRow]) -> Iterable[list[object]]:
    for row in rows:
        yield [_cell(getattr(row, name)) for name in _COLUMNS]


def _cell(value: object) -> object:
    """Write a value so that no spreadsheet takes it for a formula."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def _written(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
