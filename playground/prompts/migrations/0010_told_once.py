"""Remember which calls were told to a live ramp, so that one that is told again counts once."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("prompts", "0009_feedback_of_runs")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Told",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey("ramp", "key", primary_key=True, serialize=False),
                ),
                ("key", models.CharField(max_length=200)),
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
    ]
