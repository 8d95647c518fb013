"""Ramps, what guards them, and what happened to them."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from playground.core.context import RequestContext
from playground.core.ids import new_id, urn
from playground.prompts.ramps.bucketing import Rule
from playground.prompts.ramps.sequential import ALPHA
from playground.prompts.ramps.simulating import Stage


class RampQuerySet(models.QuerySet["Ramp"]):
    def visible_to(self, context: RequestContext) -> Self:
        """Keep the ramps of the context's team."""
        return self.filter(prompt__team__slug=context.team)

    def live(self) -> Self:
        """Keep those that assign callers: running and paused ones."""
        return self.filter(state__in=Ramp.LIVE)

    def whole(self) -> Self:
        """Load what naming a ramp takes."""
        return self.select_related("prompt__team", "baseline__prompt", "candidate__prompt")


class Ramp(models.Model):
    """The change of a label from one version to another, a part of the callers at a time.

    ``stages`` is a list of ``percent``, ``min_minutes`` and ``min_samples``, ``rules`` of what
    ``bucketing.Rule`` holds. ``stage`` counts from 0. ``period`` counts from 1 how often the
    percentage or the judgement began anew: what was seen in one period is never mixed with
    another's, as the hours and the callers differ. ``since`` is when the period began,
    ``started_at`` when the first did. ``revision`` counts how often the draft was edited, from 1.
    People are URNs.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        COMPLETED = "completed", "Completed"
        ROLLED_BACK = "rolled_back", "Rolled back"
        DISCARDED = "discarded", "Discarded"

    class Unit(models.TextChoices):
        MEMBER = "member", "Member"
        THREAD = "thread", "Thread"
        TEAM = "team", "Team"
        KEY = "key", "Key"

    class Remedy(models.TextChoices):
        PAUSE = "pause", "Pause"
        ROLL_BACK = "rollback", "Roll back"

    LIVE: ClassVar = (State.RUNNING, State.PAUSED)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    prompt = models.ForeignKey("prompts.Prompt", on_delete=models.CASCADE, related_name="ramps")
    label = models.SlugField(max_length=40)
    baseline = models.ForeignKey(
        "prompts.PromptVersion", on_delete=models.PROTECT, related_name="+"
    )
    candidate = models.ForeignKey(
        "prompts.PromptVersion", on_delete=models.PROTECT, related_name="+"
    )
    unit = models.CharField(max_length=8, choices=Unit, default=Unit.MEMBER)
    salt = models.CharField(max_length=32)
    stages = models.JSONField()
    rules = models.JSONField(default=list)
    state = models.CharField(max_length=12, choices=State, default=State.DRAFT)
    stage = models.PositiveSmallIntegerField(default=0)
    period = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    revision = models.PositiveIntegerField(default=1)
    automatic_advance = models.BooleanField(default=False)
    on_regression = models.CharField(max_length=8, choices=Remedy, default=Remedy.ROLL_BACK)
    created_by = models.CharField(max_length=128)
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    objects = RampQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["prompt", "label"],
                condition=Q(state__in=("running", "paused")),
                name="prompt_ramp_live_once",
            ),
            models.CheckConstraint(
                condition=~Q(baseline=F("candidate")), name="prompt_ramp_between_two_versions"
            ),
            models.CheckConstraint(
                condition=Q(state__in=("draft", "discarded"), period=0, since=None)
                | (~Q(state__in=("draft", "discarded")) & Q(period__gte=1, since__isnull=False)),
                name="prompt_ramp_begun_unless_draft",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=("completed", "rolled_back", "discarded"), ended_at__isnull=False
                )
                | (~Q(state__in=("completed", "rolled_back", "discarded")) & Q(ended_at=None)),
                name="prompt_ramp_ended_when_over",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} from {self.baseline.number} to {self.candidate.number}"

    @property
    def urn(self) -> str:
        """Name the ramp in audit rows."""
        return urn("ramp", self.pk)

    @property
    def is_live(self) -> bool:
        """Return whether it assigns callers."""
        return self.state in self.LIVE

    @property
    def steps(self) -> list[Stage]:
        """Return its stages in order."""
        return [Stage(**stage) for stage in self.stages]

    @property
    def growth(self) -> str:
        """Return the percentages of its stages, in words that no line breaks."""
        return " → ".join(f"{stage.percent:g}\N{NO-BREAK SPACE}%" for stage in self.steps)

    @property
    def step(self) -> Stage:
        """Return the stage that it is in."""
        return self.steps[self.stage]

    @property
    def ruling(self) -> tuple[Rule, ...]:
        """Return its rules in order."""
        return tuple(Rule.model_validate(rule) for rule in self.rules)


class GuardMetric(models.Model):
    """What must not get worse: by more than ``tolerated``, in the metric's own unit.

    ``kind`` is one of ``metrics.RATES`` and ``metrics.MEANS``, or ``score:<evaluator>``. ``alpha``
    is how likely a false alarm is over the whole ramp.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    ramp = models.ForeignKey(Ramp, on_delete=models.CASCADE, related_name="guards")
    kind = models.CharField(max_length=80)
    lower_is_better = models.BooleanField()
    tolerated = models.FloatField()
    alpha = models.FloatField(default=ALPHA)

    class Meta:
        ordering: ClassVar = ["ramp", "kind"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["ramp", "kind"], name="prompt_guard_once"),
            models.CheckConstraint(condition=Q(tolerated__gte=0), name="prompt_guard_tolerates"),
            models.CheckConstraint(
                condition=Q(alpha__gt=0, alpha__lt=0.5), name="prompt_guard_alpha_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by at most {self.tolerated:g}"


class RampEvent(models.Model):
    """One thing that was done to a ramp; the database refuses to change it. ``who`` is a URN."""

    class What(models.TextChoices):
        CREATED = "created", "Created"
        EDITED = "edited", "Edited"
        PROPOSED = "proposed", "Proposed"
        WITHDRAWN = "withdrawn", "Withdrawn"
        REJECTED = "rejected", "Rejected"
        STARTED = "started", "Started"
        ADVANCED = "advanced", "Advanced"
        PAUSED = "paused", "Paused"
        RESUMED = "resumed", "Resumed"
        ROLLED_BACK = "rolled_back", "Rolled back"
        COMPLETED = "completed", "Completed"
        DISCARDED = "discarded", "Discarded"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    ramp = models.ForeignKey(Ramp, on_delete=models.CASCADE, related_name="events")
    what = models.CharField(max_length=12, choices=What)
    who = models.CharField(max_length=128)
    reason = models.CharField(max_length=500)
    stage = models.PositiveSmallIntegerField()
    percent = models.FloatField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.what} by {self.who}"
