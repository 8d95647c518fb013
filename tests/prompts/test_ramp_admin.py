"""Ramps in the administration: staff plan, look and steer, each for a reason, each click once."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from playground.policy.models import AuditRow, User
from playground.prompts.labelling import move_label, remove_label
from playground.prompts.models import Prompt, Ramp
from playground.prompts.ramps import ramping
from playground.prompts.ramps.guarding_ramps import judge
from playground.prompts.ramps.proposing_ramps import propose
from tests.prompts.ramped import PATH, filled, greeting, happen, planned, started

__all__ = ["greeting"]
pytestmark = pytest.mark.django_db(databases="__all__")

GUARDS = [{"kind": "error_rate", "tolerated": 0.02}]
HALF = [{"percent": 50}, {"percent": 100}]
ADD = "/admin/prompts/ramp/add/"
PROMPTS = "/admin/prompts/ramp/prompts/"
PLAN: dict[str, Any] = {
    "prompt": PATH, "label": "production", "candidate": "2", "unit": "member",
    "stages-percent": ["10", "100"], "stages-min_minutes": ["30", "0"],
    "stages-min_samples": ["100", "0"],
    "guards-kind": ["error_rate"], "guards-tolerated": ["0.02"], "guards-alpha": ["0.05"],
    "guards-effect": [""],
    "on_regression": "rollback", "reason": "try it",
}  # fmt: skip


def _page(ramp: Ramp, name: str = "change") -> str:
    return reverse(f"admin:prompts_ramp_{name}", args=[ramp.pk])


def _press(client: Client, ramp: Ramp, verb: str, **fields: Any) -> Any:
    shown = {"period": ramp.period, "revision": ramp.revision}
    form = {"verb": verb, "reason": "because", **shown, **fields}
    return client.post(_page(ramp, "step"), form)


def _text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def _verbs(response: Any) -> list[str]:
    return re.findall(r'name="verb" value="(\w+)"', response.content.decode())


def _options(response: Any) -> list[str]:
    """Return the prompts that are suggested."""
    return re.findall(r'name="prompt" value="(\w+/[^"]+)" hx', response.content.decode())


@pytest.fixture
def root(rhea: User) -> User:
    """Return a superuser who reviews in Alice's team."""
    rhea.is_staff = rhea.is_superuser = True
    rhea.save()
    return rhea


@pytest.fixture
def staff(root: User, client_for: Callable[..., Client]) -> Client:
    return client_for(root)


# The door


@pytest.mark.parametrize(
    ("version", "offered"), [(1, False), (2, True)], ids=["where it is", "where it may go"]
)
def test_it_is_planned_from_the_page_of_the_version_that_a_label_may_go_to(
    root: User, greeting: Prompt, staff: Client, version: int, offered: bool
) -> None:
    link = f"{ADD}?prompt={PATH}&amp;label=production&amp;candidate=2"

    page = staff.get(f"/prompts/{PATH}?version={version}").content.decode()

    assert (link in page) is offered


def test_it_is_planned_by_staff_alone_and_where_no_ramp_runs_yet(
    root: User, alice: User, greeting: Prompt, staff: Client, client_for: Callable[..., Client]
) -> None:
    before = client_for(alice).get(f"/prompts/{PATH}?version=2").content.decode()
    started(root)

    while_it_runs = staff.get(f"/prompts/{PATH}?version=2").content.decode()

    assert (ADD in before, ADD in while_it_runs) == (False, False)


def test_it_turns_away_who_is_not_staff(
    alice: User, rhea: User, greeting: Prompt, client_for: Callable[..., Client]
) -> None:
    ramp = started(rhea)
    client = client_for(alice)

    pages = [_page(ramp), _page(ramp, "live"), _page(ramp, "step"), ADD]

    assert {client.get(page).status_code for page in pages} == {403}
    assert _press(client, ramp, "roll_back").status_code == 403
    ramp.refresh_from_db()
    assert ramp.state == Ramp.State.RUNNING


def test_it_refuses_a_form_that_another_site_sends(
    root: User, greeting: Prompt, client_for: Callable[..., Client]
) -> None:
    ramp = started(root)
    client = client_for(root, enforce_csrf_checks=True)

    refused = [_press(client, ramp, "roll_back"), client.post(ADD, PLAN)]

    assert {each.status_code for each in refused} == {403}
    assert list(Ramp.objects.values_list("state", flat=True)) == ["running"]


