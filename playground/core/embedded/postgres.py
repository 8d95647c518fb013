"""PostgreSQL with pgvector as a child process, on a private Unix socket."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
import psycopg

from playground.core.embedded import spawning
from playground.core.embedded.accounts import Account
from playground.core.embedded.binaries import Binaries
from playground.core.embedded.credentials import SUPERUSER
from playground.core.embedded.places import Places

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "warning",
    # Failing statements carry what people have written, and so does the detail of an error.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "timezone": "UTC",
    "idle_in_transaction_session_timeout": "5min",
}
# For tests alone, which throw the cluster away: nothing survives a power cut, and no table is
# remembered as empty by who looks between two tests: a plan for no rows takes minutes with 600.
FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}
# The server asks its clients to go and writes a checkpoint.
FAST_SHUTDOWN = signal.SIGINT


class PostgresFailed(RuntimeError):
    """The embedded PostgreSQL cannot be made or started; the message says where its log is."""


def initialise(
    places: Places, binaries: Binaries, *, account: Account | None, password: str
) -> bool:
    """Make the cluster if there is none, and say whether it was made.

    Raises:
        PostgresFailed: initdb failed.
    """
    if (places.postgres / "PG_VERSION").exists():
        return False
    fresh = places.postgres.with_name("postgres.new")
    shutil.rmtree(fresh, ignore_errors=True)
    descriptor, name = tempfile.mkstemp(dir=places.sockets)
    password_file = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(password)
        if account:
            os.chown(password_file, account.uid, account.gid)
        child = spawning.spawn(
            [
                binaries.postgres_bin / "initdb",
                f"--pgdata={fresh}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
            ],
            account=account,
            environment=_environment(),
            folder=places.services,
            log=places.logs / "postgres.log",
        )
        if child.wait():
            raise PostgresFailed(f"initdb failed, see {places.logs / 'postgres.log'}")
    finally:
        password_file.unlink(missing_ok=True)
    # A kill before this line leaves no half-made cluster behind.
    fresh.rename(places.postgres)
    return True


def start(
    places: Places, binaries: Binaries, *, account: Account | None, durable: bool = True
) -> "subprocess.Popen[bytes]":
    """Start the server as a child; it may not be ready yet."""
    settings = SETTINGS | {"unix_socket_directories": _quoted(places.sockets)}
    if not durable:
        settings |= FORGETFUL
    return spawning.spawn(
        [
            binaries.postgres_bin / "postgres",
            "-D",
            places.postgres,
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ],
        account=account,
        environment=_environment(),
        folder=places.services,
        log=places.logs / "postgres.log",
        when_orphaned=FAST_SHUTDOWN,
    )


def wait_ready(
    places: Places, child: "subprocess.Popen[bytes]", *, password: str, timeout_s: float = 60
) -> None:
    """Return as soon as the server answers.

    Raises:
        PostgresFailed: it ended or did not answer in time.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if child.poll() is not None:
            break
        if answers(places, password=password):
            return
        time.sleep(0.05)
    raise PostgresFailed(f"PostgreSQL did not start, see {places.logs / 'postgres.log'}")


def answers(places: Places, *, password: str) -> bool:
    """Say whether the server takes connections now.

    Raises:
        PostgresFailed: the cluster was made with another password.
    """
    try:
        psycopg.connect(
            host=str(places.sockets),
            user=SUPERUSER,
            password=password,
            dbname="postgres",
            connect_timeout=5,
        ).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise PostgresFailed(
                f"The database in {places.postgres} does not know the passwords in"
                f" {places.credentials}: it was made with a data folder that is gone. Bring that"
                f" file back, or remove {places.postgres} to begin anew, without what it holds."
            ) from None
        return False
    return True


def stop_leftover(places: Places, *, timeout_s: float = 20) -> None:
    """End a server that an earlier supervisor left on these files, and wait for it.

    A ``postmaster.pid`` whose process is gone needs no help: the next server sees that itself.
    """
    try:
        pid = int((places.postgres / "postmaster.pid").read_text().split("\n", 1)[0])
        process = psutil.Process(pid)
        if process.name() != "postgres" or str(places.postgres) not in process.cmdline():
            return
        process.send_signal(FAST_SHUTDOWN)
        try:
            process.wait(timeout_s)
        except psutil.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout_s)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return


def _environment() -> dict[str, str]:
    # Nothing of the caller's PG* variables may reach the server.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _quoted(folder: Path) -> str:
    return '"' + str(folder).replace('"', '""') + '"'
