"""The tables of LangGraph's PostgreSQL checkpointer, made by the owner role.

The library would make them when it first runs, but the application role may not. The statements
are the library's own; a later release that adds some gets a migration of ours.
"""

from django.db import migrations
from langgraph.checkpoint.postgres.base import MIGRATIONS

KNOWN = 10
TABLES = ("checkpoint_writes", "checkpoint_blobs", "checkpoints", "checkpoint_migrations")


def statements() -> list[str]:
    """Return the library's statements, fit for a transaction."""
    plain = [sql.replace(" CONCURRENTLY", "") for sql in MIGRATIONS[:KNOWN]]
    versions = [f"INSERT INTO checkpoint_migrations (v) VALUES ({v});" for v in range(KNOWN)]
    return plain + versions


class Migration(migrations.Migration):
    dependencies = [("agents", "0001_agents")]

    operations = [
        migrations.RunSQL(
            sql=statements(), reverse_sql=[f"DROP TABLE {table};" for table in TABLES]
        )
    ]
