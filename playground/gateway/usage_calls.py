"""The calls themselves, page by page, and what they can be filtered by."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Q

from playground.core.clock import moment_of, now
from playground.core.context import RequestContext
from playground.core.cursors import give, take
from playground.gateway.models import LedgerRow
from playground.gateway.usage_rows import Filters, Period, ledger, matching, within
from playground.policy.models import ApiKey

PAGE: Final = 25
MAX_PAGE: Final = 2000
_LISTED: Final = "calls -settled"


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


def offered(context: RequestContext, filters: Filters, *, staff: bool) -> Offered:
    """Return the models and keys that a period has, whatever is filtered, in one query."""
    rows = within(ledger(context, filters, staff=staff), filters.period(now()))
    pairs = list(rows.order_by().values_list("model", "key_id").distinct())
    keys = {key for _, key in pairs}
    return Offered(sorted({model for model, _ in pairs}), sorted(keys, key=str))


def ever(context: RequestContext, filters: Filters, *, staff: bool) -> bool:
    """Tell whether there is any call at all, of whatever time."""
    return ledger(context, filters, staff=staff).exists()


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
    rows = matching(ledger(context, filters, staff=staff), filters)
    rows = within(rows, filters.period(now()))
    if cursor:
        moment, last = take(_LISTED, cursor, moment_of, uuid.UUID)
        rows = rows.filter(Q(settled_at__lt=moment) | Q(settled_at=moment, pk__lt=last))
    limit = min(max(limit, 1), MAX_PAGE)
    items = list(rows.order_by("-settled_at", "-pk")[: limit + 1])
    if len(items) <= limit:
        return Calls(items, None)
    last = items[limit - 1]
    return Calls(items[:limit], give(_LISTED, last.settled_at, last.pk))


@dataclass(frozen=True, slots=True)
class Today:
    """The calls of this UTC day: by what callers named, and by the endpoint/model that answered."""

    named: Mapping[str, int]
    answered: Mapping[str, int]


def today(context: RequestContext) -> Today:
    """Count the team's calls of this UTC day, in one query."""
    rows = within(LedgerRow.objects.visible_to(context), Period.ending(now(), days=1))
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
