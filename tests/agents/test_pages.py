"""The pages of agents say what is there, keep what was typed, and hide what is another team's."""

from collections.abc import Callable

import pytest
from django.test import Client

from agents.models import Agent, Thread
from playground.policy.models import User

pytestmark = pytest.mark.django_db(databases="__all__")

SignIn = Callable[[User], Client]
FORM = {"title": "Helper", "name": "helper", "prompt": "You help.", "step_limit": "5"}


def test_it_lists_the_agents(client_for: SignIn, alice: User, scout: Agent) -> None:
    page = client_for(alice).get("/agents")

    assert b"Scout" in page.content
    assert b"New agent" in page.content


def test_it_shows_an_agent_with_its_variables_skills_and_threads(
    client_for: SignIn, alice: User, thread: Thread
) -> None:
    page = client_for(alice).get("/agents/scout").content.decode()

    assert '<span class="jinja" data-part="variable">{{ agent.title }}</span>' in page
    assert "Find someone" in page
    assert f"/chat/{thread.pk}" in page


def test_it_makes_an_agent_and_opens_its_page(client_for: SignIn, alice: User) -> None:
    answer = client_for(alice).post("/agents/new", FORM)

    assert answer.status_code == 302
    assert answer["Location"] == "/agents/helper"
    assert Agent.objects.get(name="helper").latest.step_limit == 5


def test_it_keeps_what_was_typed_and_says_what_is_wrong_at_the_field(
    client_for: SignIn, alice: User
) -> None:
    wrong = {**FORM, "prompt": "{{ open", "step_limit": "many", "suggested": "One\nTwo"}

    answer = client_for(alice).post("/agents/new", wrong)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "{{ open" in page
    assert "One\nTwo" in page
    assert "a number from 1 to 50" in page
    assert not Agent.objects.filter(name="helper").exists()


def test_it_previews_a_prompt_as_it_is_typed(client_for: SignIn, alice: User) -> None:
    client = client_for(alice)

    good = client.post("/agents/new", {**FORM, "prompt": "Hi {{ user.name }}", "preview": "1"})
    bad = client.post("/agents/new", {**FORM, "prompt": "Hi {{ user.nme }}", "preview": "1"})

    assert b"Hi Alice" in good.content
    assert b"Line 1, column 12" in bad.content


def test_it_compares_two_versions(client_for: SignIn, alice: User, scout: Agent) -> None:
    client = client_for(alice)
    client.post("/agents/scout/edit", {**FORM, "based_on": "1"})

    page = client.get("/agents/scout?version=2&against=1").content.decode()

    assert 'data-kind-of="added"' in page
    assert "You help." in page


def test_it_refuses_an_edit_that_began_with_an_older_version(
    client_for: SignIn, alice: User, scout: Agent
) -> None:
    client = client_for(alice)
    client.post("/agents/scout/edit", {**FORM, "based_on": "1"})

    late = client.post("/agents/scout/edit", {**FORM, "title": "Late", "based_on": "1"})

    assert late.status_code == 409
    assert b"while you edited 1" in late.content
    assert b"Late" in late.content


def test_it_archives_and_restores(client_for: SignIn, alice: User, scout: Agent) -> None:
    client = client_for(alice)

    client.post("/agents/scout", {"do": "archive"})
    archived = client.get("/agents?archived=1")
    client.post("/agents/scout", {"do": "restore"})

    assert b"Scout" in archived.content
    assert b"Scout" in client.get("/agents").content


@pytest.mark.parametrize("path", ["/agents/scout", "/agents/scout/edit"])
def test_it_answers_like_an_unknown_agent_when_it_is_another_teams(
    client_for: SignIn, charlie: User, scout: Agent, path: str
) -> None:
    client = client_for(charlie)

    assert client.get(path).status_code == 404
    assert client.get(path.replace("scout", "nobody")).status_code == 404


def test_it_shows_viewers_no_way_to_edit(client_for: SignIn, vera: User, scout: Agent) -> None:
    client = client_for(vera)

    assert b"/agents/scout/edit" not in client.get("/agents/scout").content
    assert client.post("/agents/scout/edit", FORM).status_code == 403
