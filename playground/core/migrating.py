"""Each silo is given the tables of the applications that live in it, and no others' migrations."""

from django.core.management import call_command
from django.db import connections, router
from django.db.migrations.executor import MigrationExecutor


def missing(alias: str) -> list[str]:
    """Name the applications of a silo whose newest migrations it has not seen."""
    executor = MigrationExecutor(connections[alias])
    newest = executor.loader.graph.leaf_nodes()
    # Every migration has its cost, also where the router lets it do nothing.
    at_home = [leaf for leaf in newest if router.allow_migrate(alias, leaf[0])]
    return sorted({leaf[0] for leaf in at_home if executor.migration_plan([leaf])})


def migrate(alias: str) -> None:
    """Apply what a silo has not seen; the connection must be the owner's."""
    absent = missing(alias)
    # One walk over all of them is much cheaper than one for each.
    labels = [[]] if alias == "default" and absent else [[label] for label in absent]
    for label in labels:
        call_command("migrate", *label, database=alias, interactive=False, verbosity=0)