def test_it_keeps_the_strict_policy_on_its_own_pages(staff: Client, greeting: Prompt) -> None:
    ramp = planned(greeting_owner())

    for page in (_page(ramp), _page(ramp, "history"), _page(ramp, "live"), ADD):
        assert "unsafe" not in staff.get(page)["Content-Security-Policy"]
    listed = staff.get("/admin/prompts/ramp/")
    assert "unsafe-eval" in listed["Content-Security-Policy"]


def greeting_owner() -> User:
    return User.objects.get(username="alice")


def test_it_lets_staff_without_the_permission_look_and_not_steer(
    rhea: User, greeting: Prompt, client_for: Callable[..., Client]
) -> None:
    ramp = started(rhea)
    rhea.is_staff = True
    rhea.save()
    rhea.user_permissions.add(Permission.objects.get(codename="view_ramp"))
    client = client_for(rhea)

    shown, pressed = client.get(_page(ramp)), _press(client, ramp, "roll_back")

    assert (shown.status_code, _verbs(shown)) == (200, [])
    assert "let you look at ramps, not change them" in _text(shown)
    assert pressed.status_code == 403
    assert client.get(ADD).status_code == 403


def test_it_lets_staff_of_other_teams_look_and_not_steer(
    rhea: User, charlie: User, greeting: Prompt, client_for: Callable[..., Client]
) -> None:
    ramp = started(rhea)
    User.objects.filter(pk=charlie.pk).update(is_staff=True, is_superuser=True)
    client = client_for(charlie)

    shown, pressed = client.get(_page(ramp)), _press(client, ramp, "roll_back")

    assert _verbs(shown) == []
    assert "you are none of them" in _text(shown)
    assert pressed.status_code == 404
    ramp.refresh_from_db()
    assert ramp.state == Ramp.State.RUNNING


def test_it_offers_a_developer_the_way_back_alone_where_the_label_is_protected(
    rhea: User, alice: User, greeting: Prompt, client_for: Callable[..., Client]
) -> None:
    ramp = started(rhea)
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    client = client_for(alice)

    shown = client.get(_page(ramp))
    advanced, back = _press(client, ramp, "advance"), _press(client, ramp, "roll_back")

    assert _verbs(shown) == ["pause", "roll_back"]
    assert "Going on takes a reviewer of hiring: ask Rhea." in _text(shown)
    assert advanced.status_code == 403
    assert "Advancing a ramp of “production” takes a reviewer of hiring" in _text(advanced)
    assert "/prompts/rules#label-production" in advanced.content.decode()
    assert back.status_code == 302


# The page in each state


def test_it_shows_what_a_draft_will_do_and_how_to_start_it(staff: Client, greeting: Prompt) -> None:
    ramp = planned(greeting_owner())

    shown = staff.get(_page(ramp))

    assert _verbs(shown) == ["start", "discard"]
    assert "What it will do" in _text(shown)
    assert "Start with 10 %" in _text(shown)
    assert "Who would get what" in _text(shown)


def test_it_shows_time_and_calls_that_the_stage_still_needs(
    staff: Client, root: User, greeting: Prompt
) -> None:
    stages = [{"percent": 50, "min_minutes": 30, "min_samples": 100}, {"percent": 100}]
    ramp = started(root, stages=stages, guards=GUARDS)
    happen(ramp, {arm: {"error_rate": 0} for arm in ("baseline", "candidate")},
           members=range(40), user=root)  # fmt: skip

    shown = staff.get(_page(ramp))

    text = _text(shown)
    assert _verbs(shown) == ["advance_early", "pause", "roll_back"]
    assert "0 of 30 min" in text
    assert "of 100" in text
    assert "at this pace" in text
    assert "of 40 members seen" in text
    assert "Undecided: between" in text


def test_it_names_the_guard_that_paused_it_and_offers_to_go_on(
    staff: Client, root: User, greeting: Prompt
) -> None:
    ramp = started(root, stages=HALF, guards=GUARDS, on_regression="pause")
    _break(ramp, root)

    shown = staff.get(_page(ramp))

    text = _text(shown)
    assert "A guard paused this ramp." in text
    assert "Regressed: worse by at least" in text
    assert _verbs(shown) == ["resume", "complete", "roll_back"]
    assert re.search(r'value="roll_back"[^>]* data-worse', shown.content.decode())


