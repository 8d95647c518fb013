"""Answer the rows of a table side by side, and no more of them at once than is fair."""

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from django.db import connections

from playground.core.errors import PlaygroundError, ProviderError, QuotaExceeded
from playground.messaging.interruptions import LeaseLost
from playground.messaging.models import Run

MOST_ROWS = 4
"""How many rows of one column are answered at once."""
MOST_TOGETHER = 12
"""How many rows of one person, or of one workbench, are; each column goes on with at least one."""
PATIENCE_S = 120.0
_PAUSE_S = 0.1

Task = TypeVar("Task")
Result = TypeVar("Result")


def spread(tasks: Sequence[Task], do: Callable[[Task], None], *, width: Callable[[], int]) -> None:
    """Do all of them in threads; what one raises lets none begin any more and is raised here.

    Args:
        width: how many at once; asked again whenever one has ended.

    Raises:
        LeaseLost: rather than what else was raised beside it.
    """
    waiting, running = deque(tasks), set[Future[None]]()
    raised: list[BaseException] = []
    with ThreadPoolExecutor(MOST_ROWS, thread_name_prefix="row") as threads:
        while waiting or running:
            free = (width() if waiting else 0) - len(running)
            for _ in range(min(free, len(waiting))):
                running.add(threads.submit(_apart, do, waiting.popleft()))
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            raised += [error for each in ended if (error := each.exception()) is not None]
            if raised:
                waiting.clear()
    if raised:
        raise next((each for each in raised if isinstance(each, LeaseLost)), raised[0])


def width_of(run: Run) -> int:
    """Return how many rows a run may answer at once, beside all else its author has at work."""
    active = Run.objects.active().filter(lane__kind=run.lane.kind)
    mine = active.filter(message__author=run.message.author).count()
    beside = active.filter(lane__column__bench__columns__lane=run.lane_id).count()
    return max(1, min(MOST_ROWS, MOST_TOGETHER // max(1, mine, beside)))


def patiently(
    action: Callable[[], Result], *, check: Callable[[], None], within_s: float = PATIENCE_S
) -> Result:
    """Do it again for as long as it is refused only because too much else runs at the moment.

    Args:
        check: called while waiting; what it raises ends the waiting.
    """
    until = time.monotonic() + within_s
    while True:
        try:
            return action()
        except (QuotaExceeded, ProviderError) as error:
            if not _is_crowded(error) or time.monotonic() > until:
                raise
        pause = time.monotonic() + random.uniform(0.3, 1.0)
        while time.monotonic() < pause:
            check()
            time.sleep(_PAUSE_S)


def _is_crowded(error: PlaygroundError) -> bool:
    if error.code == "quota.exceeded":
        return error.extra.get("limit") == "concurrent_streams"
    return error.code == "provider.saturated"


def _apart(do: Callable[[Task], None], task: Task) -> None:
    try:
        do(task)
    finally:
        # The next one may run in another thread: what this one borrowed goes back.
        connections.close_all()
