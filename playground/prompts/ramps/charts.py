"""Draw a ramp: who was exposed, the arms of a metric, the interval of their difference. Pure."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from playground.gateway.charts import Chart, Series, draw
from playground.prompts.ramps.bucketing import Arm
from playground.prompts.ramps.sequential import Verdict
from playground.prompts.ramps.wording import difference, name_of, write

WIDTH: Final = 100.0
ALONE: Final = "Everybody has the candidate: nobody is left to compare with."
_FEWEST_BARS: Final = 24
_FEWEST_POINTS: Final = 6
# An early interval is far wider than what is tolerated; drawn whole, it would hide the threshold.
_WIDEST: Final = 6.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of an arm around some time: a sum over ``n``."""

    at: dt.datetime
    arm: str
    n: int
    total: float


@dataclass(frozen=True, slots=True)
class Strip:
    """Where a difference lies on an axis whose right side is worse; x from 0 to ``WIDTH``.

    Attributes:
        bar: from and to, None while nothing can be said.
        open_left, open_right: the interval goes on beyond the axis.
        edge: what the right end of the axis stands for, in words; the left end is its opposite.
    """

    bar: tuple[float, float] | None
    middle: float | None
    threshold: float
    open_left: bool
    open_right: bool
    edge: str
    summary: str
    verdict: str


def moments_between(
    start: dt.datetime, end: dt.datetime, *, seconds: int, least: int = 1
) -> list[dt.datetime]:
    """Return the beginnings of the slots from one time to another.

    Args:
        least: how many there are, also where the time is short: what is to come is empty.
    """
    first = int(start.timestamp()) // seconds
    last = max(first + least - 1, int(end.timestamp()) // seconds)
    return [dt.datetime.fromtimestamp(at * seconds, dt.UTC) for at in range(first, last + 1)]


def exposure_chart(
    seen: Sequence[Seen], *, start: dt.datetime, end: dt.datetime, seconds: int, unit: str
) -> Chart:
    """Stack how many units each arm has had so far."""
    moments = moments_between(start, end, seconds=seconds, least=_FEWEST_BARS)
    summed = _by_slot(seen, seconds)
    series = []
    for arm in (Arm.CANDIDATE, Arm.BASELINE):
        so_far = 0
        values: list[float | None] = []
        for moment in moments:
            so_far += summed.get((arm.value, moment), (0, 0.0))[0]
            values.append(float(so_far) if moment <= end else None)
        series.append(Series(arm.value, arm.value.capitalize(), values))
    return draw(
        "bars",
        title=f"{unit.capitalize()}s exposed",
        moments=_labels(moments, seconds),
        series=series,
        write=lambda value: f"{value:,.0f}",
        whole=True,
    )


def arms_chart(
    kind: str,
    seen: Sequence[Seen],
    *,
    start: dt.datetime,
    end: dt.datetime,
    seconds: int,
    threshold: float | None = None,
) -> Chart:
    """Draw the mean of a metric in each arm over time.

    Args:
        threshold: the mean from which on the candidate is worse than is tolerated, as a line.
    """
    moments = moments_between(start, end, seconds=seconds, least=_FEWEST_POINTS)
    summed = _by_slot(seen, seconds)
    series = []
    for arm in Arm:
        found = [summed.get((arm.value, moment)) for moment in moments]
        values = [total / n if n else None for n, total in ((e or (0, 0.0)) for e in found)]
        series.append(Series(arm.value, arm.value.capitalize(), values))
    if threshold is not None:
        series.append(Series("threshold", "Tolerated to", [threshold] * len(moments)))
    chart = draw(
        "lines",
        title=name_of(kind),
        moments=_labels(moments, seconds),
        series=series,
        write=lambda value: write(kind, value),
    )
    # That no call failed is something that was seen.
    return replace(chart, empty=not summed)


def strip(
    kind: str,
    *,
    bounds: tuple[float, float] | None,
    middle: float,
    tolerated: float,
    lower_is_better: bool,
    verdict: str,
    alone: bool = False,
) -> Strip:
    """Place the interval of the difference on an axis that grows to the worse.

    Args:
        bounds: of candidate - baseline, None while nothing can be said.
        middle: the difference as it was seen.
        alone: everybody has the candidate, so that nobody is left to compare with.
    """
    if not lower_is_better:
        bounds, middle = (-bounds[1], -bounds[0]) if bounds else None, -middle
    span = _span(bounds, tolerated)

    def place(value: float) -> float:
        return round(WIDTH * (0.5 + 0.5 * max(-1.0, min(1.0, value / span))), 2)

    return Strip(
        bar=(place(bounds[0]), place(bounds[1])) if bounds else None,
        middle=place(middle) if bounds else None,
        threshold=place(tolerated),
        open_left=bool(bounds and bounds[0] < -span),
        open_right=bool(bounds and bounds[1] > span),
        edge=difference(kind, span),
        summary=_summary(kind, bounds),
        verdict=ALONE
        if alone and bounds is None
        else in_words(kind, bounds, tolerated=tolerated, verdict=verdict),
    )


def in_words(
    kind: str, bounds: tuple[float, float] | None, *, tolerated: float, verdict: str
) -> str:
    """Say what the interval means; ``bounds`` grow to the worse."""
    if bounds is None:
        return "Undecided: too few calls to say anything."
    least, most = bounds
    allowed = f"{difference(kind, tolerated)} tolerated" if tolerated else "nothing tolerated"
    if verdict == Verdict.REGRESSED:
        return f"Regressed: worse by at least {difference(kind, least)}, {allowed}."
    if verdict == Verdict.FINE:
        if most <= 0:
            return f"Fine: better by at least {difference(kind, -most)}, {allowed}."
        return f"Fine: worse by at most {difference(kind, most)}, {allowed}."
    low = f"{difference(kind, -least)} better" if least < 0 else f"{difference(kind, least)} worse"
    return f"Undecided: between {low} and {difference(kind, most)} worse, {allowed}."


def _span(bounds: tuple[float, float] | None, tolerated: float) -> float:
    """Return how far the axis reaches: beyond the threshold, and as far as fits the interval."""
    reach = max(abs(bounds[0]), abs(bounds[1])) * 1.1 if bounds else 0.0
    if tolerated:
        return max(tolerated * 1.6, min(reach, tolerated * _WIDEST))
    return reach or 1.0


def _summary(kind: str, bounds: tuple[float, float] | None) -> str:
    if bounds is None:
        return "Difference of the arms: nothing can be said yet"
    least, most = (difference(kind, each) for each in bounds)
    return f"Difference of the arms, worse is positive: between {least} and {most}"


def _by_slot(
    seen: Sequence[Seen], seconds: int
) -> Mapping[tuple[str, dt.datetime], tuple[int, float]]:
    summed: dict[tuple[str, dt.datetime], tuple[int, float]] = {}
    for each in seen:
        at = int(each.at.timestamp()) // seconds * seconds
        key = (each.arm, dt.datetime.fromtimestamp(at, dt.UTC))
        n, total = summed.get(key, (0, 0.0))
        summed[key] = (n + each.n, total + each.total)
    return summed


def _labels(moments: Sequence[dt.datetime], seconds: int) -> list[str]:
    if seconds < 60:
        return [f"{each:%H:%M:%S}" for each in moments]
    if seconds >= 86_400:
        year = "" if moments[0].year == moments[-1].year else " %Y"
        return [f"{each.day} {each:%b}{each.strftime(year)}" for each in moments]
    if moments and moments[0].date() == moments[-1].date():
        return [f"{each:%H:%M}" for each in moments]
    return [f"{each.day} {each:%b} {each:%H:%M}" for each in moments]
