"""Web processes of a drill's own on the session's services, and people who ask them."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psutil
from django.conf import settings

from playground.core.embedded.credentials import free_port
from tests.stack import ROOT

T = TypeVar("T")
STARTED_WITHIN_S = 120


@dataclass
class Web:
    """One web process."""

    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Begin to start it; ``wait`` says when it answers."""
        own = {
            "PLAYGROUND_RATE_LIMITS": "off",
            "PLAYGROUND_SECRET_KEY": settings.SECRET_KEY,
            "PORT": str(self.port),
        }
        command = ["playground.serving", "-b", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command, "playground.asgi:application"],
            cwd=ROOT,
            env=os.environ | own,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> None:
        until = time.monotonic() + STARTED_WITHIN_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process is not None
            assert self.process.poll() is None, "the web process ended"
            assert time.monotonic() < until, "the web process does not answer"
            time.sleep(0.1)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    @property
    def rss(self) -> int:
        """Return the bytes of memory that it has."""
        assert self.process is not None
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def ask(
        self, key: str, method: str, path: str, body: Any = None, *, timeout_s: float = 120
    ) -> tuple[int, Any]:
        """Return status and JSON; a body that is bytes is sent as it is."""
        sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=sent,
            method=method,
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")


@contextlib.contextmanager
def webs(count: int) -> Iterator[list[Web]]:
    """Run so many web processes."""
    running = [Web() for _ in range(count)]
    try:
        for each in running:
            each.start()
        for each in running:
            each.wait()
        yield running
    finally:
        for each in running:
            if each.process is not None and each.process.poll() is None:
                each.kill()


def at_once(work: Callable[..., T], *given: tuple[Any, ...]) -> list[T]:
    """Do the work with each of the arguments, all at the same moment."""
    with ThreadPoolExecutor(len(given)) as pool:
        return [each.result() for each in [pool.submit(work, *one) for one in given]]


def code_of(answer: tuple[int, Any]) -> str:
    """Return the code of an error, empty for an answer."""
    body = answer[1]
    if not isinstance(body, dict):
        return ""
    return str(body.get("code") or (body.get("error") or {}).get("code") or "")
