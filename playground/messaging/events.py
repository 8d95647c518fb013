"""The events of a lane's log, each with its exact shape. Pure: imports no Django."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MessageCreated(_Event):
    """Somebody said something; the event's seq is the message's."""

    type: Literal["message.created"] = "message.created"
    message_id: uuid.UUID
    role: Literal["user", "assistant", "tool", "system"]
    content: str
    data: dict[str, Any] | None = None
    author: str
    run_id: uuid.UUID | None = None


class RunQueued(_Event):
    """A run waits for its turn: a new one, or a replayed one."""

    type: Literal["run.queued"] = "run.queued"
    run_id: uuid.UUID


class RunStarted(_Event):
    """A worker began an attempt; whatever was written of an answer before is void."""

    type: Literal["run.started"] = "run.started"
    run_id: uuid.UUID
    attempt: int


class RunStep(_Event):
    """A step began or ended; the latest event of a ``step_id`` counts."""

    type: Literal["run.step"] = "run.step"
    run_id: uuid.UUID
    attempt: int
    step_id: str
    kind: str
    name: str
    title: str
    status: Literal["running", "ok", "error"]
    summary: str = ""
    span_id: str | None = None
    ms: int | None = None
    data: dict[str, Any] | None = None


class PlanItem(_Event):
    """One line of a plan."""

    id: str
    title: str
    status: str


class RunPlan(_Event):
    """The plan as it is now; it replaces the one before."""

    type: Literal["run.plan"] = "run.plan"
    run_id: uuid.UUID
    items: list[PlanItem]


class RunRetrying(_Event):
    """An attempt failed or was handed over, and another one follows."""

    type: Literal["run.retrying"] = "run.retrying"
    run_id: uuid.UUID
    attempt: int
    code: str
    delay_ms: int


class RunEnded(_Event):
    """A run reached its terminal state; ``usage`` counts tokens and money of all attempts."""

    type: Literal["run.ended"] = "run.ended"
    run_id: uuid.UUID
    status: Literal["succeeded", "failed", "cancelled", "dead"]
    code: str | None = None
    detail: str | None = None
    usage: dict[str, Any] = Field(default_factory=dict)


class RunFeedback(_Event):
    """Somebody scored a run under a key, anew or once more; without a score they took it back.

    What they wrote is not in the log, which nobody can take anything out of.
    """

    type: Literal["run.feedback"] = "run.feedback"
    run_id: uuid.UUID
    key: str
    author: str
    source: Literal["human", "program"] | None = None
    score: float | None = None


class ThreadUpdated(_Event):
    """Something about the thread itself changed: its title, its agent's version."""

    type: Literal["thread.updated"] = "thread.updated"
    data: dict[str, Any]


LaneEvent = Annotated[
    MessageCreated
    | RunQueued
    | RunStarted
    | RunStep
    | RunPlan
    | RunRetrying
    | RunEnded
    | RunFeedback
    | ThreadUpdated,
    Field(discriminator="type"),
]
_adapter: TypeAdapter[LaneEvent] = TypeAdapter(LaneEvent)


def parse(event: Mapping[str, Any]) -> LaneEvent:
    """Read an event from its JSON object.

    Raises:
        pydantic.ValidationError: it is none of ours, or has other fields.
    """
    return _adapter.validate_python(dict(event))


def payload(event: LaneEvent) -> dict[str, Any]:
    """Return an event's JSON object without its type, as it is stored."""
    return event.model_dump(mode="json", exclude={"type"})
