"""Start child processes that cannot outlive this one."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from playground.core.embedded.accounts import Account

PR_SET_PDEATHSIG = 1
_prctl: Callable[..., int] | None = (
    ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
)


def spawn(
    command: Sequence[str | Path],
    *,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    log: Path | None = None,
    piped: bool = False,
    when_orphaned: signal.Signals = signal.SIGKILL,
) -> "subprocess.Popen[bytes]":
    """Start a command in a session of its own, so that Ctrl-C reaches only the parent.

    Call it from a thread that lives as long as the process: on Linux the kernel sends
    ``when_orphaned`` as soon as that thread is gone. With ``log`` its output is appended there,
    with ``piped`` what it prints can be read from ``stdout``.
    """
    parent = os.getpid()

    def prepare() -> None:
        # Changing the user clears the death signal, so it is set after that, here.
        if _prctl is not None:
            _prctl(PR_SET_PDEATHSIG, int(when_orphaned), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    output = log.open("ab") if log else None
    try:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else output,
            stderr=subprocess.STDOUT if output else None,
            env=dict(environment) if environment is not None else None,
            cwd=folder,
            start_new_session=True,
            preexec_fn=prepare,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    finally:
        if output:
            output.close()
