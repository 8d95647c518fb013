"""How usage is written: the figures at the head of its page, and the charts below them."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from playground.core.templatetags.playground import duration_ms, money, tokens
from playground.gateway import charts
from playground.gateway.charts import Chart, Series
from playground.gateway.usage import Share, Usage

Time = Literal["hour", "day"]


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


def moment_words(time: Time) -> Callable[[dt.datetime], str]:
    """Return how an hour or a day is written."""
    return lambda moment: f"{moment:%H:%M}" if time == "hour" else f"{moment.day} {moment:%b}"


def figures(total: Usage, before: Usage) -> list[Figure]:
    """Write the figures at the head, each beside what it was before."""

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
            note=f"first token {ms(total.first_token_p95_ms)}"
            if total.first_token_p95_ms is not None
            else "",
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


def drawings(moments: Sequence[Share], *, time: Time) -> list[Chart]:
    """Draw spend, tokens, latency and failures over the hours or days of a period."""
    words = moment_words(time)
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


def _spent(total: Usage) -> str:
    if not total.cost_micro_usd and total.unpriced:
        return "–"
    return money(total.cost_usd)
