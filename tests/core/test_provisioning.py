"""Each silo is closed to everybody but its own two roles, however often it is provisioned."""

from typing import Any

import psycopg
import pytest
from django.db import connections

from playground.core import provisioning
from tests.services import Services

ALIASES = ("default", "memory", "client_data")


def _connect(services: Services, *, role: str, database: str) -> "psycopg.Connection[Any]":
    return psycopg.connect(
        host=str(services.places.sockets),
        user=role,
        password=services.credentials.passwords[role],
        dbname=database,
        autocommit=True,
    )


@pytest.mark.parametrize("alias", ALIASES)
def test_it_refuses_ddl_when_the_application_role_asks(
    embedded_services: Services, django_db_setup: None, alias: str
) -> None:
    silo = next(silo for silo in embedded_services.silos if silo.alias == alias)
    with _connect(embedded_services, role=silo.owner, database=silo.name) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS owned (id int)")

    with _connect(embedded_services, role=silo.app, database=silo.name) as connection:
        for statement in (
            "CREATE TABLE mine (id int)",
            "CREATE TEMPORARY TABLE mine (id int)",
            "CREATE SCHEMA mine",
            "TRUNCATE owned",
            "ALTER TABLE owned ADD COLUMN mine int",
            "DROP TABLE owned",
            f"SET ROLE {silo.owner}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["owner", "app"])
@pytest.mark.parametrize("alias", ALIASES)
def test_it_refuses_the_connection_when_a_role_tries_another_silo(
    embedded_services: Services, alias: str, kind: str
) -> None:
    mine = next(silo for silo in embedded_services.silos if silo.alias == alias)
    others = [silo.name for silo in embedded_services.silos if silo.alias != alias]

    for database in (*others, "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            _connect(embedded_services, role=getattr(mine, kind), database=database)


def test_it_refuses_the_connection_when_the_password_is_wrong(embedded_services: Services) -> None:
    silo = embedded_services.silos[0]

    for password in ("wrong", ""):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(
                host=silo.host, user=silo.app, password=password, dbname=silo.name
            ).close()


@pytest.mark.django_db
def test_it_changes_nothing_when_provisioned_again(embedded_services: Services) -> None:
    before = _catalogue(embedded_services)

    provisioning.provision(
        embedded_services.silos,
        passwords=embedded_services.credentials.passwords,
    )

    assert _catalogue(embedded_services) == before


def test_it_provisions_when_the_given_user_is_no_superuser(embedded_services: Services) -> None:
    from playground.core import silos

    with provisioning.connect_admin(embedded_services.silos[0], "postgres") as admin:
        admin.execute("CREATE ROLE landlord LOGIN CREATEDB CREATEROLE PASSWORD 'tenant'")
        admin.execute("GRANT CONNECT ON DATABASE postgres TO landlord")
    host = embedded_services.places.sockets
    elsewhere = silos.locate(
        {"default": f"postgresql://landlord:tenant@/elsewhere?host={host}"},
        sockets=host,
        superuser_password=None,
    )
    passwords = {role: "x" * 20 for silo in elsewhere for role in (silo.owner, silo.app)}
    for silo in elsewhere:
        with provisioning.connect_admin(embedded_services.silos[0], "postgres") as admin:
            admin.execute(f"CREATE DATABASE {silo.name}")  # type: ignore[arg-type]
        with provisioning.connect_admin(embedded_services.silos[0], silo.name) as admin:
            admin.execute("CREATE EXTENSION vector")
            admin.execute(f"ALTER DATABASE {silo.name} OWNER TO landlord")  # type: ignore[arg-type]

    for _ in range(2):
        provisioning.provision(elsewhere, passwords=passwords)

    names = [silo.name for silo in elsewhere]
    assert names == ["elsewhere", "elsewhere_memory", "elsewhere_client"]
    with psycopg.connect(
        host=str(host), user="elsewhere_client_app", password="x" * 20, dbname="elsewhere_client"
    ) as connection:
        assert connection.execute("SELECT '[1,2]'::vector <-> '[1,3]'").fetchone() == (1.0,)


@pytest.mark.django_db
def test_it_keeps_rows_apart_when_django_asks_for_a_silo() -> None:
    for alias in ALIASES:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT current_database(), current_user")
            database, user = cursor.fetchone()

        assert user == f"{database}_app"


def _catalogue(services: Services) -> list[Any]:
    found: list[Any] = []
    for silo in services.silos:
        with provisioning.connect_admin(silo, silo.name) as connection:
            for query in (
                "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles",
                "SELECT datname, datacl::text FROM pg_database",
                "SELECT relname, relacl::text FROM pg_class WHERE relname NOT LIKE 'pg_%'",
                "SELECT defaclrole, defaclobjtype, defaclacl::text FROM pg_default_acl",
                "SELECT extname FROM pg_extension",
            ):
                found.append(sorted(map(str, connection.execute(query))))  # type: ignore[arg-type]
    return found
