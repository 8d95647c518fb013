"""The lists of prompts, versions and proposals: sorted, paged, filtered, empty, full."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from playground.policy.models import Role, Team, User
from playground.prompts.models import Label, Prompt, PromptVersion
from playground.prompts.proposing import decide_proposal, propose_label
from playground.prompts.saving import create_prompt, save_version
from tests.prompts.conftest import chat

pytestmark = pytest.mark.django_db(databases="__all__")

SignIn = Callable[[User], Client]


def _fill(team: Team, count: int) -> None:
    """Store this many prompts, each with two versions and a label."""
    prompts = Prompt.objects.bulk_create(
        Prompt(team=team, name=f"p{number:04}", author="user:alice") for number in range(count)
    )
    versions = PromptVersion.objects.bulk_create(
        PromptVersion(
            prompt=prompt,
            number=number,
            messages=[{"role": "system", "template": "Hello."}],
            content_hash="0" * 64,
            author="user:alice",
        )
        for prompt in prompts
        for number in (1, 2)
    )
    Label.objects.bulk_create(
        Label(prompt=each.prompt, name="staging", version=each, moved_by="user:alice")
        for each in versions
        if each.number == 2
    )


def _of_prompts(asked: CaptureQueriesContext) -> int:
    """Count the queries about prompts; what the policies read anew from time to time is not."""
    return sum('"prompts_' in each["sql"] for each in asked)


def _shown(page: str) -> list[str]:
    return re.findall(r'<a class="truncate" href="/prompts/hiring/([^"]+)"', page)


def _next(page: str) -> str:
    found = re.search(r'rel="next" href="([^"]+)"', page)
    assert found
    return found[1].replace("&amp;", "&")


# prompts


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("", ["a", "b", "c"]),
        ("-name", ["c", "b", "a"]),
        ("changed", ["c", "a", "b"]),
        ("-changed", ["b", "a", "c"]),
        ("-version", ["b", "a", "c"]),
        ("nonsense", ["a", "b", "c"]),
    ],
)
def test_it_sorts_as_the_address_says(
    client_for: SignIn, alice: User, sort: str, names: list[str]
) -> None:
    for name in ("c", "a", "b"):
        create_prompt(alice.context(), name=name, content=chat(f"I am {name}."))
    save_version(alice.context(), "b", content=chat("I am b, still."))

    page = client_for(alice).get(f"/prompts?sort={sort}").content.decode()

    assert _shown(page) == names


@pytest.mark.parametrize("sort", ["name", "-name", "changed", "-changed", "version", "-version"])
def test_it_shows_each_prompt_once_over_its_pages(
    client_for: SignIn, alice: User, hiring: Team, sort: str
) -> None:
    _fill(hiring, 230)
    client = client_for(alice)

    first = client.get(f"/prompts?sort={sort}").content.decode()
    second = client.get(_next(first), headers={"hx-request": "true"}).content.decode()
    third = client.get(f"{_next(second)}&rows=1", headers={"hx-request": "true"}).content.decode()

    names = [*_shown(first), *_shown(second), *_shown(third)]
    assert len(names) == len(set(names)) == 230
    assert third.lstrip().startswith("<tr>")
    assert 'rel="next"' not in third


def test_it_keeps_filters_in_the_addresses_of_sorting_and_of_more_rows(
    client_for: SignIn, alice: User, hiring: Team
) -> None:
    _fill(hiring, 130)

    page = client_for(alice).get("/prompts?label=staging&sort=-changed").content.decode()

    assert 'href="/prompts?label=staging&amp;sort=changed"' in page
    assert 'aria-sort="descending"' in page
    assert "label=staging" in _next(page)
    assert "sort=-changed" in _next(page)


def test_it_sorts_over_the_api_too(api_for: SignIn, alice: User, hiring: Team) -> None:
    _fill(hiring, 3)

    client = api_for(alice)
    first = client.get("/api/prompts?sort=-changed&limit=2").json()
    rest = client.get(f"/api/prompts?sort=-changed&limit=2&cursor={first['next']}").json()
    bad = client.get("/api/prompts?sort=-changed&cursor=hiring/p0001")

    assert len({each["name"] for each in [*first["items"], *rest["items"]]}) == 3
    assert bad.json()["code"] == "cursor.invalid"


def test_it_asks_the_database_no_oftener_when_the_list_is_full(
    client_for: SignIn, alice: User, hiring: Team
) -> None:
    client = client_for(alice)
    _fill(hiring, 1000)
    client.get("/prompts")

    with CaptureQueriesContext(connection) as few:
        client.get("/prompts?q=p000")
    with CaptureQueriesContext(connection) as many:
        page = client.get("/prompts").content.decode()

    assert len(_shown(page)) == 100
    assert "1000 prompts" in page
    assert _of_prompts(many) == _of_prompts(few) > 0


# versions


def test_it_lists_the_versions_and_finds_one_by_its_note(
    client_for: SignIn, api_for: SignIn, alice: User
) -> None:
    create_prompt(alice.context(), name="p", content=chat("One."), note="Begin")
    save_version(alice.context(), "p", content=chat("Two."), note="Warmer tone")
    client = client_for(alice)

    every = client.get("/prompts/hiring/p/versions").content.decode()
    found = client.get("/prompts/hiring/p/versions?q=warmer").content.decode()
    nothing = client.get("/prompts/hiring/p/versions?q=colder").content.decode()
    over_api = api_for(alice).get("/api/prompts/hiring/p/versions?q=warmer").json()["items"]

    assert "2 versions" in every
    assert ("Warmer tone" in found, "Begin" in found) == (True, False)
    assert "No version matches" in nothing
    assert "Clear filters" in nothing
    assert [each["version"] for each in over_api] == [2]


def test_it_pages_through_a_thousand_versions(client_for: SignIn, alice: User) -> None:
    made = create_prompt(alice.context(), name="p", content=chat("One."))
    PromptVersion.objects.bulk_create(
        PromptVersion(
            prompt=made.prompt,
            number=number,
            messages=made.messages,
            content_hash="0" * 64,
            author="user:alice",
        )
        for number in range(2, 1001)
    )
    client = client_for(alice)

    with CaptureQueriesContext(connection) as asked:
        page = client.get("/prompts/hiring/p/versions").content.decode()
    rows = client.get(f"{_next(page)}&rows=1", headers={"hx-request": "true"}).content.decode()

    assert "1000 versions" in page
    assert "?version=901" in page
    assert "?version=900" in rows
    assert not [each for each in asked if '"messages"' in each["sql"]]


# proposals


def test_it_lists_proposals_and_a_reviewer_decides_there(
    client_for: SignIn, api_for: SignIn, alice: User, rhea: User, outreach: PromptVersion
) -> None:
    context = alice.context()
    proposed = propose_label(context, "outreach", label="production", version=1, reason="Ready")
    form = {"do": "approve", "proposal": str(proposed.pk), "reason": "Fine", "back": "proposals"}

    mine = client_for(alice).get("/prompts/proposals").content.decode()
    theirs = client_for(rhea).get("/prompts/proposals?status=open").content.decode()
    answer = client_for(rhea).post("/prompts/hiring/outreach/act", form)
    after = client_for(alice).get("/prompts/proposals?status=approved").content.decode()
    over_api = api_for(alice).get("/api/prompts/proposals?status=open").json()["items"]

    assert "waits for another person" in mine
    assert "Approve</button>" not in mine
    assert "Approve</button>" in theirs
    assert answer["Location"] == "/prompts/proposals"
    assert "Fine" in after
    assert over_api == []


def test_it_says_what_a_proposal_is_when_there_is_none(
    client_for: SignIn, alice: User, rhea: User, outreach: PromptVersion
) -> None:
    client = client_for(alice)

    empty = client.get("/prompts/proposals").content.decode()
    proposed = propose_label(alice.context(), "outreach", label="production", version=1)
    decide_proposal(rhea.context(), proposed.pk, approve=False)
    filtered = client.get("/prompts/proposals?status=open").content.decode()
    asked = client.get("/prompts/proposals?rows=1", headers={"HX-Request": "true"})

    assert "Nothing was proposed yet" in empty
    assert "No proposal matches" in filtered
    assert asked.status_code == 200
    assert "Clear filters" in filtered


def test_it_shows_no_other_team_a_proposal(
    client_for: SignIn, alice: User, charlie: User, outreach: PromptVersion
) -> None:
    charlie.memberships.update(role=Role.ADMIN)
    propose_label(alice.context(), "outreach", label="production", version=1, reason="Ready")

    page = client_for(charlie).get("/prompts/proposals").content.decode()

    assert "Nothing was proposed yet" in page
