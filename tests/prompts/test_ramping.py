"""A ramp leads a growing part of the callers to another version, and back if it must."""

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from playground.core.attributes import KNOWN
from playground.core.clock import now
from playground.core.errors import Conflict, InvalidInput, NotFound, PlaygroundError, PolicyDenied
from playground.policy.models import AuditRow, User
from playground.prompts.archiving import archive_prompt, archive_version, delete_prompt
from playground.prompts.labelling import move_label, remove_label
from playground.prompts.models import Label, Prompt, Ramp, RampEvent
from playground.prompts.protecting import require_fragment
from playground.prompts.ramps import ramping
from playground.prompts.ramps.assigning import attributes_of
from playground.prompts.saving import save_version
from tests.prompts.conftest import chat
from tests.prompts.ramped import PATH, arms, chosen, greeting, planned, started

__all__ = ["greeting"]
pytestmark = pytest.mark.django_db


def test_it_leads_to_the_candidate_whoever_is_in_its_part(rhea: User, greeting: Prompt) -> None:
    started(rhea)

    seen = arms(rhea)
    candidate = next(key for key, arm in seen.items() if arm == "candidate")
    found = chosen(rhea, candidate)

    assert 6 <= sum(arm == "candidate" for arm in seen.values()) <= 40
    assert found.version.number == 2
    assert found.reason.endswith("% < 10 %")
    assert "≥ 10 %" in chosen(rhea, next(k for k, arm in seen.items() if arm == "baseline")).reason


def test_it_moves_nobody_back_while_it_grows(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea)
    before = arms(rhea)

    ramping.advance(rhea.context(), ramp.pk, reason="looks well")
    after = arms(rhea)

    assert all(after[key] == "candidate" for key, arm in before.items() if arm == "candidate")
    assert sum(arm == "candidate" for arm in after.values()) > 60


def test_it_draws_nobody_anew_when_it_is_started_again(rhea: User, greeting: Prompt) -> None:
    first = started(rhea)
    before = arms(rhea)
    ramping.roll_back(rhea.context(), first.pk, reason="a doubt")
    rolled_back = arms(rhea)

    started(rhea)

    assert set(rolled_back.values()) == {None}
    assert arms(rhea) == before


def test_it_draws_anew_for_another_candidate(rhea: User, greeting: Prompt) -> None:
    first = started(rhea)
    ramping.roll_back(rhea.context(), first.pk, reason="a doubt")
    save_version(rhea.context(), PATH, content=chat("Good day."))

    assert planned(rhea, candidate=3).salt != first.salt


def test_it_leaves_alone_who_names_a_version_or_another_label(rhea: User, greeting: Prompt) -> None:
    move_label(rhea.context(), PATH, label="staging", version=1)
    started(rhea, stages=[{"percent": 100}])

    exact = chosen(rhea, "member:1", version=1)
    other = chosen(rhea, "member:1", label="staging")

    assert (exact.version.number, exact.arm) == (1, None)
    assert (other.version.number, other.arm) == (1, None)
    assert chosen(rhea, "member:1").version.number == 2


def test_it_asks_rules_before_chance(rhea: User, greeting: Prompt) -> None:
    rule = {"attribute": "key", "op": "prefix", "value": "member:7", "arm": "candidate"}
    started(rhea, rules=[rule], stages=[{"percent": 0.01}])

    found = chosen(rhea, "member:7")

    assert (found.arm, found.reason) == ("candidate", "rule 1: key begins with member:7")
    assert found.observed is None


def test_it_takes_the_unit_from_the_context_when_no_key_is_named(
    rhea: User, greeting: Prompt
) -> None:
    started(rhea, unit="thread", stages=[{"percent": 100}])
    by_thread = chosen(rhea, None)
    ramping.roll_back(rhea.context(), Ramp.objects.get().pk, reason="next")

    started(rhea, unit="team", stages=[{"percent": 100}])
    by_team = chosen(rhea, None)

    assert (by_thread.arm, by_thread.reason) == ("baseline", "no thread: the call belongs to none")
    assert by_team.arm == "candidate"


def test_it_moves_the_label_when_it_completes(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea)

    done = ramping.complete(rhea.context(), ramp.pk, reason="it is better")

    assert (done.state, done.ended_at is not None) == ("completed", True)
    assert Label.objects.get(name="production").version.number == 2
    assert chosen(rhea, "member:1").arm is None


