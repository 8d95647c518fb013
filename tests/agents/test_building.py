"""Agents are saved as versions that never change."""

from dataclasses import replace

import pytest
from django.db import DatabaseError, connection, transaction

from agents.building import archive, find_agent, save_agent, spec_of
from agents.models import Agent, Thread
from agents.threads import move_to_latest, open_thread
from playground.core.errors import Conflict, InvalidInput, NotFound, PolicyDenied
from playground.policy.models import User
from playground.prompts.models import Prompt
from playground.prompts.saving import create_prompt
from tests.agents.conftest import SPEC
from tests.prompts.conftest import chat

pytestmark = pytest.mark.django_db(databases="__all__")


def test_it_makes_version_one_when_an_agent_is_new(alice: User) -> None:
    version = save_agent(alice.context(), SPEC)

    assert version.number == 1
    assert version.author == "user:alice"
    assert spec_of(version) == SPEC


def test_it_leaves_a_prompt_alone_when_a_new_agent_would_be_called_like_it(
    alice: User, bob: User
) -> None:
    written = create_prompt(alice.context(), name=SPEC.name, content=chat("Mine."))

    with pytest.raises(Conflict) as caught:
        save_agent(bob.context(), SPEC)

    assert caught.value.code == "agent.prompt-name-taken"
    assert [error["field"] for error in caught.value.extra["errors"]] == ["name"]
    assert list(written.prompt.versions.all()) == [written]
    assert not Agent.objects.filter(name=SPEC.name).exists()


def test_it_goes_on_with_the_prompt_that_an_agent_has_already(alice: User, scout: Agent) -> None:
    prompt = scout.latest.prompt_version.prompt

    later = save_agent(alice.context(), replace(SPEC, prompt="Be brief."))

    assert later.prompt_version.prompt == prompt
    assert Prompt.objects.count() == 1


def test_it_makes_no_version_when_nothing_changed(alice: User, scout: Agent) -> None:
    again = save_agent(alice.context(), SPEC)

    assert again.number == 1
    assert scout.versions.count() == 1


def test_it_makes_a_version_for_each_change_and_keeps_the_old_one(
    alice: User, scout: Agent
) -> None:
    save_agent(alice.context(), replace(SPEC, prompt="Be brief."))
    save_agent(alice.context(), replace(SPEC, prompt="Be brief.", step_limit=3))

    assert [version.prompt for version in scout.versions.order_by("number")] == [
        SPEC.prompt,
        "Be brief.",
        "Be brief.",
    ]
    assert scout.latest.prompt_version.number == 2


def test_it_refuses_to_change_a_version(scout: Agent) -> None:
    version = scout.latest
    with pytest.raises(Conflict):
        version.save()

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE agents_agentversion SET step_limit = 50")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE prompts_promptversion SET messages = '[]'")


def test_it_says_what_is_wrong_at_each_field(alice: User) -> None:
    wrong = replace(SPEC, title="", skills=("no.such",), model="gpt-99", step_limit=0)

    with pytest.raises(InvalidInput) as caught:
        save_agent(alice.context(), wrong)

    assert caught.value.code == "agent.invalid"
    assert [error["code"] for error in caught.value.extra["errors"]] == [
        "agent.title-empty",
        "agent.unknown-skill",
        "agent.unknown-model",
        "agent.step-limit-range",
    ]


def test_it_refuses_a_save_when_somebody_saved_meanwhile(
    alice: User, bob: User, scout: Agent
) -> None:
    save_agent(bob.context(), replace(SPEC, title="Bob's"), based_on=1)

    with pytest.raises(Conflict) as caught:
        save_agent(alice.context(), replace(SPEC, title="Alice's"), based_on=1)

    assert caught.value.code == "agent.edited-meanwhile"


def test_it_lets_teams_use_the_same_name(alice: User, charlie: User, scout: Agent) -> None:
    theirs = save_agent(charlie.context(), SPEC, must_be_new=True)

    assert theirs.agent_id != scout.pk


def test_it_hides_agents_from_other_teams(charlie: User, scout: Agent) -> None:
    with pytest.raises(NotFound) as hidden:
        find_agent(charlie.context(), "scout")
    with pytest.raises(NotFound) as unknown:
        find_agent(charlie.context(), "nobody")

    assert hidden.value.args == unknown.value.args


def test_it_lets_viewers_look_but_not_save(vera: User, scout: Agent) -> None:
    assert find_agent(vera.context(), "scout") == scout
    with pytest.raises(PolicyDenied):
        save_agent(vera.context(), replace(SPEC, title="Vera's"))
    with pytest.raises(PolicyDenied):
        save_agent(vera.context(), replace(SPEC, name="mine"))


def test_it_opens_no_thread_when_an_agent_is_archived(alice: User, thread: Thread) -> None:
    archive(alice.context(), "scout")

    with pytest.raises(Conflict) as caught:
        open_thread(alice.context(), agent="scout")

    assert caught.value.code == "agent.archived"
    assert Thread.objects.visible_to(alice.context()).count() == 1


def test_it_keeps_a_threads_version_until_somebody_moves_it(alice: User, thread: Thread) -> None:
    save_agent(alice.context(), replace(SPEC, title="Better"))
    thread.refresh_from_db()
    assert thread.version.number == 1

    move_to_latest(alice.context(), thread.pk)

    thread.refresh_from_db()
    assert thread.version.number == 2


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        ("You are {{ agent.titel }}.", "agent.prompt-undefined"),
        ("{{ ''.__class__.__mro__ }}", "agent.prompt-forbidden"),
    ],
)
def test_it_refuses_a_prompt_that_could_never_be_rendered(
    alice: User, prompt: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        save_agent(alice.context(), replace(SPEC, prompt=prompt))

    (error,) = refused.value.extra["errors"]
    assert (error["field"], error["code"]) == ("prompt", code)
    assert not Agent.objects.exists()
