"""A version says all of a call, and may be archived; its content still never changes."""

from django.db import migrations, models

from playground.core.canonical import content_hash

FROZEN = """
CREATE FUNCTION prompts_version_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of a prompt never changes' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER prompts_version_immutable BEFORE UPDATE ON prompts_promptversion
    FOR EACH ROW EXECUTE FUNCTION prompts_version_refuse_change();
"""
MELTED = """
DROP TRIGGER prompts_version_immutable ON prompts_promptversion;
DROP FUNCTION prompts_version_refuse_change();
"""
FROZEN_CONTENT = """
CREATE FUNCTION prompts_version_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'archived_at' IS DISTINCT FROM to_jsonb(OLD) - 'archived_at' THEN
        RAISE EXCEPTION 'a version of a prompt never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER prompts_version_immutable BEFORE UPDATE ON prompts_promptversion
    FOR EACH ROW EXECUTE FUNCTION prompts_version_refuse_change();
"""


def write_schemas(apps, schema_editor):
    """Let inputs be a JSON Schema, and the hash cover all of the content.

    Nothing is required: of the names it is not known which have a default.
    """
    for version in apps.get_model("prompts", "PromptVersion").objects.iterator():
        version.inputs = {"type": "object", "properties": {name: {} for name in version.inputs}}
        version.content_hash = content_hash(
            {
                "kind": "chat",
                "messages": version.messages,
                "inputs": version.inputs,
                "settings": {},
                "tools": [],
            }
        )
        version.save(update_fields=["inputs", "content_hash"])
    prompts = apps.get_model("prompts", "Prompt").objects
    prompts.filter(kind="agent").update(kind="chat")
    for prompt in prompts.iterator():
        first = prompt.versions.order_by("number").first()
        prompts.filter(pk=prompt.pk).update(author=first.author if first else "")


def write_names(apps, schema_editor):
    """Let inputs be the names again, and the hash cover the messages alone."""
    for version in apps.get_model("prompts", "PromptVersion").objects.iterator():
        version.inputs = sorted(version.inputs.get("properties", {}))
        version.content_hash = content_hash(version.messages)
        version.save(update_fields=["inputs", "content_hash"])


class Migration(migrations.Migration):
    dependencies = [("prompts", "0001_prompts")]

    operations = [
        migrations.RunSQL(MELTED, FROZEN),
        migrations.AddField(
            model_name="prompt",
            name="archived_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="prompt",
            name="author",
            field=models.CharField(blank=True, max_length=128),
        ),
        migrations.AddField(
            model_name="prompt",
            name="description",
            field=models.CharField(blank=True, max_length=1000),
        ),
        migrations.AddField(
            model_name="prompt",
            name="shared",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="prompt",
            name="title",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddField(
            model_name="promptversion",
            name="archived_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="promptversion",
            name="note",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="promptversion",
            name="response_format",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="promptversion",
            name="settings",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="promptversion",
            name="tools",
            field=models.JSONField(default=list),
        ),
        migrations.AlterField(
            model_name="prompt",
            name="kind",
            field=models.CharField(
                choices=[("chat", "Chat"), ("text", "Text"), ("fragment", "Fragment")],
                default="chat",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="promptversion",
            name="inputs",
            field=models.JSONField(default=dict),
        ),
        migrations.AddConstraint(
            model_name="prompt",
            constraint=models.CheckConstraint(
                condition=models.Q(("shared", False), ("kind", "fragment"), _connector="OR"),
                name="prompt_only_fragments_are_shared",
            ),
        ),
        migrations.RunPython(write_schemas, write_names),
        migrations.RunSQL(FROZEN_CONTENT, MELTED),
    ]