def test_it_keeps_everybody_where_they_are_when_it_pauses(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea)
    before = arms(rhea)

    ramping.pause(rhea.context(), ramp.pk, reason="lunch")

    assert arms(rhea) == before
    with pytest.raises(Conflict, match="paused cannot be advanced"):
        ramping.advance(rhea.context(), ramp.pk, reason="hurry", early=True)
    resumed = ramping.resume(rhea.context(), ramp.pk, reason="back")
    assert (resumed.state, resumed.stage, resumed.period) == ("running", 0, 2)


def test_it_refuses_to_hurry_unless_it_is_told(rhea: User, greeting: Prompt) -> None:
    stages = [{"percent": 10, "min_minutes": 60, "min_samples": 5}, {"percent": 20}]
    ramp = started(rhea, stages=stages)

    with pytest.raises(Conflict) as caught:
        ramping.advance(rhea.context(), ramp.pk, reason="hurry")

    assert caught.value.code == "ramp.too-early"
    assert "0 of 60 minutes passed, 0 of 5 calls with the baseline" in caught.value.detail
    assert ramping.advance(rhea.context(), ramp.pk, reason="hurry", early=True).stage == 1
    with pytest.raises(Conflict, match="last stage"):
        ramping.advance(rhea.context(), ramp.pk, reason="further", early=True)


