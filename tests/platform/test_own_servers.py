"""The whole product on servers of the user's own: nothing is embedded, every silo is made there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
import pytest
import redis

from playground.core.embedded import credentials
from playground.core.embedded.places import Places
from tests.services import Services
from tests.stack import Stack

pytestmark = [pytest.mark.drill, pytest.mark.timeout(240)]

NAME = "ours"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Run a PostgreSQL and a Valkey that the product knows by their addresses alone."""
    running = Services(Path(tmp_path_factory.mktemp("their servers")))
    try:
        running.start()
        with _connect(running, "postgres", running.password, "postgres") as connection:
            connection.execute("CREATE ROLE ops LOGIN CREATEDB CREATEROLE PASSWORD 'their:own/pw'")
            connection.execute("GRANT CONNECT ON DATABASE postgres TO ops")
        with _connect(running, "postgres", running.password, "template1") as connection:
            connection.execute("CREATE EXTENSION vector")
        yield running
    finally:
        running.stop()


def _connect(
    servers: Services, user: str, password: str, database: str
) -> "psycopg.Connection[Any]":
    return psycopg.connect(
        host=str(servers.places.sockets),
        user=user,
        password=password,
        dbname=database,
        autocommit=True,
    )


def _stack(servers: Services, name: str) -> Stack:
    sockets = quote(str(servers.places.sockets), safe="")
    password = quote("their:own/pw", safe="")
    return Stack(
        extra={
            "PLAYGROUND_STATIC": "plain",
            "DATABASE_URL": f"postgresql://ops:{password}@/{name}?host={sockets}",
            "REDIS_URL": servers.credentials.redis_url,
        }
    )


@pytest.fixture(scope="module")
def stack(servers: Services) -> Iterator[Stack]:
    """Run one Playground on them for this module."""
    running = _stack(servers, NAME)
    try:
        yield running.start()
    finally:
        running.remove()


def test_it_keeps_the_silos_apart_when_the_server_is_the_users(
    servers: Services, stack: Stack
) -> None:
    known = credentials.load(Places.under(stack.home).credentials)
    assert known is not None
    app = f"{NAME}_app"

    with _connect(servers, app, known.passwords[app], NAME) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (id int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("TRUNCATE policy_auditrow")
    for other in (f"{NAME}_memory", f"{NAME}_client"):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            _connect(servers, app, known.passwords[app], other).close()


def test_it_lives_on_the_servers_of_the_user_when_their_addresses_are_set(
    servers: Services, stack: Stack
) -> None:
    commands = [" ".join(each.cmdline()) for each in psutil.Process(stack.process.pid).children()]
    stack.manage("create_api_key", "--user", "ana", "--team", "hiring")
    first = stack.health()
    assert stack.stop() == 0
    stack.start()
    again = stack.health()

    assert first[0] == again[0] == 200
    assert not [each for each in commands if "postgres" in each or "valkey" in each]
    with _connect(servers, "postgres", servers.password, NAME) as connection:
        found = {
            row[0]
            for row in connection.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{NAME}%"]
            )
        }
        agents = connection.execute("SELECT count(*) FROM agents_agent").fetchone()
        keys = connection.execute("SELECT count(*) FROM policy_apikey").fetchone()
    assert found == {NAME, f"{NAME}_memory", f"{NAME}_client"}
    assert agents == (2,)
    assert keys == (1,)
    with redis.Redis.from_url(servers.credentials.redis_url) as client:
        assert client.dbsize() > 0


def test_it_says_who_must_help_when_the_user_may_not_make_the_extension(servers: Services) -> None:
    with _connect(servers, "postgres", servers.password, "template1") as connection:
        connection.execute("DROP EXTENSION vector")
    stack = _stack(servers, "theirs")
    try:
        assert stack.launch().wait(60) == 1
        assert "only a superuser may make the extension `vector`" in stack.said()
        assert "Traceback" not in stack.said()
    finally:
        stack.remove()
