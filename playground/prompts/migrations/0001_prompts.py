"""Prompts and their versions, which the database keeps as they were written."""

import django.db.models.deletion
import django.db.models.functions
from django.db import migrations, models

import playground.core.ids

IMMUTABLE = """
CREATE FUNCTION prompts_version_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of a prompt never changes' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER prompts_version_immutable BEFORE UPDATE ON prompts_promptversion
    FOR EACH ROW EXECUTE FUNCTION prompts_version_refuse_change();
"""
MUTABLE = """
DROP TRIGGER prompts_version_immutable ON prompts_promptversion;
DROP FUNCTION prompts_version_refuse_change();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [("policy", "__first__")]

    operations = [
        migrations.CreateModel(
            name="Prompt",
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
                ("name", models.SlugField(max_length=64)),
                (
                    "kind",
                    models.CharField(
                        choices=[("agent", "Agent"), ("chat", "Chat")],
                        default="chat",
                        max_length=16,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.Now()),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="prompts",
                        to="policy.team",
                    ),
                ),
            ],
            options={"ordering": ["name"]},
        ),
        migrations.CreateModel(
            name="PromptVersion",
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
                ("number", models.PositiveIntegerField()),
                ("messages", models.JSONField()),
                ("inputs", models.JSONField(default=list)),
                ("content_hash", models.CharField(max_length=64)),
                ("author", models.CharField(max_length=128)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.Now()),
                ),
                (
                    "prompt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="prompts.prompt",
                    ),
                ),
            ],
            options={"ordering": ["prompt", "-number"]},
        ),
        migrations.AddConstraint(
            model_name="prompt",
            constraint=models.UniqueConstraint(
                fields=("team", "name"), name="prompt_name_once_per_team"
            ),
        ),
        migrations.AddConstraint(
            model_name="promptversion",
            constraint=models.UniqueConstraint(
                fields=("prompt", "number"), name="prompt_version_number_once"
            ),
        ),
        migrations.RunSQL(IMMUTABLE, MUTABLE),
    ]
