"""What was said of the runs that traces are of: told by the room that keeps it, shown here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from django.db.models import QuerySet

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.tracing.models import Trace, TraceQuerySet

THUMBS = "thumbs"


class Wanted(StrEnum):
    """Which feedback a trace must have to be listed."""

    ANY = "any"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Remark:
    """What one author said of a run; of ``thumbs`` 1 is up and 0 is down."""

    key: str
    score: float
    comment: str
    author_name: str
    source: str

    @property
    def is_thumb(self) -> bool:
        """Tell whether it is up or down."""
        return self.key == THUMBS


@dataclass(frozen=True, slots=True)
class Mark:
    """What was said of a run under a key, in sum."""

    key: str
    n: int
    mean: float

    @property
    def is_thumbs(self) -> bool:
        """Tell whether it counts thumbs."""
        return self.key == THUMBS

    @property
    def ups(self) -> int:
        """Count the thumbs up."""
        return round(self.n * self.mean)

    @property
    def downs(self) -> int:
        """Count the thumbs down."""
        return self.n - self.ups


class Teller(Protocol):
    """Know what was said of runs."""

    def remarks(self, run_ids: Iterable[str], *, team: str) -> Mapping[str, Sequence[Remark]]:
        """Return what was said of those runs that are the team's, by run id, oldest first."""

    def runs(self, context: RequestContext, wanted: Wanted) -> QuerySet[Any, str]:
        """Return the ids of the team's runs of which something was said."""


_tellers: list[Teller] = []


def register(teller: Teller) -> None:
    """Let this teller be asked from now on."""
    _tellers[:] = [teller]


def remarks_of(traces: Iterable[Trace]) -> dict[str, Sequence[Remark]]:
    """Return what was said of traces, by trace id, oldest first.

    A trace says itself of which run it is: one from elsewhere may name a run of another team.
    """
    named: dict[str, dict[str, list[str]]] = {}
    for trace in traces:
        if trace.run_id:
            named.setdefault(trace.team, {}).setdefault(trace.run_id, []).append(trace.pk)
    return {
        trace_id: remarks
        for team, runs in (named.items() if _tellers else ())
        for run_id, remarks in _tellers[0].remarks(runs, team=team).items()
        for trace_id in runs.get(run_id, ())
    }


def marks_of(traces: Iterable[Trace]) -> dict[str, list[Mark]]:
    """Return in sum what was said of traces, by trace id; thumbs come first."""
    return {trace_id: marks(remarks) for trace_id, remarks in remarks_of(traces).items()}


def marks(remarks: Iterable[Remark]) -> list[Mark]:
    """Sum up what was said, by key; thumbs come first."""
    scores: dict[str, list[float]] = {}
    for remark in remarks:
        scores.setdefault(remark.key, []).append(remark.score)
    ordered = sorted(scores.items(), key=lambda item: (item[0] != THUMBS, item[0]))
    return [Mark(key, len(each), sum(each) / len(each)) for key, each in ordered]


def having(traces: TraceQuerySet, context: RequestContext, wanted: str) -> TraceQuerySet:
    """Keep the traces of which something was said.

    Raises:
        InvalidInput: ``trace.feedback-unknown``.
    """
    if wanted not in set(Wanted):
        raise InvalidInput("trace.feedback-unknown", f"Feedback is one of {', '.join(Wanted)}.")
    if not _tellers:
        return traces.none()
    return traces.filter(run_id__in=_tellers[0].runs(context, Wanted(wanted)))
