"""What people and programs say of the answers of runs."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import playground.core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0001_lanes_messages_runs_events"),
    ]

    operations = [
        migrations.CreateModel(
            name="Feedback",
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
                ("key", models.CharField(max_length=64)),
                ("author", models.CharField(max_length=200)),
                (
                    "source",
                    models.CharField(
                        choices=[("human", "Human"), ("program", "Program")], max_length=8
                    ),
                ),
                ("score", models.FloatField()),
                ("comment", models.TextField(blank=True, default="", max_length=2000)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="feedback",
                        to="messaging.run",
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "key", "author"), name="feedback_once"),
                    models.CheckConstraint(
                        condition=models.Q(("source__in", ["human", "program"])),
                        name="feedback_source_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("key", "thumbs"), _negated=True),
                            ("score__in", (0, 1)),
                            _connector="OR",
                        ),
                        name="feedback_thumb_up_or_down",
                    ),
                ],
            },
        ),
    ]
