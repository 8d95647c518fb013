"""Small charts: what ``templates/gateway/chart.html`` draws, worked out as plain values.

A plot is stretched to the width that it is given, so its units are not pixels: each slot is
``SLOT`` wide, the whole ``HEIGHT`` high. Text stands beside it and is never stretched.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

SLOT: Final = 10.0
HEIGHT: Final = 100.0
_BAR: Final = 7.6
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)

Write = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Series:
    """One value for each slot, None where there is none; ``key`` names its colour."""

    key: str
    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a bar."""

    key: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line as the ``d`` of an SVG path; it breaks where values are missing."""

    key: str
    path: str


@dataclass(frozen=True, slots=True)
class Slot:
    """One moment: where it stands, what it says when it is pointed at, and its bars."""

    x: float
    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its scale; ``ticks`` are written from the top down, evenly spaced.

    ``dots`` stand where a line has a value and its neighbours have none.
    """

    title: str
    summary: str
    width: float
    slots: tuple[Slot, ...]
    lines: tuple[Line, ...]
    dots: tuple[Line, ...]
    ticks: tuple[str, ...]
    grid: tuple[float, ...]
    labels: tuple[str, ...]
    legend: tuple[tuple[str, str], ...]
    empty: bool
    slot_width: float = SLOT
    height: float = HEIGHT


def nice_ticks(most: float, *, at_most: int = 3, whole: bool = False) -> tuple[float, ...]:
    """Return round, evenly spaced values from 0 to at least ``most``, ``at_most`` above 0."""
    if not math.isfinite(most) or most <= 0:
        most = 1.0
    rough = most / at_most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in _STEPS if each * power >= rough * (1 - 1e-9))
    if whole:
        step = float(max(1, math.ceil(step - 1e-9)))
    count = max(1, math.ceil(most / step - 1e-9))
    return tuple(step * each for each in range(count + 1))


def draw(
    kind: Literal["bars", "lines"],
    *,
    title: str,
    moments: Sequence[str],
    series: Sequence[Series],
    write: Write,
    whole: bool = False,
) -> Chart:
    """Draw series over moments: bars stacked upon each other, or a line each.

    ``write`` says a value in words; ``whole`` keeps the scale to whole numbers.
    """
    most = _most(kind, series)
    ticks = nice_ticks(most, whole=whole)
    top = ticks[-1]
    slots = tuple(
        Slot(
            x=round(SLOT * at, 2),
            title=_said(moment, series, at, write),
            bars=_stack(series, at, top) if kind == "bars" else (),
        )
        for at, moment in enumerate(moments)
    )
    lines = tuple(Line(each.key, _path(each.values, top)) for each in series)
    lone = tuple(Line(each.key, _path(_alone(each.values), top)) for each in series)
    return Chart(
        title=title,
        summary=_summary(title, moments, most, write),
        width=SLOT * max(1, len(moments)),
        slots=slots,
        lines=lines if kind == "lines" else (),
        dots=tuple(each for each in lone if each.path) if kind == "lines" else (),
        ticks=tuple(write(each) if each else "0" for each in reversed(ticks)),
        grid=tuple(round(HEIGHT * (1 - each / top), 2) for each in ticks[1:]),
        labels=(moments[0], moments[-1]) if moments else (),
        legend=tuple((each.key, each.name) for each in series),
        empty=most <= 0,
    )


def _most(kind: str, series: Sequence[Series]) -> float:
    columns = list(zip(*(each.values for each in series), strict=True))
    if kind == "bars":
        return max((sum(value or 0 for value in column) for column in columns), default=0.0)
    return max((value or 0 for column in columns for value in column), default=0.0)


def _stack(series: Sequence[Series], at: int, top: float) -> tuple[Bar, ...]:
    bars, below = [], 0.0
    for each in series:
        height = HEIGHT * (each.values[at] or 0) / top
        if height > 0:
            y = HEIGHT - below - height
            x = SLOT * at + (SLOT - _BAR) / 2
            bars.append(Bar(each.key, round(x, 2), round(y, 2), _BAR, round(height, 2)))
            below += height
    return tuple(bars)


def _alone(values: Sequence[float | None]) -> list[float | None]:
    """Return the values that no line reaches."""
    around = [None, *values, None]
    return [
        value if around[at] is None and around[at + 2] is None else None
        for at, value in enumerate(values)
    ]


def _path(values: Sequence[float | None], top: float) -> str:
    """Return moves and lines through the middle of the slots; a lone value becomes a dot."""
    pieces, drawing = [], False
    for at, value in enumerate(values):
        if value is None:
            drawing = False
            continue
        x, y = round(SLOT * (at + 0.5), 2), round(HEIGHT * (1 - value / top), 2)
        pieces.append(f"L{x} {y}" if drawing else f"M{x} {y}h0")
        drawing = True
    return "".join(pieces)


def _said(moment: str, series: Sequence[Series], at: int, write: Write) -> str:
    parts = [
        f"{each.name} {write(value)}" if len(series) > 1 else write(value)
        for each in series
        if (value := each.values[at]) is not None
    ]
    return f"{moment}: {', '.join(parts) or 'no calls'}"


def _summary(title: str, moments: Sequence[str], most: float, write: Write) -> str:
    if not moments or most <= 0:
        return f"{title}: nothing"
    return f"{title}, {moments[0]} to {moments[-1]}, at most {write(most)}"
