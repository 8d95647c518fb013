"""A PostgreSQL and a Valkey of the test session's own, and how they are emptied between tests."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from playground.core import provisioning, silos
from playground.core.embedded import accounts, binaries, credentials, postgres, valkey
from playground.core.embedded.places import Places

# Made by Django itself after migrating, and the same after every test.
KEPT = ("django_migrations", "django_content_type", "auth_permission")


def plan(home: Path) -> credentials.Credentials:
    """Decide every password and port before anything is started, for the settings to read."""
    places = Places.under(home)
    where = silos.locate({}, sockets=places.sockets, superuser_password=None)
    roles = [role for silo in where for role in (silo.owner, silo.app)]
    return credentials.ensure(places.credentials, roles=roles)


@dataclass
class Services:
    """The embedded services below a data folder.

    Attributes:
        durable: False trades the promise to survive a power cut for speed.
    """

    home: Path
    durable: bool = False
    postgres: "subprocess.Popen[bytes] | None" = None
    valkey: "subprocess.Popen[bytes] | None" = None
    seeds: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.places = Places.under(self.home)
        self.account = accounts.service_account()
        self.places.make(self.account)
        self.credentials = plan(self.home)
        self.binaries = binaries.locate(self.account)

    @property
    def password(self) -> str:
        return self.credentials.passwords[credentials.SUPERUSER]

    @property
    def silos(self) -> tuple[silos.Silo, ...]:
        return silos.locate({}, sockets=self.places.sockets, superuser_password=self.password)

    def start(self) -> None:
        """Start both and provision the silos."""
        postgres.initialise(
            self.places, self.binaries, account=self.account, password=self.password
        )
        self.start_postgres()
        provisioning.provision(self.silos, passwords=self.credentials.passwords)
        self.start_valkey()

    def start_postgres(self) -> None:
        self.postgres = postgres.start(
            self.places, self.binaries, account=self.account, durable=self.durable
        )
        postgres.wait_ready(self.places, self.postgres, password=self.password)

    def start_valkey(self) -> None:
        self.valkey = valkey.start(
            self.places, self.binaries, self.credentials, account=self.account, durable=self.durable
        )
        valkey.wait_ready(self.credentials.redis_url, child=self.valkey)

    def stop(self) -> None:
        """Stop both without ceremony and delete their files."""
        for child, how in ((self.valkey, signal.SIGKILL), (self.postgres, signal.SIGQUIT)):
            if child is not None and child.poll() is None:
                child.send_signal(how)
                child.wait(30)
        self.places.remove()

    def remember_seeds(self) -> None:
        """Keep the rows that migrations made, to put them back after a test that empties tables."""
        for silo in self.silos:
            with provisioning.connect_owner(silo, self.credentials.passwords) as connection:
                for table in _filled(connection):
                    if table not in KEPT:
                        copy = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
                        with connection.cursor().copy(copy) as rows:
                            self.seeds[silo.alias, table] = b"".join(bytes(row) for row in rows)

    def empty(self) -> None:
        """Empty every table as its owner, the audit log too, and put the migrations' rows back."""
        for silo in self.silos:
            with provisioning.connect_owner(silo, self.credentials.passwords) as connection:
                _empty(connection)
                seeds = {
                    table: rows
                    for (alias, table), rows in self.seeds.items()
                    if alias == silo.alias
                }
                with connection.transaction():
                    for table, rows in seeds.items():
                        copy = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
                        with connection.cursor().copy(copy) as sink:
                            sink.write(rows)


def _filled(connection: "psycopg.Connection[Any]") -> list[str]:
    tables = [
        row[0]
        for row in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        )
    ]
    if not tables:
        return []
    probes = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {} WHERE EXISTS (SELECT 1 FROM {})").format(
            sql.Literal(table), sql.Identifier(table)
        )
        for table in tables
    )
    return [row[0] for row in connection.execute(probes)]


def _empty(connection: "psycopg.Connection[Any]") -> None:
    filled = [table for table in _filled(connection) if table not in KEPT]
    if not filled:
        return
    # A thread that a test left behind must not hold up every test after it.
    connection.execute("SET lock_timeout = '15s'")
    names = [sql.Identifier(table) for table in filled]
    with connection.transaction():
        for name in names:
            connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name))
        connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(names)))
        for name in names:
            connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(name))


def new_home() -> Path:
    """Make a data folder for this session, and delete those of sessions that were killed."""
    parent = Path(tempfile.gettempdir())
    for old in parent.glob("pg-tests-*"):
        pid = old.name.split("-")[2]
        # Another session may be deleting the same.
        with contextlib.suppress(FileNotFoundError):
            if pid.isdigit() and not _alive(int(pid)) and old.stat().st_uid == os.geteuid():
                Places.under(old).remove()
                shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"pg-tests-{os.getpid()}-"))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
