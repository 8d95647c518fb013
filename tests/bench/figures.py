"""What a benchmark reports: a figure, its sample size, and a ratio to something in the same run."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        value: in ``unit``.
        samples: how many measurements it rests on.
        baseline: what the ratio compares with, measured in the same run.
        ratio: ``value`` divided by the baseline's value, both in ``unit``.
    """

    name: str
    value: float
    unit: str
    samples: int
    baseline: str = ""
    ratio: float | None = None


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the percentile by linear interpolation; a single value is every percentile."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def pair(
    name: str, values: Sequence[float], unit: str, *, baseline: str = "", base: float = 0.0
) -> list[Figure]:
    """Return p50 and p95 of the values as two figures."""
    return [
        Figure(
            f"{name} p{percent}",
            percentile(values, percent),
            unit,
            len(values),
            baseline,
            percentile(values, percent) / base if base else None,
        )
        for percent in (50, 95)
    ]


def as_table(figures: Sequence[Figure]) -> str:
    """Lay the figures out for people."""
    width = max(len(figure.name) for figure in figures)
    lines = []
    for figure in figures:
        ratio = f"{figure.ratio:.1f} x {figure.baseline}" if figure.ratio else ""
        lines.append(
            f"{figure.name:<{width}}  {figure.value:>10,.1f} {figure.unit:<11} "
            f"n={figure.samples:<6} {ratio}".rstrip()
        )
    return "\n".join(lines)


def as_json(figures: Sequence[Figure]) -> str:
    """Encode the figures for programs, one object a line."""
    return "\n".join(json.dumps(asdict(figure)) for figure in figures)
