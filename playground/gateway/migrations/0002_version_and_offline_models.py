"""Give every change of the configuration a version, and name the models of this process."""

from typing import Any, ClassVar

from django.db import migrations

TABLES = (
    "gateway_endpoint",
    "gateway_servedmodel",
    "gateway_route",
    "gateway_target",
    "gateway_quota",
    "gateway_guardrail",
    "gateway_cacherule",
    # Their names are part of limits and rules.
    "policy_team",
)
# A random version, not a number: a restored backup never carries one that was seen before with
# other content.
VERSION = """
CREATE TABLE gateway_configuration_version (
    id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    version uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO gateway_configuration_version DEFAULT VALUES;
CREATE FUNCTION gateway_new_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE gateway_configuration_version SET version = gen_random_uuid();
    RETURN NULL;
END $$;
""" + "".join(
    f"CREATE TRIGGER new_version AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION gateway_new_version();\n"
    for table in TABLES
)
UNDO = (
    "".join(f"DROP TRIGGER new_version ON {table};\n" for table in TABLES)
    + "DROP FUNCTION gateway_new_version(); DROP TABLE gateway_configuration_version;"
)


def name_offline_models(apps: Any, _schema: Any) -> None:
    """Add the endpoint that stands for this process, with its two models, which cost nothing."""
    endpoint = apps.get_model("gateway", "Endpoint").objects.create(
        name="offline", kind="offline", external=False
    )
    for name, operation in (("planner", "chat"), ("multilingual-e5-small", "embeddings")):
        apps.get_model("gateway", "ServedModel").objects.create(
            endpoint=endpoint,
            name=name,
            operation=operation,
            input_price=0,
            cached_input_price=0,
            output_price=0,
        )


def forget_offline_models(apps: Any, _schema: Any) -> None:
    """Remove them again."""
    apps.get_model("gateway", "Endpoint").objects.filter(kind="offline").delete()


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("gateway", "0001_endpoints_routes_rules_and_ledger"),
        ("policy", "0002_append_only_audit"),
    ]

    operations: ClassVar = [
        migrations.RunSQL(VERSION, UNDO),
        migrations.RunPython(name_offline_models, forget_offline_models),
    ]