def test_it_writes_down_who_did_what_and_why(
    alice: User, rhea: User, greeting: Prompt, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ramp = started(rhea)
        ramping.roll_back(alice.context(), ramp.pk, reason="it swears")

    history = list(ramp.events.values_list("what", "who", "reason", "percent"))
    audited = [row.entry["action"] for row in AuditRow.objects.filter(team="hiring")]

    assert history == [
        ("created", "user:rhea", "planned", 10),
        ("started", "user:rhea", "try it", 10),
        ("rolled_back", "user:alice", "it swears", 10),
    ]
    assert {"ramp_created", "ramp_started", "ramp_rolled_back"} <= set(audited)


def test_it_audits_nothing_that_is_rolled_back_with_a_greater_whole(
    rhea: User, greeting: Prompt, django_capture_on_commit_callbacks: Any
) -> None:
    before = AuditRow.objects.filter(entry__action__startswith="ramp_").count()

    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        started(rhea)
        transaction.set_rollback(True)

    assert AuditRow.objects.filter(entry__action__startswith="ramp_").count() == before
    assert not Ramp.objects.exists()


def test_it_keeps_its_history_from_the_application(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea)

    with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
        RampEvent.objects.filter(ramp=ramp).update(reason="another")
    with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
        _delete_now(ramp)


def _delete_now(ramp: Ramp) -> None:
    RampEvent.objects.filter(ramp=ramp).delete()
    connection.check_constraints()


def test_it_takes_a_reviewer_to_give_a_protected_label_to_more(
    alice: User, rhea: User, ada: User, greeting: Prompt
) -> None:
    ramp = planned(alice)

    with pytest.raises(PolicyDenied, match="takes a reviewer; propose it instead") as unstarted:
        ramping.start(alice.context(), ramp.pk, reason="mine")
    assert unstarted.value.code == "prompt.label-protected"
    for verb in (ramping.complete, ramping.resume, ramping.advance):
        with pytest.raises(PolicyDenied) as caught:
            verb(alice.context(), ramp.pk, reason="mine")
        assert caught.value.code == "prompt.label-protected"
        assert "propose" not in caught.value.detail
        assert "takes a reviewer of hiring: ask Ada or Rhea." in caught.value.detail
    ramping.start(rhea.context(), ramp.pk, reason="reviewed")
    assert ramping.pause(alice.context(), ramp.pk, reason="wait").state == "paused"
    assert ramping.roll_back(alice.context(), ramp.pk, reason="no").state == "rolled_back"


def test_it_says_that_nobody_can_go_on_when_the_team_has_no_reviewer(
    alice: User, rhea: User, greeting: Prompt
) -> None:
    rhea.memberships.all().delete()

    with pytest.raises(PolicyDenied) as caught:
        ramping.resume(alice.context(), planned(alice).pk, reason="mine")

    assert "hiring has none, and staff of the Playground appoint one" in caught.value.detail


def test_it_is_nothing_for_viewers_and_strangers(
    rhea: User, vera: User, charlie: User, greeting: Prompt
) -> None:
    ramp = started(rhea)

    with pytest.raises(PolicyDenied):
        ramping.pause(vera.context(), ramp.pk, reason="no")
    with pytest.raises(PolicyDenied):
        planned(vera)
    with pytest.raises(NotFound):
        ramping.roll_back(charlie.context(), ramp.pk, reason="no")
    assert ramping.find_ramp(vera.context(), ramp.pk).state == "running"


def test_it_lets_one_ramp_run_on_a_label(rhea: User, greeting: Prompt) -> None:
    started(rhea)
    second = planned(rhea)

    with pytest.raises(Conflict) as caught:
        ramping.start(rhea.context(), second.pk, reason="me too")

    assert caught.value.code == "ramp.running"
    with pytest.raises(IntegrityError), transaction.atomic():
        Ramp.objects.filter(pk=second.pk).update(state="paused", period=1, since=now())


@pytest.mark.parametrize("reason", ["", "  ", "a" * 501, "a\x00b"])
def test_it_wants_a_reason(rhea: User, greeting: Prompt, reason: str) -> None:
    ramp = planned(rhea)

    with pytest.raises(InvalidInput) as caught:
        ramping.start(rhea.context(), ramp.pk, reason=reason)

    assert caught.value.code == "ramp.reason"


def test_it_refuses_what_cannot_be_ramped(rhea: User, greeting: Prompt) -> None:
    def refused(**more: object) -> str:
        with pytest.raises(PlaygroundError) as caught:
            planned(rhea, **more)
        return caught.value.code

    assert refused(candidate=1) == "ramp.same-version"
    assert refused(candidate=9) == "prompt.version-not-found"
    assert refused(label="nobody") == "prompt.label-unknown"
    assert refused(label="latest") == "prompt.label-invalid"
    archive_version(rhea.context(), PATH, version=2)
    assert refused() == "prompt.version-archived"


def test_it_does_not_start_when_things_have_changed(
    rhea: User, ada: User, greeting: Prompt, guardrail: object
) -> None:
    ramp = planned(rhea)

    def refused() -> str:
        with pytest.raises(PlaygroundError) as caught:
            ramping.start(rhea.context(), ramp.pk, reason="go")
        return caught.value.code

    archive_version(rhea.context(), PATH, version=2)
    assert refused() == "prompt.version-archived"
    archive_version(rhea.context(), PATH, version=2, archived=False)
    archive_prompt(rhea.context(), PATH)
    assert refused() == "prompt.archived"
    archive_prompt(rhea.context(), PATH, archived=False)
    require_fragment(ada.context(), label="production", fragment="trust/responsible-ai")
    assert refused() == "prompt.fragment-required"
    save_version(rhea.context(), PATH, content=chat("Good day."))
    remove_label(rhea.context(), PATH, label="production")
    assert refused() == "prompt.label-moved"


def test_it_holds_what_it_stands_on(rhea: User, ada: User, greeting: Prompt) -> None:
    ramp = started(rhea)

    def refused(act: object, **more: object) -> str:
        with pytest.raises(Conflict) as caught:
            act(ada.context(), PATH, **more)  # type: ignore[operator]
        return caught.value.code

    assert refused(move_label, label="production", version=2) == "prompt.label-ramped"
    assert refused(remove_label, label="production") == "prompt.label-ramped"
    assert refused(archive_version, version=2) == "prompt.version-ramped"
    assert refused(delete_prompt) == "prompt.in-use"
    ramping.roll_back(rhea.context(), ramp.pk, reason="no")
    delete_prompt(ada.context(), PATH)
    connection.check_constraints()
    assert not Ramp.objects.exists()


def test_it_knows_of_callers_what_rules_may_test(rhea: User) -> None:
    assert set(attributes_of(rhea.context(), "member:1")) == set(KNOWN)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"stages": []}, "stages"),
        ({"stages": [{"percent": 0}]}, "stages.0.percent"),
        ({"stages": [{"percent": 101}]}, "stages.0.percent"),
        ({"stages": [{"percent": 1.234}]}, "stages.0.percent"),
        ({"stages": [{"percent": 50}, {"percent": 50}]}, ""),
        ({"stages": [{"percent": 50, "min_minutes": -1}]}, "stages.0.min_minutes"),
        ({"unit": "planet"}, "unit"),
        ({"guards": [{"kind": "mood", "tolerated": 1}]}, "guards.0.kind"),
        ({"guards": [{"kind": "thumbs", "tolerated": float("nan")}]}, "guards.0.tolerated"),
        ({"guards": [{"kind": "thumbs", "tolerated": 0, "alpha": 0.9}]}, "guards.0.alpha"),
        ({"guards": [{"kind": "thumbs", "tolerated": 0}] * 2}, ""),
        ({"rules": [{"attribute": "a", "op": "in", "value": "b"}]}, "rules.0"),
        ({"rules": [{"attribute": "member.country", "op": "eq", "value": "AT"}]}, "rules.0"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_it_says_where_a_plan_is_wrong(
    rhea: User, greeting: Prompt, more: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        planned(rhea, **more)

    assert caught.value.code == "ramp.invalid"
    assert caught.value.extra["errors"][0]["field"] == field