def test_it_shows_what_was_seen_after_a_guard_rolled_it_back(
    staff: Client, root: User, greeting: Prompt
) -> None:
    ramp = started(root, stages=HALF, guards=GUARDS)
    _break(ramp, root)

    shown, listed = staff.get(_page(ramp)), staff.get("/admin/prompts/ramp/")

    text = _text(shown)
    assert "A guard rolled back this ramp." in text
    assert "Regressed: worse by at least" in text
    assert _verbs(shown) == []
    assert "Plan it again" in text
    assert "stopped by a guard" in _text(listed)


def test_it_shows_where_the_label_is_when_it_was_completed(
    staff: Client, root: User, greeting: Prompt
) -> None:
    ramp = ramping.complete(root.context(), started(root).pk, reason="all well")

    shown = staff.get(_page(ramp))

    assert "is at v2. Everybody gets the candidate." in _text(shown)
    assert _verbs(shown) == []


def test_it_names_people_and_tells_times_as_they_are_read(
    staff: Client, root: User, greeting: Prompt
) -> None:
    User.objects.filter(pk=root.pk).update(display_name="Rhea Ross")
    ramp = started(root)

    shown, listed = staff.get(_page(ramp)), staff.get("/admin/prompts/ramp/")

    assert "Planned by Rhea Ross, just now" in _text(shown)
    assert "try it Rhea Ross · just now" in _text(shown)
    assert "user:" not in _text(shown)
    assert re.search(r'<time [^>]*title="\d{4}-[^"]*UTC"[^>]*>just now', listed.content.decode())


def test_it_counts_one_of_something_as_one(staff: Client, root: User, greeting: Prompt) -> None:
    stages = [{"percent": 50, "min_minutes": 1, "min_samples": 1}]
    draft, ramp = planned(root, stages=stages), started(root, stages=stages)

    listed, shown = staff.get("/admin/prompts/ramp/"), staff.get(_page(ramp))
    early = _press(staff, ramp, "advance")

    assert draft.period == 0
    assert "1 stage planned" in _text(listed)
    assert "1 min · 1 call " in _text(shown)
    assert "0 of 1 minute passed, 0 of 1 call with the baseline seen" in _text(early)


