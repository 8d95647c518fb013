"""Find who used a label of late, and how their calls went, from the traces of calls and runs.

A call through the door tells it in its own span, a use inside a run in the span of the prompt.
Programs that only resolve a prompt leave no trace here.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models.fields.json import KT, KeyTransform

from playground.core.clock import now
from playground.core.spans import SpanKind, SpanStatus
from playground.gateway.prompting import CALLER, LABEL, NAME
from playground.prompts.models import Prompt
from playground.prompts.ramps import metrics
from playground.prompts.ramps.assigning import unit_of
from playground.prompts.ramps.sequential import Sums
from playground.prompts.ramps.simulating import Someone
from playground.tracing.models import Span

DAYS: Final = 7
MOST_DAYS: Final = 30
# The newest tell enough, and a page that is renewed while somebody types must not read more.
MOST_CALLS: Final = 2_000
_FACTS: Final = ("key", "came_with", "thread", "actor", "purpose", "locale")
_BLOCKED: Final = "guardrail.blocked"


@dataclass(frozen=True, slots=True)
class Traffic:
    """The calls that named a label in the last days.

    Attributes:
        days: how far back was looked.
        calls: how many were read, the newest ``MOST_CALLS`` at most.
        hours: from the first of them until now, at least one.
        people: the units that called, those that called most first.
        without: how many of the calls were made by nobody of the unit's kind.
        seen: what became of them, by metric.
    """

    days: int
    calls: int = 0
    hours: float = 1.0
    people: Sequence[Someone] = ()
    without: int = 0
    seen: Mapping[str, Sums] = field(default_factory=dict)

    @property
    def calls_per_hour(self) -> float:
        """Return the mean rate of all calls."""
        return self.calls / self.hours

    @property
    def units_per_day(self) -> float:
        """Return how many different units called on a day; of less than a day, in all."""
        return len(self.people) / max(1.0, self.hours / 24)

    @property
    def mostly_without(self) -> bool:
        """Tell whether the unit is missing from most calls, so that a ramp would move few."""
        return self.calls > 0 and self.without * 2 > self.calls


def traffic_of(prompt: Prompt, label: str, *, unit: str, days: int = DAYS) -> Traffic:
    """Read the traffic of a label, as units of a kind; one query along an index."""
    moment = now()
    rows = _rows(prompt, label, since=moment - dt.timedelta(days=days))
    if not rows:
        return Traffic(days)
    people: dict[str, _Caller] = {}
    without = 0
    seen: dict[str, Sums] = {}
    for row in rows:
        key = unit_of(unit, subject=row["trace__subject"], team=prompt.team.slug, **_units(row))
        if key is None:
            without += 1
        else:
            people.setdefault(key, _Caller(_attributes(prompt, row, key))).calls += 1
        for metric, value in _outcome(row).items():
            seen[metric] = seen.get(metric, Sums()).plus(value)
    first = min(row["started_at"] for row in rows)
    return Traffic(
        days=days,
        calls=len(rows),
        hours=max(1.0, (moment - first).total_seconds() / 3600),
        people=[
            Someone(key, caller.attributes, caller.calls)
            for key, caller in sorted(people.items(), key=lambda each: -each[1].calls)
        ],
        without=without,
        seen=seen,
    )


@dataclass(slots=True)
class _Caller:
    """What the newest call of a unit told, and how many there were."""

    attributes: Mapping[str, Any]
    calls: int = 0


def _rows(prompt: Prompt, label: str, *, since: dt.datetime) -> list[dict[str, Any]]:
    told = {fact: KT(f"attributes__{CALLER}.{fact}") for fact in _FACTS}
    spans = (
        Span.objects.filter(
            trace__team=prompt.team.slug,
            attributes__has_key=LABEL,
            kind__in=(SpanKind.MODEL.value, SpanKind.PROMPT.value),
            started_at__gte=since,
        )
        .annotate(
            prompt=KT(f"attributes__{NAME}"),
            label=KT(f"attributes__{LABEL}"),
            code=KT("attributes__playground.error.code"),
            given=KeyTransform(f"{CALLER}.attributes", "attributes"),
            **told,
        )
        .filter(prompt=prompt.name, label=label)
        .order_by("-started_at")
    )
    names = (
        *_FACTS, "given", "code", "kind", "status", "started_at", "ended_at", "cost_usd",
        "trace__subject", "trace__status", "trace__duration_ms", "trace__cost_usd",
    )  # fmt: skip
    return list(spans.values(*names)[:MOST_CALLS])


def _units(row: Mapping[str, Any]) -> dict[str, str | None]:
    return {"named": row["key"], "came_with": row["came_with"], "thread": row["thread"]}


def _attributes(prompt: Prompt, row: Mapping[str, Any], key: str) -> dict[str, Any]:
    given = row["given"]
    # Where traces keep no text, what callers told is known by its hash alone.
    known = isinstance(given, dict) and "captured" not in given
    return {
        **(given if known else {}),
        "subject": row["trace__subject"],
        "team": prompt.team.slug,
        "actor": row["actor"],
        "purpose": row["purpose"],
        "locale": row["locale"],
        "key": key,
    }


def _outcome(row: Mapping[str, Any]) -> dict[str, float]:
    """Return what became of a call, by metric; of a run as a whole where a run used the prompt."""
    run = row["kind"] == SpanKind.PROMPT
    status = row["trace__status"] if run else row["status"]
    if status not in (SpanStatus.OK, SpanStatus.ERROR):
        return {}
    blocked = row["code"] == _BLOCKED
    failed = status == SpanStatus.ERROR and not blocked
    told = {metrics.ERROR_RATE: float(failed), metrics.BLOCK_RATE: float(blocked)}
    if status == SpanStatus.OK:
        took = row["trace__duration_ms"] if run else _took_ms(row)
        cost = row["trace__cost_usd"] if run else row["cost_usd"]
        told |= {} if took is None else {metrics.LATENCY_MS: float(took)}
        told |= {} if cost is None else {metrics.COST_USD: float(cost)}
    return told


def _took_ms(row: Mapping[str, Any]) -> float | None:
    if row["ended_at"] is None:
        return None
    return float((row["ended_at"] - row["started_at"]).total_seconds() * 1000)
