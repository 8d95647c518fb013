"""Versions of agents stay as they were written."""

from django.db import migrations

IMMUTABLE = """
CREATE FUNCTION agents_version_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of an agent never changes' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER agents_version_immutable BEFORE UPDATE ON agents_agentversion
    FOR EACH ROW EXECUTE FUNCTION agents_version_refuse_change();
"""
MUTABLE = """
DROP TRIGGER agents_version_immutable ON agents_agentversion;
DROP FUNCTION agents_version_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("agents", "0002_checkpoints")]

    operations = [migrations.RunSQL(IMMUTABLE, MUTABLE)]
