"""What the models took, over REST."""

import dataclasses
import datetime as dt
import uuid
from typing import Annotated, Any

from ninja import Query, Router, Schema
from pydantic import Field

from playground.gateway import usage, usage_calls
from playground.gateway.usage_rows import Filters
from playground.policy.requests import TeamRequest

usage_api = Router(tags=["models"])


class MeasuredOut(Schema):
    """What some calls took; money in micro-dollars, times in milliseconds.

    ``cost_micro_usd`` counts the calls whose price is known, ``unpriced`` are the others.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_micro_usd: int
    unpriced: int
    errors: int
    blocks: int
    cache_hits: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    first_token_p50_ms: float | None
    first_token_p95_ms: float | None


class ShareOut(MeasuredOut):
    """The usage of one day, model, key, outcome or team; null is calls without a key."""

    value: str | None


class UsageOut(Schema):
    """The usage of a period by group, in all, and of as much of the period before."""

    start: dt.datetime
    end: dt.datetime
    total: MeasuredOut
    previous: MeasuredOut
    items: list[ShareOut]
    next: str | None = None


class CallOut(Schema):
    """One call as it was settled; ``model`` was asked for, ``served_by`` answered."""

    id: uuid.UUID
    settled_at: dt.datetime
    team: str
    key_id: uuid.UUID | None
    subject: str
    actor: str
    purpose: str
    operation: str
    model: str
    route: str
    endpoint: str
    served_by: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_micro_usd: int | None
    latency_ms: float
    first_token_ms: float | None
    outcome: str
    error_code: str
    blocked_by: str
    attempts: int
    from_cache: bool
    request_id: str
    trace_id: str


class CallsOut(Schema):
    """A page of calls, newest first."""

    items: list[CallOut]
    next: str | None


class PeriodIn(Schema):
    """Where to look; ``period`` in whole UTC days with today, ``team`` for staff only.

    ``from`` and ``to`` are UTC days in place of a period, both counted.
    """

    period: Annotated[int, Field(description="1, 7, 30 or 90.")] = 7
    model: Annotated[str, Field(max_length=250)] = ""
    key: Annotated[str, Field(max_length=36)] = ""
    outcome: Annotated[str, Field(max_length=16)] = ""
    team: Annotated[str, Field(max_length=50)] = ""
    start: Annotated[dt.date | None, Field(alias="from")] = None
    end: Annotated[dt.date | None, Field(alias="to")] = None

    def as_filters(self) -> Filters:
        """Return what the ledger is asked by."""
        return Filters(
            self.period, self.model, self.key, self.outcome, self.team, self.start, self.end
        )


class UsageIn(PeriodIn):
    group: usage.Group = "day"


class CallsIn(PeriodIn):
    cursor: Annotated[str, Field(max_length=200)] = ""
    limit: Annotated[int, Field(ge=1, le=200)] = usage_calls.PAGE


@usage_api.get("/usage", response=UsageOut, summary="Sum up what the team's calls took")
def read_usage(request: TeamRequest, asked: Query[UsageIn]) -> dict[str, Any]:
    """Sum calls, tokens, cost, latency, errors and blocks of a period, by one group."""
    staff = request.user.is_staff
    report = usage.report(request.context, asked.as_filters(), groups=[asked.group], staff=staff)
    items = [
        {"value": _value(share.value, asked.group), **dataclasses.asdict(share.usage)}
        for share in report.groups[asked.group]
    ]
    return {
        "start": report.period.start,
        "end": report.period.end,
        "total": report.total,
        "previous": report.previous,
        "items": items,
    }


@usage_api.get("/calls", response=CallsOut, summary="List the team's calls of models")
def list_calls(request: TeamRequest, asked: Query[CallsIn]) -> usage_calls.Calls:
    """List calls, newest first; follow `next` for more. No text of a call is kept here."""
    return usage_calls.calls(
        request.context,
        asked.as_filters(),
        staff=request.user.is_staff,
        cursor=asked.cursor,
        limit=asked.limit,
    )


def _value(value: Any, group: usage.Group) -> str | None:
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d}" if group == "day" else value.isoformat()
    return None if value is None else str(value)
