"""Services, workers and a web server of a drill's own, to be killed."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import celery
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from playground.core.embedded.credentials import free_port
from playground.core.provisioning import acting_as
from playground.messaging import hinting, lanes, waking
from playground.messaging.appending import Appended, append_message
from playground.messaging.models import Lane, Run
from playground.messaging.statuses import TERMINAL
from playground.policy import keys
from playground.policy.people import ensure_member
from tests.services import Services, new_home

ROOT = Path(__file__).resolve().parents[2]


class Stage:
    """One private cluster and Valkey, and the processes that a drill starts on them."""

    def __init__(self) -> None:
        self.home = new_home()
        self.services = Services(self.home, durable=True)
        self.notes = self.home / "notes"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.web: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self._kept: dict[str, Any] = {}

    def set_up(self) -> None:
        self.services.start()
        self.notes.mkdir()
        connection = connections["default"]
        connection.close()
        self._kept = dict(connection.settings_dict)
        silo, credentials = self.services.silos[0], self.services.credentials
        options = {key: value for key, value in self._kept["OPTIONS"].items() if key != "pool"}
        connection.settings_dict.update(
            HOST=silo.host,
            USER=silo.app,
            PASSWORD=credentials.passwords[silo.app],
            OPTIONS=options,
        )
        with acting_as("owner", [silo], credentials.passwords):
            call_command("migrate", verbosity=0, interactive=False)
        self._redis_url, settings.REDIS_URL = settings.REDIS_URL, credentials.redis_url
        hinting._client.cache_clear()
        self._bells = list(waking._bells)
        app = celery.Celery("drill")
        app.config_from_object("django.conf:settings", namespace="CELERY")
        app.conf.broker_url = credentials.redis_url
        waking.register(
            lambda lane_id: app.send_task("messaging.drain", [str(lane_id)], retry=False)
        )
        self.member = ensure_member("alice", team="hiring")

    def tear_down(self) -> None:
        for child in [*self.workers, self.web]:
            if child is not None and child.poll() is None:
                child.kill()
                child.wait(10)
        waking._bells[:] = self._bells
        settings.REDIS_URL = self._redis_url
        hinting._client.cache_clear()
        connection = connections["default"]
        connection.close()
        connection.settings_dict.update(self._kept)
        self.services.stop()

    def ready_workers(self, count: int, **environment: str) -> None:
        """Have so many workers running, with this environment, and wait until they sweep."""
        alive = [one for one in self.workers if one.poll() is None]
        if environment:
            self.stop_workers()
            alive = []
        fresh = [self._spawn_worker(environment) for _ in range(count - len(alive))]
        self.workers = alive + fresh
        if fresh:
            ready = [self.home / f"ready-{one.pid}" for one in fresh]
            wait_for(lambda: all(path.exists() for path in ready), timeout_s=60)

    def stop_workers(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait(10)
        self.workers = []

    def _spawn_worker(self, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.messaging.worker", str(self.home)]
        return self._spawn(command, environment)

    def _spawn(self, command: list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        log = (self.home / "drill.log").open("ab")
        own = {
            "PLAYGROUND_HOME": str(self.home),
            "PLAYGROUND_LEASE_S": "1",
            "PLAYGROUND_SWEEP_S": "0.1",
            "PLAYGROUND_WORKER_THREADS": "4",
            "DRILL_NOTES": str(self.notes),
        }
        return subprocess.Popen(
            command, env=os.environ | own | environment, cwd=ROOT, stdout=log, stderr=log
        )

    def start_web(self) -> None:
        """Have a daphne running."""
        if self.web is None:
            command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port)]
            self.web = self._spawn([*command, "playground.asgi:application"], {})
            wait_for(lambda: _listens(self.port), timeout_s=60)

    def key(self) -> str:
        made = keys.create(user=self.member.user, team=self.member.team, name="drill")
        return str(made.secret)

    def lane(self) -> Lane:
        user = self.member.user
        return lanes.open_lane(context=user.context(), owner=user)

    def post(self, lane: Lane, say: str = "done", **plan: Any) -> Appended:
        return append_message(
            lane.pk,
            role="user",
            content=json.dumps({"say": say, **plan}),
            author="user:alice",
            dedup_key=str(uuid.uuid4()),
            starts_run=True,
        )

    def worker_of(self, lane: Lane) -> "subprocess.Popen[bytes]":
        """Return the worker that holds a lane, as soon as one does."""

        def holder() -> "subprocess.Popen[bytes] | None":
            owner = Lane.objects.values_list("lease_owner", flat=True).get(pk=lane.pk)
            held_by = owner.split(":")[-2] if owner else ""
            return next((one for one in self.workers if str(one.pid) == held_by), None)

        return wait_for(holder)

    def pause(self, worker: "subprocess.Popen[bytes]") -> None:
        worker.send_signal(signal.SIGSTOP)

    def resume(self, worker: "subprocess.Popen[bytes]") -> None:
        worker.send_signal(signal.SIGCONT)


def wait_for(condition: Callable[[], Any], *, timeout_s: float = 20.0) -> Any:
    """Return what the condition gives as soon as it gives something."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def all_ended(lane: Lane) -> bool:
    statuses = Run.objects.filter(lane=lane).values_list("status", flat=True)
    return all(status in TERMINAL for status in statuses)


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
