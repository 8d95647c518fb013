"""What calls of models took, from the ledger: totals, groups and comparison.

A page of figures is at most five queries: one for all its groups (``GROUPING SETS``), one for the
period before, and one each for what can be filtered by, the latest calls and the names of keys.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal, get_args

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models.functions import Trunc

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.gateway.models import LedgerQuerySet
from playground.gateway.quotas.reservations import Outcome
from playground.gateway.usage_rows import Filters, Period, ledger, matching, within

Group = Literal["hour", "day", "model", "key", "outcome", "team"]
GROUPS: Final[tuple[Group, ...]] = get_args(Group)
# A caller who hung up did not fail, and a block is counted by itself.
ERRORS: Final = (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.ABANDONED)

# Nobody waited for a model where a rule or the cache answered, or none could be asked; how long a
# call took whose process was killed is not known.
_WAITED = (
    "FILTER (WHERE NOT from_cache AND blocked_by = '' AND served_by <> '' "
    "AND outcome <> 'abandoned')"
)
_MEASURES: Final = f"""
    count(*),
    coalesce(sum(input_tokens), 0)::bigint,
    coalesce(sum(output_tokens), 0)::bigint,
    coalesce(sum(cached_tokens), 0)::bigint,
    coalesce(sum(cost_micro_usd), 0)::bigint,
    count(*) FILTER (WHERE cost_micro_usd IS NULL AND input_tokens + output_tokens > 0),
    count(*) FILTER (WHERE blocked_by = '' AND outcome IN (%s, %s, %s)),
    count(*) FILTER (WHERE blocked_by <> ''),
    count(*) FILTER (WHERE from_cache),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) {_WAITED},
    percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) {_WAITED},
    percentile_cont(0.5) WITHIN GROUP (ORDER BY first_token_ms) {_WAITED},
    percentile_cont(0.95) WITHIN GROUP (ORDER BY first_token_ms) {_WAITED},
    max(subject)
"""
_COLUMNS: Final[Mapping[Group, str]] = {
    "hour": "by_hour",
    "day": "by_day",
    "model": "model",
    "key": "key_id",
    "outcome": "outcome",
    "team": "team",
}


@dataclass(frozen=True, slots=True)
class Usage:
    """What some calls took together.

    Attributes:
        cost_micro_usd: of the calls whose price is known; ``unpriced`` counts the others that
            took any token.
        errors: failed, timed out or abandoned, but not ``blocks``, which a rule stopped.
        latency_p50_ms: of calls that a model answered, or should have, not the cache.
        subject: one of those who called.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_micro_usd: int = 0
    unpriced: int = 0
    errors: int = 0
    blocks: int = 0
    cache_hits: int = 0
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None
    first_token_p50_ms: float | None = None
    first_token_p95_ms: float | None = None
    subject: str | None = None

    @property
    def tokens(self) -> int:
        """Return the tokens in and out; cached ones are part of those in."""
        return self.input_tokens + self.output_tokens

    @property
    def cost_usd(self) -> Decimal:
        """Return the known cost in dollars."""
        return Decimal(self.cost_micro_usd) / 1_000_000

    @property
    def cost_exact(self) -> str:
        """Write the known cost to the micro-dollar."""
        return f"${self.cost_usd:,.6f}"

    @property
    def error_percent(self) -> float:
        """Return the share of calls that failed."""
        return 100 * self.errors / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Share:
    """The usage of one member of a group: a moment, a model, a key, an outcome or a team."""

    value: Any
    usage: Usage


@dataclass(frozen=True, slots=True)
class Report:
    """The usage of a period: in all, by group, and of the period before."""

    period: Period
    total: Usage
    previous: Usage
    groups: Mapping[Group, list[Share]] = field(default_factory=dict)


def report(
    context: RequestContext, filters: Filters, *, groups: Sequence[Group], staff: bool
) -> Report:
    """Measure a period in all and by each of the groups, in two queries.

    Raises:
        PolicyDenied: another team is asked for by somebody who is not staff.
    """
    moment = now()
    period = filters.period(moment)
    rows = matching(ledger(context, filters, staff=staff), filters)
    shares = _measured(within(rows, period), groups)
    before = _measured(within(rows, period.before(moment)), ())
    return Report(
        period,
        total=_only(shares.pop(None, [])),
        previous=_only(before[None]) if before else Usage(),
        groups={group: _ordered(group, shares.get(group, [])) for group in groups},
    )


def timeline(
    period: Period, shares: Iterable[Share], *, group: Literal["hour", "day"]
) -> list[Share]:
    """Return a share for every hour or day of the period, those without calls too."""
    step = dt.timedelta(hours=1) if group == "hour" else dt.timedelta(days=1)
    known = {share.value: share.usage for share in shares}
    moments = [
        period.start + step * each for each in range(int((period.end - period.start) / step))
    ]
    return [Share(moment, known.get(moment, Usage())) for moment in moments]


def _measured(rows: LedgerQuerySet, groups: Sequence[Group]) -> dict[Group | None, list[Share]]:
    """Measure the rows in all (``None``) and by each group, in one statement around theirs."""
    chosen = rows.order_by().values(
        *("input_tokens", "output_tokens", "cached_tokens", "cost_micro_usd", "latency_ms"),
        *(
            "first_token_ms",
            "outcome",
            "blocked_by",
            "from_cache",
            "served_by",
            "subject",
            "model",
            "key_id",
        ),
        "team",
        by_hour=Trunc("settled_at", "hour", tzinfo=dt.UTC),
        by_day=Trunc("settled_at", "day", tzinfo=dt.UTC),
    )
    try:
        inner, params = chosen.query.sql_with_params()
    except EmptyResultSet:
        return {}
    names = [_COLUMNS[group] for group in groups]
    told = "".join(f", GROUPING({name}), {name}" for name in names)
    sets = ", ".join(["()", *(f"({name})" for name in names)])
    statement = f"SELECT {_MEASURES} {told} FROM ({inner}) AS calls GROUP BY GROUPING SETS ({sets})"
    with connection.cursor() as cursor:
        cursor.execute(statement, [*(str(each) for each in ERRORS), *params])
        found = cursor.fetchall()
    shares: dict[Group | None, list[Share]] = {}
    width = len(Usage.__dataclass_fields__)
    for row in found:
        usage, rest = Usage(*row[:width]), row[width:]
        group, value = None, None
        for at, each in enumerate(groups):
            if rest[2 * at] == 0:
                group, value = each, rest[2 * at + 1]
        if isinstance(value, dt.datetime):
            value = value.replace(tzinfo=dt.UTC)
        shares.setdefault(group, []).append(Share(value, usage))
    return shares


def _only(shares: Sequence[Share]) -> Usage:
    return shares[0].usage if shares else Usage()


def _ordered(group: Group, shares: list[Share]) -> list[Share]:
    """Order moments by time, and all else by what it cost, then by how often it was called."""
    if group in ("hour", "day"):
        return sorted(shares, key=lambda share: share.value)
    return sorted(
        shares,
        key=lambda share: (-share.usage.cost_micro_usd, -share.usage.calls, str(share.value)),
    )
