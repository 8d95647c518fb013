"""One command runs everything, survives every death, and leaves nothing behind."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from playground.core.embedded import accounts, binaries, credentials, leftovers, postgres
from playground.core.embedded.children import pause_s
from playground.core.embedded.places import Places
from tests.stack import Stack

pytestmark = [pytest.mark.drill, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Run one Playground for this module, in a folder with a space in its name."""
    running = Stack(extra={"PLAYGROUND_STATIC": "plain", "PLAYGROUND_LOG_LEVEL": "WARNING"})
    try:
        yield running.start()
    finally:
        running.remove()


def _write(stack: Stack, word: str) -> None:
    with _client_silo(stack) as connection:
        connection.execute(
            "INSERT INTO django_session (session_key, session_data, expire_date)"
            " VALUES (%s, 'kept', now())",
            [word],
        )


def _words(stack: Stack) -> set[str]:
    with _client_silo(stack) as connection:
        rows = connection.execute("SELECT session_key FROM django_session").fetchall()
    return {row[0] for row in rows}


def _client_silo(stack: Stack) -> "psycopg.Connection[Any]":
    places = Places.under(stack.home)
    known = credentials.load(places.credentials)
    assert known is not None
    return psycopg.connect(
        host=str(places.sockets),
        dbname="playground",
        user="playground_app",
        password=known.passwords["playground_app"],
        autocommit=True,
    )


def test_it_prints_a_login_link_when_ready(stack: Stack) -> None:
    assert f"{stack.base}/login/" in stack.said()
    assert stack.health() == (
        200,
        {
            "status": "ok",
            "parts": dict.fromkeys(("default", "memory", "client_data", "redis", "worker"), "ok"),
        },
    )


def test_it_keeps_secrets_private_when_it_makes_them(stack: Stack) -> None:
    places = Places.under(stack.home)

    assert places.credentials.stat().st_mode & 0o777 == 0o600
    for folder in (places.home, places.sockets, places.postgres):
        assert folder.stat().st_mode & 0o077 == 0
    known = credentials.load(places.credentials)
    assert known is not None
    commands = [" ".join(process.cmdline()) for process in stack.family.values()]
    for secret in (known.secret_key, known.valkey_password, *known.passwords.values()):
        assert not any(secret in command for command in commands)
        assert secret not in stack.said()


def test_it_listens_on_loopback_only_when_no_host_is_set(stack: Stack) -> None:
    listening = [
        connection.laddr.ip
        for process in stack.family.values()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert set(listening) == {"127.0.0.1"}


def test_it_refuses_a_second_start_when_the_folder_is_in_use(stack: Stack) -> None:
    second = replace(stack, port=credentials.free_port(), process=None)
    before = len(stack.said())

    code = second.launch().wait(30)

    assert code == 1
    assert "already runs" in stack.said()[before:]
    assert stack.health()[0] == 200


def test_it_says_so_when_the_port_is_taken() -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        stack = Stack(port=somebody.getsockname()[1])

        code = stack.launch().wait(30)

    assert code == 1
    assert f"Port {stack.port} on 127.0.0.1 is taken" in stack.said()
    stack.remove()


def test_it_says_so_when_the_database_outlived_its_passwords() -> None:
    stack = Stack()
    places = Places.under(stack.home)
    account = accounts.service_account()
    places.make(account)
    found = binaries.locate(account)
    postgres.initialise(places, found, account=account, password="of a folder that is gone")

    code = stack.launch().wait(60)

    assert code == 1
    assert f"The database in {places.postgres} does not know the passwords" in stack.said()
    stack.remove()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PLAYGROUND_LEASE_S", "soon"),
        ("PLAYGROUND_CAPTURE", "everything"),
        ("DATABASE_URL", "mysql://me:hunter2@somewhere/name"),
        ("PORT", "99999"),
    ],
)
def test_it_names_the_variable_when_a_setting_is_wrong(
    tmp_path: Path, variable: str, value: str
) -> None:
    stack = Stack(home=tmp_path, extra={variable: value})

    code = stack.launch().wait(30)

    assert code == 1
    assert variable in stack.said()
    assert value not in stack.said()
    assert "Traceback" not in stack.said()


@pytest.mark.parametrize("name", ["worker", "web", "valkey", "postgres"])
def test_it_starts_a_part_again_when_it_dies(stack: Stack, name: str) -> None:
    before = len(stack.said())
    dead = stack.child(name)

    dead.kill()
    psutil.wait_procs([dead], timeout=10)

    stack.wait_said("started again", after=before)
    stack.wait_healthy()
    assert stack.child(name).pid != dead.pid
    assert "signal SIGKILL" in stack.said()[before:]


def test_it_loses_no_committed_row_when_everything_is_killed(stack: Stack) -> None:
    _write(stack, "before the cut")

    stack.kill_everything()
    assert stack.survivors() == []
    stack.start()

    assert "before the cut" in _words(stack)


def test_it_leaves_nothing_behind_when_the_supervisor_alone_is_killed(stack: Stack) -> None:
    stack.remember()
    assert stack.process is not None

    stack.process.kill()
    stack.process.wait(10)
    _, alive = psutil.wait_procs(list(stack.family.values()), timeout=30)

    assert [process for process in alive if process.is_running()] == []
    stack.start()


def test_it_leaves_no_process_when_interrupted(stack: Stack) -> None:
    code = stack.stop(signal.SIGINT)

    assert code == 0
    assert stack.survivors() == []


def test_it_waits_longer_when_a_part_keeps_dying() -> None:
    pauses = [pause_s(deaths) for deaths in range(1, 20)]

    assert pauses == sorted(pauses)
    assert pauses[0] <= 0.5
    assert pauses[-1] == 30


def test_it_ends_leftovers_when_they_are_still_the_same_process(tmp_path: Path) -> None:
    child = subprocess.Popen(["sleep", "300"])
    leftovers.remember(tmp_path / "children.json", [child.pid])

    ended = leftovers.end(tmp_path / "children.json")

    assert ended == 1
    assert not psutil.pid_exists(child.pid)


def test_it_spares_a_stranger_when_a_process_id_was_used_again(tmp_path: Path) -> None:
    child = subprocess.Popen(["sleep", "300"])
    (tmp_path / "children.json").write_text(f'{{"{child.pid}": 1.0}}')

    ended = leftovers.end(tmp_path / "children.json")

    assert ended == 0
    assert child.poll() is None
    child.kill()
    child.wait(5)
