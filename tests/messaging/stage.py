"""Services, workers and a web server of a drill's own, to be killed."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import celery
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import Client

from agents.building import save_agent
from agents.specifying import AgentSpec
from agents.threads import open_thread
from playground.core.embedded.credentials import free_port
from playground.core.provisioning import acting_as
from playground.messaging import hinting, lanes, waking
from playground.messaging.appending import Appended, append_message
from playground.messaging.models import Event, Lane, Run
from playground.messaging.statuses import TERMINAL
from playground.policy import keys
from playground.policy.models import Membership
from playground.policy.people import ensure_member
from tests.services import Services, new_home

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90.0


def _close_connections() -> None:
    """Close this thread's, and that of the thread in which coroutines reach the database."""
    connections["default"].close()
    asyncio.run(sync_to_async(lambda: connections["default"].close())())


class Worker:
    """A forked worker; the process that bore it reaps it, so it is gone as soon as it is dead."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    @property
    def alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def signal(self, which: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, which)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        wait_for(lambda: not self.alive)


class Stage:
    """One private cluster and Valkey, and the processes that a drill starts on them."""

    def __init__(self) -> None:
        self.home = new_home()
        self.services = Services(self.home, durable=True)
        self.notes = self.home / "notes"
        self.workers: list[Worker] = []
        self.nursery: subprocess.Popen[bytes] | None = None
        self.web: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def set_up(self) -> None:
        self.services.start()
        self.notes.mkdir()
        command = [sys.executable, "-m", "tests.messaging.worker", str(self.home)]
        self.nursery = self._spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with self.entered():
            silo, credentials = self.services.silos[0], self.services.credentials
            with acting_as("owner", [silo], credentials.passwords):
                call_command("migrate", verbosity=0, interactive=False)
            self.member = ensure_member("alice", team="hiring")

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Let this process use the stage's services while the block runs."""
        connection = connections["default"]
        _close_connections()
        kept = dict(connection.settings_dict)
        silo, credentials = self.services.silos[0], self.services.credentials
        options = {key: value for key, value in kept["OPTIONS"].items() if key != "pool"}
        connection.settings_dict.update(
            HOST=silo.host,
            USER=silo.app,
            PASSWORD=credentials.passwords[silo.app],
            OPTIONS=options,
        )
        redis_url, settings.REDIS_URL = settings.REDIS_URL, credentials.redis_url
        hinting._client.cache_clear()
        bells = list(waking._bells)
        app = celery.Celery("drill")
        app.config_from_object("django.conf:settings", namespace="CELERY")
        app.conf.broker_url = credentials.redis_url
        waking.register(
            lambda lane_id: app.send_task("messaging.drain", [str(lane_id)], retry=False)
        )
        try:
            yield
        finally:
            waking._bells[:] = bells
            settings.REDIS_URL = redis_url
            hinting._client.cache_clear()
            _close_connections()
            connection.settings_dict.update(kept)

    def tear_down(self) -> None:
        self.stop_workers()
        for child in (self.nursery, self.web):
            if child is not None and child.poll() is None:
                child.kill()
                child.wait(10)
        self.services.stop()

    def ready_workers(self, count: int, **environment: str) -> None:
        """Have exactly so many workers, with this environment, and wait until they sweep."""
        if environment:
            self.stop_workers()
        alive = [one for one in self.workers if one.alive]
        for surplus in alive[count:]:
            surplus.kill()
        fresh = [self._bear(environment) for _ in range(count - len(alive))]
        self.workers = alive[:count] + fresh
        wait_for(lambda: all((self.home / f"ready-{one.pid}").exists() for one in fresh))

    def stop_workers(self) -> None:
        for worker in self.workers:
            worker.kill()
        self.workers = []

    def _bear(self, environment: dict[str, str]) -> Worker:
        assert self.nursery is not None
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(json.dumps(environment).encode() + b"\n")
        self.nursery.stdin.flush()
        return Worker(int(self.nursery.stdout.readline()))

    def _spawn(self, command: list[str], **options: Any) -> "subprocess.Popen[bytes]":
        log = (self.home / "drill.log").open("ab")
        own = {
            "PLAYGROUND_HOME": str(self.home),
            "PLAYGROUND_LEASE_S": "2",
            "PLAYGROUND_SWEEP_S": "0.1",
            "PLAYGROUND_WORKER_THREADS": "4",
            # Sessions that the test makes are valid in the web process.
            "PLAYGROUND_SECRET_KEY": settings.SECRET_KEY,
            "PORT": str(self.port),
            "DRILL_NOTES": str(self.notes),
        }
        output = {"stdout": log, "stderr": log} | options
        return subprocess.Popen(command, env=os.environ | own, cwd=ROOT, **output)

    def start_web(self) -> None:
        """Have a daphne running."""
        if self.web is None:
            command = [sys.executable, "-m", "playground.serving", "-b", "127.0.0.1"]
            command += ["-p", str(self.port), "playground.asgi:application"]
            self.web = self._spawn(command)
            wait_for(lambda: _listens(self.port))

    def key(self, member: Membership | None = None) -> str:
        whose = member or self.member
        return str(keys.create(user=whose.user, team=whose.team, name="drill").secret)

    def cookie(self, member: Membership) -> str:
        """Sign somebody in and return the cookie header of the session."""
        client = Client()
        client.force_login(member.user)
        return f"playground_{self.port}={client.session.session_key}"

    def thread(self) -> Lane:
        """Open a thread that can be posted to through the doors."""
        context = self.member.user.context()
        save_agent(context, AgentSpec(name="drilled", title="Drilled", prompt="Answer."))
        thread = open_thread(context, agent="drilled")
        return Lane.objects.get(pk=thread.pk)

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

    def post_held(self, lane: Lane, **plan: Any) -> Appended:
        """Post what is worked on, step by step, until the lane is released: never over too soon."""
        return self.post(lane, pause_s=0.05, until=str(self.notes / f"go-{lane.pk}"), **plan)

    def release(self, lane: Lane) -> None:
        (self.notes / f"go-{lane.pk}").touch()

    def worker_of(self, lane: Lane) -> Worker:
        """Return the worker that holds a lane, as soon as one does."""

        def holder() -> Worker | None:
            owner = Lane.objects.values_list("lease_owner", flat=True).get(pk=lane.pk)
            held_by = owner.split(":")[-2] if owner else ""
            return next((one for one in self.workers if str(one.pid) == held_by), None)

        return wait_for(holder)


def wait_for(condition: Callable[[], Any], *, timeout_s: float = PATIENCE_S) -> Any:
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


def steps_of(lane: Lane, attempt: int = 1) -> int:
    events = Event.objects.filter(lane=lane, type="run.step", payload__attempt=attempt)
    return events.count()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
