"""A prompt's title, description and sharing on its page, archiving and deleting."""

from collections.abc import Callable

import pytest
from django.test import Client

from playground.policy.models import AuditRow, User
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.saving import create_prompt
from tests.prompts.conftest import chat, fragment

pytestmark = pytest.mark.django_db(databases="__all__")

SignIn = Callable[[User], Client]
ABOUT = "/prompts/hiring/outreach/about"


def test_it_changes_what_a_prompt_is_called(
    client_for: SignIn, alice: User, outreach: PromptVersion
) -> None:
    form = {"title": "Outreach", "description": "Writes to people."}

    answer = client_for(alice).post(ABOUT, form, follow=True)

    prompt = Prompt.objects.get(name="outreach")
    assert (prompt.title, prompt.description) == ("Outreach", "Writes to people.")
    assert "Writes to people." in answer.content.decode()
    row = AuditRow.objects.get(entry__action="describe", entry__resource=prompt.urn)
    assert row.entry["details"] == {"fields": ["description", "title"], "shared": False}


def test_it_keeps_what_was_typed_when_a_title_is_too_long(
    client_for: SignIn, alice: User, outreach: PromptVersion
) -> None:
    form = {"title": "x" * 101, "description": "Kept."}

    answer = client_for(alice).post(ABOUT, form)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "at most 100 characters" in page
    assert "Kept." in page
    assert Prompt.objects.get(name="outreach").title == ""


def test_it_shares_a_fragment_and_says_who_would_lose_it(
    client_for: SignIn,
    alice: User,
    charlie: User,
    guardrail: PromptVersion,
    outreach: PromptVersion,
) -> None:
    client = client_for(charlie)

    page = client.get("/prompts/trust/responsible-ai/about").content.decode()
    client.post("/prompts/trust/responsible-ai/about", {"title": "Guardrail"})

    assert "1 prompt of other teams includes it." in page
    guardrail.prompt.refresh_from_db()
    assert guardrail.prompt.shared is False


def test_it_shares_no_fragment_that_includes_what_others_may_not_read(
    client_for: SignIn, alice: User
) -> None:
    create_prompt(alice.context(), name="tone", content=fragment("Be kind."))
    create_prompt(alice.context(), name="both", content=fragment('{% include "tone" %}'))

    answer = client_for(alice).post("/prompts/hiring/both/about", {"shared": "1"})

    assert answer.status_code == 422
    assert "includes fragments that other teams may not read" in answer.content.decode()


def test_it_is_closed_to_who_may_not_edit(
    client_for: SignIn, alice: User, vera: User, charlie: User, outreach: PromptVersion
) -> None:
    assert client_for(vera).post(ABOUT, {"title": "Mine"}).status_code == 403
    assert client_for(charlie).get(ABOUT).status_code == 404
    assert (
        "Say what it is for"
        not in client_for(vera).get("/prompts/hiring/outreach").content.decode()
    )


def test_it_offers_to_restore_what_was_archived(
    client_for: SignIn, alice: User, outreach: PromptVersion
) -> None:
    client = client_for(alice)

    page = client.post("/prompts/hiring/outreach/act", {"do": "archive"}, follow=True)

    assert "Restore outreach" in page.content.decode()


def test_it_deletes_once_the_name_is_typed(
    client_for: SignIn, alice: User, outreach: PromptVersion
) -> None:
    client = client_for(alice)

    wrong = client.post("/prompts/hiring/outreach/delete", {"name": "other"})
    still = Prompt.objects.filter(name="outreach").exists()
    right = client.post("/prompts/hiring/outreach/delete", {"name": "outreach"}, follow=True)

    assert wrong.status_code == 422
    assert "Type outreach to delete it." in wrong.content.decode()
    assert still
    assert "hiring/outreach is deleted." in right.content.decode()
    assert not Prompt.objects.filter(name="outreach").exists()


def test_it_says_what_uses_a_fragment_that_cannot_be_deleted(
    client_for: SignIn, alice: User
) -> None:
    create_prompt(alice.context(), name="tone", content=fragment("Be kind."))
    create_prompt(alice.context(), name="user", content=chat('{% include "tone" %}'))

    answer = client_for(alice).post("/prompts/hiring/tone/delete", {"name": "tone"})

    assert answer.status_code == 409
    assert "is used by hiring/user" in answer.content.decode()
    assert Prompt.objects.filter(name="tone").exists()


def test_it_deletes_nothing_for_who_did_not_make_it(
    client_for: SignIn, alice: User, bob: User, outreach: PromptVersion
) -> None:
    answer = client_for(bob).post("/prompts/hiring/outreach/delete", {"name": "outreach"})

    assert answer.status_code == 403
    assert "Delete it for good" not in client_for(bob).get(ABOUT).content.decode()
