"""Choose for a caller between the versions of a ramp that runs on the label they name."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from playground.core.context import RequestContext
from playground.prompts.ramp_models import Ramp
from playground.prompts.ramps.bucketing import NO_UNIT, Arm, Assignment, Rule, assign


@dataclass(frozen=True, slots=True)
class RampInForce:
    """All that assigning takes; may be kept in memory until its prompt changes.

    ``baseline`` and ``candidate`` are numbers of versions.
    """

    id: str
    unit: str
    salt: str
    percent: float
    period: int
    rules: tuple[Rule, ...]
    baseline: int
    candidate: int

    @classmethod
    def of(cls, ramp: Ramp) -> Self:
        """Take it from a live ramp."""
        return cls(
            id=str(ramp.pk),
            unit=ramp.unit,
            salt=ramp.salt,
            percent=ramp.step.percent,
            period=ramp.period,
            rules=ramp.ruling,
            baseline=ramp.baseline.number,
            candidate=ramp.candidate.number,
        )

    def version_of(self, arm: Arm) -> int:
        """Return the number of the version that an arm gets."""
        return self.candidate if arm is Arm.CANDIDATE else self.baseline

    def assign(self, context: RequestContext, key: str | None) -> "Assigned":
        """Assign a caller by the key they name, else by what the context says of the unit."""
        unit = unit_of(
            self.unit,
            named=key,
            subject=context.subject,
            team=context.team,
            came_with=context.key,
            thread=context.thread,
        )
        drawn = assign(
            unit,
            salt=self.salt,
            percent=self.percent,
            rules=self.rules,
            attributes=attributes_of(context, unit),
            without=_WITHOUT.get(self.unit, NO_UNIT),
        )
        return Assigned(self, drawn, unit_hash(unit, salt=self.salt) if unit else None)


@dataclass(frozen=True, slots=True)
class Assigned:
    """The arm that a call was given; ``unit`` is a hash of what was assigned."""

    ramp: RampInForce
    assignment: Assignment
    unit: str | None

    @property
    def token(self) -> dict[str, Any] | None:
        """Return as JSON what ``observing.record`` needs when the call has ended.

        None for those whom a rule picked or who could not be assigned: nothing can be learnt
        from them about the arms.
        """
        if self.assignment.bucket is None or self.unit is None:
            return None
        return {
            "ramp": self.ramp.id,
            "period": self.ramp.period,
            "arm": self.assignment.arm.value,
            "unit": self.unit,
        }


def unit_hash(unit: str, *, salt: str) -> str:
    """Return a name for a unit that tells nothing about it to whoever reads the tables."""
    key = hashlib.sha256(f"unit {salt}".encode()).digest()
    return hashlib.blake2b(
        unit.encode("utf-8", "surrogatepass"), key=key, digest_size=16
    ).hexdigest()


def attributes_of(context: RequestContext, unit: str | None) -> Mapping[str, Any]:
    """Return what rules can test: what every call tells of itself, and what the caller tells."""
    return {
        **context.attributes,
        "subject": context.subject,
        "team": context.team,
        "actor": context.actor,
        "purpose": context.purpose,
        "locale": context.locale,
        "key": unit,
    }


def unit_of(
    unit: str,
    *,
    named: str | None,
    subject: str,
    team: str,
    came_with: str | None,
    thread: str | None,
) -> str | None:
    """Return what stays in one arm: what the call names, else what is known of the ramp's unit.

    Args:
        came_with: the URN of the API key that the call came with.
    """
    known = {
        Ramp.Unit.MEMBER.value: subject,
        Ramp.Unit.TEAM.value: f"team:{team}",
        Ramp.Unit.KEY.value: came_with,
        Ramp.Unit.THREAD.value: thread,
    }
    return named or known.get(unit)


_WITHOUT = {
    Ramp.Unit.THREAD.value: "no thread: the call belongs to none",
    Ramp.Unit.KEY.value: "no key: the call came without an API key",
}
