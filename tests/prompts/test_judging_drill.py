"""Ramps judged by several processes at once: each verdict is acted upon once, whatever dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from django.db import OperationalError, connections

from playground.policy.models import AuditRow, User
from playground.prompts.models import Label, Prompt, Ramp
from tests.prompts.ramped import greeting, happen, started
from tests.services import Services
from tests.stack import ROOT

__all__ = ["greeting"]
pytestmark = [
    pytest.mark.drill,
    pytest.mark.timeout(400),
    pytest.mark.django_db(transaction=True, databases="__all__"),
]

GUARDS = [{"kind": "error_rate", "tolerated": 0.05}]
BAD = {"baseline": {"error_rate": 0.0}, "candidate": {"error_rate": 1.0}}
GOOD = {"baseline": {"error_rate": 0.0}, "candidate": {"error_rate": 0.0}}
STAGES = [{"percent": 50}, {"percent": 60}, {"percent": 70}]


class Judges:
    """Processes that judge one ramp, begun at the same moment."""

    def __init__(self) -> None:
        self.running: list[subprocess.Popen[str]] = []

    def ready(self, ramp: Ramp, count: int, **more: str) -> None:
        """Have so many more wait for the beginning."""
        for _ in range(count):
            self.running.append(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.prompts.judges"],
                    cwd=ROOT,
                    env=os.environ | {"DRILL_RAMP": str(ramp.pk)} | more,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )

    def begin(self) -> None:
        for each in self.running:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        for each in self.running:
            assert each.stdin is not None
            each.stdin.write("\n")
            each.stdin.flush()

    def end(self) -> list[str]:
        """Wait for all of them, and return what they did."""
        told = [each.communicate(timeout=90)[0].split() for each in self.running]
        self.running = []
        return [word for words in told for word in words]


@pytest.fixture
def judges() -> Iterator[Judges]:
    made = Judges()
    yield made
    for each in made.running:
        each.kill()
        each.wait(10)


def history(ramp: Ramp) -> list[str]:
    return [event.what for event in ramp.events.all()]


def audited(ramp: Ramp) -> list[str]:
    rows = AuditRow.objects.filter(entry__resource=ramp.urn).order_by("seq")
    return [row.entry["action"].removeprefix("ramp_") for row in rows]


def test_it_rolls_back_once_when_four_processes_judge(
    rhea: User, greeting: Prompt, judges: Judges
) -> None:
    ramp = started(rhea, stages=STAGES, guards=GUARDS)
    happen(ramp, BAD, members=range(200), user=rhea)
    judges.ready(ramp, 4)

    judges.begin()
    done = judges.end()

    assert done == ["rolled_back"]
    assert history(ramp) == ["created", "started", "rolled_back"]
    assert audited(ramp) == ["created", "started", "rolled_back"]


def test_it_takes_each_stage_once_when_four_processes_judge(
    rhea: User, greeting: Prompt, judges: Judges
) -> None:
    ramp = started(rhea, stages=STAGES, automatic_advance=True)
    judges.ready(ramp, 4)

    judges.begin()
    done = judges.end()

    steps = ["advanced", "advanced", "completed"]
    assert sorted(done) == steps
    assert history(ramp)[2:] == steps
    assert audited(ramp)[2:] == steps
    assert Label.objects.get(prompt=greeting, name="production").version.number == 2


def test_it_ends_right_when_a_judge_is_killed_with_the_lock_in_its_hand(
    rhea: User, greeting: Prompt, judges: Judges
) -> None:
    ramp = started(rhea, stages=STAGES, guards=GUARDS)
    happen(ramp, BAD, members=range(200), user=rhea)
    judges.ready(ramp, 1, DRILL_DIES="1")
    judges.begin()
    dead = judges.running[0].wait(60)
    before = history(ramp)
    judges.end()

    judges.ready(ramp, 2)
    judges.begin()
    done = judges.end()

    assert dead == -signal.SIGKILL
    assert before == ["created", "started"]
    assert done == ["rolled_back"]
    assert history(ramp) == audited(ramp) == ["created", "started", "rolled_back"]


def test_it_ends_right_when_postgres_restarts_while_two_judge(
    rhea: User, greeting: Prompt, judges: Judges, embedded_services: Services
) -> None:
    ramp = started(rhea, stages=STAGES, automatic_advance=True)
    judges.ready(ramp, 2)

    judges.begin()
    assert embedded_services.postgres is not None
    embedded_services.postgres.send_signal(signal.SIGINT)
    embedded_services.postgres.wait(60)
    embedded_services.start_postgres()
    judges.end()
    reconnect()

    ramp.refresh_from_db()
    assert ramp.state == "completed"
    assert history(ramp)[2:] == ["advanced", "advanced", "completed"]
    assert set(audited(ramp)) <= set(history(ramp))


def reconnect() -> None:
    """Let this process find the new server."""
    for connection in connections.all():
        connection.close()
        connection.close_pool()
    until = time.monotonic() + 30
    while True:
        try:
            Ramp.objects.exists()
            return
        except OperationalError:
            assert time.monotonic() < until
            connections.close_all()
            time.sleep(0.1)
