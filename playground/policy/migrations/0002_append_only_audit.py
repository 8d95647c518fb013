"""Let the audit log grow only, and only through one function."""

from typing import ClassVar

from django.db import migrations

# The function runs as its owner, so that the application role needs no right to write the tables.
APPEND = r"""
CREATE FUNCTION policy_audit_append(chain text, entry_text text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    link record;
    moment timestamptz;
    link_hash text;
BEGIN
    INSERT INTO {schema}.policy_audithead (team, seq, hash) VALUES (chain, 0, repeat('0', 64))
        ON CONFLICT (team) DO NOTHING;
    SELECT seq, hash INTO STRICT link FROM {schema}.policy_audithead WHERE team = chain FOR UPDATE;
    moment := clock_timestamp();
    link_hash := encode(sha256(convert_to(concat_ws(E'\n', link.hash, chain, link.seq + 1,
        to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), entry_text),
        'UTF8')), 'hex');
    INSERT INTO {schema}.policy_auditrow (team, seq, at, entry, previous_hash, hash)
        VALUES (chain, link.seq + 1, moment, entry_text::jsonb, link.hash, link_hash);
    UPDATE {schema}.policy_audithead SET seq = link.seq + 1, hash = link_hash WHERE team = chain;
    RETURN link.seq + 1;
END $$;
"""

# Grants may be given again by accident; the trigger holds even then. The owner must be able to
# empty a test database and to restore a backup, so it is let through.
REFUSE = r"""
CREATE FUNCTION policy_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER')
    THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the audit log refuses %', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER refuse_change BEFORE INSERT OR UPDATE OR DELETE ON {schema}.policy_auditrow
    FOR EACH STATEMENT EXECUTE FUNCTION policy_audit_refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {schema}.policy_auditrow
    FOR EACH STATEMENT EXECUTE FUNCTION policy_audit_refuse();
CREATE TRIGGER refuse_change BEFORE INSERT OR UPDATE OR DELETE ON {schema}.policy_audithead
    FOR EACH STATEMENT EXECUTE FUNCTION policy_audit_refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {schema}.policy_audithead
    FOR EACH STATEMENT EXECUTE FUNCTION policy_audit_refuse();
"""

# Whoever got write access when the tables were made, by default privileges or otherwise, loses it.
REVOKE = r"""
DO $$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT DISTINCT c.relname,
            CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(acl.grantee::regrole::text) END AS who
        FROM pg_class c, aclexplode(c.relacl) acl
        WHERE c.oid IN ('{schema}.policy_auditrow'::regclass, '{schema}.policy_audithead'::regclass)
          AND acl.grantee <> c.relowner
    LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {schema}.%I FROM %s',
                       granted.relname, granted.who);
    END LOOP;
END $$;
"""

UNDO = """
DROP TRIGGER IF EXISTS refuse_change ON policy_auditrow;
DROP TRIGGER IF EXISTS refuse_truncate ON policy_auditrow;
DROP TRIGGER IF EXISTS refuse_change ON policy_audithead;
DROP TRIGGER IF EXISTS refuse_truncate ON policy_audithead;
DROP FUNCTION IF EXISTS policy_audit_refuse();
DROP FUNCTION IF EXISTS policy_audit_append(text, text);
"""


def close_the_log(apps, schema_editor):
    """Create function and triggers in the schema that the tables lie in."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT relnamespace::regnamespace::text FROM pg_class "
            "WHERE oid = 'policy_auditrow'::regclass"
        )
        schema = cursor.fetchone()[0]
        for statement in (APPEND, REFUSE, REVOKE):
            cursor.execute(statement.replace("{schema}", schema))


def open_the_log(apps, schema_editor):
    """Drop what ``close_the_log`` made."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(UNDO)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("policy", "0001_people_keys_and_audit")]
    operations: ClassVar = [migrations.RunPython(close_the_log, open_the_log)]
