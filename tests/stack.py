"""A whole Playground of a test's own: the real supervisor on a fresh data folder and free port."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from playground.core.embedded.credentials import free_port
from playground.core.embedded.places import Places
from tests.managing import ROOT, Commands

STARTED_WITHIN_S = 240


@dataclass
class Stack:
    """One supervised Playground, started by ``start`` and asked over its doors."""

    home: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="stack ")))
    port: int = field(default_factory=free_port)
    extra: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    family: dict[int, psutil.Process] = field(default_factory=dict)
    commands: Commands | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.home / "supervisor.log"

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PLAYGROUND_", "OPENAI_"))}
        return kept | {"PLAYGROUND_HOME": str(self.home), "PORT": str(self.port)} | dict(self.extra)

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start the supervisor without waiting for anything."""
        self._forget_commands()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "playground.supervisor"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.process

    def start(self) -> "Stack":
        """Start and wait until every part is well and the login link is printed."""
        before = len(self.said())
        process = self.launch()
        deadline = time.monotonic() + STARTED_WITHIN_S
        while "Ctrl-C stops it" not in self.said()[before:]:
            assert process.poll() is None, f"the supervisor ended:\n{self.said()[-3000:]}"
            assert time.monotonic() < deadline, f"not ready:\n{self.said()[-3000:]}"
            time.sleep(0.1)
        self.remember()
        return self

    def said(self) -> str:
        """Return what the supervisor and the servers printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def remember(self) -> None:
        """Note every process of the stack, to find those that outlive it."""
        assert self.process is not None
        root = psutil.Process(self.process.pid)
        self.family.update({child.pid: child for child in [root, *root.children(recursive=True)]})

    def survivors(self) -> list[psutil.Process]:
        """Return the processes that still run, of all that were noted."""
        return [
            process
            for process in self.family.values()
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        ]

    def child(self, name: str) -> psutil.Process:
        """Find a part: ``web``, ``worker``, ``beat``, ``postgres`` or ``valkey``."""
        assert self.process is not None
        words = {"web": "playground.serving", "worker": "worker", "beat": "beat", "postgres": "-D"}
        for process in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                command = process.cmdline()
                if words.get(name) in command or name in Path((command or [""])[0]).name:
                    return process
        raise LookupError(f"no {name} runs")

    def health(self) -> tuple[int, dict[str, Any]]:
        """Ask ``/healthz``; status 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.base}/healthz", timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")
        except OSError:
            return 0, {}

    def wait_said(self, words: str, *, after: int = 0, timeout_s: float = 30) -> None:
        """Wait until the supervisor says something, after so many characters."""
        deadline = time.monotonic() + timeout_s
        while words not in self.said()[after:]:
            assert time.monotonic() < deadline, self.said()[after:]
            time.sleep(0.1)

    def wait_healthy(self, *, timeout_s: float = 60) -> None:
        """Wait until every part is well."""
        deadline = time.monotonic() + timeout_s
        while (state := self.health())[0] != 200:
            assert time.monotonic() < deadline, f"{state}\n{self.said()[-3000:]}"
            time.sleep(0.2)

    def manage(self, *arguments: str) -> str:
        """Run a management command on this data folder and return what it printed."""
        if self.commands is None:
            self.commands = Commands(self.environment)
        status, printed, complained = self.commands.run(arguments)
        assert status == 0, printed + complained
        return printed.strip()

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ask it to end, as Ctrl-C does, and return the exit status."""
        assert self.process is not None
        self.remember()
        self.process.send_signal(number)
        return self.process.wait(60)

    def kill_everything(self) -> None:
        """Send SIGKILL to every process at once, as a power cut would."""
        self.remember()
        for process in self.family.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        assert self.process is not None
        self.process.wait(10)
        psutil.wait_procs(list(self.family.values()), timeout=10)

    def remove(self) -> None:
        """End what runs, without ceremony, and delete the data."""
        self._forget_commands()
        if self.process is not None and self.process.poll() is None:
            self.remember()
            # The supervisor is the first, and starts none again.
            for process in self.family.values():
                with contextlib.suppress(psutil.NoSuchProcess):
                    # A killed PostgreSQL leaves its shared memory behind.
                    at_once = signal.SIGQUIT if process.name() == "postgres" else signal.SIGKILL
                    process.send_signal(at_once)
            self.process.wait(10)
            psutil.wait_procs(list(self.family.values()), timeout=10)
        Places.under(self.home).remove()

    def _forget_commands(self) -> None:
        # They hold the addresses of a start, which may change with the next.
        if self.commands is not None:
            self.commands.end()
            self.commands = None
