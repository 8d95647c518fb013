"""Traces and their spans, as stored by the sink."""

import datetime as dt
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT, KeyTextTransform
from django.db.models.lookups import Exact

from playground.core.context import RequestContext
from playground.core.span_records import SpanKind, SpanStatus

# The attribute of a root span that holds what was asked, by the name OpenInference gives it.
REQUEST = "input.value"
# By these a span tells which ramp chose its prompt, and for which arm.
RAMP = "playground.prompt.ramp"
ARM = "playground.prompt.arm"


def _choices(values: type[SpanKind] | type[SpanStatus]) -> list[tuple[str, str]]:
    return [(each.value, each.value) for each in values]


class TraceQuerySet(models.QuerySet["Trace"]):
    """Find traces."""

    def visible_to(self, context: RequestContext) -> "TraceQuerySet":
        """Keep the traces of the caller's team."""
        return self.filter(team=context.team)

    def matching(self, text: str) -> "TraceQuerySet":
        """Keep traces whose name, model or identifier contains the text."""
        return self.filter(
            Q(name__icontains=text)
            | Q(model_names__icontains=text)
            | Q(id__startswith=text.lower())
            | Q(run_id__startswith=text.lower())
            | Q(thread_id__startswith=text.lower())
        )


class Trace(models.Model):
    """One run seen as a tree of spans; totals are those of its model calls."""

    id = models.CharField(primary_key=True, max_length=32)
    team = models.CharField(max_length=64)
    subject = models.CharField(max_length=200)
    name = models.CharField(max_length=300)
    run_id = models.CharField(max_length=64, null=True)  # noqa: DJ001 (absent, not empty)
    thread_id = models.CharField(max_length=64, null=True)  # noqa: DJ001 (absent, not empty)
    status = models.CharField(max_length=12, choices=_choices(SpanStatus))
    attempt = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    duration_ms = models.FloatField(null=True)
    span_count = models.PositiveIntegerField(default=0)
    error_count = models.PositiveIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=16, decimal_places=8, default=0)
    model_names = models.CharField(max_length=600, default="", blank=True)
    stored_at = models.DateTimeField()

    objects = TraceQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(fields=["team", "-started_at", "-id"], name="trace_newest"),
            models.Index(fields=["team", "thread_id"], name="trace_thread"),
            models.Index(fields=["team", "run_id"], name="trace_run"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=[each.value for each in SpanStatus]), name="trace_status"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.id}"

    @property
    def tokens(self) -> int:
        """Return input and output tokens together."""
        return self.input_tokens + self.output_tokens

    @property
    def live(self) -> bool:
        """Tell whether more is to come."""
        return self.status == SpanStatus.RUNNING


class SpanQuerySet(models.QuerySet["Span"]):
    """Find spans."""

    def visible_to(self, context: RequestContext) -> "SpanQuerySet":
        """Keep the spans of the caller's team."""
        return self.filter(trace__team=context.team)

    def changed_since(self, moment: dt.datetime) -> "SpanQuerySet":
        """Keep what was stored after a moment of the database's clock."""
        return self.filter(stored_at__gt=moment)

    def led_by(self, ramp: str, *, arm: str = "") -> "SpanQuerySet":
        """Keep those whose prompt a ramp chose, for one arm or for either."""
        # The first condition is that of the index.
        led = self.filter(
            Exact(KeyTextTransform(RAMP, "attributes"), ramp), attributes__has_key=RAMP
        )
        return led.filter(Exact(KeyTextTransform(ARM, "attributes"), arm)) if arm else led


class Span(models.Model):
    """One step of a trace, at its newest revision.

    ``id`` is the trace's id and the span's, so that no foreign writer can touch another trace's.
    """

    id = models.CharField(primary_key=True, max_length=49)
    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, related_name="spans", db_index=False)
    span_id = models.CharField(max_length=16)
    parent_id = models.CharField(max_length=16, null=True)  # noqa: DJ001 (absent, not empty)
    attempt = models.PositiveIntegerField(default=1)
    revision = models.PositiveIntegerField()
    name = models.CharField(max_length=300)
    kind = models.CharField(max_length=12, choices=_choices(SpanKind))
    status = models.CharField(max_length=12, choices=_choices(SpanStatus))
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    error = models.TextField(default="", blank=True)
    model = models.CharField(max_length=200, default="", blank=True)
    input_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    cost_usd = models.DecimalField(max_digits=16, decimal_places=8, null=True)
    attributes = models.JSONField(default=dict)
    input = models.JSONField(null=True)
    output = models.JSONField(null=True)
    events = models.JSONField(default=list)
    stored_at = models.DateTimeField()

    objects = SpanQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(fields=["trace", "started_at", "span_id"], name="span_in_order"),
            models.Index(fields=["trace", "stored_at"], name="span_changed"),
            models.Index(
                KeyTextTransform(RAMP, "attributes"),
                KeyTextTransform(ARM, "attributes"),
                name="span_ramp",
                condition=Q(attributes__has_key=RAMP),
            ),
            models.Index(
                KT("attributes__gen_ai.prompt.name"),
                KT("attributes__playground.prompt.label"),
                models.F("started_at").desc(),
                name="span_of_label",
                condition=Q(attributes__has_key="playground.prompt.label"),
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=[each.value for each in SpanStatus])
                & Q(kind__in=[each.value for each in SpanKind]),
                name="span_vocabulary",
            ),
            models.CheckConstraint(
                condition=Q(status=SpanStatus.RUNNING.value) ^ Q(ended_at__isnull=False),
                name="span_ended_unless_running",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.span_id}"

    @property
    def duration_ms(self) -> float | None:
        """Return milliseconds from start to end, None while it runs."""
        if self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds() * 1000

    @property
    def tokens(self) -> int | None:
        """Return input and output tokens together, None where none were counted."""
        if self.input_tokens is None and self.output_tokens is None:
            return None
        return (self.input_tokens or 0) + (self.output_tokens or 0)

    def attribute(self, name: str) -> Any:
        """Return one attribute, None where there is none."""
        return self.attributes.get(name)
