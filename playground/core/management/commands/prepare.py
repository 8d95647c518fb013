"""Make the data ready for the processes that are about to start."""

import hashlib
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from playground.core import migrating
from playground.core.embedded import credentials
from playground.core.provisioning import ProvisioningFailed, acting_as, provision
from playground.core.silos import Silo


class Command(BaseCommand):
    help = (
        "Provision the three databases, migrate them as their owners, collect static files and"
        " load the sample workspace, as far as each is missing."
    )
    # The checks ask databases that do not exist before this command has made them.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-sample", action="store_true", help="leave the sample out")
        parser.add_argument(
            "--announce", action="store_true", help="end with a one-time login link"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        silos: Sequence[Silo] = settings.SILOS
        passwords = credentials.ensure(
            settings.PLACES.credentials,
            roles=[role for silo in silos for role in (silo.owner, silo.app)],
            secret_key=settings.PLAYGROUND_SECRET_KEY or None,
        ).passwords
        try:
            provision(silos, passwords=passwords)
        except ProvisioningFailed as failure:
            raise CommandError(str(failure)) from failure
        with acting_as("owner", silos, passwords):
            self._migrate(silos)
        self._collect()
        with acting_as("app", silos, passwords):
            self.check(databases=[silo.alias for silo in silos])
            if not options["no_sample"]:
                self._load_sample()
            if options["announce"]:
                self.stdout.write("link ", ending="")
                call_command("login_link", stdout=self.stdout)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _migrate(self, silos: Sequence[Silo]) -> None:
        for silo in silos:
            if migrating.missing(silo.alias):
                self._say(f"Migrating {silo.name}")
                migrating.migrate(silo.alias)

    def _collect(self) -> None:
        if settings.PLAYGROUND_STATIC == "plain":
            return
        mark = Path(settings.STATIC_ROOT).with_suffix(".hash")
        state = _static_state()
        if mark.exists() and mark.read_text() == state:
            return
        self._say("Collecting static files")
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        mark.write_text(state)

    def _load_sample(self) -> None:
        mark = settings.PLACES.home / "sample.loaded"
        with connections["default"].cursor() as cursor:
            cursor.execute(
                "SELECT oid::text || ' ' || datname FROM pg_database"
                " WHERE datname = current_database()"
            )
            database = f"{cursor.fetchone()[0]}\n"
        if (mark.exists() and mark.read_text() == database) or "load_sample" not in get_commands():
            return
        self._say("Loading the sample workspace")
        call_command("load_sample", stdout=self.stdout)
        mark.write_text(database)


def _static_state() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
