"""Say what metrics are called, and write their values, each in its own unit. Pure."""

import math

from playground.prompts.ramps import metrics


def name_of(kind: str) -> str:
    """Return what people call a metric."""
    names = {
        metrics.ERROR_RATE: "Error rate",
        metrics.BLOCK_RATE: "Block rate",
        metrics.LATENCY_MS: "Latency",
        metrics.COST_USD: "Cost a call",
        metrics.THUMBS: "Thumbs up",
    }
    return names.get(kind) or f"Score: {kind.partition(':')[2]}"


def write(kind: str, value: float) -> str:
    """Write a value of a metric."""
    if kind in metrics.RATES:
        return f"{_short(value * 100)} %"
    return difference(kind, value)


def difference(kind: str, value: float) -> str:
    """Write how far two values of a metric are apart; of rates in percentage points."""
    if kind in metrics.RATES:
        return f"{_short(value * 100)} pp"
    if kind == metrics.LATENCY_MS:
        return f"{value / 1000:.1f} s" if abs(value) >= 1000 else f"{value:.0f} ms"
    if kind == metrics.COST_USD:
        return f"${_short(value)}"
    return _short(value)


def counted(number: int, noun: str) -> str:
    """Write how many there are of something."""
    return f"{number:,} {plural(noun, one=number == 1)}"


def plural(noun: str, *, one: bool) -> str:
    """Return a noun as it stands after a number."""
    return noun if one else f"{noun}s"


def _short(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return "0"
    digits = max(0, 1 - math.floor(math.log10(abs(value))))
    rounded = f"{value:.{min(digits, 8)}f}"
    return rounded.rstrip("0").rstrip(".") if "." in rounded else rounded
