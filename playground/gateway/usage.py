"""What calls of models took, from the ledger: totals, groups, comparison, and the calls themselves.

A page of figures is at most five queries: one for all its groups (``GROUPING SETS``), one for the
period before, and one each for what can be filtered by, the latest calls and the names of keys.
"""

import base64
import binascii
import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal, get_args

import orjson
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, Q
from django.db.models.functions import Trunc

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, PolicyDenied
from playground.gateway.models import LedgerQuerySet, LedgerRow
from playground.gateway.quotas.reservations import Outcome
from playground.policy.models import ApiKey

PERIODS: Final = (1, 7, 30, 90)
EVERY_TEAM: Final = "*"
NO_KEY: Final = "none"
PAGE: Final = 25
# Between two dates; a leap year fits.
MOST_DAYS: Final = 366
MAX_PAGE: Final = 2000

Group = Literal["hour", "day", "model", "key", "outcome", "team"]
GROUPS: Final[tuple[Group, ...]] = get_args(Group)
# A caller who hung up did not fail, and a block is counted by itself.
ERRORS: Final = (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.ABANDONED)

# Nobody waited for a model where a rule or the cache answered.
_WAITED = "FILTER (WHERE NOT from_cache AND blocked_by = '')"
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
class Filters:
    """What to count; empty fields filter nothing.

    Attributes:
        days: whole UTC days, today among them: one of ``PERIODS``.
        key: id of an API key, or ``none`` for calls without one.
        team: empty for the caller's own; for staff another one's slug, or ``*`` for all.
        start: the first UTC day; where it is given, ``days`` says nothing.
        end: the last UTC day, counted too; None for today.
    """

    days: int = 7
    model: str = ""
    key: str = ""
    outcome: str = ""
    team: str = ""
    start: dt.date | None = None
    end: dt.date | None = None

    def __post_init__(self) -> None:
        if self.start or self.end:
            self._check_dates()
        elif self.days not in PERIODS:
            offered = ", ".join(map(str, PERIODS))
            raise InvalidInput("usage.period-unknown", f"A period is one of {offered} days.")
        if self.outcome and self.outcome not in set(Outcome):
            offered = ", ".join(Outcome)
            raise InvalidInput("usage.outcome-unknown", f"An outcome is one of {offered}.")
        if self.key and self.key != NO_KEY and _uuid(self.key) is None:
            raise InvalidInput("usage.key-invalid", "A key is named by its id, or by none.")

    def _check_dates(self) -> None:
        last = self.end or now().astimezone(dt.UTC).date()
        if self.start is None or not (self.start.year >= 2000 and last.year < 3000):
            raise InvalidInput("usage.period-unknown", "A period of dates begins with one.")
        if not 0 <= (last - self.start).days < MOST_DAYS:
            raise InvalidInput(
                "usage.period-unknown",
                f"A period begins before it ends and has {MOST_DAYS} days at most.",
            )

    def period(self, moment: dt.datetime) -> "Period":
        """Return from when to when it is, as seen at a moment."""
        if self.start is None:
            return Period.ending(moment, days=self.days)
        last = self.end or moment.astimezone(dt.UTC).date()
        begin, final = (dt.datetime.combine(d, dt.time(), dt.UTC) for d in (self.start, last))
        return Period(begin, final + dt.timedelta(days=1))

    @property
    def any(self) -> bool:
        """Tell whether anything is filtered; period and team only say where to look."""
        return bool(self.model or self.key or self.outcome)


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` until before ``end``."""

    start: dt.datetime
    end: dt.datetime

    @classmethod
    def ending(cls, moment: dt.datetime, *, days: int) -> "Period":
        """Return the whole UTC days up to and with that of the moment."""
        midnight = moment.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        end = midnight + dt.timedelta(days=1)
        return cls(end - dt.timedelta(days=days), end)

    @property
    def days(self) -> int:
        """Return how many days it has."""
        return (self.end - self.start).days

    def before(self, moment: dt.datetime) -> "Period":
        """Return as much of the period before as has passed of this one: like beside like."""
        length = self.end - self.start
        return Period(self.start - length, min(moment, self.end) - length)


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


@dataclass(frozen=True, slots=True)
class Offered:
    """What a period can be filtered by."""

    models: list[str]
    keys: list[uuid.UUID | None]


@dataclass(frozen=True, slots=True)
class Calls:
    """One page of calls, newest first."""

    items: list[LedgerRow]
    next: str | None


def report(
    context: RequestContext, filters: Filters, *, groups: Sequence[Group], staff: bool
) -> Report:
    """Measure a period in all and by each of the groups, in two queries.

    Raises:
        PolicyDenied: another team is asked for by somebody who is not staff.
    """
    moment = now()
    period = filters.period(moment)
    rows = _matching(_ledger(context, filters, staff=staff), filters)
    shares = _measured(_within(rows, period), groups)
    before = _measured(_within(rows, period.before(moment)), ())
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


def offered(context: RequestContext, filters: Filters, *, staff: bool) -> Offered:
    """Return the models and keys that a period has, whatever is filtered, in one query."""
    rows = _within(_ledger(context, filters, staff=staff), filters.period(now()))
    pairs = list(rows.order_by().values_list("model", "key_id").distinct())
    keys = {key for _, key in pairs}
    return Offered(sorted({model for model, _ in pairs}), sorted(keys, key=str))


def ever(context: RequestContext, filters: Filters, *, staff: bool) -> bool:
    """Tell whether there is any call at all, of whatever time."""
    return _ledger(context, filters, staff=staff).exists()


def calls(
    context: RequestContext,
    filters: Filters,
    *,
    staff: bool,
    cursor: str = "",
    limit: int = PAGE,
) -> Calls:
    """Return a page of the period's calls, newest first, in one query.

    Raises:
        InvalidInput: the cursor is none that this list gave.
        PolicyDenied: another team is asked for by somebody who is not staff.
    """
    rows = _matching(_ledger(context, filters, staff=staff), filters)
    rows = _within(rows, filters.period(now()))
    if cursor:
        moment, last = _position(cursor)
        rows = rows.filter(Q(settled_at__lt=moment) | Q(settled_at=moment, pk__lt=last))
    limit = min(max(limit, 1), MAX_PAGE)
    items = list(rows.order_by("-settled_at", "-pk")[: limit + 1])
    more = len(items) > limit
    return Calls(items[:limit], _cursor(items[limit - 1]) if more else None)


@dataclass(frozen=True, slots=True)
class Today:
    """The calls of this UTC day: by what callers named, and by the endpoint/model that answered."""

    named: Mapping[str, int]
    answered: Mapping[str, int]


def today(context: RequestContext) -> Today:
    """Count the team's calls of this UTC day, in one query."""
    rows = _within(LedgerRow.objects.visible_to(context), Period.ending(now(), days=1))
    named: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    counted = rows.order_by().values_list("model", "served_by").annotate(calls=Count("pk"))
    for model, served_by, count in counted:
        named[model] += count
        answered[served_by] += count
    return Today(named, answered)


def key_names(
    context: RequestContext, ids: Iterable[uuid.UUID | None], *, staff: bool
) -> dict[uuid.UUID, str]:
    """Return the names of keys, of those that the caller may know: their own; all for staff."""
    keys = ApiKey.objects.all() if staff else ApiKey.objects.visible_to(context)
    wanted = {each for each in ids if each is not None}
    return dict(keys.filter(pk__in=wanted).values_list("pk", "name")) if wanted else {}


def _ledger(context: RequestContext, filters: Filters, *, staff: bool) -> LedgerQuerySet:
    if filters.team in ("", context.team):
        return LedgerRow.objects.visible_to(context)
    if not staff:
        raise PolicyDenied("usage.other-team", "Only staff see the usage of other teams.")
    if filters.team == EVERY_TEAM:
        return LedgerRow.objects.all()
    return LedgerRow.objects.filter(team=filters.team)


def _matching(rows: LedgerQuerySet, filters: Filters) -> LedgerQuerySet:
    if filters.model:
        rows = rows.filter(model=filters.model)
    if filters.outcome:
        rows = rows.filter(outcome=filters.outcome)
    if filters.key:
        rows = rows.filter(key_id=None if filters.key == NO_KEY else filters.key)
    return rows


def _within(rows: LedgerQuerySet, period: Period) -> LedgerQuerySet:
    return rows.filter(settled_at__gte=period.start, settled_at__lt=period.end)


def _measured(rows: LedgerQuerySet, groups: Sequence[Group]) -> dict[Group | None, list[Share]]:
    """Measure the rows in all (``None``) and by each group, in one statement around theirs."""
    chosen = rows.order_by().values(
        *("input_tokens", "output_tokens", "cached_tokens", "cost_micro_usd", "latency_ms"),
        *("first_token_ms", "outcome", "blocked_by", "from_cache", "subject", "model", "key_id"),
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


def _cursor(last: LedgerRow) -> str:
    value = [last.settled_at.isoformat(), str(last.pk)]
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode()


def _position(cursor: str) -> tuple[dt.datetime, uuid.UUID]:
    try:
        moment, last = orjson.loads(base64.urlsafe_b64decode(cursor))
        at = dt.datetime.fromisoformat(moment)
        if at.tzinfo is None:
            raise ValueError("a moment without its zone")
        return at, uuid.UUID(last)
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise InvalidInput(
            "cursor.invalid", "The cursor is not one that this list gave."
        ) from error


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
