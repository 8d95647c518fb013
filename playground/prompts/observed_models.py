"""What was seen under ramps: sums and counts, and no call by itself.

What is kept of single units and runs is deleted when the ramp is over.
"""

import uuid
from typing import Any

from django.db import models
from django.db.models.functions import Now

from playground.prompts.ramps.bucketing import Arm


class _Sums(models.Model):
    """Sums over observations; see ``clustering.UnitSums``. Only added to, by ``observing``."""

    ramp = models.ForeignKey("prompts.Ramp", on_delete=models.CASCADE, related_name="+")
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


class SlotSums(_Sums):
    """What was seen of an arm in a slot of time, for charts; see ``slotting``.

    The slots are short while a ramp is young, so that there are some hundreds of rows a metric and
    arm, however many calls there were.
    """

    pk = models.CompositePrimaryKey("ramp", "slot", "metric", "arm")
    slot = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.metric} of {self.arm} at {self.slot:%Y-%m-%d %H:%M:%S}"


class ExposedSums(models.Model):
    """How many units an arm has had first seen in a slot of time, as ``Exposure`` tells one by one.

    Counted when they are first seen: a page that counted a million of them would take seconds.
    """

    pk = models.CompositePrimaryKey("ramp", "slot", "arm")
    ramp = models.ForeignKey("prompts.Ramp", on_delete=models.CASCADE, related_name="+")
    slot = models.DateTimeField()
    arm = models.CharField(max_length=9, choices=[(arm.value, arm.value) for arm in Arm])
    units = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.units} of {self.arm} at {self.slot:%Y-%m-%d %H:%M:%S}"


class UnitTally(models.Model):
    """What a unit has added to the sums of a period; deleted soon after the ramp is over."""

    pk = models.CompositePrimaryKey("ramp", "period", "unit", "metric")
    ramp = models.ForeignKey("prompts.Ramp", on_delete=models.CASCADE, related_name="+")
    period = models.PositiveIntegerField()
    unit = models.CharField(max_length=32)
    metric = models.CharField(max_length=80)
    n = models.BigIntegerField()
    total = models.FloatField()

    def __str__(self) -> str:
        return f"{self.metric} of a unit: {self.n}"


class Told(models.Model):
    """That something was told of a call; deleted when the ramp is over.

    ``key`` names the call: ``call:<reservation>``, ``run:<uuid>``, or what a program calls it.
    """

    pk = models.CompositePrimaryKey("ramp", "key")
    ramp = models.ForeignKey("prompts.Ramp", on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.key


class Exposure(models.Model):
    """That a unit was seen in an arm first at some time; ``unit`` is a hash of its key."""

    pk = models.CompositePrimaryKey("ramp", "unit", "arm")
    ramp = models.ForeignKey("prompts.Ramp", on_delete=models.CASCADE, related_name="exposures")
    unit = models.CharField(max_length=32)
    arm = models.CharField(max_length=9, choices=[(arm.value, arm.value) for arm in Arm])
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.arm} since {self.at:%Y-%m-%d %H:%M}"


class _InArm(models.Model):
    """By which sums something is counted; see ``assigning.Assigned.token``."""

    period = models.PositiveIntegerField()
    arm = models.CharField(max_length=9, choices=[(arm.value, arm.value) for arm in Arm])
    unit = models.CharField(max_length=32)

    class Meta:
        abstract = True

    def as_token(self, ramp: uuid.UUID) -> dict[str, Any]:
        """Return what ``observing.record`` takes."""
        return {"ramp": str(ramp), "period": self.period, "arm": self.arm, "unit": self.unit}


class RunInRamp(_InArm):
    """That a run took part in a ramp, for what is said of it later.

    Attributes:
        attempt: of the run, at which it last asked for the prompt.
        mixed: it got both arms in one attempt, so that nobody can tell which of them is meant.
    """

    pk = models.CompositePrimaryKey("run_id", "ramp")
    ramp = models.ForeignKey("prompts.Ramp", on_delete=models.CASCADE, related_name="+")
    run_id = models.UUIDField()
    attempt = models.PositiveIntegerField()
    mixed = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.run_id} in {self.arm}"


class CountedFeedback(_InArm):
    """What somebody said of a run, as it is in the sums now; ``value`` is None once taken back.

    Attributes:
        author: a hash of who said it.
        at: when it was first counted.
    """

    pk = models.CompositePrimaryKey("ramp", "run_id", "metric", "author")
    ramp = models.ForeignKey("prompts.Ramp", on_delete=models.CASCADE, related_name="+")
    run_id = models.UUIDField()
    metric = models.CharField(max_length=80)
    author = models.CharField(max_length=32)
    value = models.FloatField(null=True)
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.metric} of {self.run_id}: {self.value}"
