"""Make each silo's database with its two roles, as often as one likes.

The owner role migrates. The application role reads and writes rows; it cannot create, alter or drop
anything, and neither role may connect to another silo.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal

import psycopg
from django.db import connections
from psycopg import sql

from playground.core.silos import Silo

# Any number that nobody else is likely to lock.
PROVISIONING_LOCK = 7_152_900_117
_EXTENSION = "CREATE EXTENSION IF NOT EXISTS vector"


class ProvisioningFailed(RuntimeError):
    """A server refused a step; the message names the step and the server's reason."""


def provision(silos: Sequence[Silo], *, passwords: Mapping[str, str]) -> None:
    """Create or mend the roles, databases, privileges and the ``vector`` extension.

    Raises:
        ProvisioningFailed: the server cannot be reached, or the given user may not do it.
    """
    by_server = sorted(silos, key=lambda silo: silo.server)
    for _, group in groupby(by_server, key=lambda silo: silo.server):
        mine = list(group)
        try:
            _provision_server(mine, passwords)
            for silo in mine:
                _provision_database(silo, passwords)
        except psycopg.Error as error:
            reason = str(error).strip().splitlines()
            raise ProvisioningFailed(
                f"PostgreSQL at {mine[0].host} as {mine[0].admin}: "
                f"{reason[0] if reason else type(error).__name__}"
            ) from error


def _provision_server(silos: Sequence[Silo], passwords: Mapping[str, str]) -> None:
    with connect_admin(silos[0], "postgres") as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [PROVISIONING_LOCK])
        for silo in silos:
            for role in (silo.owner, silo.app):
                _make_role(connection, role, passwords[role])
            if not _is_superuser(connection):
                # To make a database for another role one must be able to become it.
                connection.execute(_statement("GRANT {} TO CURRENT_USER", silo.owner))
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [silo.name]
            ).fetchone()
            if not found:
                connection.execute(_statement("CREATE DATABASE {} OWNER {}", silo.name, silo.owner))
            for statement in (
                "REVOKE ALL ON DATABASE {} FROM PUBLIC",
                "GRANT CONNECT, TEMPORARY, CREATE ON DATABASE {} TO {owner}",
                "GRANT CONNECT ON DATABASE {} TO {app}",
            ):
                connection.execute(_statement(statement, silo.name, owner=silo.owner, app=silo.app))
        if silos[0].embedded:
            for name in ("postgres", "template1"):
                connection.execute(_statement("REVOKE ALL ON DATABASE {} FROM PUBLIC", name))


def _make_role(connection: "psycopg.Connection[Any]", role: str, password: str) -> None:
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    if not found:
        connection.execute(_statement("CREATE ROLE {} LOGIN NOCREATEDB NOCREATEROLE INHERIT", role))
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
    )


def _provision_database(silo: Silo, passwords: Mapping[str, str]) -> None:
    with connect_admin(silo, silo.name) as connection:
        may_always = _is_superuser(connection)
        if may_always:
            connection.execute(_EXTENSION)
    with connect_owner(silo, passwords) as connection:
        if not may_always:
            _make_extension_as_owner(connection, silo)
        for statement in (
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            "GRANT USAGE ON SCHEMA public TO {app}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
            " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
            " GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO {app}",
        ):
            connection.execute(_statement(statement, app=silo.app))


def _make_extension_as_owner(connection: "psycopg.Connection[Any]", silo: Silo) -> None:
    """Make the extension where the server calls it trusted, as most hosted ones do."""
    try:
        connection.execute(_EXTENSION)
    except psycopg.errors.InsufficientPrivilege as error:
        raise ProvisioningFailed(
            f"PostgreSQL at {silo.host}: only a superuser may make the extension `vector` there. "
            f"Let one run `{_EXTENSION}` in the databases {silo.name} and its sisters, or once in "
            "template1 before they are made."
        ) from error


def _is_superuser(connection: "psycopg.Connection[Any]") -> bool:
    row = connection.execute(
        "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    return bool(row and row[0])


def _statement(template: str, *names: str, **named: str) -> sql.Composed:
    return sql.SQL(template).format(  # type: ignore[arg-type]
        *(sql.Identifier(name) for name in names),
        **{key: sql.Identifier(name) for key, name in named.items()},
    )


@contextlib.contextmanager
def connect_admin(silo: Silo, database: str) -> Iterator["psycopg.Connection[Any]"]:
    """Connect as the role that may provision, in autocommit."""
    with psycopg.connect(
        host=silo.host,
        port=silo.port,
        dbname=database,
        user=silo.admin,
        password=silo.admin_password,
        connect_timeout=10,
        autocommit=True,
        **silo.options,  # type: ignore[arg-type]
    ) as connection:
        yield connection


@contextlib.contextmanager
def connect_owner(silo: Silo, passwords: Mapping[str, str]) -> Iterator["psycopg.Connection[Any]"]:
    """Connect as the silo's owner, in autocommit."""
    with psycopg.connect(
        host=silo.host,
        port=silo.port,
        dbname=silo.name,
        user=silo.owner,
        password=passwords[silo.owner],
        connect_timeout=10,
        autocommit=True,
        **silo.options,  # type: ignore[arg-type]
    ) as connection:
        yield connection


@contextlib.contextmanager
def acting_as(
    role: Literal["owner", "app"], silos: Sequence[Silo], passwords: Mapping[str, str]
) -> Iterator[None]:
    """Let Django's connections of this thread be one role's, inside the block."""
    kept: dict[str, dict[str, Any]] = {}
    for silo in silos:
        connection = connections[silo.alias]
        connection.close()
        settings = connection.settings_dict
        kept[silo.alias] = dict(settings)
        user = silo.owner if role == "owner" else silo.app
        options = {key: value for key, value in settings["OPTIONS"].items() if key != "pool"}
        settings.update(USER=user, PASSWORD=passwords[user], OPTIONS=options)
    try:
        yield
    finally:
        for silo in silos:
            connection = connections[silo.alias]
            connection.close()
            connection.settings_dict.update(kept[silo.alias])
