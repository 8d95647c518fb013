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
from playground.core.silos import Silo

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
    superusers: "dict[str, psycopg.Connection[Any]]" = field(default_factory=dict)

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
        for connection in self.superusers.values():
            connection.close()
        for child, how in ((self.valkey, signal.SIGKILL), (self.postgres, signal.SIGQUIT)):
            if child is not None and child.poll() is None:
                child.send_signal(how)
                child.wait(30)
        self.places.remove()

    def remember_seeds(self) -> None:
        """Keep the rows that migrations made, to put them back after a test that empties tables."""
        for silo in self.silos:
            connection = self._superuser(silo)
            for table in _written(connection, _tables(connection)):
                copy = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
                with connection.cursor().copy(copy) as rows:
                    self.seeds[silo.alias, table] = b"".join(bytes(row) for row in rows)

    def empty(self) -> None:
        """Empty every table, the audit log too, and put the migrations' rows back."""
        for silo in self.silos:
            connection = self._superuser(silo)
            _empty(connection)
            seeds = {
                table: rows for (alias, table), rows in self.seeds.items() if alias == silo.alias
            }
            with connection.transaction():
                for table, rows in seeds.items():
                    copy = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
                    with connection.cursor().copy(copy) as sink:
                        sink.write(rows)

    def _superuser(self, silo: Silo) -> "psycopg.Connection[Any]":
        """Return a connection that no trigger holds up, kept open: a new one has all to learn."""
        kept = self.superusers.get(silo.alias)
        if kept is not None and _is_open(kept):
            return kept
        connection = psycopg.connect(
            host=silo.host,
            dbname=silo.name,
            user=credentials.SUPERUSER,
            password=self.password,
            autocommit=True,
        )
        connection.execute("SET session_replication_role = replica")
        # A thread that a test left behind must not hold up every test after it.
        connection.execute("SET lock_timeout = '15s'")
        self.superusers[silo.alias] = connection
        return connection


def _is_open(connection: "psycopg.Connection[Any]") -> bool:
    """Ask the server, which a test may have started anew."""
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        connection.close()
        return False
    return True


def _tables(connection: "psycopg.Connection[Any]") -> list[str]:
    rows = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    )
    return [name for (name,) in rows if name not in KEPT]


def _written(connection: "psycopg.Connection[Any]", tables: list[str]) -> list[str]:
    """Name those tables whose files hold anything, be it only what was rolled back."""
    rows = connection.execute(
        "SELECT name FROM unnest(%s::text[]) AS name"
        " WHERE pg_relation_size(quote_ident(name)::regclass) > 0",
        [tables],
    )
    return [name for (name,) in rows]


def _empty(connection: "psycopg.Connection[Any]") -> None:
    """Delete every row: where tables are many and small, far cheaper than to truncate them."""
    tables = _tables(connection)
    if not tables:
        return
    with connection.transaction():
        # Whoever still writes is waited for.
        connection.execute(_of("LOCK TABLE {} IN SHARE MODE", tables))
        written = _written(connection, tables)
        for table in written:
            connection.execute(_of("DELETE FROM {}", [table]))
    if written:
        # The files are made short again, so that rows lie in the order in which they are written.
        connection.execute(_of("VACUUM (SKIP_LOCKED) {}", written))


def _of(statement: str, tables: list[str]) -> sql.Composed:
    names = sql.SQL(", ").join(sql.Identifier(table) for table in tables)
    return sql.SQL(statement).format(names)  # type: ignore[arg-type]


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
