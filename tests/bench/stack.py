"""A whole product of the benchmark's own: fresh data folder, free port, real supervisor."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Stack:
    """One supervised product."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]
    ready_s: float

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        return environment(self.home, self.port)

    def manage(self, *arguments: str) -> str:
        """Run a management command against this product and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment(),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def memory_mib(self) -> tuple[float, int]:
        """Return the sum of PSS of all processes in MiB, and how many there are."""
        root = psutil.Process(self.process.pid)
        family = [root, *root.children(recursive=True)]
        return sum(p.memory_full_info().pss for p in family) / 2**20, len(family)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)


def environment(home: Path, port: int) -> dict[str, str]:
    return os.environ | {
        "PLAYGROUND_HOME": str(home),
        "PORT": str(port),
        "PLAYGROUND_SCRIPTED": "1",
        "PLAYGROUND_RATE_LIMITS": "off",
    }


def start(home: Path, port: int) -> Stack:
    """Start the supervisor and wait until every part is healthy."""
    begun = time.monotonic()
    log = (home.parent / f"{home.name}.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "playground.supervisor"],
        cwd=ROOT,
        env=environment(home, port),
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    while not healthy(port):
        if process.poll() is not None:
            raise SystemExit(f"the supervisor ended with {process.returncode}: see {log.name}")
        if time.monotonic() - begun > 300:
            process.terminate()
            raise SystemExit(f"not healthy after 300 s: see {log.name}")
        time.sleep(0.05)
    return Stack(home, port, process, time.monotonic() - begun)


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
