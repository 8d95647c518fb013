"""Feedback on runs over REST."""

import datetime as dt
import uuid
from typing import Annotated, Literal

from ninja import Router, Schema, Status
from pydantic import Field, StrictBool, StrictFloat, StrictInt

from playground.messaging import feedback, runs
from playground.messaging.feedback import Given
from playground.messaging.models import Feedback, Source
from playground.policy.deciding import require
from playground.policy.requests import TeamRequest

feedback_api = Router(tags=["runs"])


class FeedbackIn(Schema):
    """What is said of a run: ``thumbs`` with 1 or 0, or a score under an evaluator's name.

    ``source`` is ``program`` for calls with an API key unless it says otherwise.
    """

    key: Annotated[str, Field(max_length=200)]
    score: StrictBool | StrictInt | StrictFloat
    comment: Annotated[str, Field(max_length=100_000)] = ""
    source: Literal["human", "program"] | None = None


class FeedbackOut(Schema):
    """What somebody said of a run; yes is 1 and no is 0."""

    id: uuid.UUID
    run_id: uuid.UUID
    key: str
    score: float
    comment: str
    source: str
    author: str
    created_at: dt.datetime
    updated_at: dt.datetime


class FeedbackListOut(Schema):
    """All that was said of a run, oldest first."""

    items: list[FeedbackOut]
    next: str | None = None


@feedback_api.get("/{uuid:run_id}/feedback", response=FeedbackListOut, summary="Feedback on a run")
def list_feedback(request: TeamRequest, run_id: uuid.UUID) -> dict[str, list[Feedback]]:
    """List what people and programs said of a run."""
    run = runs.find(run_id, by=request.context)
    require(request.context, "view", run.lane.resource())
    return {"items": feedback.of_runs([run.pk], team=request.context.team).get(run.pk, [])}


@feedback_api.post(
    "/{uuid:run_id}/feedback", response={201: FeedbackOut}, summary="Give feedback on a run"
)
def give_feedback(request: TeamRequest, run_id: uuid.UUID, body: FeedbackIn) -> Status[Feedback]:
    """Score a run under a key; what you said under it before is replaced."""
    by_key = Source.PROGRAM if request.context.key else Source.HUMAN
    source = by_key if body.source is None else Source(body.source)
    given = Given(body.key, body.score, body.comment, source)
    return Status(201, feedback.give(run_id, given, by=request.context))


@feedback_api.delete(
    "/{uuid:run_id}/feedback/{key}", response={204: None}, summary="Take feedback back"
)
def take_feedback_back(request: TeamRequest, run_id: uuid.UUID, key: str) -> Status[None]:
    """Delete what you said of a run under a key."""
    feedback.take_back(run_id, key, by=request.context)
    return Status(204, None)
