"""The table of a period's usage by one group: sorted, each row a link into what it is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from django.urls import reverse

from playground.core.templatetags.playground import short_id
from playground.gateway.usage import Group, Report, Share, Usage
from playground.gateway.usage_figures import Time, moment_words
from playground.gateway.usage_rows import NO_KEY

ROWS: Final = 50
# A row filters by its member and shows what that is made of.
_WITHIN: Final[Mapping[Group, str]] = {
    "model": "key", "key": "model", "outcome": "model", "team": "model", "day": "model",
}  # fmt: skip
_SORTS: Final[Mapping[str, Callable[[Usage], float | None]]] = {
    "calls": lambda usage: usage.calls,
    "cost": lambda usage: usage.cost_micro_usd,
    "input": lambda usage: usage.input_tokens,
    "cached": lambda usage: usage.cached_tokens,
    "output": lambda usage: usage.output_tokens,
    "p50": lambda usage: usage.latency_p50_ms,
    "p95": lambda usage: usage.latency_p95_ms,
    "first": lambda usage: usage.first_token_p50_ms,
    "errors": lambda usage: usage.errors,
    "blocks": lambda usage: usage.blocks,
    "hits": lambda usage: usage.cache_hits,
}
_HEADINGS = (
    ("calls", "Calls", ""),
    ("cost", "Spend", ""),
    ("input", "In", "hide-narrow"),
    ("cached", "Cached", "hide-narrow"),
    ("output", "Out", "hide-narrow"),
    ("p50", "p50", "hide-narrow"),
    ("p95", "p95", ""),
    ("first", "First token", "hide-narrow"),
    ("errors", "Errors", ""),
    ("blocks", "Blocks", "hide-narrow"),
    ("hits", "Cache hits", "hide-narrow"),
)


class Address(Protocol):
    """Write the page's address with some of its parameters changed."""

    def __call__(self, **changes: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table of a group; ``percent`` is its share of the calls."""

    name: str
    side: str
    url: str
    traces_url: str
    usage: Usage
    percent: float

    @property
    def calls(self) -> str:
        """Write how many calls it had."""
        return f"{self.usage.calls:,}"


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's title and the link that sorts by it; ``order`` is for ``aria-sort``."""

    title: str
    side: str
    url: str
    order: str


@dataclass(frozen=True, slots=True)
class Tab:
    """One way to group the period."""

    title: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Table:
    """The members of a group and how many of them are left out."""

    by: Group
    tabs: list[Tab]
    headings: list[Heading]
    lines: list[Line]
    more: int


def tabs(time: Time, *, teams: bool) -> list[tuple[Group, str]]:
    """Return what a period can be grouped by, with titles; teams where there may be several."""
    offered: list[tuple[Group, str]] = [
        ("model", "Model"), ("key", "Key"), ("outcome", "Outcome"), (time, time.capitalize()),
    ]  # fmt: skip
    return [*offered, ("team", "Team")] if teams else offered


def table(
    address: Address,
    report: Report,
    names: Mapping[Any, str],
    moments: Sequence[Share],
    *,
    by: Group,
    sort: str,
    time: Time,
    teams: bool,
) -> Table:
    """Return the members of a group as lines.

    Args:
        moments: every hour or day of the period, those without calls too.
        sort: a column, with ``-`` before it for the most first; spend, or the latest moment first,
            for any other.
    """
    key, descending = sort.removeprefix("-"), sort.startswith("-")
    if key != "name" and key not in _SORTS:
        key, descending = ("name" if by == time else "cost"), True
    shares = list(moments) if by == time else report.groups[by]
    lines = [_line(address, share, names, by=by, calls=report.total.calls) for share in shares]
    if key != "name":
        lines = _by_value(lines, _SORTS[key], descending=descending)
    else:
        # Moments stand in the order of time already; their names do not sort.
        if by != time:
            lines.sort(key=lambda line: line.name.casefold())
        if descending:
            lines.reverse()
    most = len(lines) if by == time else ROWS
    return Table(
        by,
        [
            Tab(title, address(by=group, sort="", cursor=""), group == by)
            for group, title in tabs(time, teams=teams)
        ],
        _headings(address, by, key, descending=descending, time=time),
        lines[:most],
        max(0, len(lines) - most),
    )


def key_name(key: Any, names: Mapping[Any, str]) -> str:
    """Return what a key is called, the end of its id where the viewer may not know."""
    return "Without a key" if key is None else names.get(key, f"…{short_id(key)}")


def _headings(
    address: Address, by: Group, sort: str, *, descending: bool, time: Time
) -> list[Heading]:
    first = ("name", f"{by.capitalize()}, UTC" if by == time else by.capitalize(), "")
    made = []
    for key, title, side in (first, *_HEADINGS):
        order = ("descending" if descending else "ascending") if key == sort else ""
        # Names begin with A, figures with the most.
        down = not descending if key == sort else key != "name"
        url = address(by=by, sort=f"{'-' if down else ''}{key}", cursor="")
        made.append(Heading(title, side, url, order))
    return made


def _by_value(
    lines: list[Line], measure: Callable[[Usage], float | None], *, descending: bool
) -> list[Line]:
    """Sort by a figure; lines that have none stand last whichever way."""
    known = [line for line in lines if measure(line.usage) is not None]
    known.sort(key=lambda line: measure(line.usage) or 0, reverse=descending)
    return known + [line for line in lines if measure(line.usage) is None]


def _line(
    address: Address, share: Share, names: Mapping[Any, str], *, by: Group, calls: int
) -> Line:
    value = share.value
    name, side, traces_url = str(value or "–"), "", ""
    only: dict[str, str] = {by: str(value or "")}
    if by == "hour" or by == "day":
        name = moment_words(by)(value)
        only = {"from": f"{value:%Y-%m-%d}", "to": f"{value:%Y-%m-%d}", "period": ""}
    elif by == "key":
        name, side = key_name(value, names), (share.usage.subject or "") if value else ""
        only = {"key": str(value or NO_KEY)}
    elif by == "model" and value:
        traces_url = f"{reverse('traces')}?{urlencode({'q': value})}"
    # An hour holds no smaller part that could be shown, and nothing is in what had no calls.
    within = _WITHIN.get(by, "") if share.usage.calls and any(only.values()) else ""
    url = address(**only, by=within, sort="", cursor="") if within else ""
    percent = round(100 * share.usage.calls / max(1, calls), 2)
    return Line(name, side.removeprefix("user:"), url, traces_url, share.usage, percent)
