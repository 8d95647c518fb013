"""Who may not start a ramp proposes it, and somebody else decides about it as it stands."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from playground.core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PlaygroundError,
    PolicyDenied,
)
from playground.policy.models import AuditRow, User
from playground.prompts.archiving import archive_prompt, archive_version, delete_prompt
from playground.prompts.labelling import move_label
from playground.prompts.models import LabelProposal, Prompt, Ramp
from playground.prompts.proposed import proposals
from playground.prompts.proposing import decide_proposal, propose_label, withdraw_proposal
from playground.prompts.protecting import require_fragment
from playground.prompts.ramps import drafting, ramping
from playground.prompts.ramps.planning import plan_of
from playground.prompts.ramps.proposing_ramps import propose
from playground.prompts.saving import create_prompt, save_version
from tests.prompts.conftest import chat, fragment, until_somebody_waits
from tests.prompts.ramped import PATH, STAGES, greeting, planned, started

__all__ = ["greeting"]
pytestmark = pytest.mark.django_db
RAMPS = f"/api/prompts/{PATH}/ramps"
PLAN: dict[str, Any] = {
    "label": "production", "candidate": 2, "unit": "team", "stages": STAGES,
    "rules": [{"attribute": "plan", "op": "eq", "value": "trial", "arm": "baseline"}],
    "guards": [{"kind": "error_rate", "tolerated": 0.02, "alpha": 0.01}],
    "automatic_advance": True, "on_regression": "pause",
}  # fmt: skip


def _proposed(user: User, **more: Any) -> LabelProposal:
    """Plan a ramp and propose it."""
    ramp = propose(user.context(), planned(user, **more).pk, reason="reads better")
    return ramp.proposals.get()


def _audited(ramp: Ramp) -> dict[str, dict[str, Any]]:
    """Return what was audited of the ramp: details by action."""
    rows = [row.entry for row in AuditRow.objects.filter(team="hiring")]
    named = (ramp.urn, ramp.prompt.urn)
    return {row["action"]: row["details"] for row in rows if row["resource"] in named}


def _refused(kind: type[PlaygroundError], act: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        act()
    return caught.value.code


def _send(client: Client, verb: str, path: str, **body: Any) -> Any:
    return getattr(client, verb)(path, body, content_type="application/json")


# Deciding


def test_it_starts_as_it_was_planned_when_a_reviewer_approves(
    alice: User, rhea: User, greeting: Prompt, django_capture_on_commit_callbacks: Any
) -> None:
    plan = {key: value for key, value in PLAN.items() if key not in ("label", "candidate")}

    with django_capture_on_commit_callbacks(execute=True):
        proposal = _proposed(alice, **plan)
        decided = decide_proposal(rhea.context(), proposal.pk, approve=True, answer="go")

    ramp = Ramp.objects.get()
    guard = ramp.guards.get()
    assert (decided.status, decided.decided_by, decided.answer) == ("approved", "user:rhea", "go")
    assert (ramp.state, ramp.created_by, ramp.period) == ("running", "user:alice", 1)
    assert [stage["percent"] for stage in ramp.stages] == [10, 50, 100]
    assert (ramp.unit, ramp.on_regression, ramp.automatic_advance) == ("team", "pause", True)
    assert (guard.kind, guard.tolerated, guard.alpha) == ("error_rate", 0.02, 0.01)
    assert str(ramp.ruling[0]) == "plan is trial"
    assert list(ramp.events.values_list("what", "who", "reason")) == [
        ("created", "user:alice", "planned"),
        ("proposed", "user:alice", "reads better"),
        ("started", "user:rhea", "go"),
    ]
    audited = _audited(ramp)
    assert {"ramp_proposed", "approve_ramp", "ramp_started"} <= audited.keys()
    assert audited["approve_ramp"]["proposed_by"] == "user:alice"


def test_it_stays_a_draft_that_can_be_proposed_anew_when_a_reviewer_rejects(
    alice: User, rhea: User, greeting: Prompt, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        proposal = _proposed(alice)
        decide_proposal(rhea.context(), proposal.pk, approve=False, answer="too fast")
    ramp = Ramp.objects.get()
    rejected = (ramp.state, ramp.events.last().what, ramp.events.last().reason)
    slower = plan_of({"label": "production", "candidate": 2, "stages": [{"percent": 1}]})

    drafting.edit(alice.context(), ramp.pk, slower, reason="slower")
    propose(alice.context(), ramp.pk, reason="as you said", revision=2)

    assert rejected == ("draft", "rejected", "too fast")
    assert [each.status for each in ramp.proposals.all()] == ["open", "rejected"]
    audited = _audited(ramp)
    assert "ramp_rejected" in audited
    assert not {"approve_ramp", "ramp_started"} & audited.keys()


def test_it_takes_a_reviewer_who_is_another_and_a_reason(
    alice: User, bob: User, rhea: User, charlie: User, greeting: Prompt
) -> None:
    theirs = _proposed(alice)

    def decide(user: User, answer: str = "so") -> Callable[[], object]:
        return lambda: decide_proposal(user.context(), theirs.pk, approve=True, answer=answer)

    silent = _refused(InvalidInput, decide(rhea, " "))
    _refused(PolicyDenied, decide(bob))
    _refused(NotFound, decide(charlie))
    withdraw_proposal(alice.context(), theirs.pk)
    mine = propose(rhea.context(), Ramp.objects.get().pk, reason="mine").proposals.get()
    own = _refused(
        PolicyDenied,
        lambda: decide_proposal(rhea.context(), mine.pk, approve=True, answer="so"),
    )

    assert (silent, own) == ("ramp.reason", "prompt.proposal-own")
    assert Ramp.objects.get().state == "draft"


def test_it_is_proposed_by_who_may_edit_and_says_why(
    alice: User, vera: User, charlie: User, greeting: Prompt
) -> None:
    ramp = planned(alice)

    _refused(PolicyDenied, lambda: propose(vera.context(), ramp.pk, reason="so"))
    _refused(NotFound, lambda: propose(charlie.context(), ramp.pk, reason="so"))
    silent = _refused(InvalidInput, lambda: propose(alice.context(), ramp.pk, reason=" "))
    unseen = _refused(Conflict, lambda: propose(alice.context(), ramp.pk, reason="so", revision=7))

    assert (silent, unseen) == ("ramp.reason", "ramp.edited-meanwhile")
    assert not LabelProposal.objects.exists()


# While it waits


def test_it_stays_as_it_stands_until_it_is_decided_or_withdrawn(
    alice: User, bob: User, rhea: User, greeting: Prompt
) -> None:
    proposal = _proposed(alice)
    ramp = Ramp.objects.get()
    plan = plan_of({"label": "production", "candidate": 2, "stages": STAGES})
    edited = partial(drafting.edit, alice.context(), ramp.pk, plan, reason="so")

    refused = {
        _refused(Conflict, edited),
        _refused(Conflict, lambda: drafting.discard(bob.context(), ramp.pk, reason="so")),
        _refused(Conflict, lambda: ramping.start(rhea.context(), ramp.pk, reason="so")),
        _refused(Conflict, lambda: propose(bob.context(), ramp.pk, reason="so")),
    }
    others = _refused(PolicyDenied, lambda: withdraw_proposal(bob.context(), proposal.pk))
    withdraw_proposal(alice.context(), proposal.pk)

    assert (refused, others) == ({"ramp.proposed"}, "prompt.proposal-others")
    assert (ramp.events.last().what, ramp.events.last().who) == ("withdrawn", "user:alice")
    assert drafting.discard(bob.context(), ramp.pk, reason="so").state == "discarded"


def test_it_waits_alone_for_its_label(alice: User, bob: User, greeting: Prompt) -> None:
    proposal = _proposed(alice)

    second = _refused(Conflict, lambda: propose(bob.context(), planned(bob).pk, reason="mine"))
    moved = _refused(
        Conflict,
        lambda: propose_label(bob.context(), PATH, label="production", version=2),
    )
    other = propose_label(bob.context(), PATH, label="staging", version=2)

    assert {second, moved} == {"prompt.proposal-open"}
    waiting = {each.pk: each.ramp_id for each in proposals(alice.context(), path=PATH).items}
    assert waiting == {proposal.pk: proposal.ramp_id, other.pk: None}


def test_it_is_not_proposed_once_it_has_begun_or_cannot_begin(
    alice: User, rhea: User, greeting: Prompt
) -> None:
    running = started(rhea)
    begun = _refused(Conflict, lambda: propose(alice.context(), running.pk, reason="so"))
    ramping.complete(rhea.context(), running.pk, reason="well")
    save_version(alice.context(), PATH, content=chat("Good day."))
    ramp = planned(alice, candidate=3)
    move_label(rhea.context(), PATH, label="production", version=1)

    stale = _refused(Conflict, lambda: propose(alice.context(), ramp.pk, reason="so"))

    assert (begun, stale) == ("ramp.state", "prompt.label-moved")


# What happened meanwhile


def _label_moves(alice: User, rhea: User) -> None:
    save_version(alice.context(), PATH, content=chat("Good day."))
    move_label(rhea.context(), PATH, label="production", version=3)


def _candidate_is_archived(alice: User, rhea: User) -> None:
    archive_version(alice.context(), PATH, version=2)


def _prompt_is_archived(alice: User, rhea: User) -> None:
    archive_prompt(alice.context(), PATH)


def _another_ramp_starts(alice: User, rhea: User) -> None:
    started(rhea)


def _fragment_is_demanded(alice: User, rhea: User) -> None:
    create_prompt(alice.context(), name="rules", content=fragment("Be fair."))
    rhea.memberships.update(role="admin")
    require_fragment(rhea.context(), label="production", fragment="rules")


@pytest.mark.parametrize(
    ("meanwhile", "code"),
    [
        (_label_moves, "prompt.label-moved"),
        (_candidate_is_archived, "prompt.version-archived"),
        (_prompt_is_archived, "prompt.archived"),
        (_another_ramp_starts, "ramp.running"),
        (_fragment_is_demanded, "prompt.fragment-required"),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_it_cannot_be_approved_and_goes_on_waiting_when(
    meanwhile: Callable[[User, User], None], code: str, alice: User, rhea: User, greeting: Prompt
) -> None:
    proposal = _proposed(alice)
    meanwhile(alice, rhea)

    approve = partial(decide_proposal, rhea.context(), proposal.pk, approve=True, answer="go")

    assert _refused(PlaygroundError, approve) == code
    proposal.refresh_from_db()
    assert (proposal.status, Ramp.objects.get(pk=proposal.ramp_id).state) == ("open", "draft")
    rejected = decide_proposal(rhea.context(), proposal.pk, approve=False, answer="overtaken")
    assert rejected.status == "rejected"


def test_it_goes_with_its_prompt(alice: User, rhea: User, greeting: Prompt) -> None:
    _proposed(alice)
    rhea.memberships.update(role="admin")

    delete_prompt(rhea.context(), PATH)

    assert not LabelProposal.objects.exists()


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_is_decided_once_when_several_decide_and_one_withdraws_at_once(
    alice: User, rhea: User, ada: User, greeting: Prompt
) -> None:
    proposal = _proposed(alice)
    ada.memberships.update(role="reviewer")

    def approve(user: User) -> None:
        decide_proposal(user.context(), proposal.pk, approve=True, answer="go")

    acts: list[Callable[[], object]] = [
        lambda: approve(rhea),
        lambda: approve(ada),
        lambda: decide_proposal(ada.context(), proposal.pk, approve=False, answer="no"),
        lambda: withdraw_proposal(alice.context(), proposal.pk),
        lambda: started(rhea, label="production"),
    ]
    outcomes = _at_once(*acts)

    ramp = Ramp.objects.get(pk=proposal.ramp_id)
    lost = {
        "prompt.proposal-decided", "prompt.proposal-not-found", "ramp.running",
    }  # fmt: skip
    assert outcomes[:4].count("done") <= 1
    assert set(outcomes) - {"done"} <= lost
    assert ("done" in outcomes[:2]) is (ramp.state == "running")
    assert Ramp.objects.live().count() == 1
    assert ramp.events.count() == 2 + outcomes[:4].count("done")


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_leads_to_no_version_that_is_archived_at_the_same_time(
    alice: User, bob: User, rhea: User, greeting: Prompt
) -> None:
    proposal = _proposed(alice)

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        archive_version(alice.context(), PATH, version=2)
        approving = pool.submit(
            _outcome,
            lambda: decide_proposal(rhea.context(), proposal.pk, approve=True, answer="go"),
        )
        until_somebody_waits()
    withdraw_proposal(alice.context(), proposal.pk)
    archive_version(alice.context(), PATH, version=2, archived=False)
    ramp = Ramp.objects.get()
    proposed = _at_once(
        lambda: propose(alice.context(), ramp.pk, reason="again"),
        lambda: propose_label(bob.context(), PATH, label="production", version=2),
        lambda: propose(bob.context(), ramp.pk, reason="again"),
    )

    assert approving.result() == "prompt.version-archived"
    assert proposed.count("done") == 1
    assert set(proposed) - {"done"} <= {"prompt.proposal-open", "ramp.proposed"}


def _at_once(*acts: Callable[[], object]) -> list[str]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(_outcome, acts))


def _outcome(act: Callable[[], object]) -> str:
    """Return what became of it in a thread of its own."""
    try:
        act()
    except PlaygroundError as error:
        return error.code
    finally:
        connection.close()
    return "done"


# Over the API


def test_it_is_proposed_and_decided_by_scripts(
    alice: User, rhea: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    mine, theirs = api_for(alice), api_for(rhea)
    made = _send(mine, "post", RAMPS, **PLAN, reason="a try").json()
    ramp = f"{RAMPS}/{made['id']}"

    denied = _send(mine, "post", f"{ramp}/start", reason="go")
    proposed = _send(mine, "post", f"{ramp}/propose", reason="reads better", revision=1)
    edited = _send(mine, "put", ramp, **PLAN, reason="so")
    waiting = theirs.get("/api/prompts/proposals?status=open").json()["items"]
    decision = f"/api/prompts/proposals/{waiting[0]['id']}/decision"
    silent = _send(theirs, "post", decision, approve=True)
    decided = _send(theirs, "post", decision, approve=True, answer="go")
    again = _send(theirs, "post", decision, approve=False, answer="no")
    listed = mine.get(RAMPS).json()["items"][0]

    assert made["proposal"] is None
    assert (denied.status_code, denied.json()["code"]) == (403, "prompt.label-protected")
    assert proposed.json()["proposal"]["status"] == "open"
    assert (edited.status_code, edited.json()["code"]) == (409, "ramp.proposed")
    assert edited.json()["proposal"] == waiting[0]["id"]
    assert (waiting[0]["ramp"], waiting[0]["expected"], waiting[0]["version"]) == (made["id"], 1, 2)
    assert (silent.status_code, silent.json()["code"]) == (422, "ramp.reason")
    assert (decided.json()["status"], decided.json()["ramp"]) == ("approved", made["id"])
    assert (again.status_code, again.json()["code"]) == (409, "prompt.proposal-decided")
    assert (listed["state"], listed["created_by"]) == ("running", "user:alice")
    assert (listed["proposal"]["decided_by"], listed["proposal"]["answer"]) == ("user:rhea", "go")


# On the prompt's page


def _text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_it_is_looked_at_and_decided_on_the_page_of_the_prompt_by_who_is_no_staff(
    alice: User, rhea: User, vera: User, greeting: Prompt, client_for: Callable[[User], Client]
) -> None:
    proposal = _proposed(alice, guards=[{"kind": "error_rate", "tolerated": 0.02}])
    page, act = f"/prompts/{PATH}", f"/prompts/{PATH}/act"
    plan = f"{page}/proposals/{proposal.pk}"
    form = {"do": "approve", "proposal": str(proposal.pk)}

    mine, looked = client_for(alice).get(page), client_for(vera).get(page)
    theirs = client_for(rhea).get(page)
    review = client_for(rhea).get(plan)
    listed = client_for(rhea).get("/prompts/proposals")
    silent = client_for(rhea).post(act, form, follow=True)
    decided = client_for(rhea).post(act, {**form, "reason": "go"}, follow=True)
    begun = client_for(vera).get(plan)

    said = "Alice proposes to ramp “production” to version 2 (now v1, compare )"
    assert f"{said}: 10 % → 50 % → 100 %" in _text(theirs)
    assert "Approve and start" in _text(theirs)
    assert f'hx-get="{plan}" hx-trigger="load"' in theirs.content.decode()
    assert 'value="withdraw"' in mine.content.decode()
    assert "Approve" not in _text(mine)
    assert "A reviewer other than them decides." in _text(looked)
    assert "/admin/" not in theirs.content.decode()
    assert "What it would do" in _text(review)
    assert "Error rate worse by 2 pp at most" in _text(review)
    assert "by a ramp: 10 % → 50 % → 100 %" in _text(listed)
    assert f"{page}?version=2#proposal-{proposal.pk}" in listed.content.decode()
    assert 'value="approve"' not in listed.content.decode()
    assert "A reason has 1 to 500 characters." in _text(silent)
    assert "“production” is ramping: 10 % get the candidate now." in _text(decided)
    assert "It cannot start" not in _text(begun)


def test_it_tells_who_proposed_it_why_it_was_rejected_until_they_propose_again(
    alice: User, bob: User, rhea: User, greeting: Prompt, client_for: Callable[[User], Client]
) -> None:
    proposal = _proposed(alice)
    page = f"/prompts/{PATH}"
    form = {"do": "reject", "proposal": str(proposal.pk), "reason": "too fast"}
    client_for(rhea).post(f"{page}/act", form)

    mine, theirs = client_for(alice).get(page), client_for(bob).get(page)
    propose(alice.context(), Ramp.objects.get().pk, reason="slower")
    anew = client_for(alice).get(page)
    withdraw_proposal(alice.context(), Ramp.objects.get().proposals.get(status="open").pk)
    drafting.discard(alice.context(), Ramp.objects.get().pk, reason="enough")
    given_up = client_for(alice).get(page)

    assert "your proposal to ramp “production” to version 2" in _text(mine)
    assert "“too fast” It stays a draft" in _text(mine)
    assert "rejected" not in _text(theirs) + _text(anew) + _text(given_up)


def test_it_shows_what_hinders_it_and_no_other_teams_plans(
    alice: User, rhea: User, charlie: User, greeting: Prompt, client_for: Callable[[User], Client]
) -> None:
    proposal = _proposed(alice)
    moved = propose_label(alice.context(), PATH, label="staging", version=1)
    plan = f"/prompts/{PATH}/proposals"
    _label_moves(alice, rhea)

    review = client_for(rhea).get(f"{plan}/{proposal.pk}")
    no_ramp = client_for(rhea).get(f"{plan}/{moved.pk}")
    strange = client_for(charlie).get(f"{plan}/{proposal.pk}")

    assert "It cannot start any more. “production” no longer points at version 1." in _text(review)
    assert (no_ramp.status_code, strange.status_code) == (404, 404)
