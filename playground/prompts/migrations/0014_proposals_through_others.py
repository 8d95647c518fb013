"""Who acts for another and proposes in their name does not decide it either."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("prompts", "0013_ramp_proposals")]

    operations: ClassVar = [
        migrations.AddField(
            "labelproposal",
            "proposed_through",
            models.CharField(blank=True, default="", max_length=128),
            preserve_default=False,
        ),
    ]
