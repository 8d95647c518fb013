"""Secrets of one Playground, made once and kept in the data folder, readable by its owner alone."""

import fcntl
import hashlib
import hmac
import json
import os
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

SUPERUSER = "postgres"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the data folder knows of secrets.

    Attributes:
        secret_key: signs sessions.
        valkey_port: loopback port of the embedded Valkey.
        passwords: by database role.
    """

    secret_key: str
    valkey_password: str
    valkey_port: int
    passwords: dict[str, str]

    @property
    def redis_url(self) -> str:
        return f"redis://:{self.valkey_password}@127.0.0.1:{self.valkey_port}/0"


def load(path: Path) -> Credentials | None:
    """Read the secrets, None when nothing was made yet."""
    try:
        raw = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return Credentials(**raw)


def ensure(path: Path, *, roles: Iterable[str], secret_key: str | None = None) -> Credentials:
    """Make what is missing and keep what is there.

    With a ``secret_key`` given, every password is derived from it, so that several hosts on one
    database agree without sharing a file.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        known = load(path)
        key = secret_key or (known.secret_key if known else secrets.token_urlsafe(48))
        passwords = dict(known.passwords) if known else {}
        for role in (SUPERUSER, *roles):
            if secret_key and role != SUPERUSER:
                passwords[role] = _derived(secret_key, role)
            else:
                passwords.setdefault(role, secrets.token_urlsafe(32))
        made = Credentials(
            secret_key=key,
            valkey_password=known.valkey_password if known else secrets.token_urlsafe(32),
            valkey_port=known.valkey_port if known else free_port(),
            passwords=passwords,
        )
        if made != known:
            write(path, made)
    return made


def move_valkey(path: Path, credentials: Credentials) -> Credentials:
    """Give Valkey another port, since somebody else has taken its own."""
    moved = replace(credentials, valkey_port=free_port())
    write(path, moved)
    return moved


def write(path: Path, credentials: Credentials) -> None:
    """Replace the file in one step, mode 600 from its first byte."""
    text = json.dumps(
        {
            "secret_key": credentials.secret_key,
            "valkey_password": credentials.valkey_password,
            "valkey_port": credentials.valkey_port,
            "passwords": credentials.passwords,
        },
        indent=1,
    )
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def free_port() -> int:
    """Return a loopback TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _derived(secret_key: str, role: str) -> str:
    return hmac.new(secret_key.encode(), f"role:{role}".encode(), hashlib.sha256).hexdigest()
