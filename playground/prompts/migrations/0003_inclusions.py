"""Versions include fragments, each pinned to a version for good."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import playground.core.ids

FROZEN = """
CREATE FUNCTION prompts_inclusion_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what a version includes never changes' USING ERRCODE = 'restrict_violation';
END $$;
CREATE FUNCTION prompts_inclusion_refuse_loss() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM prompts_promptversion WHERE id = OLD.version_id) THEN
        RAISE EXCEPTION 'what a version includes never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER prompts_inclusion_immutable BEFORE UPDATE ON prompts_inclusion
    FOR EACH ROW EXECUTE FUNCTION prompts_inclusion_refuse_change();
CREATE CONSTRAINT TRIGGER prompts_inclusion_kept AFTER DELETE ON prompts_inclusion
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION prompts_inclusion_refuse_loss();
"""
MELTED = """
DROP TRIGGER prompts_inclusion_kept ON prompts_inclusion;
DROP TRIGGER prompts_inclusion_immutable ON prompts_inclusion;
DROP FUNCTION prompts_inclusion_refuse_loss();
DROP FUNCTION prompts_inclusion_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("prompts", "0002_contents")]

    operations = [
        migrations.CreateModel(
            name="Inclusion",
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
                ("name", models.CharField(max_length=200)),
            ],
            options={
                "ordering": ["version", "name"],
            },
        ),
        migrations.AddField(
            model_name="inclusion",
            name="fragment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="uses",
                to="prompts.promptversion",
            ),
        ),
        migrations.AddField(
            model_name="inclusion",
            name="through",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="passes_on",
                to="prompts.promptversion",
            ),
        ),
        migrations.AddField(
            model_name="inclusion",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="inclusions",
                to="prompts.promptversion",
            ),
        ),
        migrations.AddConstraint(
            model_name="inclusion",
            constraint=models.UniqueConstraint(
                fields=("version", "through", "name"),
                name="prompt_inclusion_once",
                nulls_distinct=False,
            ),
        ),
        migrations.RunSQL(FROZEN, MELTED),
    ]
