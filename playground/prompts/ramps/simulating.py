"""Say before a ramp starts who would get what, and how long it would take. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.prompts.ramps.bucketing import Arm, Assignment, Rule, assign

SYNTHETIC = 1_000


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a ramp.

    Attributes:
        percent: of the units that get the candidate, to a hundredth.
        min_minutes: before the next stage may begin.
        min_samples: observations of each arm before the next stage may begin.
    """

    percent: float
    min_minutes: int = 0
    min_samples: int = 0


@dataclass(frozen=True, slots=True)
class Someone:
    """A unit that calls: its key, the attributes that rules test, and how often it does."""

    key: str | None
    attributes: Mapping[str, Any]
    calls: int = 1


@dataclass(frozen=True, slots=True)
class Placed:
    """What a unit would get in each stage."""

    someone: Someone
    assignments: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a stage would bring.

    Attributes:
        candidates: how many of those asked about get the candidate.
        minutes: how long it lasts at least; None where the traffic never fills it.
        observed_per_hour: calls that are compared, of both arms.
    """

    stage: Stage
    candidates: int
    minutes: float | None
    observed_per_hour: float


@dataclass(frozen=True, slots=True)
class Simulation:
    """Who would get what, and when each stage would end."""

    placed: tuple[Placed, ...]
    stages: tuple[Expected, ...]

    @property
    def minutes(self) -> float | None:
        """Return how long all of it would take at least; None where it would never end."""
        if any(each.minutes is None for each in self.stages):
            return None
        return sum(each.minutes or 0.0 for each in self.stages)

    def minutes_for(self, calls: Sequence[float | None]) -> list[float | None]:
        """Return how long so many observed calls take in each stage; None is for ever."""
        rates = [each.observed_per_hour for each in self.stages]
        return [
            60 * each / rate if each is not None and rate > 0 else None
            for each, rate in zip(calls, rates, strict=True)
        ]


def crowd(unit: str, *, size: int = SYNTHETIC) -> list[Someone]:
    """Return units that nobody knows anything about: no rule but on absence can pick them."""
    return [Someone(f"{unit}:{number}", {}) for number in range(1, size + 1)]


def simulate(
    stages: Sequence[Stage],
    *,
    salt: str,
    rules: Sequence[Rule],
    units: Sequence[Someone],
    calls_per_hour: float,
) -> Simulation:
    """Place every unit in every stage, and reckon with traffic as it was.

    Args:
        calls_per_hour: of all units together; they are taken to go on calling as often as they
            did, one compared with another.
    """
    placed = tuple(
        Placed(
            each,
            tuple(
                assign(
                    each.key,
                    salt=salt,
                    percent=stage.percent,
                    rules=rules,
                    attributes=each.attributes,
                )
                for stage in stages
            ),
        )
        for each in units
    )
    expected = []
    for index, stage in enumerate(stages):
        arms = [each.assignments[index].arm for each in placed]
        observed = calls_per_hour * _drawn(placed, index)
        expected.append(
            Expected(stage, arms.count(Arm.CANDIDATE), _minutes(stage, observed), observed)
        )
    return Simulation(placed, tuple(expected))


def _drawn(placed: Sequence[Placed], index: int) -> float:
    """Return the part of the calls that is observed: of those whom chance assigned."""
    drawn = sum(e.someone.calls for e in placed if e.assignments[index].bucket is not None)
    return drawn / max(1, sum(each.someone.calls for each in placed))


def _minutes(stage: Stage, calls_per_hour: float) -> float | None:
    if not stage.min_samples:
        return float(stage.min_minutes)
    # The smaller arm fills last.
    shares = [stage.percent / 100] + [1 - stage.percent / 100] * (stage.percent < 100)
    per_minute = calls_per_hour / 60 * min(shares)
    if per_minute <= 0:
        return None
    return max(float(stage.min_minutes), math.ceil(stage.min_samples / per_minute))
