"""Ramps between two versions of a label, what guards them and what was seen of them."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import playground.core.ids

FROZEN = """
CREATE FUNCTION prompts_rampevent_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of ramps never changes' USING ERRCODE = 'restrict_violation';
END $$;
CREATE FUNCTION prompts_rampevent_refuse_loss() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM prompts_ramp WHERE id = OLD.ramp_id) THEN
        RAISE EXCEPTION 'the history of ramps never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER prompts_rampevent_immutable BEFORE UPDATE ON prompts_rampevent
    FOR EACH ROW EXECUTE FUNCTION prompts_rampevent_refuse_change();
CREATE CONSTRAINT TRIGGER prompts_rampevent_kept AFTER DELETE ON prompts_rampevent
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION prompts_rampevent_refuse_loss();
"""
MELTED = """
DROP TRIGGER prompts_rampevent_kept ON prompts_rampevent;
DROP TRIGGER prompts_rampevent_immutable ON prompts_rampevent;
DROP FUNCTION prompts_rampevent_refuse_loss();
DROP FUNCTION prompts_rampevent_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("prompts", "0005_drafts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Ramp",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=playground.core.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("label", models.SlugField(max_length=40)),
                (
                    "unit",
                    models.CharField(
                        choices=[
                            ("member", "Member"),
                            ("thread", "Thread"),
                            ("team", "Team"),
                            ("key", "Key"),
                        ],
                        default="member",
                        max_length=8,
                    ),
                ),
                ("salt", models.CharField(max_length=32)),
                ("stages", models.JSONField()),
                ("rules", models.JSONField(default=list)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("running", "Running"),
                            ("paused", "Paused"),
                            ("completed", "Completed"),
                            ("rolled_back", "Rolled back"),
                        ],
                        default="draft",
                        max_length=12,
                    ),
                ),
                ("stage", models.PositiveSmallIntegerField(default=0)),
                ("period", models.PositiveIntegerField(default=0)),
                ("since", models.DateTimeField(null=True)),
                ("automatic_advance", models.BooleanField(default=False)),
                (
                    "on_regression",
                    models.CharField(
                        choices=[("pause", "Pause"), ("rollback", "Roll back")],
                        default="rollback",
                        max_length=8,
                    ),
                ),
                ("created_by", models.CharField(max_length=128)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "baseline",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="prompts.promptversion",
                    ),
                ),
                (
                    "candidate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="prompts.promptversion",
                    ),
                ),
                (
                    "prompt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ramps",
                        to="prompts.prompt",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="HourSums",
            fields=[
                ("metric", models.CharField(max_length=80)),
                (
                    "arm",
                    models.CharField(
                        choices=[("baseline", "baseline"), ("candidate", "candidate")], max_length=9
                    ),
                ),
                ("n", models.BigIntegerField(default=0)),
                ("total", models.FloatField(default=0)),
                ("squares", models.FloatField(default=0)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "ramp",
                        "hour",
                        "metric",
                        "arm",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("hour", models.DateTimeField()),
                (
                    "ramp",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="prompts.ramp",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="GuardMetric",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=playground.core.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("kind", models.CharField(max_length=80)),
                ("lower_is_better", models.BooleanField()),
                ("tolerated", models.FloatField()),
                ("alpha", models.FloatField(default=0.05)),
                (
                    "ramp",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="guards",
                        to="prompts.ramp",
                    ),
                ),
            ],
            options={
                "ordering": ["ramp", "kind"],
            },
        ),
        migrations.CreateModel(
            name="Exposure",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "ramp",
                        "unit",
                        "arm",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("unit", models.CharField(max_length=32)),
                (
                    "arm",
                    models.CharField(
                        choices=[("baseline", "baseline"), ("candidate", "candidate")], max_length=9
                    ),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "ramp",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="exposures",
                        to="prompts.ramp",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ArmSums",
            fields=[
                ("metric", models.CharField(max_length=80)),
                (
                    "arm",
                    models.CharField(
                        choices=[("baseline", "baseline"), ("candidate", "candidate")], max_length=9
                    ),
                ),
                ("n", models.BigIntegerField(default=0)),
                ("total", models.FloatField(default=0)),
                ("squares", models.FloatField(default=0)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "ramp",
                        "period",
                        "metric",
                        "arm",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("period", models.PositiveIntegerField()),
                ("units", models.BigIntegerField(default=0)),
                ("counts_squared", models.FloatField(default=0)),
                ("products", models.FloatField(default=0)),
                ("totals_squared", models.FloatField(default=0)),
                (
                    "ramp",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="prompts.ramp",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="RampEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=playground.core.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "what",
                    models.CharField(
                        choices=[
                            ("created", "Created"),
                            ("started", "Started"),
                            ("advanced", "Advanced"),
                            ("paused", "Paused"),
                            ("resumed", "Resumed"),
                            ("rolled_back", "Rolled back"),
                            ("completed", "Completed"),
                        ],
                        max_length=12,
                    ),
                ),
                ("who", models.CharField(max_length=128)),
                ("reason", models.CharField(max_length=500)),
                ("stage", models.PositiveSmallIntegerField()),
                ("percent", models.FloatField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "ramp",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="prompts.ramp",
                    ),
                ),
            ],
            options={
                "ordering": ["at", "id"],
            },
        ),
        migrations.CreateModel(
            name="UnitTally",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "ramp",
                        "period",
                        "unit",
                        "metric",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("period", models.PositiveIntegerField()),
                ("unit", models.CharField(max_length=32)),
                ("metric", models.CharField(max_length=80)),
                ("n", models.BigIntegerField()),
                ("total", models.FloatField()),
                (
                    "ramp",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="prompts.ramp",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="ramp",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("running", "paused"))),
                fields=("prompt", "label"),
                name="prompt_ramp_live_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="ramp",
            constraint=models.CheckConstraint(
                condition=models.Q(("baseline", models.F("candidate")), _negated=True),
                name="prompt_ramp_between_two_versions",
            ),
        ),
        migrations.AddConstraint(
            model_name="ramp",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("period", 0), ("since", None), ("state", "draft")),
                    models.Q(
                        models.Q(("state", "draft"), _negated=True),
                        ("period__gte", 1),
                        ("since__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="prompt_ramp_begun_unless_draft",
            ),
        ),
        migrations.AddConstraint(
            model_name="ramp",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("ended_at__isnull", False), ("state__in", ("completed", "rolled_back"))
                    ),
                    models.Q(
                        models.Q(("state__in", ("completed", "rolled_back")), _negated=True),
                        ("ended_at", None),
                    ),
                    _connector="OR",
                ),
                name="prompt_ramp_ended_when_over",
            ),
        ),
        migrations.AddConstraint(
            model_name="guardmetric",
            constraint=models.UniqueConstraint(fields=("ramp", "kind"), name="prompt_guard_once"),
        ),
        migrations.AddConstraint(
            model_name="guardmetric",
            constraint=models.CheckConstraint(
                condition=models.Q(("tolerated__gte", 0)), name="prompt_guard_tolerates"
            ),
        ),
        migrations.AddConstraint(
            model_name="guardmetric",
            constraint=models.CheckConstraint(
                condition=models.Q(("alpha__gt", 0), ("alpha__lt", 0.5)),
                name="prompt_guard_alpha_range",
            ),
        ),
        migrations.AddIndex(
            model_name="exposure",
            index=models.Index(fields=["ramp", "at"], name="prompt_exposure_by_time"),
        ),
        migrations.RunSQL(FROZEN, MELTED),
    ]
