"""Labels point at versions; teams protect them and require fragments."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import playground.core.ids

FROZEN = """
CREATE FUNCTION prompts_labelmove_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of labels never changes' USING ERRCODE = 'restrict_violation';
END $$;
CREATE FUNCTION prompts_labelmove_refuse_loss() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM prompts_prompt WHERE id = OLD.prompt_id) THEN
        RAISE EXCEPTION 'the history of labels never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER prompts_labelmove_immutable BEFORE UPDATE ON prompts_labelmove
    FOR EACH ROW EXECUTE FUNCTION prompts_labelmove_refuse_change();
CREATE CONSTRAINT TRIGGER prompts_labelmove_kept AFTER DELETE ON prompts_labelmove
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION prompts_labelmove_refuse_loss();
"""
MELTED = """
DROP TRIGGER prompts_labelmove_kept ON prompts_labelmove;
DROP TRIGGER prompts_labelmove_immutable ON prompts_labelmove;
DROP FUNCTION prompts_labelmove_refuse_loss();
DROP FUNCTION prompts_labelmove_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("prompts", "0003_inclusions"), ("policy", "0002_append_only_audit")]

    operations = [
        migrations.CreateModel(
            name="Label",
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
                ("name", models.SlugField(max_length=40)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("moved_by", models.CharField(max_length=128)),
                (
                    "moved_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "ordering": ["prompt", "name"],
            },
        ),
        migrations.CreateModel(
            name="LabelMove",
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
                ("label", models.SlugField(max_length=40)),
                ("before", models.PositiveIntegerField(null=True)),
                ("after", models.PositiveIntegerField(null=True)),
                ("moved_by", models.CharField(max_length=128)),
                (
                    "moved_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "ordering": ["-moved_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="LabelProposal",
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
                ("label", models.SlugField(max_length=40)),
                ("expected", models.PositiveIntegerField(null=True)),
                ("reason", models.CharField(blank=True, max_length=500)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                        ],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("proposed_by", models.CharField(max_length=128)),
                (
                    "proposed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("decided_by", models.CharField(blank=True, max_length=128)),
                ("decided_at", models.DateTimeField(null=True)),
                ("answer", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "ordering": ["-proposed_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="ProtectedLabel",
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
                ("name", models.SlugField(max_length=40)),
                ("protected", models.BooleanField(default=True)),
            ],
            options={
                "ordering": ["team", "name"],
            },
        ),
        migrations.CreateModel(
            name="RequiredFragment",
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
                ("label", models.SlugField(max_length=40)),
            ],
            options={
                "ordering": ["team", "label"],
            },
        ),
        migrations.AddField(
            model_name="label",
            name="prompt",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="labels",
                to="prompts.prompt",
            ),
        ),
        migrations.AddField(
            model_name="label",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="labels",
                to="prompts.promptversion",
            ),
        ),
        migrations.AddField(
            model_name="labelmove",
            name="prompt",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="moves",
                to="prompts.prompt",
            ),
        ),
        migrations.AddField(
            model_name="labelproposal",
            name="prompt",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="proposals",
                to="prompts.prompt",
            ),
        ),
        migrations.AddField(
            model_name="labelproposal",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="proposals",
                to="prompts.promptversion",
            ),
        ),
        migrations.AddField(
            model_name="protectedlabel",
            name="team",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="policy.team"
            ),
        ),
        migrations.AddField(
            model_name="requiredfragment",
            name="fragment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="prompts.prompt"
            ),
        ),
        migrations.AddField(
            model_name="requiredfragment",
            name="team",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="policy.team"
            ),
        ),
        migrations.AddConstraint(
            model_name="label",
            constraint=models.UniqueConstraint(fields=("prompt", "name"), name="prompt_label_once"),
        ),
        migrations.AddConstraint(
            model_name="labelproposal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "open")),
                fields=("prompt", "label"),
                name="prompt_proposal_open_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="labelproposal",
            constraint=models.CheckConstraint(
                condition=models.Q(("proposed_by", models.F("decided_by")), _negated=True),
                name="prompt_proposal_decided_by_another",
            ),
        ),
        migrations.AddConstraint(
            model_name="protectedlabel",
            constraint=models.UniqueConstraint(
                fields=("team", "name"), name="prompt_protection_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="requiredfragment",
            constraint=models.UniqueConstraint(
                fields=("team", "label", "fragment"), name="prompt_requirement_once"
            ),
        ),
        migrations.RunSQL(FROZEN, MELTED),
    ]