def test_it_lists_many_ramps_with_as_many_queries_as_one(
    staff: Client, root: User, greeting: Prompt
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert staff.get("/admin/prompts/ramp/").status_code == 200
        return len(seen)

    ramp = started(root, stages=HALF, guards=GUARDS, on_regression="pause")
    _break(ramp, root)
    one = queries()
    for number in range(8):
        move_label(root.context(), PATH, label=f"try-{number}", version=1)
        started(root, stages=HALF, guards=GUARDS, label=f"try-{number}")

    assert queries() == one
    assert "error_rate regressed" in _text(staff.get("/admin/prompts/ramp/"))


def test_it_says_in_words_that_a_guard_moved_a_label_and_leads_staff_to_the_ramp(
    staff: Client,
    root: User,
    alice: User,
    greeting: Prompt,
    client_for: Callable[..., Client],
    api_for: Callable[..., Client],
) -> None:
    first = started(root, stages=[{"percent": 100}], automatic_advance=True)
    judge(first.pk)
    move_label(root.context(), PATH, label="production", version=1)
    second = started(root, stages=[{"percent": 100}], automatic_advance=True)
    judge(second.pk)

    shown = staff.get(f"/prompts/{PATH}").content.decode()
    to_others = client_for(alice).get(f"/prompts/{PATH}")
    told = api_for(alice).get(f"/api/prompts/{PATH}/moves").json()["items"]

    guard = "the ramp's guard"
    links = re.findall(rf'<a href="([^"]+)">{escape(guard)}</a>', shown)
    assert links == [_page(second), _page(second), _page(first)]
    assert "ramp-guard" not in shown
    assert escape(guard) in to_others.content.decode()
    assert _page(first) not in to_others.content.decode()
    assert told[0]["moved_by"] == "system:ramp-guard"


def test_it_says_that_there_is_none_where_there_is_none(staff: Client) -> None:
    for page in ("00000000-0000-7000-8000-000000000000", "nothing"):
        assert staff.get(f"/admin/prompts/ramp/{page}/change/").status_code == 404


def test_it_takes_a_number_of_thousands_of_digits_for_none(
    staff: Client, root: User, greeting: Prompt
) -> None:
    ramp, digits = started(root, stages=HALF), "9" * 5_000

    pressed = _press(staff, ramp, "advance_early", period=digits)
    dropped = staff.post(ADD, {**PLAN, "do": f"drop:stages:{digits}"})

    assert pressed.status_code == 409
    assert dropped.status_code == 200


def _break(ramp: Ramp, user: User) -> None:
    outcomes = {"baseline": {"error_rate": 0.0}, "candidate": {"error_rate": 1.0}}
    happen(ramp, outcomes, members=range(120), user=user)
    assert judge(ramp.pk)


# What is pressed


def test_it_does_what_is_pressed_for_the_reason_and_audits_it(
    staff: Client, root: User, greeting: Prompt, django_capture_on_commit_callbacks: Any
) -> None:
    ramp = planned(root)

    with django_capture_on_commit_callbacks(execute=True):
        for verb in ("start", "advance", "pause", "resume", "roll_back"):
            ramp.refresh_from_db()
            assert _press(staff, ramp, verb, reason=f"to {verb}").status_code == 302

    events = list(ramp.events.values_list("what", "reason", "who"))
    assert events[1:] == [
        ("started", "to start", "user:rhea"),
        ("advanced", "to advance", "user:rhea"),
        ("paused", "to pause", "user:rhea"),
        ("resumed", "to resume", "user:rhea"),
        ("rolled_back", "to roll_back", "user:rhea"),
    ]
    audited = [row.entry["action"] for row in AuditRow.objects.filter(team="hiring")]
    assert "ramp_rolled_back" in audited


def test_it_goes_on_by_one_stage_when_the_button_is_clicked_twice(
    staff: Client, root: User, greeting: Prompt
) -> None:
    ramp = started(root)

    first, second = _press(staff, ramp, "advance"), _press(staff, ramp, "advance")

    ramp.refresh_from_db()
    assert (first.status_code, second.status_code) == (302, 409)
    assert "Somebody has changed the ramp meanwhile" in _text(second)
    assert ramp.stage == 1


def test_it_tells_the_second_of_two_people_what_the_first_did(
    staff: Client, root: User, greeting: Prompt
) -> None:
    ramp = started(root)
    ramping.roll_back(greeting_owner().context(), ramp.pk, reason="was faster")

    late = _press(staff, ramp, "pause", reason="half-typed words")

    assert late.status_code == 409
    assert "A ramp that is rolled back cannot be paused" in _text(late)
    assert "was faster" in _text(late)
    assert "half-typed words" in late.content.decode()


def test_it_keeps_what_was_typed_when_there_is_no_reason_or_no_such_verb(
    staff: Client, root: User, greeting: Prompt
) -> None:
    ramp = started(root)

    silent, strange = _press(staff, ramp, "pause", reason=" "), _press(staff, ramp, "explode")

    assert (silent.status_code, strange.status_code) == (422, 422)
    assert "1 to 500 characters" in _text(silent)


def test_it_rolls_back_with_one_click_and_no_words(
    staff: Client, root: User, greeting: Prompt
) -> None:
    ramp = started(root)

    assert _press(staff, ramp, "roll_back", reason="").status_code == 302

    ramp.refresh_from_db()
    assert ramp.state == Ramp.State.ROLLED_BACK


def test_it_stops_asking_when_the_ramp_is_over(staff: Client, root: User, greeting: Prompt) -> None:
    ramp = started(root)

    live = staff.get(_page(ramp, "live"))
    ramping.roll_back(root.context(), ramp.pk, reason="enough")
    over = staff.get(_page(ramp, "live"))

    assert (live.status_code, over.status_code) == (200, 286)
    assert 'id="ramp-buttons" hx-swap-oob="true"' in live.content.decode()
    assert 'name="reason"' not in live.content.decode()


def test_it_audits_nothing_when_somebody_looks_or_plans(
    staff: Client, root: User, greeting: Prompt
) -> None:
    ramp = started(root)
    audited = AuditRow.objects.count()

    shown = [staff.get(_page(ramp)), staff.get(_page(ramp, "live")), staff.get(ADD)]
    looked = staff.post(ADD, {**PLAN, "do": "look"})

    assert {each.status_code for each in (*shown, looked)} == {200}
    assert AuditRow.objects.count() == audited


# Planning


def test_it_fills_in_what_the_prompt_suggests(staff: Client, greeting: Prompt) -> None:
    shown = staff.get(ADD, {"prompt": PATH})

    text = shown.content.decode()
    assert '<option value="production" selected>production, now v1' in text
    assert '<option value="2" selected>v2' in text
    assert "What it would do" in text
    assert 'name="seal"' in text


def test_it_offers_a_few_of_thousands_of_prompts_and_finds_each(
    staff: Client, greeting: Prompt
) -> None:
    filled(greeting, count=600)

    first, shown = staff.get(ADD), staff.get(ADD, {"prompt": "hiring/p-599"})
    found = staff.get(PROMPTS, {"prompt": "NG/p-599"})
    titled = staff.get(PROMPTS, {"prompt": "title 59"})

    assert "production, now v1" in _text(shown)
    assert len(_options(first)) == 20
    assert _options(found) == ["hiring/p-599"]
    assert _options(titled) == ["hiring/p-59", *(f"hiring/p-59{each}" for each in range(10))]


def test_it_says_at_the_field_that_no_such_prompt_can_be_ramped(
    staff: Client, greeting: Prompt
) -> None:
    shown = staff.post(ADD, {"prompt": "hiring/meeting", "do": "look"})

    assert "No prompt of your teams that can be ramped is called so." in _text(shown)
    assert 'value="hiring/meeting"' in shown.content.decode()


def test_it_takes_the_one_prompt_that_is_called_like_what_was_typed(
    staff: Client, greeting: Prompt
) -> None:
    filled(greeting, count=30)

    one = staff.post(ADD, {"prompt": "greet", "do": "look"})
    many = staff.post(ADD, {"prompt": "P-1", "do": "look"})

    assert f'value="{PATH}"' in one.content.decode()
    assert "What it would do" in _text(one)
    assert _options(many) == ["hiring/p-1", *(f"hiring/p-1{each}" for each in range(10))]


def test_it_suggests_prompts_to_those_alone_who_may_plan(
    alice: User, charlie: User, greeting: Prompt, client_for: Callable[..., Client]
) -> None:
    User.objects.filter(pk=charlie.pk).update(is_staff=True, is_superuser=True)

    refused = client_for(alice).get(PROMPTS)
    of_another_team = client_for(charlie).get(PROMPTS, {"prompt": "greet"})

    assert refused.status_code == 403
    assert (of_another_team.status_code, _options(of_another_team)) == (200, [])


def test_it_foretells_for_whom_it_is_asked(staff: Client, greeting: Prompt) -> None:
    shown = staff.post(
        ADD, {**PLAN, "do": "look", "units": "member:1\nmember:2"},
        headers={"hx-request": "true", "hx-target": "simulation"},
    )  # fmt: skip

    text = _text(shown)
    assert "member:1" in text
    assert "of 2" in text
    assert shown.content.decode().lstrip().startswith("<section")


def test_it_keeps_no_draft_whose_reason_is_too_long(staff: Client, greeting: Prompt) -> None:
    refused = staff.post(ADD, {**PLAN, "do": "draft", "reason": "so " * 200})

    assert refused.status_code == 422
    assert "1 to 500 characters" in _text(refused)
    assert not Ramp.objects.exists()


def test_it_warns_of_guards_whose_metric_nobody_has_ever_told(
    staff: Client, root: User, greeting: Prompt
) -> None:
    kinds = ["error_rate", "thumbs", "score:tone"]
    given = {"guards-kind": kinds, "guards-tolerated": ["0.1"] * 3, "guards-alpha": ["0.05"] * 3}
    earlier = started(root, stages=HALF, guards=[{"kind": "score:tone", "tolerated": 0.1}])
    happen(earlier, {arm: {"score:tone": 0.5} for arm in ("baseline", "candidate")},
           members=range(1), user=root)  # fmt: skip

    shown = _text(staff.post(ADD, {**PLAN, **given, "do": "look"}))

    assert "Nobody has told thumbs of this prompt yet" in shown
    assert "told score:tone" not in shown
    assert "told error_rate" not in shown


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"stages-percent": ["50", "10"]}, "each stage has a higher percentage"),
        ({"stages-percent": ["many", "100"]}, "stages.0.percent"),
        ({"stages-percent": [], "stages-min_minutes": [], "stages-min_samples": []}, "stages"),
        ({"guards-kind": ["beauty"]}, "A metric is one of"),
        ({"guards-tolerated": ["nan"]}, "guards.0.tolerated"),
        ({"candidate": "99"}, "version 99"),
        ({"label": "nowhere"}, "label"),
        ({"rules-attribute": ["key"], "rules-op": ["eq"], "rules-value": [""],
          "rules-arm": ["candidate"]}, "rules.0.value"),
        ({"rules-attribute": ["__class__.x y"], "rules-op": ["eq"], "rules-value": ["1"],
          "rules-arm": ["candidate"]}, "rules.0.attribute"),
        ({"unit": "planet"}, "unit"),
        ({"rules-attribute": ["age"], "rules-op": ["version_gte"], "rules-value": ["new"],
          "rules-arm": ["candidate"]}, "rules.0"),
    ],
)  # fmt: skip
def test_it_names_what_is_wrong_with_a_plan_and_makes_nothing(
    staff: Client, greeting: Prompt, fields: dict[str, Any], said: str
) -> None:
    made = staff.post(ADD, {**PLAN, **fields, "do": "draft"})

    assert made.status_code in (404, 422)
    assert said in _text(made)
    assert not Ramp.objects.exists()


