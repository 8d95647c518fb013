"""Keep who set a rule about labels, when, and why."""

from typing import ClassVar

from django.db import migrations, models
from django.db.models.functions import Now


def _noted(model: str) -> list[migrations.AddField]:
    fields = {
        "reason": models.CharField(blank=True, default="", max_length=500),
        "set_by": models.CharField(blank=True, default="", max_length=128),
        "set_at": models.DateTimeField(db_default=Now()),
    }
    return [
        migrations.AddField(model, name, field, preserve_default=name == "set_at")
        for name, field in fields.items()
    ]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("prompts", "0007_revisions")]

    operations: ClassVar = [*_noted("protectedlabel"), *_noted("requiredfragment")]
