"""Find the spans of a prompt's label without reading all others."""

from typing import ClassVar

from django.db import migrations, models
from django.db.models.fields.json import KT


class Migration(migrations.Migration):
    dependencies: ClassVar = [("tracing", "0002_spans_by_ramp")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="span",
            index=models.Index(
                KT("attributes__gen_ai.prompt.name"),
                KT("attributes__playground.prompt.label"),
                models.F("started_at").desc(),
                name="span_of_label",
                condition=models.Q(attributes__has_key="playground.prompt.label"),
            ),
        ),
    ]
