"""Cut a ramp's time into slots: fine while it is young, coarser as it grows older. Pure.

Each length divides the next, so that what was summed in short slots adds up to longer ones.
"""

import datetime as dt
import itertools
from typing import Final

# The most that a chart has from a ramp's start to its end.
MOST_SLOTS: Final = 120
_DAY_S: Final = 86_400
_LENGTHS_S: Final = (5, 15, 60, 300, 900, 3600, 10_800, 43_200)


def slot_of(age_s: float) -> int:
    """Return the seconds of the slots in which a ramp that is so old is charted, and summed up."""
    days = (_DAY_S * 2**power for power in itertools.count())
    lengths = itertools.chain(_LENGTHS_S, days)
    return next(each for each in lengths if age_s / each < MOST_SLOTS)


def begin_of(moment: dt.datetime, seconds: int) -> dt.datetime:
    """Return when the slot around a moment begins."""
    return dt.datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, dt.UTC)