def test_it_adds_and_drops_rows_and_keeps_what_was_typed(staff: Client, greeting: Prompt) -> None:
    more = staff.post(ADD, {**PLAN, "stages-percent": ["7", "100"], "do": "add:stages"})
    less = staff.post(ADD, {**PLAN, "stages-percent": ["7", "100"], "do": "drop:stages:1"})

    assert more.content.decode().count('name="stages-percent"') == 3
    assert less.content.decode().count('name="stages-percent"') == 1
    assert 'name="stages-percent" value="7"' in less.content.decode()


def test_it_starts_no_plan_that_nobody_has_looked_at(staff: Client, greeting: Prompt) -> None:
    unseen = staff.post(ADD, {**PLAN, "do": "start"})
    other = staff.post(ADD, {**PLAN, "do": "start", "seal": "0" * 16})

    assert (unseen.status_code, other.status_code) == (422, 422)
    assert "Look at what this plan would do" in _text(unseen)
    assert not Ramp.objects.exists()


def test_it_starts_what_was_looked_at(staff: Client, greeting: Prompt) -> None:
    rule = {
        "rules-attribute": ["key"], "rules-op": ["in"], "rules-value": ["member:1, member:2"],
        "rules-arm": ["candidate"],
    }  # fmt: skip
    looked = staff.post(ADD, {**PLAN, **rule, "do": "look"})
    sealed = re.findall(r'name="seal" value="(\w+)"', looked.content.decode())[0]

    made = staff.post(ADD, {**PLAN, **rule, "do": "start", "seal": sealed})

    ramp = Ramp.objects.get()
    assert made["Location"] == _page(ramp)
    assert (ramp.state, ramp.created_by) == ("running", "user:rhea")
    assert ramp.stages[0] == {"percent": 10.0, "min_minutes": 30, "min_samples": 100}
    assert ramp.ruling[0].value == ["member:1", "member:2"]
    assert ramp.guards.get().tolerated == 0.02


