"""Claim a data folder and a port before anything is started on them."""

import errno
import fcntl
import os
import socket
from pathlib import Path
from typing import IO


class Taken(RuntimeError):
    """Somebody else has it; the message is for the person at the terminal."""


def claim_folder(lock: Path) -> IO[str]:
    """Lock the data folder for as long as the returned file stays open.

    Raises:
        Taken: another Playground runs on it.
    """
    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = lock.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        who = file.read().strip()
        file.close()
        raise Taken(
            f"A Playground already runs on {lock.parent}"
            + (f" (process {who})" if who else "")
            + ". Stop it first, or set PLAYGROUND_HOME to another folder."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def check_port(host: str, port: int) -> None:
    """Make sure that the web server can listen.

    Raises:
        Taken: it cannot, and the message says why.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Taken(
                f"Port {port} on {host} is taken. Choose another one: PORT={port + 1} make run"
            ) from error
        raise Taken(f"Cannot listen on {host} port {port}: {error.strerror or error}") from error
