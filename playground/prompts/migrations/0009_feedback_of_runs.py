"""Which runs took part in which ramps, and what was said of them, as the sums hold it."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("prompts", "0008_rule_reasons"),
    ]

    operations = [
        migrations.CreateModel(
            name="CountedFeedback",
            fields=[
                ("period", models.PositiveIntegerField()),
                (
                    "arm",
                    models.CharField(
                        choices=[("baseline", "baseline"), ("candidate", "candidate")], max_length=9
                    ),
                ),
                ("unit", models.CharField(max_length=32)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "ramp",
                        "run_id",
                        "metric",
                        "author",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("run_id", models.UUIDField()),
                ("metric", models.CharField(max_length=80)),
                ("author", models.CharField(max_length=32)),
                ("value", models.FloatField(null=True)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
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
            name="RunInRamp",
            fields=[
                ("period", models.PositiveIntegerField()),
                (
                    "arm",
                    models.CharField(
                        choices=[("baseline", "baseline"), ("candidate", "candidate")], max_length=9
                    ),
                ),
                ("unit", models.CharField(max_length=32)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "run_id",
                        "ramp",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("run_id", models.UUIDField()),
                ("attempt", models.PositiveIntegerField()),
                ("mixed", models.BooleanField(default=False)),
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
    ]
