"""A prompt with two versions and a label on the first, and what goes on under a ramp of it."""

from typing import Any

import pytest

from playground.policy.models import User
from playground.prompts.labelling import move_label
from playground.prompts.models import Label, Prompt, PromptVersion, Ramp
from playground.prompts.ramps.assigning import RampInForce
from playground.prompts.ramps.drafting import draft
from playground.prompts.ramps.observing import record
from playground.prompts.ramps.planning import plan_of
from playground.prompts.ramps.ramping import start
from playground.prompts.ramps.steering import steer
from playground.prompts.resolving import Chosen, choose, find
from playground.prompts.saving import create_prompt, save_version
from tests.prompts.conftest import chat

PATH = "hiring/greeting"
Outcomes = dict[str, dict[str, float]]
STAGES = [{"percent": 10}, {"percent": 50}, {"percent": 100}]


@pytest.fixture
def greeting(alice: User, rhea: User) -> Prompt:
    """Return a prompt whose production version is the first of two."""
    first = create_prompt(alice.context(), name="greeting", content=chat("Hi."))
    save_version(alice.context(), "greeting", content=chat("Hello."))
    move_label(rhea.context(), PATH, label="production", version=1)
    return first.prompt


def filled(prompt: Prompt, *, count: int) -> None:
    """Put many prompts beside one, each with two versions and the label on the first."""
    prompts = Prompt.objects.bulk_create(
        Prompt(team=prompt.team, name=f"p-{n}", title=f"Title {n}", kind="chat")
        for n in range(count)
    )
    versions = PromptVersion.objects.bulk_create(
        PromptVersion(prompt=each, number=number, messages=[], content_hash=f"{number}", author="")
        for each in prompts
        for number in (1, 2)
    )
    Label.objects.bulk_create(
        Label(prompt=each.prompt, name="production", version=each, moved_by="")
        for each in versions
        if each.number == 1
    )


def planned(user: User, **more: Any) -> Ramp:
    """Plan a ramp to the second version."""
    plan = {"label": "production", "candidate": 2, "stages": STAGES, **more}
    return draft(user.context(), PATH, plan_of(plan))


def started(user: User, **more: Any) -> Ramp:
    """Plan a ramp and start it."""
    return start(user.context(), planned(user, **more).pk, reason="try it")


def chosen(user: User, key: str | None, **named: Any) -> Chosen:
    """Resolve the prompt for a key."""
    return choose(user.context(), name=PATH, **(named or {"label": "production"}), key=key)


def arms(user: User, count: int = 200) -> dict[str, str | None]:
    """Return the arm of each of many members, of a prompt that is read once."""
    first = find(user.context(), name=PATH, version=1)

    def arm_of(key: str) -> str | None:
        steered = steer(user.context(), prompt=first.prompt, label="production", key=key)
        return steered.arm if steered else None

    return {key: arm_of(key) for key in (f"member:{n}" for n in range(count))}


def happen(ramp: Ramp, outcomes: Outcomes, *, members: range, user: User) -> None:
    """Let members call, and what was scripted for their arm happen."""
    in_force = RampInForce.of(Ramp.objects.whole().get(pk=ramp.pk))
    for number in members:
        assigned = in_force.assign(user.context(), f"member:{number}")
        assert assigned.token is not None
        assert record(assigned.token, outcomes[assigned.assignment.arm.value])
