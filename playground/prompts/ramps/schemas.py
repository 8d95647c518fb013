"""What ramps look like over REST."""

import datetime as dt
import uuid
from typing import Annotated, Any, Self

from ninja import Schema
from pydantic import AwareDatetime, Field, model_validator

from playground.prompts.ramps.bucketing import Rule
from playground.prompts.ramps.planning import Plan, StagePlan

MAX_UNITS = 1_000


class RampOut(Schema):
    """A ramp; ``stage`` counts from 0."""

    id: uuid.UUID
    label: str
    baseline: int
    candidate: int
    unit: str
    stages: list[StagePlan]
    rules: list[Rule]
    state: str
    stage: int
    percent: float
    since: dt.datetime | None
    automatic_advance: bool
    on_regression: str
    created_by: str
    created_at: dt.datetime
    ended_at: dt.datetime | None


class RampsOut(Schema):
    """A page of ramps, newest first."""

    items: list[RampOut]
    next: str | None = None


class RampEventOut(Schema):
    """Something that was done to a ramp."""

    what: str
    who: str
    reason: str
    stage: int
    percent: float
    at: dt.datetime


class ArmOut(Schema):
    """What was seen of an arm; ``worth`` is as how many independent observations it counts."""

    n: int
    units: int
    mean: float | None
    worth: float


class GuardOut(Schema):
    """A guard and what it sees in the current period; null while nothing can be said."""

    kind: str
    lower_is_better: bool
    tolerated: float
    alpha: float
    verdict: str
    lower: float | None
    upper: float | None
    baseline: ArmOut
    candidate: ArmOut


class ExposedOut(Schema):
    """How many units an arm has had first seen in one hour."""

    hour: dt.datetime
    arm: str
    units: int


class HourOut(Schema):
    """An arm's metric in one hour."""

    hour: dt.datetime
    metric: str
    arm: str
    n: int
    mean: float
    deviation: float


class FiguresOut(Schema):
    """What charts are drawn from; ``lacks`` says what the stage still needs."""

    lacks: str
    exposed: dict[str, int]
    guards: list[GuardOut]
    exposure: list[ExposedOut]
    hours: list[HourOut]


class RampWithFiguresOut(RampOut):
    """A ramp with its history and what its charts are drawn from."""

    events: list[RampEventOut]
    figures: FiguresOut


class ReasonIn(Schema):
    """Why; ``early`` goes on before the stage has lasted and seen enough."""

    reason: str
    early: bool = False


class UnitIn(Schema):
    """Somebody who might call."""

    key: Annotated[str | None, Field(max_length=500)] = None
    attributes: dict[str, Any] = {}


class SimulateIn(Schema):
    """A plan, and for whom; without units for a crowd of 1,000."""

    plan: Plan
    units: Annotated[list[UnitIn], Field(max_length=MAX_UNITS)] = []
    calls_per_hour: Annotated[float | None, Field(ge=0, le=1e9, allow_inf_nan=False)] = None


class PlacedOut(Schema):
    """What somebody would get: the arm in each stage, and why in the first."""

    key: str | None
    arms: list[str]
    reason: str


class ExpectedOut(Schema):
    """What a stage would bring; ``minutes`` null where the traffic never fills it."""

    percent: float
    candidates: int
    minutes: float | None


class SimulationOut(Schema):
    """What a ramp would do; of a crowd the first 20 are shown."""

    units: int
    minutes: float | None
    stages: list[ExpectedOut]
    placed: list[PlacedOut]


class ObservationIn(Schema):
    """What became of a call; ``outcome`` is by metric.

    ``observe`` is what was told when the version was resolved. Without it ``key`` and ``version``
    say of whom and what, and ``at`` when the call was made: now, where nobody says it. What is told
    twice under one ``id`` counts once.
    """

    observe: Annotated[str | None, Field(max_length=1000)] = None
    key: Annotated[str | None, Field(min_length=1, max_length=500)] = None
    version: int | None = None
    at: AwareDatetime | None = None
    id: Annotated[str | None, Field(min_length=1, max_length=80)] = None
    outcome: Annotated[dict[str, float], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _names_a_call(self) -> Self:
        if self.observe is None and (self.key is None or self.version is None):
            raise ValueError("observe is needed, or key and version")
        return self


class ObservedOut(Schema):
    """Whether the observation counts, and if not, why: a code of ``docs/errors.md``."""

    counted: bool
    code: str | None = None
