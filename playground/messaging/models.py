"""Lanes, messages, runs and events: the durable truth of every conversation."""

import secrets
import uuid
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from playground.core.context import RequestContext
from playground.core.ids import new_id, urn
from playground.messaging.feedback_models import MAX_COMMENT, Feedback, Source
from playground.messaging.statuses import ACTIVE, RunStatus
from playground.policy.deciding import Resource

__all__ = [
    "MAX_COMMENT",
    "Event",
    "Feedback",
    "Lane",
    "LaneQuerySet",
    "Message",
    "Role",
    "Run",
    "RunQuerySet",
    "Source",
    "new_trace_id",
]


class Role(models.TextChoices):
    """Who speaks in a message."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    SYSTEM = "system"


class LaneQuerySet(models.QuerySet["Lane"]):
    def visible_to(self, context: RequestContext) -> Self:
        """Keep the lanes of the context's team."""
        return self.filter(team__slug=context.team)


class Lane(models.Model):
    """A queue with one counter: totally ordered, worked on by one worker at a time.

    Attributes:
        next_seq: the number that the next event gets.
        stream_epoch: names this history of the log; clients start over when it changes.
        runnable_at: when the first waiting run may be claimed; None while none waits.
        head_checkpoint: where the graph of the lane's last run stands.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey("policy.Team", on_delete=models.CASCADE, related_name="lanes")
    kind = models.CharField(max_length=32, default="thread")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="lanes"
    )
    next_seq = models.BigIntegerField(default=1)
    stream_epoch = models.UUIDField(default=uuid.uuid4)
    lease_epoch = models.BigIntegerField(default=0)
    lease_owner = models.CharField(max_length=100, default="", blank=True)
    lease_until = models.DateTimeField(null=True)
    runnable_at = models.DateTimeField(null=True)
    head_checkpoint = models.CharField(max_length=64, default="", blank=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects = LaneQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["runnable_at"], name="lane_runnable", condition=~Q(runnable_at=None)
            ),
            models.Index(fields=["team", "-updated_at"], name="lane_newest_of_team"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def head_seq(self) -> int:
        """Return the number of the newest event, 0 before the first."""
        return self.next_seq - 1

    def resource(self) -> Resource:
        """Describe the lane to the policies; reads team and owner."""
        return Resource(
            kind=self.kind.capitalize(),
            id=str(self.id),
            team=self.team.slug,
            owner=urn("user", self.owner.username),
        )


class Message(models.Model):
    """Something said in a lane; its ``seq`` is that of its ``message.created`` event.

    Attributes:
        author: URN of who said it.
        dedup_key: the sender's name for it, once in a lane.
        run: the run that it started, or that wrote it.
        control: passes the messages of its lane that wait.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="messages")
    seq = models.BigIntegerField()
    role = models.CharField(max_length=16, choices=Role)
    content = models.TextField(blank=True)
    data = models.JSONField(null=True)
    author = models.CharField(max_length=200)
    dedup_key = models.CharField(max_length=200, null=True)  # noqa: DJ001
    body_hash = models.CharField(max_length=64)
    run = models.ForeignKey(
        "messaging.Run", on_delete=models.CASCADE, null=True, related_name="messages"
    )
    control = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["lane", "seq"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["lane", "seq"], name="message_once_per_seq"),
            models.UniqueConstraint(fields=["lane", "dedup_key"], name="message_once_per_key"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="message_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.seq} in {self.lane_id}"


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, context: RequestContext) -> Self:
        """Keep the runs of the context's team."""
        return self.filter(lane__team__slug=context.team)

    def active(self) -> Self:
        """Keep the runs that have not ended."""
        return self.filter(status__in=[str(status) for status in ACTIVE])

    def in_turn(self, *before: str) -> Self:
        """Order by whose turn it is: control messages first, then as they came."""
        return self.order_by(*before, "-message__control", "message__seq")


def new_trace_id() -> str:
    """Return the 32 hexadecimal digits of a W3C trace id."""
    return secrets.token_hex(16)


class Run(models.Model):
    """The work that answers one message.

    Attributes:
        attempt: counted when a worker claims it, so that a crash counts too.
        why: what was decided when it was started, such as the agent's version.
        partial_text: what is written of the next message, saved about twice a second.
        partial_offset: characters of the attempt before ``partial_text`` began.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="runs")
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="started_runs")
    status = models.CharField(
        max_length=16,
        choices=[(str(status), status.name.title()) for status in RunStatus],
        default=str(RunStatus.QUEUED),
    )
    attempt = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField(default=3)
    available_at = models.DateTimeField(db_default=Now())
    cancel_requested_at = models.DateTimeField(null=True)
    trace_id = models.CharField(max_length=32, default=new_trace_id, db_index=True)
    why = models.JSONField(null=True)
    error_code = models.CharField(max_length=100, default="", blank=True)
    error_detail = models.TextField(default="", blank=True)
    partial_text = models.TextField(default="", blank=True)
    partial_offset = models.BigIntegerField(default=0)
    usage = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message"], name="run_once_per_message"),
            models.CheckConstraint(
                condition=Q(status__in=[str(status) for status in RunStatus]),
                name="run_status_known",
            ),
            # Whatever goes wrong elsewhere, one lane never has two runs at work.
            models.UniqueConstraint(
                fields=["lane"],
                condition=Q(status=str(RunStatus.RUNNING)),
                name="run_one_at_a_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["lane"],
                name="run_active_of_lane",
                condition=Q(status__in=[str(status) for status in sorted(ACTIVE)]),
            ),
            models.Index(fields=["-created_at"], name="run_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.status} run {self.id}"


class Event(models.Model):
    """One entry of a lane's log, never changed."""

    pk = models.CompositePrimaryKey("lane_id", "seq")
    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="events", db_index=False)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=32)
    payload = models.JSONField()
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, related_name="events")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["lane", "seq"]

    def __str__(self) -> str:
        return f"{self.type} {self.seq} in {self.lane_id}"

    def body(self) -> dict[str, Any]:
        """Return the event as clients get it: type, time and payload in one object."""
        return {"type": self.type, "at": self.created_at.isoformat(), **self.payload}