def test_it_keeps_a_draft_where_starting_takes_a_reviewer(
    alice: User, greeting: Prompt, client_for: Callable[..., Client]
) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    client = client_for(alice)
    looked = client.post(ADD, {**PLAN, "do": "look"})
    sealed = re.findall(r'name="seal" value="(\w+)"', looked.content.decode())[0]

    shown = client.post(ADD, {**PLAN, "do": "start", "seal": sealed}, follow=True)

    assert "Propose it: starting it takes a reviewer of hiring: ask Rhea." in _text(looked)
    assert 'value="start"' not in looked.content.decode()
    said = "Kept as a draft, not started: Starting a ramp of “production” takes a reviewer"
    assert said in _text(shown)
    assert _verbs(shown) == ["propose", "discard"]
    assert Ramp.objects.get().state == Ramp.State.DRAFT


def test_it_proposes_what_was_looked_at_and_a_reviewer_decides_on_its_page(
    staff: Client, alice: User, greeting: Prompt, client_for: Callable[..., Client]
) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    mine = client_for(alice)
    unseen = mine.post(ADD, {**PLAN, "do": "propose"})
    sealed = re.findall(r'name="seal" value="(\w+)"', unseen.content.decode())[0]

    proposed = mine.post(ADD, {**PLAN, "do": "propose", "seal": sealed}, follow=True)
    ramp = Ramp.objects.get()
    asked = staff.get(_page(ramp))
    listed = staff.get("/admin/prompts/ramp/")
    named = {"proposal": str(ramp.proposals.get().pk)}
    elsewhere = _press(staff, ramp, "approve", **named | {"revision": 7})
    silent = _press(staff, ramp, "reject", **named, reason="")
    rejected = _press(staff, ramp, "reject", **named, reason="too fast")
    told = mine.get(_page(ramp))
    _press(mine, ramp, "propose", reason="as you said")
    named = {"proposal": str(ramp.proposals.get(status="open").pk)}
    _press(mine, ramp, "withdraw", **named)
    _press(mine, ramp, "propose", reason="as I said")
    named = {"proposal": str(ramp.proposals.get(status="open").pk)}
    approved = _press(staff, ramp, "approve", **named)

    assert (unseen.status_code, Ramp.objects.count()) == (422, 1)
    assert "Look at what this plan would do, then propose." in _text(unseen)
    assert "Alice proposes to start it. “try it”" in _text(proposed)
    assert "It waits for a reviewer of hiring: ask Rhea." in _text(proposed)
    assert _verbs(proposed) == ["withdraw"]
    assert _page(ramp, "edit") not in proposed.content.decode()
    assert _verbs(asked) == ["approve", "reject"]
    assert "What it will do" in _text(asked)
    assert "Error rate worse by 2 pp at most; false alarms 5 % at most" in _text(asked)
    assert "Draft, proposed" in _text(listed)
    assert "Somebody has edited the draft meanwhile" in _text(elsewhere)
    assert silent.status_code == 422
    assert rejected.status_code == approved.status_code == 302
    assert "Rhea rejected it. “too fast”" in _text(told)
    assert _verbs(told) == ["propose", "discard"]
    begun = staff.get(_page(ramp))
    assert "Proposed by Alice Approved by Rhea" in _text(begun)
    ramp.refresh_from_db()
    assert (ramp.state, ramp.created_by) == ("running", alice.urn)


