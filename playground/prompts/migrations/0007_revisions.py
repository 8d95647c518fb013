"""Every change of what a prompt resolves to gives it a new revision, whoever makes the change.

At the end of the transaction, so that nobody waits for the row while they work.
"""

from typing import ClassVar

from django.db import migrations, models

TABLES = {
    "prompts_prompt": "id",
    "prompts_promptversion": "prompt_id",
    "prompts_label": "prompt_id",
    "prompts_ramp": "prompt_id",
}
REVISE = """
INSERT INTO prompts_revision (prompt_id, revision)
    SELECT id, gen_random_uuid() FROM prompts_prompt;
CREATE FUNCTION prompts_new_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO prompts_revision (prompt_id, revision)
        VALUES ((to_jsonb(coalesce(NEW, OLD)) ->> TG_ARGV[0])::uuid, gen_random_uuid())
        ON CONFLICT (prompt_id) DO UPDATE SET revision = excluded.revision;
    RETURN NULL;
END $$;
""" + "".join(
    f"CREATE CONSTRAINT TRIGGER new_revision AFTER INSERT OR UPDATE OR DELETE ON {table}"
    " DEFERRABLE INITIALLY DEFERRED"
    f" FOR EACH ROW EXECUTE FUNCTION prompts_new_revision('{column}');\n"
    for table, column in TABLES.items()
)
UNDO = (
    "".join(f"DROP TRIGGER new_revision ON {table};\n" for table in TABLES)
    + "DROP FUNCTION prompts_new_revision();"
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("prompts", "0006_ramps")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Revision",
            fields=[
                ("prompt_id", models.UUIDField(primary_key=True, serialize=False)),
                ("revision", models.UUIDField()),
            ],
            options={"db_table": "prompts_revision"},
        ),
        migrations.RunSQL(REVISE, UNDO),
    ]
