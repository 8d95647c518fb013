"""Bumping chosen dependents: plans, diffs one by one, partial failures, pages of hundreds."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from playground.core.errors import InvalidInput, NotFound
from playground.policy.models import User
from playground.prompts.archiving import archive_prompt
from playground.prompts.bumping import Bumped, bump_dependents, plan
from playground.prompts.models import Inclusion, Prompt, PromptVersion
from playground.prompts.saving import create_prompt, save_version
from tests.prompts.conftest import chat, fragment

pytestmark = pytest.mark.django_db(databases="__all__")

SignIn = Callable[[User], Client]
JSON = "application/json"


@pytest.fixture
def tone(alice: User) -> PromptVersion:
    """Return a fragment's second version; what includes it took the first."""
    context = alice.context()
    create_prompt(context, name="tone", content=fragment("Be kind."))
    for name in ("a", "b"):
        create_prompt(context, name=name, content=chat('{% include "tone" %} I am ' + name))
    create_prompt(context, name="m", content=fragment('M {% include "tone" %}'))
    create_prompt(context, name="far", content=chat('{% include "m" %}'))
    create_prompt(context, name="pinned", content=chat('{% include "tone@1" %}'))
    return save_version(context, "tone", content=fragment("Be kinder."))


def _bump(user: User, *names: str, dry_run: bool = False) -> list[Bumped]:
    paths = [f"hiring/{name}" for name in names]
    return bump_dependents(user.context(), "tone", prompts=paths, dry_run=dry_run).items


def _newest(name: str) -> int:
    return Prompt.objects.get(name=name).versions.newest_first()[0].number


def _states(user: User) -> dict[str, str]:
    return {each.prompt.name: each.state for each in plan(user.context(), "tone").candidates}


def _fail(user: User, name: str) -> None:
    """Let a bump of this prompt fail: it includes a fragment that is archived."""
    create_prompt(user.context(), name="old", content=fragment("Old."))
    text = '{% include "tone" %}{% include "old" %}'
    create_prompt(user.context(), name=name, content=chat(text))
    archive_prompt(user.context(), "old")


def test_it_foretells_what_a_bump_finds(alice: User, tone: PromptVersion) -> None:
    found = plan(alice.context(), "tone")

    assert [(each.prompt.name, each.state) for each in found.candidates] == [
        ("a", "behind"),
        ("b", "behind"),
        ("m", "behind"),
        ("far", "behind"),
        ("pinned", "pinned"),
    ]
    assert found.candidates[3].through == ("hiring/m",)


def test_it_bumps_those_that_were_chosen_alone(alice: User, tone: PromptVersion) -> None:
    done = _bump(alice, "b")

    assert [(each.path, each.outcome) for each in done] == [("hiring/b", "bumped")]
    assert (_newest("a"), _newest("b")) == (1, 2)
    assert _states(alice)["b"] == "current"


def test_it_says_what_a_prompt_waits_for_and_goes_on_once_that_is_bumped(
    alice: User, tone: PromptVersion
) -> None:
    (waits,) = _bump(alice, "far")
    _bump(alice, "m")
    (done,) = _bump(alice, "far")

    assert (waits.outcome, waits.detail) == ("waits", "Through hiring/m, which was not bumped.")
    assert done.outcome == "bumped"
    assert _states(alice) == {
        "a": "behind", "b": "behind", "m": "current", "far": "current", "pinned": "pinned"
    }  # fmt: skip


def test_it_shows_the_diff_of_one_through_what_is_between(alice: User, tone: PromptVersion) -> None:
    (shown,) = _bump(alice, "far", dry_run=True)

    assert "+Be kinder." in shown.diff
    assert (_newest("m"), _newest("far")) == (1, 1)


def test_it_bumps_the_others_when_one_fails(alice: User, tone: PromptVersion) -> None:
    _fail(alice, "broken")
    save_version(alice.context(), "tone", content=fragment("Be kindest."))

    done = {each.path: each for each in _bump(alice, "a", "broken", "b")}

    assert done["hiring/a"].outcome == done["hiring/b"].outcome == "bumped"
    assert done["hiring/broken"].outcome == "failed"
    assert "archived" in done["hiring/broken"].detail
    assert _newest("broken") == 1


def test_it_refuses_what_does_not_include_the_fragment(
    alice: User, charlie: User, tone: PromptVersion
) -> None:
    create_prompt(alice.context(), name="plain", content=chat("Hello."))

    with pytest.raises(InvalidInput, match=r"prompt\.not-dependent"):
        _bump(alice, "plain")
    with pytest.raises(InvalidInput, match=r"cursor\.invalid"):
        bump_dependents(alice.context(), "tone", cursor="hiring/plain")
    with pytest.raises(NotFound):
        plan(charlie.context(), "hiring/tone")


def test_it_goes_on_after_the_cursor(alice: User, tone: PromptVersion) -> None:
    first = bump_dependents(alice.context(), "tone", dry_run=False, limit=2)
    rest = bump_dependents(alice.context(), "tone", dry_run=False, cursor=first.next)

    assert [each.path for each in first.items] == ["hiring/a", "hiring/b"]
    assert [each.path for each in rest.items] == ["hiring/m", "hiring/far", "hiring/pinned"]
    assert rest.next is None