def test_it_says_at_once_why_what_is_proposed_cannot_start(
    staff: Client, root: User, alice: User, greeting: Prompt
) -> None:
    ramp = planned(alice)
    propose(alice.context(), ramp.pk, reason="reads better")
    started(root)

    page = _text(staff.get(_page(ramp)))
    named = {"proposal": str(ramp.proposals.get().pk)}
    refused = _text(_press(staff, ramp, "approve", **named))
    elsewhere = _press(staff, planned(alice), "reject", **named)

    assert elsewhere.status_code == 404
    assert "It cannot start any more: Another ramp runs on this label." in page
    assert "Another ramp runs on this label. ramp.running" in refused


def test_it_offers_no_prompt_of_another_team(
    charlie: User, greeting: Prompt, client_for: Callable[..., Client]
) -> None:
    User.objects.filter(pk=charlie.pk).update(is_staff=True, is_superuser=True)
    client = client_for(charlie)

    empty, made = client.get(ADD), client.post(ADD, {**PLAN, "do": "draft"})

    assert "No prompt can be ramped yet" in _text(empty)
    assert made.status_code == 404
    assert not Ramp.objects.exists()


def test_it_edits_a_draft_and_keeps_what_was_typed_when_it_cannot(
    staff: Client, root: User, greeting: Prompt
) -> None:
    ramp = planned(root, stages=[{"percent": 12.5}, {"percent": 75}], guards=GUARDS)
    edited = {**PLAN, "do": "draft", "revision": "1", "stages-percent": ["20", "100"]}

    shown = staff.get(_page(ramp, "edit")).content.decode()
    wrong = staff.post(_page(ramp, "edit"), {**edited, "guards-tolerated": ["a lot"]})
    silent = staff.post(_page(ramp, "edit"), {**edited, "reason": ""})
    kept = staff.post(_page(ramp, "edit"), {**edited, "candidate": "2"})
    late = staff.post(_page(ramp, "edit"), {**edited, "stages-percent": ["33", "100"]})

    assert 'name="stages-percent" value="12.5"' in shown
    assert (wrong.status_code, silent.status_code) == (422, 422)
    assert 'name="guards-tolerated" value="a lot"' in wrong.content.decode()
    assert 'data-field="guards.0.tolerated"' in wrong.content.decode()
    assert kept["Location"] == _page(ramp)
    assert late.status_code == 409
    assert 'name="stages-percent" value="33"' in late.content.decode()
    assert "saving again replaces that" in _text(late)
    assert 'name="revision" value="2"' in late.content.decode()
    ramp.refresh_from_db()
    assert (ramp.stages[0]["percent"], ramp.revision) == (20, 2)


