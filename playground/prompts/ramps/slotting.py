"""Cut a ramp's time into slots: fine while it is young, coarser as it grows older. Pure.

Each length divides the next, so that what was summed in short slots adds up to longer ones.
"""

import datetime as dt
from typing import Final

# The most that a chart has from a ramp's start to its end.
MOST_SLOTS: Final = 120
_LENGTHS_S: Final = (5, 15, 60, 300, 900, 3600, 10_800, 43_200, 86_400)
_LONGEST_KEPT_S: Final = 3600


def slot_of(age_s: float) -> int:
    """Return the seconds that a slot of a chart covers, of a ramp that is so old."""
    return next((each for each in _LENGTHS_S if age_s / each < MOST_SLOTS), _LENGTHS_S[-1])


def kept_slot_of(age_s: float) -> int:
    """Return the seconds of the slot in which a ramp that is so old keeps what it sees."""
    return min(slot_of(age_s), _LONGEST_KEPT_S)


def begin_of(moment: dt.datetime, seconds: int) -> dt.datetime:
    """Return when the slot around a moment begins."""
    return dt.datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, dt.UTC)
