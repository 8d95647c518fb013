"""Which calls a question about usage is about: of whom, of when, and which of them."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, PolicyDenied
from playground.gateway.models import LedgerQuerySet, LedgerRow
from playground.gateway.quotas.reservations import Outcome

PERIODS: Final = (1, 7, 30, 90)
EVERY_TEAM: Final = "*"
NO_KEY: Final = "none"
# Between two dates; a leap year fits.
MOST_DAYS: Final = 366


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


def ledger(context: RequestContext, filters: Filters, *, staff: bool) -> LedgerQuerySet:
    """Return the calls of the team that is asked about.

    Raises:
        PolicyDenied: another team is asked for by somebody who is not staff.
    """
    if filters.team in ("", context.team):
        return LedgerRow.objects.visible_to(context)
    if not staff:
        raise PolicyDenied("usage.other-team", "Only staff see the usage of other teams.")
    if filters.team == EVERY_TEAM:
        return LedgerRow.objects.all()
    return LedgerRow.objects.filter(team=filters.team)


def matching(rows: LedgerQuerySet, filters: Filters) -> LedgerQuerySet:
    """Keep the calls that model, key and outcome leave."""
    if filters.model:
        rows = rows.filter(model=filters.model)
    if filters.outcome:
        rows = rows.filter(outcome=filters.outcome)
    if filters.key:
        rows = rows.filter(key_id=None if filters.key == NO_KEY else filters.key)
    return rows


def within(rows: LedgerQuerySet, period: Period) -> LedgerQuerySet:
    """Keep the calls that ended in a period."""
    return rows.filter(settled_at__gte=period.start, settled_at__lt=period.end)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
