"""Keep what calls of a model told of their tokens beside what was counted here."""

from typing import ClassVar

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("gateway", "0002_version_and_offline_models")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="TokenRatio",
            fields=[
                ("model", models.CharField(max_length=250, primary_key=True, serialize=False)),
                ("counted", models.BigIntegerField()),
                ("told", models.BigIntegerField()),
                ("calls", models.PositiveIntegerField()),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
        ),
    ]
