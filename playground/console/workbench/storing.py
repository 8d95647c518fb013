"""Find numbers that the database would give back otherwise than they were given. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SMALLEST, _END = -(2**63), 2**64


def lost_numbers(name: str, value: Any, *, long: bool = False) -> Iterator[tuple[str, str]]:
    """Return where in a JSON value such numbers stand, as dotted names, and what is wrong.

    Args:
        long: whether whole numbers may have more than 64 bits, where all who read them can.
    """
    pending: list[tuple[str, Any]] = [(name, value)]
    while pending:
        where, inner = pending.pop()
        if isinstance(inner, Mapping):
            pending += [(f"{where}.{key}", each) for key, each in inner.items()]
        elif isinstance(inner, Sequence) and not isinstance(inner, str):
            pending += [(f"{where}.{index}", each) for index, each in enumerate(inner)]
        elif why := _why_lost(inner, long=long):
            yield where, why


def _why_lost(value: Any, *, long: bool) -> str:
    if isinstance(value, float):
        if not math.isfinite(value):
            return "NaN and infinity are no JSON."
        # Those are stored as decimals, and come back as whole numbers with every digit.
        if value.is_integer() and "e" in repr(value):
            return f"{value!r} is too large to be kept as it was typed."
    elif isinstance(value, int) and not long and not _SMALLEST <= value < _END:
        return "A whole number has at most 64 bits."
    return ""
