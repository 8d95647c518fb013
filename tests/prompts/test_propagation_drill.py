"""No process serves an old version a second after a change, whatever happens to it meanwhile."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from playground.core.embedded.credentials import free_port
from tests.stack import ROOT, Stack

pytestmark = [pytest.mark.drill, pytest.mark.timeout(300)]

MADE = """
from playground.core.context import RequestContext
from playground.prompts.content import content_of
from playground.prompts.labelling import move_label
from playground.prompts.saving import create_prompt, save_version
context = RequestContext(subject="user:drill", team="hiring")
said = lambda text: content_of({"messages": [{"role": "system", "template": text}]})
create_prompt(context, name="drilled", content=said("1"))
for number in range(2, 10):
    save_version(context, "drilled", content=said(str(number)))
move_label(context, "drilled", label="live", version=1)
"""


@dataclass(frozen=True)
class Seen:
    """One answer: when it was asked for, when it came, and the version; 0 for none."""

    asked: float
    came: float
    version: int


@dataclass
class Holder:
    """A process that is asked again and again which version it would use."""

    pid: int
    connect: Callable[[], Callable[[], int]]
    seen: list[Seen] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        threading.Thread(target=self._keep_asking, daemon=True).start()

    def _keep_asking(self) -> None:
        ask = self.connect()
        while not self.stopping.is_set():
            asked = time.monotonic()
            try:
                version = ask()
            except (OSError, ValueError, http.client.HTTPException):
                version, ask = 0, self.connect()
            self.seen.append(Seen(asked, time.monotonic(), version))
            time.sleep(0.02)

    def wait_for(self, version: int, *, after: float) -> None:
        until = time.monotonic() + 20
        while not any(each.version == version and each.asked >= after for each in self.seen):
            assert time.monotonic() < until, self.seen[-3:]
            time.sleep(0.02)


@dataclass
class Drill:
    """A product with two web processes and two workers."""

    stack: Stack
    key: str
    webs: list[Holder]
    workers: list[Holder]
    editor: Callable[[str], int]
    version: int = 1

    @property
    def holders(self) -> list[Holder]:
        return [*self.webs, *self.workers]

    def move(self) -> float:
        """Move the label on in one of the workers, and return when that was done."""
        self.version += 1
        assert self.editor(f"move {self.version}") == self.version
        return time.monotonic()

    def processes(self) -> list[dict[str, Any]]:
        request = urllib.request.Request(
            f"{self.stack.base}/api/prompts/hiring/drilled/processes",
            headers={"Authorization": f"Bearer {self.key}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return list(json.loads(answer.read())["items"])


@pytest.fixture(scope="module")
def drill() -> Iterator[Drill]:
    stack = Stack(extra={"PLAYGROUND_STATIC": "plain", "PLAYGROUND_RATE_LIMITS": "off"})
    others: list[subprocess.Popen[bytes]] = []

    def spawn(*command: str, **environment: str) -> int:
        log = stack.log.open("ab")
        others.append(
            subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=stack.environment | environment,
                stdout=log,
                stderr=log,
            )
        )
        return others[-1].pid

    try:
        stack.start()
        key = stack.manage("create_api_key", "--user", "drill", "--team", "hiring").split()[-1]
        stack.manage("shell", "-c", MADE)
        port, folder = free_port(), Path(tempfile.mkdtemp(prefix="drill"))
        second = spawn(
            "playground.serving", "-b", "127.0.0.1", "-p", str(port), "playground.asgi:application"
        )
        doors = [folder / "a", folder / "b"]
        pids = [spawn("tests.prompts.worker", DRILL_SOCKET=str(door)) for door in doors]
        until = time.monotonic() + 60
        while not (listens(port) and all(door.exists() for door in doors)):
            assert time.monotonic() < until, stack.said()[-3000:]
            time.sleep(0.1)
        webs = [
            Holder(stack.child("web").pid, lambda: over_http(stack.port, key)),
            Holder(second, lambda: over_http(port, key)),
        ]
        workers = [
            Holder(pid, lambda door=door: asks_to_choose(door))  # type: ignore[misc]
            for pid, door in zip(pids, doors, strict=True)
        ]
        made = Drill(stack, key, webs, workers, over_socket(doors[0]))
        for holder in made.holders:
            holder.start()
        yield made
        for holder in made.holders:
            holder.stopping.set()
    finally:
        for other in others:
            other.send_signal(signal.SIGCONT)
            other.kill()
            other.wait(10)
        stack.remove()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def over_http(port: int, key: str) -> Callable[[], int]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask() -> int:
        headers = {"Authorization": f"Bearer {key}"}
        line.request("GET", "/v1/prompts/hiring/drilled?label=live", headers=headers)
        answer = line.getresponse()
        body = json.loads(answer.read())
        return int(body["version"]) if answer.status == 200 else 0

    return ask


def over_socket(door: Path) -> Callable[[str], int]:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(60)
    line.connect(str(door))
    said = line.makefile("rw")

    def ask(what: str) -> int:
        said.write(f"{what}\n")
        said.flush()
        return int(said.readline())

    return ask


def asks_to_choose(door: Path) -> Callable[[], int]:
    ask = over_socket(door)
    return lambda: ask("choose")


def restart_valkey(stack: Stack) -> None:
    """Kill it and wait until the supervisor has a new one that answers."""
    old = stack.child("valkey")
    old.kill()
    psutil.wait_procs([old], timeout=10)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if stack.child("valkey").pid != old.pid and stack.health()[0] == 200:
                return
        except LookupError:
            pass
        time.sleep(0.05)
    raise AssertionError(stack.said()[-3000:])


def served(holder: Holder, *, since: float) -> set[int]:
    """Return the versions of answers that came after a moment, however long ago asked for."""
    return {each.version for each in holder.seen if each.came > since}


@pytest.mark.parametrize("paused", ["web", "worker"])
def test_it_serves_nothing_old_a_second_after(drill: Drill, paused: str) -> None:
    stopped = drill.webs[1] if paused == "web" else drill.workers[1]
    running = [holder for holder in drill.holders if holder is not stopped]
    first = drill.version
    for holder in drill.holders:
        holder.wait_for(first, after=time.monotonic())

    os.kill(stopped.pid, signal.SIGSTOP)
    try:
        moved = drill.move()
        time.sleep(2)
        without_redis = threading.Thread(target=restart_valkey, args=(drill.stack,))
        without_redis.start()
        time.sleep(0.1)
        again = drill.move()
        time.sleep(2)
        without_redis.join(40)
        last = drill.move()
        time.sleep(2)
    finally:
        os.kill(stopped.pid, signal.SIGCONT)
        woke = time.monotonic()
    for holder in drill.holders:
        holder.wait_for(first + 3, after=woke + 1)

    for holder in running:
        between = {each.version for each in holder.seen if moved + 1 < each.asked < again}
        during = {each.version for each in holder.seen if again + 1 < each.asked < last}
        assert between <= {first + 1, first + 2}, "an old version before Redis was killed"
        assert during <= {first + 2, first + 3}, "an old version while Redis was away"
        assert served(holder, since=last + 1) == {first + 3}
    assert served(stopped, since=woke + 1) == {first + 3}
    assert [each for each in stopped.seen if last < each.came < woke] == []
    time.sleep(2)
    told = drill.processes()
    assert {each["process"].split("@")[0] for each in told} == {"web", "worker"}
    assert len(told) == 4
    assert all(each["current"] and each["labels"] == {"live": first + 3} for each in told)
