"""The system account under which the embedded services run when the Playground runs as root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass

ACCOUNT = "playground"


class NoAccount(RuntimeError):
    """No unprivileged system account can be had; PostgreSQL refuses to run as root."""


@dataclass(frozen=True, slots=True)
class Account:
    """A system account, by its numeric user and group."""

    name: str
    uid: int
    gid: int


def service_account() -> Account | None:
    """Return the account to run services under, None for the current one.

    Root makes a system account of its own once, and falls back to ``postgres`` or ``nobody`` where
    it may not.

    Raises:
        NoAccount: running as root, and there is no unprivileged account at all.
    """
    if os.geteuid() != 0:
        return None
    if not _exists(ACCOUNT):
        _create(ACCOUNT)
    for name in (ACCOUNT, "postgres", "nobody"):
        if _exists(name):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise NoAccount(
        f"Running as root needs an unprivileged system account: useradd --system {ACCOUNT}"
    )


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _create(name: str) -> None:
    if useradd := shutil.which("useradd"):
        command = [useradd, "--system", "--no-create-home", "--home-dir", "/nonexistent", name]
    elif adduser := shutil.which("adduser"):
        command = [adduser, "-S", "-D", "-H", name]
    else:
        return
    subprocess.run(command, check=False, capture_output=True)