def test_it_discards_a_draft_for_a_reason(staff: Client, root: User, greeting: Prompt) -> None:
    ramp = planned(root)

    silent = _press(staff, ramp, "discard", reason="")
    gone = _press(staff, ramp, "discard", reason="nobody wants it")
    shown = staff.get(_page(ramp))

    assert (silent.status_code, gone.status_code) == (422, 302)
    assert "Discarded" in _text(shown)
    assert "nobody wants it" in _text(shown)
    assert _verbs(shown) == []
    assert staff.get(_page(ramp, "edit")).status_code == 409


def test_it_stays_with_its_prompt_when_a_draft_is_edited_whose_label_is_gone(
    staff: Client, root: User, greeting: Prompt
) -> None:
    ramp = planned(root)
    filled(greeting, count=1)
    Prompt.objects.filter(name="p-0").update(name="greeting-two")
    remove_label(root.context(), PATH, label="production", reason="nobody asks for it")

    shown = staff.post(_page(ramp, "edit"), {**PLAN, "do": "add:stages"})

    assert f'value="{PATH}" readonly' in shown.content.decode()
    assert "greeting-two" not in shown.content.decode()


def test_it_starts_no_draft_that_was_edited_since_it_was_shown(
    staff: Client, root: User, greeting: Prompt
) -> None:
    ramp = planned(root)
    Ramp.objects.filter(pk=ramp.pk).update(revision=2)

    pressed = _press(staff, ramp, "start")

    assert pressed.status_code == 409
    assert "Somebody has edited the draft meanwhile" in _text(pressed)


def test_it_keeps_a_choice_that_is_not_offered_any_more(staff: Client, greeting: Prompt) -> None:
    made = staff.post(ADD, {**PLAN, "candidate": "99", "do": "draft"}).content.decode()

    assert '<option value="99" selected>v99, cannot be ramped to' in made


def test_it_plans_again_what_was_planned(staff: Client, root: User, greeting: Prompt) -> None:
    rules = [{"attribute": "locale", "op": "prefix", "value": "de", "arm": "baseline"}]
    ramp = planned(root, rules=rules, stages=[{"percent": 12.5}, {"percent": 75}], unit="thread")

    shown = staff.get(ADD, {"from": str(ramp.pk)}).content.decode()

    assert 'name="stages-percent" value="12.5"' in shown
    assert 'name="rules-value" value="de"' in shown
    assert '<option value="thread" selected>' in shown
    assert staff.get(ADD, {"from": "nonsense"}).status_code == 200


def test_it_says_that_another_ramp_is_live(staff: Client, root: User, greeting: Prompt) -> None:
    ramp = started(root)

    shown = staff.get(ADD, {"prompt": PATH}).content.decode()

    assert "Another ramp is live" in shown
    assert _page(ramp) in shown


# Rules about labels


def test_it_refuses_a_rule_that_cannot_be_kept(
    staff: Client, greeting: Prompt, guardrail: Any, outreach: Any
) -> None:
    team = greeting.team_id

    latest = staff.post("/admin/prompts/protectedlabel/add/", {"team": team, "name": "latest"})
    chat = staff.post(
        "/admin/prompts/requiredfragment/add/",
        {"team": team, "label": "production", "fragment": str(greeting.pk)},
    )
    right = staff.post(
        "/admin/prompts/requiredfragment/add/",
        {"team": team, "label": "production", "fragment": str(guardrail.prompt.pk)},
    )

    assert (latest.status_code, chat.status_code, right.status_code) == (200, 200, 302)
    entry = AuditRow.objects.filter(team="hiring").latest("seq").entry
    assert entry["resource"].startswith("requiredfragment:")


# A line on the prompt's page


def test_it_sums_up_what_is_ramping_and_leads_staff_there(
    rhea: User, alice: User, greeting: Prompt, rf: RequestFactory
) -> None:
    def panel(user: User) -> str:
        request = rf.get("/")
        request.user = user
        template = Template("{% load ramps %}{% ramps_of prompt %}")
        return template.render(Context({"prompt": greeting, "request": request}))

    before = panel(alice)
    ramp = started(rhea, stages=HALF, guards=GUARDS, on_regression="pause")
    running = panel(alice)
    _break(ramp, rhea)
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    worse = panel(User.objects.get(pk=alice.pk))

    assert before.strip() == ""
    assert "50 % to v2, undecided" in running
    assert "/admin/" not in running
    assert "50 % to v2, regressed" in worse
    assert _page(ramp) in worse
