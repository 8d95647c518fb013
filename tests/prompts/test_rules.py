"""The rules of a team about labels: who sets them, who meets them, and where they are told."""

from collections.abc import Callable

import pytest
from django.test import Client

from playground.policy.models import AuditRow, User
from playground.prompts.archiving import describe
from playground.prompts.labelling import move_label
from playground.prompts.models import PromptVersion, ProtectedLabel, RequiredFragment
from playground.prompts.protecting import drop_requirement, require_fragment, set_protected
from playground.prompts.saving import create_prompt
from tests.prompts.conftest import chat

pytestmark = pytest.mark.django_db(databases="__all__")

SignIn = Callable[[User], Client]


@pytest.fixture
def plain(alice: User) -> PromptVersion:
    """Return a prompt that includes nothing."""
    return create_prompt(alice.context(), name="plain", content=chat("Hello."))


def _done(action: str) -> list[dict[str, object]]:
    rows = AuditRow.objects.filter(entry__action=action, entry__outcome="done")
    return [row.entry for row in rows.order_by("seq")]


def _texts(answer: object) -> list[str]:
    return [str(said) for said in answer.context["messages"]]  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_records_who_set_a_rule_and_why(ada: User, alice: User) -> None:
    set_protected(ada.context(), label="staging", protected=True, reason="Customers see it")

    rule = ProtectedLabel.objects.get(name="staging")
    entry = _done("protect_label")[-1]
    assert (rule.set_by, rule.reason) == ("user:ada", "Customers see it")
    assert entry["details"] == {"label": "staging", "reason": "Customers see it"}
    assert entry["subject"] == "user:ada"


def test_it_shows_what_holds_and_who_may_move(
    client_for: SignIn, alice: User, rhea: User, ada: User, vera: User, plain: PromptVersion
) -> None:
    set_protected(ada.context(), label="staging", protected=True, reason="Customers see it")

    page = client_for(vera).get("/prompts/rules").content.decode()

    assert 'id="label-production"' in page
    assert "Customers see it" in page
    assert "Moved and approved by: <strong>Ada</strong>, <strong>Rhea</strong>." in page
    assert "Proposed by: Alice." in page
    assert '<form method="post" class="rule-form' not in page


def test_it_says_which_labelled_versions_are_without_a_required_fragment(
    client_for: SignIn, alice: User, ada: User, outreach: PromptVersion, plain: PromptVersion
) -> None:
    for name in ("outreach", "plain"):
        move_label(alice.context(), name, label="staging", version=1)
    require_fragment(
        ada.context(), label="staging", fragment="trust/responsible-ai", reason="It is the law"
    )

    page = client_for(alice).get("/prompts/rules").content.decode()

    assert "1 of 2 without it" in page
    assert "hiring/plain@1" in page
    assert "hiring/outreach@1" not in page


def test_it_sets_and_drops_rules_on_the_page(
    client_for: SignIn, ada: User, guardrail: PromptVersion
) -> None:
    client = client_for(ada)
    rule = {"label": "production", "fragment": "trust/responsible-ai", "reason": "It is the law"}

    client.post("/prompts/rules", {"do": "require", **rule})
    client.post("/prompts/rules", {"do": "free", "label": "production", "reason": "A small team"})
    kept = RequiredFragment.objects.get()
    freed = ProtectedLabel.objects.get()
    client.post("/prompts/rules", {"do": "drop", **rule})

    assert (kept.label, kept.reason, kept.set_by) == ("production", "It is the law", "user:ada")
    assert freed.protected is False
    assert not RequiredFragment.objects.exists()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"do": "require", "label": "x", "fragment": "trust/responsible-ai"}, "Say why"),
        ({"do": "require", "label": "x", "fragment": "none/such", "reason": "r"}, "no such prompt"),
        ({"do": "protect", "label": "Not A Label", "reason": "r"}, "A label has"),
        ({"do": "drop", "label": "x", "fragment": "none/such", "reason": "r"}, "no such rule"),
        ({"do": "x", "label": "x", "reason": "r"}, "no such thing"),
    ],
)
def test_it_says_what_is_wrong_and_changes_nothing(
    client_for: SignIn, ada: User, guardrail: PromptVersion, form: dict[str, str], said: str
) -> None:
    answer = client_for(ada).post("/prompts/rules", form)

    assert answer.status_code in (404, 422)
    assert said in answer.content.decode()
    assert not RequiredFragment.objects.exists()
    assert not ProtectedLabel.objects.exists()


