"""What was seen of ramps is summed by slots that are short while a ramp is young."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

ARMS = [("baseline", "baseline"), ("candidate", "candidate")]
KEEP_HOURS = """
INSERT INTO prompts_slotsums (ramp_id, slot, metric, arm, n, total, squares)
    SELECT ramp_id, hour, metric, arm, n, total, squares FROM prompts_hoursums;
INSERT INTO prompts_exposedsums (ramp_id, slot, arm, units)
    SELECT ramp_id, date_trunc('hour', at, 'UTC'), arm, count(*)
    FROM prompts_exposure GROUP BY 1, 2, 3;
"""
BACK_TO_HOURS = """
INSERT INTO prompts_hoursums (ramp_id, hour, metric, arm, n, total, squares)
    SELECT ramp_id, date_trunc('hour', slot, 'UTC'), metric, arm, sum(n), sum(total), sum(squares)
    FROM prompts_slotsums GROUP BY 1, 2, 3, 4;
"""
BEGUN = """
UPDATE prompts_ramp SET started_at = e.at
    FROM prompts_rampevent e WHERE e.ramp_id = prompts_ramp.id AND e.what = 'started';
SET CONSTRAINTS ALL IMMEDIATE;
"""


def _ramp() -> "models.ForeignKey[models.Model, models.Model]":
    return models.ForeignKey(
        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="prompts.ramp"
    )


def _sums(moment: str) -> list[tuple[str, "models.Field[object, object]"]]:
    key = models.CompositePrimaryKey(
        "ramp", moment, "metric", "arm", blank=True, editable=False, primary_key=True,
        serialize=False,
    )  # fmt: skip
    return [
        ("metric", models.CharField(max_length=80)),
        ("arm", models.CharField(choices=ARMS, max_length=9)),
        ("n", models.BigIntegerField(default=0)),
        ("total", models.FloatField(default=0)),
        ("squares", models.FloatField(default=0)),
        ("pk", key),
        (moment, models.DateTimeField()),
        ("ramp", _ramp()),
    ]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("prompts", "0011_ramp_drafts")]

    operations: ClassVar = [
        migrations.CreateModel(name="SlotSums", fields=_sums("slot")),
        migrations.CreateModel(
            name="ExposedSums",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "ramp",
                        "slot",
                        "arm",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("slot", models.DateTimeField()),
                ("arm", models.CharField(choices=ARMS, max_length=9)),
                ("units", models.BigIntegerField(default=0)),
                ("ramp", _ramp()),
            ],
        ),
        migrations.RunSQL(KEEP_HOURS, BACK_TO_HOURS),
        migrations.DeleteModel(name="HourSums"),
        migrations.RemoveIndex(model_name="exposure", name="prompt_exposure_by_time"),
        migrations.AddField("ramp", "started_at", models.DateTimeField(null=True)),
        migrations.RunSQL(BEGUN, migrations.RunSQL.noop),
    ]
