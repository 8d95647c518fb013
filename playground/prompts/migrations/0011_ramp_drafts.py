"""Ramps that are planned can be edited and discarded."""

from typing import ClassVar

from django.db import migrations, models
from django.db.models import Q

STATES = [
    ("draft", "Draft"),
    ("running", "Running"),
    ("paused", "Paused"),
    ("completed", "Completed"),
    ("rolled_back", "Rolled back"),
    ("discarded", "Discarded"),
]
EVENTS = [
    ("created", "Created"),
    ("edited", "Edited"),
    ("started", "Started"),
    ("advanced", "Advanced"),
    ("paused", "Paused"),
    ("resumed", "Resumed"),
    ("rolled_back", "Rolled back"),
    ("completed", "Completed"),
    ("discarded", "Discarded"),
]
# What the older constraints do not know; their checks must not find anything waiting.
FORGET_DISCARDED = """
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM prompts_rampevent USING prompts_ramp r WHERE r.id = ramp_id AND r.state = 'discarded';
DELETE FROM prompts_guardmetric USING prompts_ramp r WHERE r.id = ramp_id AND r.state = 'discarded';
DELETE FROM prompts_ramp WHERE state = 'discarded';
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("prompts", "0010_told_once")]

    operations: ClassVar = [
        migrations.AddField("ramp", "revision", models.PositiveIntegerField(default=1)),
        migrations.AlterField(
            "ramp", "state", models.CharField(choices=STATES, default="draft", max_length=12)
        ),
        migrations.AlterField("rampevent", "what", models.CharField(choices=EVENTS, max_length=12)),
        migrations.RemoveConstraint("ramp", "prompt_ramp_begun_unless_draft"),
        migrations.RemoveConstraint("ramp", "prompt_ramp_ended_when_over"),
        migrations.AddConstraint(
            "ramp",
            models.CheckConstraint(
                condition=Q(state__in=("draft", "discarded"), period=0, since=None)
                | (~Q(state__in=("draft", "discarded")) & Q(period__gte=1, since__isnull=False)),
                name="prompt_ramp_begun_unless_draft",
            ),
        ),
        migrations.AddConstraint(
            "ramp",
            models.CheckConstraint(
                condition=Q(
                    state__in=("completed", "rolled_back", "discarded"), ended_at__isnull=False
                )
                | (~Q(state__in=("completed", "rolled_back", "discarded")) & Q(ended_at=None)),
                name="prompt_ramp_ended_when_over",
            ),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, FORGET_DISCARDED),
    ]
