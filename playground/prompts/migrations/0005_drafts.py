"""Drafts are kept for each person and prompt."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import playground.core.ids


class Migration(migrations.Migration):
    dependencies = [("prompts", "0004_labels")]

    operations = [
        migrations.CreateModel(
            name="Draft",
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
                ("author", models.CharField(max_length=128)),
                ("content", models.JSONField()),
                ("based_on", models.PositiveIntegerField(null=True)),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "ordering": ["-updated_at"],
            },
        ),
        migrations.AddField(
            model_name="draft",
            name="prompt",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="drafts",
                to="prompts.prompt",
            ),
        ),
        migrations.AddConstraint(
            model_name="draft",
            constraint=models.UniqueConstraint(
                fields=("prompt", "author"), name="prompt_draft_once"
            ),
        ),
    ]
