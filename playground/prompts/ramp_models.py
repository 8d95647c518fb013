"""Ramps, what guards them, what was seen of them, and what happened to them."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from playground.core.context import RequestContext
from playground.core.ids import new_id, urn
from playground.prompts.bucketing import Arm, Rule
from playground.prompts.sequential import ALPHA
from playground.prompts.simulating import Stage


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
    another's, as the hours and the callers differ. ``since`` is when the period began. People are
    URNs.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        COMPLETED = "completed", "Completed"
        ROLLED_BACK = "rolled_back", "Rolled back"

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
                condition=Q(state="draft", period=0, since=None)
                | (~Q(state="draft") & Q(period__gte=1, since__isnull=False)),
                name="prompt_ramp_begun_unless_draft",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("completed", "rolled_back"), ended_at__isnull=False)
                | (~Q(state__in=("completed", "rolled_back")) & Q(ended_at=None)),
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


class _Sums(models.Model):
    """Sums over observations; see ``clustering.UnitSums``. Only added to, by ``observing``."""

    ramp = models.ForeignKey(Ramp, on_delete=models.CASCADE, related_name="+")
    metric = models.CharField(max_length=80)
    arm = models.CharField(max_length=9, choices=[(arm.value, arm.value) for arm in Arm])
    n = models.BigIntegerField(default=0)
    total = models.FloatField(default=0)
    squares = models.FloatField(default=0)

    class Meta:
        abstract = True


class ArmSums(_Sums):
    """What was seen of an arm in a period; what verdicts are made of."""

    pk = models.CompositePrimaryKey("ramp", "period", "metric", "arm")
    period = models.PositiveIntegerField()
    units = models.BigIntegerField(default=0)
    counts_squared = models.FloatField(default=0)
    products = models.FloatField(default=0)
    totals_squared = models.FloatField(default=0)

    def __str__(self) -> str:
        return f"{self.metric} of {self.arm}: {self.n}"


class HourSums(_Sums):
    """What was seen of an arm in an hour, for charts."""

    pk = models.CompositePrimaryKey("ramp", "hour", "metric", "arm")
    hour = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.metric} of {self.arm} at {self.hour:%Y-%m-%d %H}"


class UnitTally(models.Model):
    """What a unit has added to the sums of a period; deleted when the ramp is over."""

    pk = models.CompositePrimaryKey("ramp", "period", "unit", "metric")
    ramp = models.ForeignKey(Ramp, on_delete=models.CASCADE, related_name="+")
    period = models.PositiveIntegerField()
    unit = models.CharField(max_length=32)
    metric = models.CharField(max_length=80)
    n = models.BigIntegerField()
    total = models.FloatField()

    def __str__(self) -> str:
        return f"{self.metric} of a unit: {self.n}"


class Exposure(models.Model):
    """That a unit was seen in an arm first at some time; ``unit`` is a hash of its key."""

    pk = models.CompositePrimaryKey("ramp", "unit", "arm")
    ramp = models.ForeignKey(Ramp, on_delete=models.CASCADE, related_name="exposures")
    unit = models.CharField(max_length=32)
    arm = models.CharField(max_length=9, choices=[(arm.value, arm.value) for arm in Arm])
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index(fields=["ramp", "at"], name="prompt_exposure_by_time")]

    def __str__(self) -> str:
        return f"{self.arm} since {self.at:%Y-%m-%d %H:%M}"


class RampEvent(models.Model):
    """One thing that was done to a ramp; the database refuses to change it. ``who`` is a URN."""

    class What(models.TextChoices):
        CREATED = "created", "Created"
        STARTED = "started", "Started"
        ADVANCED = "advanced", "Advanced"
        PAUSED = "paused", "Paused"
        RESUMED = "resumed", "Resumed"
        ROLLED_BACK = "rolled_back", "Rolled back"
        COMPLETED = "completed", "Completed"

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
