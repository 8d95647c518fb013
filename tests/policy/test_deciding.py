"""Decisions: roles, the border between teams, policies of the installation's own."""

import pytest

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, PolicyDenied
from playground.policy import policies
from playground.policy.deciding import ACTIONS, Resource, decide, require
from playground.policy.models import AuditRow, Membership, Policy, User

pytestmark = pytest.mark.django_db

THREAD = Resource("Thread", "t1", "hiring")
EVERYTHING = ["view", "create", "edit", "delete", "run", "invoke", "approve", "administer"]


@pytest.fixture(autouse=True)
def _fresh_policies():
    policies.forget_compiled()
    yield
    policies.forget_compiled()


def _may(user: User, resource: Resource = THREAD) -> list[str]:
    return [a for a in EVERYTHING if decide(user.context(), a, resource, audit=False).allowed]


def test_it_permits_what_the_role_says_when_the_thing_is_the_teams(vera, bob, ada):
    assert _may(vera) == ["view"]
    assert _may(bob) == ["view", "create", "edit", "run", "invoke"]
    assert _may(ada) == EVERYTHING


def test_it_lets_reviewers_approve_when_they_review(bob):
    Membership.objects.filter(user=bob).update(role="reviewer")

    assert _may(bob) == ["view", "create", "edit", "run", "invoke", "approve"]


def test_it_lets_developers_delete_when_the_thing_is_their_own(bob):
    assert "delete" in _may(bob, Resource("Thread", "t1", "hiring", owner=bob.urn))
    assert "delete" not in _may(bob, Resource("Thread", "t1", "hiring", owner="user:alice"))


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_it_forbids_everything_when_the_thing_is_another_teams(ada, action):
    theirs = Resource("Thread", "t1", "trust", owner=ada.urn)

    decision = decide(ada.context(), action, theirs, audit=False)

    assert not decision.allowed
    assert "same-team" in decision.policies


def test_it_forbids_everything_when_the_subject_is_not_in_the_team_it_claims(charlie):
    claimed = RequestContext(subject=charlie.urn, team="hiring")

    assert not any(decide(claimed, a, THREAD, audit=False).allowed for a in ACTIONS)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("destroy", THREAD),
        ("", THREAD),
        ("view", Resource('Thread"; permit', "t1", "hiring")),
        ("view", Resource("thread", "t1", "hiring")),
        ("view", Resource("Thread", "t1", "hiring", attributes={"score": 0.5})),
    ],
)
def test_it_denies_when_the_question_makes_no_sense(ada, action, resource):
    assert not decide(ada.context(), action, resource, audit=False).allowed


@pytest.mark.parametrize("subject", ["user:nobody", "agent:1", "", "user:", "bob"])
def test_it_denies_when_nobody_known_asks(hiring, bob, subject):
    assert not decide(RequestContext(subject=subject, team="hiring"), "view", THREAD).allowed


def test_it_permits_only_looking_and_calling_when_a_thing_is_shared_by_all_teams(ada, charlie):
    shared = Resource("Skill", "hiring.search", None)

    assert _may(charlie, shared) == ["view", "invoke"]
    assert _may(ada, shared) == ["view", "invoke"]


def test_it_asks_for_the_user_too_when_they_act_for_a_member(vera, bob):
    served = RequestContext(subject="member:42", team="hiring")
    by_vera = RequestContext(subject="member:42", team="hiring", actor=vera.urn)
    by_bob = RequestContext(subject="member:42", team="hiring", actor=bob.urn)

    assert decide(served, "run", THREAD).allowed
    assert decide(by_bob, "run", THREAD).allowed
    assert not decide(by_vera, "run", THREAD).allowed


def test_it_raises_with_a_stable_code_when_a_required_action_is_denied(vera):
    with pytest.raises(PolicyDenied) as caught:
        require(vera.context(), "edit", THREAD)

    assert caught.value.code == "policy.denied"


def test_it_writes_the_answer_down_when_it_decides(bob):
    context = RequestContext(bob.urn, "hiring", purpose="support", request_id="r-decides")

    decide(context, "view", THREAD)
    decide(context, "approve", THREAD)

    entries = [row.entry for row in AuditRow.objects.filter(entry__request_id="r-decides")]
    assert [(entry["action"], entry["outcome"]) for entry in entries] == [
        ("view", "allowed"),
        ("approve", "denied"),
    ]
    assert entries[0]["policies"] == ["viewer"]
    assert entries[0]["purpose"] == "support"


def test_it_counts_a_policy_when_it_was_just_stored(vera):
    policies.store(
        "viewers-run",
        cedar='permit(principal in Role::"viewer", action == Action::"run", resource);',
    )

    assert _may(vera) == ["view", "run"]


def test_it_replaces_a_starter_policy_when_one_of_its_name_is_stored(vera):
    policies.store("viewer", cedar="", enabled=False)

    assert _may(vera) == []


def test_it_refuses_a_policy_when_it_is_not_cedar():
    with pytest.raises(InvalidInput) as caught:
        policies.store("broken", cedar="permit everything")

    assert caught.value.code == "policy.not-cedar"
    assert not Policy.objects.exists()


def test_it_denies_everything_when_a_stored_policy_cannot_be_read(ada):
    Policy.objects.create(name="broken", cedar="permit everything")
    policies.forget_compiled()

    assert _may(ada) == []


def test_it_denies_when_a_policy_fails_while_it_is_asked(ada):
    policies.store(
        "secrets", cedar="forbid(principal, action, resource) when { resource.level > 3 };"
    )

    assert _may(ada) == []
