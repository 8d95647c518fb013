"""Decide what an error makes of a run. Pure: imports no Django."""

import random
from dataclasses import dataclass
from enum import StrEnum

from playground.core.errors import PlaygroundError

BASE_S = 0.5
CAP_S = 30.0


class Fate(StrEnum):
    """What follows a failed attempt."""

    RETRY = "retry"
    FAIL = "fail"
    DIE = "die"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows, and why: a stable code and a sentence that holds nothing secret."""

    fate: Fate
    code: str
    detail: str


def judge(error: BaseException, *, attempt: int, max_attempts: int) -> Verdict:
    """Classify an error that a handler raised.

    An error that says it cannot be retried fails the run; any other is tried again until the
    attempts are used up, and then the run is dead. Text of unforeseen errors stays in the log.
    """
    if isinstance(error, PlaygroundError):
        code, detail, may_retry = error.code, error.detail, error.may_retry
    else:
        code, detail, may_retry = "internal", "Something went wrong on our side.", True
    if not may_retry:
        return Verdict(Fate.FAIL, code, detail)
    fate = Fate.RETRY if attempt < max_attempts else Fate.DIE
    return Verdict(fate, code, detail)


def backoff_s(attempt: int, *, chance: float | None = None) -> float:
    """Return how long to wait after an attempt, in seconds: exponential with full jitter.

    Args:
        attempt: from 1.
        chance: within 0 to 1; by default drawn.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    drawn = random.random() if chance is None else chance
    return drawn * min(CAP_S, BASE_S * 2.0 ** min(attempt - 1, 30))