def test_it_counts_prompts_of_other_teams_and_names_none(
    client_for: SignIn, charlie: User, guardrail: PromptVersion, outreach: PromptVersion
) -> None:
    save_version(charlie.context(), "responsible-ai", content=fragment("Be kind."))

    page = client_for(charlie).get("/prompts/trust/responsible-ai/bump").content.decode()

    assert "1 prompt of other teams includes the fragment" in page
    assert "hiring/outreach" not in page


def test_it_asks_the_database_no_oftener_for_hundreds(
    client_for: SignIn, alice: User, tone: PromptVersion
) -> None:
    first = tone.prompt.versions.get(number=1)
    prompts = Prompt.objects.bulk_create(
        Prompt(team=tone.prompt.team, name=f"p{number:03}", author="user:alice")
        for number in range(400)
    )
    versions = PromptVersion.objects.bulk_create(
        PromptVersion(
            prompt=prompt,
            number=1,
            messages=[{"role": "system", "template": '{% include "tone" %}'}],
            content_hash="0" * 64,
            author="user:alice",
        )
        for prompt in prompts
    )
    Inclusion.objects.bulk_create(
        Inclusion(version=version, fragment=first, name="tone") for version in versions
    )
    with CaptureQueriesContext(connection) as asked:
        found = plan(alice.context(), "tone")
    client = client_for(alice)

    page = client.get("/prompts/hiring/tone/bump").content.decode()
    more = client.get(
        "/prompts/hiring/tone/bump?after=100&rows=1", headers={"hx-request": "true"}
    ).content.decode()
    fragment_page = client.get("/prompts/hiring/tone").content.decode()

    assert len(found.candidates) == 405
    assert len(asked) < 10
    assert page.count('name="prompt"') == more.count('name="prompt"') == 100
    assert "20 of 405 versions in use" in fragment_page


def test_it_shows_on_the_page_what_became_of_each(
    client_for: SignIn, alice: User, tone: PromptVersion
) -> None:
    client = client_for(alice)
    chosen = {"version": "2", "prompt": ["hiring/a", "hiring/far"]}

    before = client.get("/prompts/hiring/tone/bump").content.decode()
    page = client.post("/prompts/hiring/tone/bump", chosen).content.decode()

    assert 'value="hiring/a" aria-label="Bump hiring/a" checked' in before
    assert 'value="hiring/pinned" aria-label="Bump hiring/pinned" disabled' in before
    assert "1 new version." in page
    assert "1 could not be bumped; each says why." in page
    assert "Through hiring/m, which was not bumped." in page
    assert _newest("a") == 2


def test_it_answers_a_script_of_the_page_with_the_outcome_alone(
    client_for: SignIn, alice: User, tone: PromptVersion
) -> None:
    client = client_for(alice)

    diff = client.get("/prompts/hiring/tone/bump/diff?version=2&prompt=hiring/a").content.decode()
    answer = client.post(
        "/prompts/hiring/tone/bump",
        {"version": "2", "prompt": "hiring/a"},
        headers={"hx-request": "true"},
    ).content.decode()

    assert "<b>+</b><span>Be kinder.</span>" in diff
    assert answer.strip().startswith('<div data-outcome="bumped">')


def test_it_filters_dependents_by_name_and_state(
    client_for: SignIn, alice: User, tone: PromptVersion
) -> None:
    client = client_for(alice)

    pinned = client.get("/prompts/hiring/tone/bump?state=pinned").content.decode()
    nothing = client.get("/prompts/hiring/tone/bump?q=nothing").content.decode()

    assert ("hiring/pinned" in pinned, "hiring/far" in pinned) == (True, False)
    assert "No prompt matches these filters" in nothing


def test_it_offers_viewers_nothing_to_bump(
    client_for: SignIn, alice: User, vera: User, tone: PromptVersion
) -> None:
    client = client_for(vera)

    page = client.get("/prompts/hiring/tone/bump").content.decode()
    client.post("/prompts/hiring/tone/bump", {"version": "2", "prompt": "hiring/a"})

    assert "you may not edit it" in page
    assert "Nothing here is to be bumped." in page
    assert _newest("a") == 1


def test_it_plans_and_bumps_over_the_api(api_for: SignIn, alice: User, tone: PromptVersion) -> None:
    client = api_for(alice)
    path = "/api/prompts/hiring/tone"

    planned = client.get(f"{path}/bump?limit=3").json()
    rest = client.get(f"{path}/bump?cursor={planned['next']}").json()
    body = {"prompts": ["hiring/a", "hiring/far"], "dry_run": False}
    done = client.post(f"{path}/bump", body, content_type=JSON).json()["items"]
    users = client.get(f"{path}/dependents?limit=1").json()

    assert [each["prompt"] for each in planned["items"]] == ["hiring/a", "hiring/b", "hiring/m"]
    assert [each["state"] for each in rest["items"]] == ["behind", "pinned"]
    assert [each["outcome"] for each in done] == ["bumped", "waits"]
    assert (users["items"][0]["prompt"], users["next"]) == ("hiring/a", "hiring/a")
