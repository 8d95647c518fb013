"""What may become of a run. Pure: imports no Django."""

from enum import StrEnum
from typing import Final


class RunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"


class ForbiddenTransition(Exception):
    """A run was about to take a step that its status does not allow."""


# A crashed attempt leaves its run running; the next claim starts it again from there.
ALLOWED: Final[dict[RunStatus, frozenset[RunStatus]]] = {
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.DEAD}),
    RunStatus.RUNNING: frozenset(
        {
            RunStatus.RUNNING,
            RunStatus.QUEUED,
            RunStatus.SUCCEEDED,
            RunStatus.FAILED,
            RunStatus.CANCELLED,
            RunStatus.DEAD,
        }
    ),
    RunStatus.SUCCEEDED: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELLED: frozenset(),
    RunStatus.DEAD: frozenset({RunStatus.QUEUED}),
}
ACTIVE: Final = frozenset({RunStatus.QUEUED, RunStatus.RUNNING})
TERMINAL: Final = frozenset(RunStatus) - ACTIVE
REPLAYABLE: Final = frozenset(status for status in TERMINAL if ALLOWED[status])


def check(current: str, following: str) -> None:
    """Refuse a step that a run may not take.

    Raises:
        ForbiddenTransition: there is no such step.
    """
    if RunStatus(following) not in ALLOWED[RunStatus(current)]:
        raise ForbiddenTransition(f"{current} → {following}")