def test_it_refuses_who_may_not_administer(client_for: SignIn, alice: User, ada: User) -> None:
    form = {"do": "free", "label": "production", "reason": "Mine"}

    answer = client_for(alice).post("/prompts/rules", form)

    assert answer.status_code == 403
    assert not ProtectedLabel.objects.exists()


def test_it_says_on_the_prompts_page_which_rules_hold_and_whether_it_meets_them(
    client_for: SignIn, alice: User, ada: User, outreach: PromptVersion, plain: PromptVersion
) -> None:
    rule = require_fragment(ada.context(), label="staging", fragment="trust/responsible-ai")
    client = client_for(alice)

    meets = client.get("/prompts/hiring/outreach").content.decode()
    fails = client.get("/prompts/hiring/plain").content.decode()

    assert f'href="/prompts/rules#rule-{rule.pk}"' in meets
    assert "not met" not in meets
    assert "not met by v1" in fails
    assert "Moving “production” takes a reviewer" in meets


def test_it_links_the_refusal_to_the_rule(
    client_for: SignIn,
    api_for: SignIn,
    alice: User,
    ada: User,
    guardrail: PromptVersion,
    plain: PromptVersion,
) -> None:
    rule = require_fragment(ada.context(), label="staging", fragment="trust/responsible-ai")
    form = {"do": "label", "label": "staging", "version": "1"}

    page = client_for(alice).post("/prompts/hiring/plain/act", form, follow=True)
    problem = api_for(alice).put(
        "/api/prompts/hiring/plain/labels/staging", {"version": 1}, content_type="application/json"
    )

    assert f'<a href="/prompts/rules#rule-{rule.pk}">The rule</a>' in page.content.decode()
    assert problem.json()["rule"] == f"/prompts/rules#rule-{rule.pk}"


def test_it_drops_a_rule_about_a_fragment_that_is_shared_no_longer(
    ada: User, charlie: User, guardrail: PromptVersion
) -> None:
    require_fragment(ada.context(), label="staging", fragment="trust/responsible-ai")
    describe(charlie.context(), "responsible-ai", shared=False)

    drop_requirement(ada.context(), label="staging", fragment="trust/responsible-ai")

    assert not RequiredFragment.objects.exists()


def test_it_tells_all_of_it_over_the_api(
    api_for: SignIn, alice: User, ada: User, outreach: PromptVersion, plain: PromptVersion
) -> None:
    move_label(alice.context(), "plain", label="staging", version=1)
    api_for(ada).put(
        "/api/prompts/required-fragments",
        {"label": "staging", "fragment": "trust/responsible-ai", "reason": "It is the law"},
        content_type="application/json",
    )

    rules = api_for(alice).get("/api/prompts/rules").json()
    standing = api_for(alice).get("/api/prompts/hiring/plain/rules").json()["items"]

    assert rules["protected"][0]["label"] == "production"
    assert rules["reviewers"] == ["user:ada"]
    assert rules["required"][0]["missing"] == ["hiring/plain@1"]
    assert rules["required"][0]["reason"] == "It is the law"
    assert [(each["met"], each["labelled"]) for each in standing] == [(False, True)]


def test_it_says_that_there_is_no_rule_of_a_name_that_cannot_be(
    client_for: SignIn, ada: User
) -> None:
    form = {
        "do": "drop",
        "label": "staging",
        "fragment": "trust/no such",
        "reason": "It is the law",
    }

    answer = client_for(ada).post("/prompts/rules", form)

    assert answer.status_code == 404
    assert "The team has no such rule." in answer.content.decode()
