"""What ramps look like over REST."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal, Self

from ninja import Schema
from pydantic import AwareDatetime, Field, model_validator

from playground.core.bodies import BodyIn
from playground.prompts.ramps.bucketing import Rule
from playground.prompts.ramps.callers import DAYS, MOST_DAYS
from playground.prompts.ramps.planning import MAX_GUARDS, Plan, StagePlan

MAX_UNITS = 1_000
Effect = Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]


class RampProposalOut(Schema):
    """That the ramp be started: by whom it was proposed, who decided, and why."""

    id: uuid.UUID
    status: str
    reason: str
    proposed_by: str
    proposed_at: dt.datetime
    decided_by: str
    decided_at: dt.datetime | None
    answer: str


class RampOut(Schema):
    """A ramp; ``stage`` counts from 0, ``revision`` how often its draft was edited, from 1.

    ``period`` counts how often the percentage or the judgement began anew, 0 for a draft;
    ``proposal`` is what was proposed of it last.
    """

    id: uuid.UUID
    label: str
    baseline: int
    candidate: int
    unit: str
    stages: list[StagePlan]
    rules: list[Rule]
    state: str
    revision: int
    stage: int
    period: int
    percent: float
    since: dt.datetime | None
    started_at: dt.datetime | None
    automatic_advance: bool
    on_regression: str
    created_by: str
    created_at: dt.datetime
    ended_at: dt.datetime | None
    proposal: RampProposalOut | None


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
    """How many units an arm has had first seen in the slot from ``at`` on."""

    at: dt.datetime
    arm: str
    units: int


class SlotOut(Schema):
    """An arm's metric in the slot from ``at`` on."""

    at: dt.datetime
    metric: str
    arm: str
    n: int
    mean: float
    deviation: float


class FiguresOut(Schema):
    """What charts are drawn from; ``lacks`` says what the stage still needs.

    ``slots`` and ``exposure`` are cut into slots of ``slot_s`` seconds, about 120 at most.
    """

    lacks: str
    slot_s: int
    exposed: dict[str, int]
    guards: list[GuardOut]
    exposure: list[ExposedOut]
    slots: list[SlotOut]


class RampWithFiguresOut(RampOut):
    """A ramp with its history and what its charts are drawn from."""

    events: list[RampEventOut]
    figures: FiguresOut


class ReasonIn(BodyIn):
    """Why; ``early`` goes on before the stage has lasted and seen enough.

    ``period`` is that of the ramp that was read: one that has gone on since is not advanced.
    ``revision`` is that of the draft that was read: another is neither started, proposed nor
    discarded.
    """

    reason: str
    early: bool = False
    period: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    revision: Annotated[int, Field(ge=1, lt=2**31)] | None = None


class DraftIn(Plan):
    """A plan, and why."""

    reason: Annotated[str, Field(max_length=500)] = ""


class EditIn(Plan):
    """A plan, why it replaces the one before, and the ``revision`` that was read."""

    reason: str
    revision: Annotated[int, Field(ge=1, lt=2**31)] | None = None


class UnitIn(BodyIn):
    """Somebody who might call."""

    key: Annotated[str | None, Field(max_length=500)] = None
    attributes: dict[str, Any] = {}


class SimulateIn(BodyIn):
    """A plan, and for whom; without units for those who called in the last ``days``.

    Where nobody did, or with ``callers`` made up, it is for a crowd of 1,000. ``effects`` are by
    metric how much worse the candidate is, in the case that one wants to see; without them twice
    what is tolerated.
    """

    plan: Plan
    units: Annotated[list[UnitIn], Field(max_length=MAX_UNITS)] = []
    callers: Literal["recent", "made-up"] = "recent"
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = DAYS
    calls_per_hour: Annotated[float | None, Field(ge=0, le=1e9, allow_inf_nan=False)] = None
    effects: Annotated[dict[str, Effect], Field(max_length=MAX_GUARDS)] = {}


class PlacedOut(Schema):
    """What somebody would get: the arm in each stage, and why in the first.

    ``calls`` is how many they made of those that were read.
    """

    key: str | None
    calls: int
    arms: list[str]
    reason: str


class ExpectedOut(Schema):
    """What a stage would bring; ``minutes`` null where the traffic never fills it."""

    percent: float
    candidates: int
    minutes: float | None


class SightOut(Schema):
    """In each stage, after how many calls of both arms a guard sees the effect 4 times in 5.

    ``usual`` is the mean that was seen, ``worse`` that of a candidate with the effect. ``minutes``
    is how long so many calls take; null is never.
    """

    metric: str
    effect: float
    usual: float
    worse: float
    calls: list[float | None]
    minutes: list[float | None]


class TrafficOut(Schema):
    """The calls that named the label in the last ``days``, as traces tell them.

    ``without`` is how many came from nobody of the unit's kind: they stay with the baseline.
    """

    days: int
    calls: int
    calls_per_hour: float
    units: int
    units_per_day: float
    without: int


class SimulationOut(Schema):
    """What a ramp would do; of callers who were not named the first 20 are shown.

    ``callers`` says who they are: given, recent or made up. ``unseen`` are the guarded metrics of
    which too little is known to reckon with.
    """

    callers: str
    units: int
    minutes: float | None
    stages: list[ExpectedOut]
    placed: list[PlacedOut]
    sights: list[SightOut]
    unseen: list[str]
    traffic: TrafficOut


class ObservationIn(BodyIn):
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
