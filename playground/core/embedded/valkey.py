"""Valkey as a child process, on loopback with a password, its append-only file synced."""

import os
import subprocess
import time

import redis

from playground.core.embedded import spawning
from playground.core.embedded.accounts import Account
from playground.core.embedded.binaries import Binaries
from playground.core.embedded.credentials import Credentials
from playground.core.embedded.places import Places


class ValkeyFailed(RuntimeError):
    """The embedded Valkey cannot be started; the message says where its log is."""


def start(
    places: Places,
    binaries: Binaries,
    credentials: Credentials,
    *,
    account: Account | None,
    durable: bool = True,
) -> "subprocess.Popen[bytes]":
    """Start the server as a child; it may not be ready yet."""
    configuration = places.valkey / "valkey.conf"
    configuration.unlink(missing_ok=True)
    descriptor = os.open(configuration, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(
            "bind 127.0.0.1\n"
            f"port {credentials.valkey_port}\n"
            f"requirepass {credentials.valkey_password}\n"
            f'dir "{places.valkey}"\n'
            "protected-mode yes\n"
            'save ""\n'
            f"appendonly {'yes' if durable else 'no'}\n"
            # PostgreSQL keeps every promise; here lie hints, of which a second may get lost.
            "appendfsync everysec\n"
            "aof-load-truncated yes\n"
            "maxmemory-policy noeviction\n"
        )
    if account:
        os.chown(configuration, account.uid, account.gid)
    return spawning.spawn(
        [binaries.valkey_server, configuration],
        account=account,
        environment={"PATH": os.environ.get("PATH", os.defpath)},
        folder=places.valkey,
        log=places.logs / "valkey.log",
    )


def wait_ready(
    url: str, *, child: "subprocess.Popen[bytes] | None" = None, timeout_s: float = 30
) -> None:
    """Return as soon as the server answers; it loads its append-only file first.

    Raises:
        ValkeyFailed: it ended or did not answer in time.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if child is not None and child.poll() is not None:
            break
        if answers(url):
            return
        time.sleep(0.03)
    raise ValkeyFailed("Valkey did not start, see logs/valkey.log in the data folder")


def answers(url: str) -> bool:
    """Say whether the server answers a PING now."""
    client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
