"""A ramp that nobody has started can be planned anew, or given up."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from playground.core.errors import Conflict, InvalidInput, PlaygroundError, PolicyDenied
from playground.policy.models import AuditRow, User
from playground.prompts.labelling import move_label
from playground.prompts.models import Prompt, Ramp
from playground.prompts.ramps import drafting, ramping
from playground.prompts.ramps.planning import Plan, plan_of
from playground.prompts.saving import save_version
from tests.prompts.conftest import chat
from tests.prompts.ramped import PATH, STAGES, greeting, planned, started

__all__ = ["greeting"]
pytestmark = pytest.mark.django_db
RAMPS = f"/api/prompts/{PATH}/ramps"


def _plan(**more: Any) -> Plan:
    return plan_of({"label": "production", "candidate": 2, "stages": STAGES, **more})


def _refused(kind: type[PlaygroundError], act: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        act()
    return caught.value.code


def test_it_is_planned_anew_and_starts_as_it_was_planned_last(
    alice: User, rhea: User, greeting: Prompt
) -> None:
    guards = [{"kind": "error_rate", "tolerated": 0.1}]
    ramp = planned(rhea, guards=guards)

    edited = drafting.edit(
        alice.context(),
        ramp.pk,
        _plan(unit="team", stages=[{"percent": 100}], guards=[{"kind": "thumbs", "tolerated": 0}]),
        reason="teams complain together",
        revision=1,
    )
    begun = ramping.start(rhea.context(), ramp.pk, reason="go", revision=2)

    assert (edited.revision, edited.unit, edited.stages[0]["percent"]) == (2, "team", 100)
    assert [guard.kind for guard in begun.guards.all()] == ["thumbs"]
    assert list(ramp.events.values_list("what", "who", "reason")) == [
        ("created", "user:rhea", "planned"),
        ("edited", "user:alice", "teams complain together"),
        ("started", "user:rhea", "go"),
    ]


def test_it_begins_from_where_the_label_points_when_it_is_edited(
    rhea: User, greeting: Prompt
) -> None:
    save_version(rhea.context(), PATH, content=chat("Good day."))
    ramp = planned(rhea)
    move_label(rhea.context(), PATH, label="production", version=3)
    stale = _refused(Conflict, lambda: ramping.start(rhea.context(), ramp.pk, reason="go"))

    drafting.edit(rhea.context(), ramp.pk, _plan(), reason="the label has moved")

    assert stale == "prompt.label-moved"
    assert ramping.start(rhea.context(), ramp.pk, reason="go").baseline.number == 3


def test_it_lets_neither_of_two_editors_overwrite_the_other(
    alice: User, rhea: User, greeting: Prompt
) -> None:
    ramp = planned(rhea)
    drafting.edit(alice.context(), ramp.pk, _plan(unit="team"), reason="first", revision=1)

    late = _refused(
        Conflict,
        lambda: drafting.edit(rhea.context(), ramp.pk, _plan(), reason="second", revision=1),
    )
    unseen = _refused(
        Conflict, lambda: ramping.start(rhea.context(), ramp.pk, reason="go", revision=1)
    )

    assert {late, unseen} == {"ramp.edited-meanwhile"}
    assert Ramp.objects.get().unit == "team"


def test_it_is_given_up_for_a_reason_and_stays_in_the_list(
    alice: User, rhea: User, greeting: Prompt, django_capture_on_commit_callbacks: Any
) -> None:
    ramp = planned(rhea)

    with django_capture_on_commit_callbacks(execute=True):
        gone = drafting.discard(alice.context(), ramp.pk, reason="nobody wants it")
    again = _refused(Conflict, lambda: ramping.start(rhea.context(), ramp.pk, reason="go"))

    assert (gone.state, gone.ended_at is not None) == ("discarded", True)
    assert again == "ramp.state"
    assert gone.events.last().reason == "nobody wants it"
    audited = [row.entry["action"] for row in AuditRow.objects.filter(team="hiring")]
    assert "ramp_discarded" in audited
    connection.check_constraints()


def test_it_is_neither_edited_nor_discarded_when_it_has_begun(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea)

    edited = _refused(
        Conflict, lambda: drafting.edit(rhea.context(), ramp.pk, _plan(), reason="late")
    )
    discarded = _refused(Conflict, lambda: drafting.discard(rhea.context(), ramp.pk, reason="late"))

    assert {edited, discarded} == {"ramp.state"}


def test_it_is_left_alone_by_whoever_may_only_look_or_gives_no_reason(
    vera: User, rhea: User, greeting: Prompt
) -> None:
    ramp = planned(rhea)

    for act in (
        lambda: drafting.edit(vera.context(), ramp.pk, _plan(), reason="so"),
        lambda: drafting.discard(vera.context(), ramp.pk, reason="so"),
    ):
        _refused(PolicyDenied, act)
    silent = _refused(InvalidInput, lambda: drafting.discard(rhea.context(), ramp.pk, reason=" "))

    assert silent == "ramp.reason"
    assert Ramp.objects.get().state == "draft"


def test_it_is_edited_and_discarded_by_scripts(
    rhea: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    client = api_for(rhea)
    plan = {"label": "production", "candidate": 2, "stages": STAGES}

    def send(verb: str, path: str, **body: Any) -> Any:
        return getattr(client, verb)(path, body, content_type="application/json")

    made = send("post", RAMPS, **plan, reason="a try").json()
    ramp = f"{RAMPS}/{made['id']}"
    edited = send("put", ramp, **plan, unit="team", reason="by team", revision=1)
    late = send("put", ramp, **plan, reason="late", revision=1)
    wrong = send("put", ramp, **(plan | {"stages": []}), reason="so")
    discarded = send("post", f"{ramp}/discard", reason="enough", revision=2)

    assert (edited.status_code, edited.json()["unit"], edited.json()["revision"]) == (
        200,
        "team",
        2,
    )
    assert (late.status_code, late.json()["code"]) == (409, "ramp.edited-meanwhile")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "request.invalid")
    assert discarded.json()["state"] == "discarded"
    reasons = [event["reason"] for event in client.get(ramp).json()["events"]]
    assert reasons == ["a try", "by team", "enough"]
