"""That a ramp be started can be proposed, as the move of a label can."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

EVENTS = [
    ("created", "Created"),
    ("edited", "Edited"),
    ("proposed", "Proposed"),
    ("withdrawn", "Withdrawn"),
    ("rejected", "Rejected"),
    ("started", "Started"),
    ("advanced", "Advanced"),
    ("paused", "Paused"),
    ("resumed", "Resumed"),
    ("rolled_back", "Rolled back"),
    ("completed", "Completed"),
    ("discarded", "Discarded"),
]
# Without its ramp a proposal would be one to move the label for everybody at once.
FORGET_PROPOSED_RAMPS = """
SET CONSTRAINTS ALL IMMEDIATE;
DELETE FROM prompts_labelproposal WHERE ramp_id IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("prompts", "0012_ramp_slots")]

    operations: ClassVar = [
        migrations.AddField(
            "labelproposal",
            "ramp",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="proposals",
                to="prompts.ramp",
            ),
        ),
        migrations.AlterField("rampevent", "what", models.CharField(choices=EVENTS, max_length=12)),
        migrations.RunSQL(migrations.RunSQL.noop, FORGET_PROPOSED_RAMPS),
    ]
