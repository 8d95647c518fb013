"""Read what somebody wants a ramp to be. Pure."""

import itertools
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from playground.core.attributes import KNOWN, is_name
from playground.core.errors import InvalidInput, PlaygroundError, said_of
from playground.prompts.ramps import metrics
from playground.prompts.ramps.bucketing import MAX_RULES, Operator, Rule
from playground.prompts.ramps.sequential import ALPHA
from playground.prompts.ramps.simulating import Stage

MAX_STAGES = 20
MAX_GUARDS = 20
LONGEST_MINUTES = 60 * 24 * 90
MOST_SAMPLES = 10**8
# A key may be as long; see ``UnitIn``.
MAX_VALUE = 500


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StagePlan(_Part):
    """A stage; see ``simulating.Stage``."""

    percent: Annotated[float, Field(ge=0.01, le=100)]
    min_minutes: Annotated[int, Field(ge=0, le=LONGEST_MINUTES)] = 0
    min_samples: Annotated[int, Field(ge=0, le=MOST_SAMPLES)] = 0

    @field_validator("percent")
    @classmethod
    def _in_hundredths(cls, percent: float) -> float:
        if abs(percent * 100 - round(percent * 100)) > 1e-6:
            raise ValueError("a percentage has two decimals at most")
        return percent


class GuardPlan(_Part):
    """A metric that must not get worse by more than ``tolerated``, in its own unit.

    Attributes:
        kind: such as ``error_rate``, ``latency_ms`` or ``score:<evaluator>``.
        lower_is_better: as is usual for the kind, unless it says otherwise.
        alpha: the chance of a false alarm over the whole ramp.
    """

    kind: Annotated[str, Field(max_length=80)]
    tolerated: Annotated[float, Field(ge=0, le=metrics.LARGEST, allow_inf_nan=False)]
    lower_is_better: bool | None = None
    alpha: Annotated[float, Field(ge=1e-6, le=0.4)] = ALPHA

    @field_validator("kind")
    @classmethod
    def _is_known(cls, kind: str) -> str:
        try:
            metrics.check_known(kind)
        except PlaygroundError as error:
            raise ValueError(error.detail) from None
        return kind

    @property
    def wants_less(self) -> bool:
        """Return whether lower is better."""
        if self.lower_is_better is None:
            return metrics.lower_is_better(self.kind)
        return self.lower_is_better


def _can_match(rule: Rule) -> Rule:
    attribute, op, value = rule.attribute, rule.op, rule.value
    if attribute not in KNOWN and not is_name(attribute):
        raise ValueError(
            f"a rule tests one of {', '.join(KNOWN)}, or an attribute that callers give:"
            " 1 to 64 letters, digits, dashes and underscores"
        )
    values = value if isinstance(value, list) else [value]
    if any(isinstance(each, str) and len(each) > MAX_VALUE for each in values):
        raise ValueError(f"a value has {MAX_VALUE} characters at most")
    texts = all(isinstance(each, str) for each in values)
    if attribute in KNOWN and op is not Operator.EXISTS and not texts:
        raise ValueError(f"{attribute} is a text, and is compared with texts")
    return rule


class Plan(_Part):
    """A ramp as somebody wants it.

    Attributes:
        candidate: number of the version that the label shall lead to.
        rules: tried in order, before the percentages.
        guards: none is a ramp that nothing stops but people.
    """

    label: Annotated[str, Field(min_length=1, max_length=40)]
    candidate: Annotated[int, Field(ge=1, lt=2**31)]
    unit: Literal["member", "thread", "team", "key"] = "member"
    stages: Annotated[list[StagePlan], Field(min_length=1, max_length=MAX_STAGES)]
    rules: Annotated[
        list[Annotated[Rule, AfterValidator(_can_match)]], Field(max_length=MAX_RULES)
    ] = []
    guards: Annotated[list[GuardPlan], Field(max_length=MAX_GUARDS)] = []
    automatic_advance: bool = False
    on_regression: Literal["pause", "rollback"] = "rollback"

    @model_validator(mode="after")
    def _grows(self) -> Self:
        percents = [stage.percent for stage in self.stages]
        if any(one >= other for one, other in itertools.pairwise(percents)):
            raise ValueError("each stage has a higher percentage than the one before it")
        if len({guard.kind for guard in self.guards}) < len(self.guards):
            raise ValueError("each metric guards once")
        return self

    @property
    def steps(self) -> list[Stage]:
        """Return the stages, to simulate them."""
        return [Stage(**stage.model_dump()) for stage in self.stages]


_NEEDED = {"too_short": "at least one is needed", "missing": "this is needed"}


def plan_of(body: Mapping[str, Any]) -> Plan:
    """Read a plan.

    Raises:
        InvalidInput: ``ramp.invalid`` with ``errors``, a list of ``field`` and ``message``.
    """
    try:
        return Plan.model_validate(dict(body))
    except ValidationError as error:
        errors = [
            {
                "field": ".".join(map(str, each["loc"])),
                "message": _NEEDED.get(each["type"], said_of(each)),
            }
            for each in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        first = errors[0]
        raise InvalidInput(
            "ramp.invalid", f"{first['field'] or 'ramp'}: {first['message']}", errors=errors
        ) from None
