"""A ramp learns of a skill's use of a prompt once, however often a run makes the call."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from playground.core import spans
from playground.policy.models import User
from playground.prompts.models import ArmSums, Prompt, Ramp
from skills import registry
from skills.declaring import Skill, SkillArgs, SkillContext, skill
from skills.invoking import invoke
from tests.agents.letter_writer import letters, write
from tests.prompts.conftest import rhea
from tests.prompts.ramped import greeting, started
from tests.stack import ROOT

__all__ = ["greeting", "rhea"]
pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
ForUser = Callable[[User], Client]


@pytest.fixture
def writer() -> Iterator[Skill]:
    yield registry.register(letters)
    registry.unregister(letters.name)


@pytest.fixture
def ramp(valkey: object, rhea: User, greeting: Prompt, writer: Skill) -> Iterator[Ramp]:
    guards = [{"kind": "error_rate", "tolerated": 0.9}]
    yield started(rhea, stages=[{"percent": 50}], guards=guards)
    spans.flush()


def counted(ramp: Ramp) -> int:
    return sum(row.n for row in ArmSums.objects.filter(ramp=ramp, metric="error_rate"))


def test_it_counts_each_use_once_when_a_run_makes_the_call_again(alice: User, ramp: Ramp) -> None:
    run = str(uuid.uuid4())

    for _ in range(3):
        assert write(alice.urn, run_id=run, call_id="call_0_0_a").ok

    assert counted(ramp) == 2


def test_it_counts_other_calls_and_runs_when_they_use_the_same_prompt(
    alice: User, ramp: Ramp
) -> None:
    run = str(uuid.uuid4())

    write(alice.urn, run_id=run, call_id="call_0_0_a")
    write(alice.urn, run_id=run, call_id="call_1_0_" + "long" * 200)
    write(alice.urn, run_id=str(uuid.uuid4()), call_id="call_0_0_a")

    assert counted(ramp) == 6


def test_it_counts_a_failing_use_once_when_a_run_makes_the_call_again(
    alice: User, ramp: Ramp
) -> None:
    run = str(uuid.uuid4())

    for fails in (True, True, False):
        write(alice.urn, run_id=run, call_id="call_0_0_a", fails=fails)

    told = ArmSums.objects.filter(ramp=ramp, metric="error_rate")
    assert (sum(row.n for row in told), sum(row.total for row in told)) == (3, 1.0)


def test_it_counts_other_steps_when_a_provider_repeats_the_ids_of_calls(
    alice: User, ramp: Ramp
) -> None:
    run = str(uuid.uuid4())

    for step in ("one", "two", "two"):
        write(alice.urn, run_id=run, call_id="call_0", step=step)

    assert counted(ramp) == 4


def test_it_counts_every_call_when_none_is_part_of_a_run(alice: User, ramp: Ramp) -> None:
    write(alice.urn, run_id=None, call_id="call_0_0_a")
    write(alice.urn, run_id=None, call_id=None)

    assert counted(ramp) == 4


@pytest.mark.drill
@pytest.mark.parametrize(("moment", "told"), [("within", 0), ("after", 2)])
def test_it_counts_each_use_once_when_the_worker_is_killed(
    alice: User, ramp: Ramp, moment: str, told: int
) -> None:
    run = str(uuid.uuid4())

    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.agents.letter_writer"],
        cwd=ROOT,
        env=os.environ | {"DRILL_DIES": moment, "DRILL_RUN": run, "DRILL_SUBJECT": alice.urn},
    )
    assert worker.wait(90) == -signal.SIGKILL
    before = counted(ramp)
    assert write(alice.urn, run_id=run, call_id="call_0_0_a").ok

    assert (before, counted(ramp)) == (told, 2)


def test_it_refuses_a_prompt_when_the_skill_does_not_declare_it(alice: User) -> None:
    @skill("demo.sly", title="Write slyly", description="Write with what it does not name.")
    def sly(args: SkillArgs, context: SkillContext) -> str:
        with context.using("greeting", label="production", variables={}):
            return "Hi."

    registry.register(sly)
    try:
        outcome = invoke(alice.context(), "demo.sly", {})
    finally:
        registry.unregister("demo.sly")

    assert outcome.error_code == "skill.prompt-undeclared"


def test_it_names_the_skills_that_use_a_prompt_when_somebody_looks_at_it(
    valkey: object,
    alice: User,
    greeting: Prompt,
    writer: Skill,
    client_for: ForUser,
    api_for: ForUser,
) -> None:
    page = client_for(alice).get("/prompts/hiring/greeting").content.decode()
    about = client_for(alice).get("/prompts/hiring/greeting/about").content.decode()
    told = api_for(alice).get("/api/prompts/hiring/greeting").json()

    assert '<a class="use-row" href="/skills/demo.letters">' in page
    assert '<a href="/skills/demo.letters">Write letters</a>' in about
    assert told["used_by"] == [
        {"kind": "skill", "title": "Write letters", "href": "/skills/demo.letters"}
    ]


def test_it_names_the_prompts_of_a_skill_when_somebody_looks_at_it(
    valkey: object,
    alice: User,
    greeting: Prompt,
    writer: Skill,
    client_for: ForUser,
    api_for: ForUser,
) -> None:
    page = client_for(alice).get("/skills/demo.letters").content.decode()

    assert 'href="/prompts/hiring/greeting"' in page
    assert api_for(alice).get("/api/skills/demo.letters").json()["prompts"] == ["greeting"]
