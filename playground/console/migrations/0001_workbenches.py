"""Workbenches, their columns, cells and turns."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import playground.core.ids
import playground.messaging.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("messaging", "0001_lanes_messages_runs_events"),
        ("policy", "0002_append_only_audit"),
    ]

    operations = [
        migrations.CreateModel(
            name="Column",
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
                ("position", models.PositiveSmallIntegerField()),
                ("spec", models.JSONField()),
                (
                    "lane",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, to="messaging.lane"
                    ),
                ),
            ],
            options={
                "ordering": ["bench", "position", "id"],
            },
        ),
        migrations.CreateModel(
            name="Cell",
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
                ("row", models.PositiveSmallIntegerField(default=0)),
                ("table_key", models.UUIDField(null=True)),
                ("variables", models.JSONField(default=dict)),
                ("request", models.JSONField(null=True)),
                ("error", models.JSONField(null=True)),
                ("author", models.CharField(max_length=128)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "column",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cells",
                        to="console.column",
                    ),
                ),
            ],
            options={
                "ordering": ["column", "row", "-created_at"],
            },
        ),
        migrations.CreateModel(
            name="Turn",
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
                ("number", models.PositiveSmallIntegerField(default=1)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                (
                    "trace_id",
                    models.CharField(
                        db_index=True,
                        default=playground.messaging.models.new_trace_id,
                        max_length=32,
                    ),
                ),
                ("asked", models.JSONField(default=list)),
                ("said", models.JSONField(default=list)),
                ("invokes", models.BooleanField(default=False)),
                ("figures", models.JSONField(default=dict)),
                ("check_result", models.JSONField(null=True)),
                ("error", models.JSONField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "cell",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="turns",
                        to="console.cell",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="messaging.run",
                    ),
                ),
            ],
            options={
                "ordering": ["cell", "number"],
            },
        ),
        migrations.CreateModel(
            name="Workbench",
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
                ("name", models.CharField(blank=True, max_length=100)),
                ("author", models.CharField(max_length=128)),
                ("variables", models.JSONField(default=dict)),
                ("table", models.JSONField(default=dict)),
                ("table_key", models.UUIDField(default=playground.core.ids.new_id)),
                ("notes", models.JSONField(default=list)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="workbenches",
                        to="policy.team",
                    ),
                ),
            ],
            options={
                "ordering": ["-updated_at"],
            },
        ),
        migrations.AddField(
            model_name="column",
            name="bench",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="columns",
                to="console.workbench",
            ),
        ),
        migrations.AddIndex(
            model_name="cell",
            index=models.Index(
                fields=["column", "row", "-created_at"], name="workbench_cell_newest"
            ),
        ),
        migrations.AddConstraint(
            model_name="turn",
            constraint=models.UniqueConstraint(
                fields=("cell", "number"), name="workbench_turn_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="turn",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["queued", "running", "succeeded", "failed", "cancelled"])
                ),
                name="workbench_turn_status",
            ),
        ),
        migrations.AddIndex(
            model_name="workbench",
            index=models.Index(fields=["team", "-updated_at"], name="workbench_newest_of_team"),
        ),
    ]
