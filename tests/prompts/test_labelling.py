"""Labels move one person at a time; protected ones take another person's yes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from playground.core.errors import Conflict, InvalidInput, NotFound, PlaygroundError, PolicyDenied
from playground.policy.models import AuditRow, User
from playground.prompts.archiving import archive_version
from playground.prompts.labelling import move_label, remove_label
from playground.prompts.models import LabelMove, PromptVersion
from playground.prompts.proposed import proposals
from playground.prompts.proposing import decide_proposal, propose_label, withdraw_proposal
from playground.prompts.protecting import (
    drop_requirement,
    protected_labels,
    require_fragment,
    set_protected,
)
from playground.prompts.resolving import Steered, choose, find, register_assigner
from playground.prompts.saving import save_version
from tests.prompts.conftest import chat

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(alice: User, outreach: PromptVersion) -> PromptVersion:
    return save_version(alice.context(), "outreach", content=chat("Second"))


def refused(kind: type[PlaygroundError], call: Callable[[], object]) -> PlaygroundError:
    with pytest.raises(kind) as caught:
        call()
    return caught.value


def test_it_gives_the_version_that_the_label_points_at(alice: User, two: PromptVersion) -> None:
    move_label(alice.context(), "outreach", label="staging", version=1, reason="first try")

    assert find(alice.context(), name="outreach", label="staging").number == 1
    assert find(alice.context(), name="outreach", label="latest").number == 2
    move = LabelMove.objects.get()
    assert (move.before, move.after, move.moved_by, move.reason) == (
        None, 1, "user:alice", "first try",
    )  # fmt: skip


def test_it_falls_back_to_nothing_when_a_label_is_unknown(alice: User, two: PromptVersion) -> None:
    error = refused(NotFound, lambda: find(alice.context(), name="outreach", label="production"))

    assert error.code == "prompt.label-unknown"


@pytest.mark.parametrize("label", ["latest", "", "Prod", "1st", "a b", "x" * 41])
def test_it_sets_no_label_that_cannot_be_asked_for(
    alice: User, two: PromptVersion, label: str
) -> None:
    error = refused(
        InvalidInput, lambda: move_label(alice.context(), "outreach", label=label, version=1)
    )

    assert error.code == "prompt.label-invalid"


def test_it_refuses_a_move_from_where_the_label_is_no_more(
    alice: User, bob: User, two: PromptVersion
) -> None:
    move_label(alice.context(), "outreach", label="staging", version=1, expected=None)
    move_label(bob.context(), "outreach", label="staging", version=2, expected=1)

    error = refused(
        Conflict,
        lambda: move_label(alice.context(), "outreach", label="staging", version=1, expected=1),
    )

    assert (error.code, error.extra["current"]) == ("prompt.label-moved", 2)
    assert (error.extra["moved_by"], "moved by Bob." in error.detail) == ("user:bob", True)


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_lets_one_of_two_people_move_a_label(alice: User, bob: User, two: PromptVersion) -> None:
    save_version(alice.context(), "outreach", content=chat("Third"))
    move_label(alice.context(), "outreach", label="staging", version=1)

    def race(person: User, version: int) -> str:
        try:
            move_label(person.context(), "outreach", label="staging", version=version, expected=1)
        except Conflict as error:
            return error.code
        finally:
            connection.close()
        return f"moved to {version}"

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(race, [alice, bob], [2, 3]))

    (moved,) = [outcome for outcome in outcomes if outcome.startswith("moved")]
    assert "prompt.label-moved" in outcomes
    assert moved == f"moved to {find(alice.context(), name='outreach', label='staging').number}"
    assert LabelMove.objects.count() == 2


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_lets_one_of_two_people_save(alice: User, bob: User, outreach: PromptVersion) -> None:
    def race(person: User) -> object:
        try:
            content = chat(f"By {person.username}")
            return save_version(person.context(), "outreach", content=content, based_on=1).number
        except Conflict as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(race, [alice, bob]))

    assert sorted(map(str, outcomes)) == ["2", "prompt.edited-meanwhile"]


def test_it_takes_a_label_away(alice: User, two: PromptVersion) -> None:
    move_label(alice.context(), "outreach", label="staging", version=1)

    remove_label(alice.context(), "outreach", label="staging", expected=1)

    refused(NotFound, lambda: find(alice.context(), name="outreach", label="staging"))
    refused(NotFound, lambda: remove_label(alice.context(), "outreach", label="staging"))
    newest = LabelMove.objects.first()
    assert newest is not None
    assert (newest.before, newest.after) == (1, None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE prompts_labelmove SET reason = 'other'",
        "DELETE FROM prompts_labelmove; SET CONSTRAINTS ALL IMMEDIATE",
    ],
)
def test_it_keeps_the_history_in_the_database_itself(
    alice: User, two: PromptVersion, statement: str
) -> None:
    move_label(alice.context(), "outreach", label="staging", version=1)

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_it_keeps_labels_and_archived_versions_apart(alice: User, two: PromptVersion) -> None:
    move_label(alice.context(), "outreach", label="staging", version=2)

    labelled = refused(Conflict, lambda: archive_version(alice.context(), "outreach", version=2))
    archive_version(alice.context(), "outreach", version=1)
    archived = refused(
        Conflict, lambda: move_label(alice.context(), "outreach", label="staging", version=1)
    )

    assert labelled.code == "prompt.version-labelled"
    assert archived.code == "prompt.version-archived"


def test_it_protects_production_unless_the_team_says_otherwise(
    alice: User, rhea: User, ada: User, two: PromptVersion
) -> None:
    error = refused(
        PolicyDenied,
        lambda: move_label(alice.context(), "outreach", label="production", version=1),
    )
    move_label(rhea.context(), "outreach", label="production", version=1)
    set_protected(ada.context(), label="production", protected=False)
    move_label(alice.context(), "outreach", label="production", version=2)

    assert error.code == "prompt.label-protected"
    assert protected_labels(alice.context()) == []


def test_it_protects_other_labels_when_the_team_says_so(
    alice: User, ada: User, two: PromptVersion
) -> None:
    set_protected(ada.context(), label="canary", protected=True)

    refused(
        PolicyDenied, lambda: move_label(alice.context(), "outreach", label="canary", version=1)
    )
    refused(PolicyDenied, lambda: remove_label(alice.context(), "outreach", label="production"))
    refused(PolicyDenied, lambda: set_protected(alice.context(), label="canary", protected=False))
    assert protected_labels(alice.context()) == ["canary", "production"]


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_moves_the_label_when_a_reviewer_approves(
    alice: User, rhea: User, two: PromptVersion
) -> None:
    proposal = propose_label(
        alice.context(), "outreach", label="production", version=2, reason="better"
    )

    decided = decide_proposal(rhea.context(), proposal.pk, approve=True, answer="Yes.")

    assert (decided.status, decided.decided_by) == ("approved", "user:rhea")
    assert find(alice.context(), name="outreach", label="production").number == 2
    actions = [row.entry["action"] for row in AuditRow.objects.filter(team="hiring")]
    assert "approve_label" in actions
    again = refused(Conflict, lambda: decide_proposal(rhea.context(), proposal.pk, approve=False))
    assert again.code == "prompt.proposal-decided"


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_makes_way_for_another_proposal_when_the_proposer_withdraws(
    alice: User, bob: User, rhea: User, two: PromptVersion
) -> None:
    wrong = propose_label(alice.context(), "outreach", label="production", version=1)

    error = refused(PolicyDenied, lambda: withdraw_proposal(bob.context(), wrong.pk))
    withdraw_proposal(alice.context(), wrong.pk)
    right = propose_label(bob.context(), "outreach", label="production", version=2)
    decide_proposal(rhea.context(), right.pk, approve=True)
    late = refused(Conflict, lambda: withdraw_proposal(bob.context(), right.pk))
    refused(NotFound, lambda: withdraw_proposal(alice.context(), wrong.pk))

    assert error.code == "prompt.proposal-others"
    assert late.code == "prompt.proposal-decided"
    assert [each.pk for each in proposals(alice.context()).items] == [right.pk]
    actions = [row.entry["action"] for row in AuditRow.objects.filter(team="hiring")]
    assert actions.count("withdraw_label") == 1


def test_it_moves_nothing_when_a_reviewer_rejects(
    alice: User, rhea: User, two: PromptVersion
) -> None:
    proposal = propose_label(alice.context(), "outreach", label="production", version=2)

    decide_proposal(rhea.context(), proposal.pk, approve=False, answer="Not yet.")

    refused(NotFound, lambda: find(alice.context(), name="outreach", label="production"))
    (kept,) = proposals(alice.context(), path="outreach").items
    assert (kept.status, kept.answer) == ("rejected", "Not yet.")


def test_it_tells_moves_and_proposals_page_by_page(
    alice: User, rhea: User, two: PromptVersion, api_for: Callable[[User], Client]
) -> None:
    client = api_for(alice)
    for number in (1, 2, 1):
        move_label(alice.context(), "outreach", label="staging", version=number)
    decided = propose_label(alice.context(), "outreach", label="production", version=2)
    decide_proposal(rhea.context(), decided.pk, approve=False)
    for label in ("production", "canary"):
        propose_label(alice.context(), "outreach", label=label, version=2)

    def walked(path: str) -> list[Any]:
        found, cursor = [], ""
        while True:
            page = client.get(path, {"limit": 1} | ({"cursor": cursor} if cursor else {})).json()
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                return found

    moves = walked("/api/prompts/hiring/outreach/moves")
    asked = walked("/api/prompts/hiring/outreach/proposals")

    assert [each["after"] for each in moves] == [1, 2, 1]
    assert [each["status"] for each in asked] == ["open", "open", "rejected"]
    assert walked("/api/prompts/proposals") == asked
    for cursor in ("nonsense", "W10=", "WzEsMl0="):
        refusal = client.get("/api/prompts/proposals", {"cursor": cursor})
        assert (refusal.status_code, refusal.json()["code"]) == (422, "cursor.invalid")


def test_it_lets_nobody_decide_their_own_proposal(
    alice: User, rhea: User, two: PromptVersion
) -> None:
    mine = propose_label(rhea.context(), "outreach", label="production", version=2)

    own = refused(PolicyDenied, lambda: decide_proposal(rhea.context(), mine.pk, approve=True))
    refused(PolicyDenied, lambda: decide_proposal(alice.context(), mine.pk, approve=True))

    assert own.code == "prompt.proposal-own"
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE prompts_labelproposal SET decided_by = proposed_by")


def test_it_lets_nobody_decide_what_they_proposed_in_the_name_of_another(
    alice: User, ada: User, rhea: User, two: PromptVersion
) -> None:
    context = alice.context().acting_as(ada.urn)
    proposal = propose_label(context, "outreach", label="production", version=2)

    codes = {
        refused(PolicyDenied, partial(decide_proposal, each, proposal.pk, approve=True)).code
        for each in (ada.context(), rhea.context().acting_as(ada.urn))
    }

    assert codes == {"prompt.proposal-own"}
    assert decide_proposal(rhea.context(), proposal.pk, approve=True).status == "approved"


def test_it_decides_nothing_when_the_label_has_moved_since(
    alice: User, rhea: User, two: PromptVersion
) -> None:
    proposal = propose_label(alice.context(), "outreach", label="production", version=2)
    move_label(rhea.context(), "outreach", label="production", version=1)

    error = refused(Conflict, lambda: decide_proposal(rhea.context(), proposal.pk, approve=True))

    assert error.code == "prompt.label-moved"
    assert [each.status for each in proposals(alice.context()).items] == ["open"]


def test_it_takes_one_proposal_for_a_label_at_a_time(
    alice: User, bob: User, charlie: User, two: PromptVersion
) -> None:
    proposal = propose_label(alice.context(), "outreach", label="production", version=2)

    error = refused(
        Conflict, lambda: propose_label(bob.context(), "outreach", label="production", version=1)
    )

    assert error.code == "prompt.proposal-open"
    refused(NotFound, lambda: decide_proposal(charlie.context(), proposal.pk, approve=True))
    refused(NotFound, lambda: decide_proposal(charlie.context(), "no-id", approve=True))


def test_it_demands_the_fragment_that_the_team_requires(
    ada: User, alice: User, two: PromptVersion
) -> None:
    require_fragment(ada.context(), label="staging", fragment="trust/responsible-ai")

    error = refused(
        InvalidInput, lambda: move_label(alice.context(), "outreach", label="staging", version=2)
    )
    move_label(alice.context(), "outreach", label="staging", version=1)
    drop_requirement(ada.context(), label="staging", fragment="trust/responsible-ai")
    move_label(alice.context(), "outreach", label="staging", version=2)

    assert error.code == "prompt.fragment-required"
    assert error.extra["fragment"] == "trust/responsible-ai"


def test_it_lets_an_assigner_choose_behind_a_label_alone(alice: User, two: PromptVersion) -> None:
    move_label(alice.context(), "outreach", label="staging", version=1)

    def candidate(context: object, *, prompt: object, label: str, key: str | None) -> Steered:
        return Steered(two.number, "candidate", f"10 % of keys, {key} among them")

    from playground.prompts import resolving

    before = list(resolving._assigners)
    register_assigner(candidate)
    try:
        labelled = choose(alice.context(), name="outreach", label="staging", key="member:1")
        exact = choose(alice.context(), name="outreach", version=1, key="member:1")
    finally:
        resolving._assigners[:] = before

    assert (labelled.version.number, labelled.arm) == (2, "candidate")
    assert "member:1" in labelled.reason
    assert (exact.version.number, exact.arm) == (1, None)
