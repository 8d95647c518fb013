"""Everything about ramps that people do, scripts do."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from playground.core.clock import now
from playground.policy.models import User
from playground.prompts.labelling import move_label
from playground.prompts.models import ArmSums, ExposedSums, Prompt, SlotSums
from playground.prompts.ramps.page import page_of
from playground.prompts.ramps.slotting import begin_of
from tests.prompts.ramped import PATH, STAGES, greeting, started

__all__ = ["greeting"]
pytestmark = pytest.mark.django_db

RAMPS = f"/api/prompts/{PATH}/ramps"
PLAN = {
    "label": "production",
    "candidate": 2,
    "stages": [{"percent": 50, "min_samples": 100}, {"percent": 100}],
    "guards": [{"kind": "error_rate", "tolerated": 0.05}],
}


def send(client: Client, path: str, body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


def resolved(client: Client, key: str) -> Any:
    return client.get(f"/api/prompts/{PATH}/resolve", {"label": "production", "key": key}).json()


def test_it_says_what_is_wrong_with_a_plan_as_its_sender_wrote_it(
    rhea: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    stages = [{"percent": 50}, {"percent": 20}]

    order = send(api_for(rhea), RAMPS, {**PLAN, "stages": stages, "reason": "try"}).json()
    field = send(api_for(rhea), RAMPS, {**PLAN, "candidate": "x", "reason": "try"}).json()

    said = "each stage has a higher percentage than the one before it"
    assert [(each["loc"], each["msg"]) for each in order["errors"]] == [(["body"], said)]
    assert [each["loc"] for each in field["errors"]] == [["body", "candidate"]]


def test_it_walks_a_ramp_through_its_life(
    rhea: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    client = api_for(rhea)

    made = send(client, RAMPS, PLAN)
    assert made.status_code == 201
    ramp = f"{RAMPS}/{made.json()['id']}"
    states = [
        send(client, f"{ramp}/{action}", {"reason": "so", "early": True}).json()["state"]
        for action in ("start", "pause", "resume", "advance", "complete")
    ]

    assert states == ["running", "paused", "running", "running", "completed"]
    seen = client.get(ramp).json()
    assert [event["what"] for event in seen["events"]] == [
        "created", "started", "paused", "resumed", "advanced", "completed",
    ]  # fmt: skip
    assert [each["id"] for each in client.get(RAMPS).json()["items"]] == [made.json()["id"]]
    again = send(client, f"{ramp}/rollback", {"reason": "late"})
    assert (again.status_code, again.json()["code"]) == (409, "ramp.state")


def test_it_goes_on_by_one_stage_when_a_script_sends_what_it_read_twice(
    rhea: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    ramp = started(rhea)
    client, page = api_for(rhea), f"{RAMPS}/{ramp.pk}"
    read = client.get(page).json()["period"]

    first, second = (
        send(client, f"{page}/advance", {"reason": "so", "period": read}) for _ in range(2)
    )

    assert (first.status_code, first.json()["period"]) == (200, read + 1)
    assert (second.status_code, second.json()["code"]) == (409, "ramp.judged-meanwhile")
    assert client.get(page).json()["stage"] == 1


def test_it_charts_what_was_kept_by_the_hour_before_it_began(
    rhea: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    ramp = started(rhea)
    assert ramp.started_at is not None
    hour = ramp.started_at - dt.timedelta(minutes=40)
    sums: dict[str, Any] = {"ramp": ramp, "slot": hour, "arm": "candidate"}
    SlotSums.objects.create(**sums, metric="error_rate", n=4, total=1, squares=1)
    ExposedSums.objects.create(**sums, units=3)

    figures = api_for(rhea).get(f"{RAMPS}/{ramp.pk}").json()["figures"]
    page = page_of(ramp, context=rhea.context(), may_change=True)

    begun = begin_of(ramp.started_at, figures["slot_s"])
    assert [dt.datetime.fromisoformat(each["at"]) for each in figures["slots"]] == [begun]
    assert [each["units"] for each in figures["exposure"]] == [3]
    assert page.exposed is not None
    assert "Candidate 3" in page.exposed.chart.slots[0].title


def test_it_tells_its_figures_and_rolls_back_by_itself(
    rhea: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    client = api_for(rhea)
    ramp = f"{RAMPS}/{send(client, RAMPS, PLAN).json()['id']}"
    send(client, f"{ramp}/start", {"reason": "so"})
    foretold = send(
        client,
        f"{RAMPS}/simulate",
        {"plan": PLAN, "units": [{"key": f"member:{n}"} for n in range(60)]},
    ).json()
    arms = {each["key"]: each["arms"][0] for each in foretold["placed"]}

    def tell(key: str, arm: str) -> bool:
        version = 2 if arm == "candidate" else 1
        outcome = {"error_rate": float(arm == "candidate")}
        body = {"key": key, "version": version, "outcome": outcome}
        return bool(send(client, f"{ramp}/observations", body).json()["counted"])

    first = list(arms.items())[:6]
    assert all(tell(key, arm) for key, arm in first)
    figures = client.get(ramp).json()["figures"]
    for key, arm in list(arms.items())[6:]:
        tell(key, arm)

    (guard,) = figures["guards"]
    assert guard["verdict"] == "undecided"
    assert guard["candidate"]["n"] == sum(arm == "candidate" for _, arm in first)
    assert guard["candidate"]["mean"] == 1
    assert sum(figures["exposed"].values()) == 6
    assert {slot["metric"] for slot in figures["slots"]} == {"error_rate"}
    assert figures["slot_s"] == 5
    assert "of 100 calls with the baseline seen" in figures["lacks"]
    over = client.get(ramp).json()
    assert over["state"] == "rolled_back"
    assert over["events"][-1]["who"] == "system:ramp-guard"


def test_it_foretells_for_a_crowd_before_it_begins(
    alice: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    plan = PLAN | {"stages": [*STAGES[:1], {"percent": 50, "min_samples": 100}]}

    told = send(api_for(alice), f"{RAMPS}/simulate", {"plan": plan, "calls_per_hour": 120}).json()
    idle = send(api_for(alice), f"{RAMPS}/simulate", {"plan": plan}).json()

    assert (told["units"], len(told["placed"])) == (1000, 20)
    assert [each["minutes"] for each in told["stages"]] == [0, 100]
    assert 60 < told["stages"][0]["candidates"] < 140
    assert idle["minutes"] is None


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("", PLAN | {"stages": []}, 422, "request.invalid"),
        ("", PLAN | {"candidate": 1}, 422, "ramp.same-version"),
        ("/simulate", {"plan": PLAN | {"candidate": 9}}, 404, "prompt.version-not-found"),
        ("/simulate", {"plan": PLAN, "calls_per_hour": -1}, 422, "request.invalid"),
        ("/none/start", {"reason": "so"}, 404, "ramp.not-found"),
        ("/none/explode", {"reason": "so"}, 422, "request.invalid"),
    ],
)
def test_it_says_what_is_wrong(
    rhea: User, greeting: Prompt, api_for: Callable[[User], Client],
    path: str, body: Any, status: int, code: str,
) -> None:  # fmt: skip
    answer = send(api_for(rhea), RAMPS + path, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_it_learns_only_of_versions_that_it_leads_to(
    rhea: User, vera: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    client = api_for(rhea)
    ramp = f"{RAMPS}/{send(client, RAMPS, PLAN).json()['id']}"
    told = {"key": "member:1", "version": 2, "outcome": {"error_rate": 1}}

    before = send(client, f"{ramp}/observations", told).json()
    send(client, f"{ramp}/start", {"reason": "so"})
    told["version"] = resolved(client, "member:1")["version"]
    other = send(client, f"{ramp}/observations", told | {"version": 7})
    strange = send(client, f"{ramp}/observations", told | {"outcome": {"mood": 1}})
    viewer = send(api_for(vera), f"{ramp}/observations", told)

    assert before == {"counted": False, "code": "ramp.not-live"}
    assert (other.status_code, other.json()["code"]) == (422, "ramp.version")
    assert (strange.status_code, strange.json()["code"]) == (422, "ramp.metric-unknown")
    assert viewer.status_code == 403


def test_it_counts_a_late_observation_where_its_call_was_made(
    rhea: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    client = api_for(rhea)
    ramp = send(client, RAMPS, PLAN).json()["id"]
    send(client, f"{RAMPS}/{ramp}/start", {"reason": "so"})
    calls = (resolved(client, f"member:{number}") for number in range(50))
    call = next(each for each in calls if each["arm"] == "baseline")
    send(client, f"{RAMPS}/{ramp}/advance", {"reason": "so", "early": True})

    outcome = {"error_rate": 1}
    told = send(client, f"{RAMPS}/{ramp}/observations",
                {"observe": call["observe"], "outcome": outcome})  # fmt: skip

    assert told.json() == {"counted": True, "code": None}
    (sums,) = ArmSums.objects.filter(ramp=ramp)
    assert (sums.period, sums.arm, sums.n) == (1, "baseline", 1)


def test_it_refuses_observations_of_an_arm_that_the_key_has_left(
    rhea: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    client = api_for(rhea)
    ramp = f"{RAMPS}/{send(client, RAMPS, PLAN).json()['id']}"
    send(client, f"{ramp}/start", {"reason": "so"})
    send(client, f"{ramp}/advance", {"reason": "so", "early": True})

    told = {"key": "member:1", "outcome": {"error_rate": 1}}
    answer = send(client, f"{ramp}/observations", told | {"version": 1})

    assert (answer.status_code, answer.json()["code"]) == (409, "ramp.arm-changed")
    assert send(client, f"{ramp}/observations", told | {"version": 2}).json()["counted"]


def test_it_learns_only_of_calls_of_the_present_period(
    rhea: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    client = api_for(rhea)
    ramp = f"{RAMPS}/{send(client, RAMPS, PLAN).json()['id']}"
    planned = now()
    send(client, f"{ramp}/start", {"reason": "so"})
    version = resolved(client, "member:1")["version"]

    def tell(at: dt.datetime) -> Any:
        body = {"key": "member:1", "version": version, "outcome": {"error_rate": 0}}
        return send(client, f"{ramp}/observations", body | {"at": at.isoformat()})

    early, within = tell(planned), tell(now())
    late = tell(now() + dt.timedelta(hours=1))
    vague = tell(dt.datetime(2026, 1, 1))
    send(client, f"{ramp}/rollback", {"reason": "so"})
    over = tell(now())

    assert early.json() == {"counted": False, "code": "ramp.outside-period"}
    assert within.json() == {"counted": True, "code": None}
    assert late.json() == {"counted": False, "code": "ramp.outside-period"}
    assert (vague.status_code, vague.json()["code"]) == (422, "request.invalid")
    assert over.json() == {"counted": False, "code": "ramp.not-live"}
    assert [sums.n for sums in ArmSums.objects.all()] == [1]


def test_it_counts_once_what_is_told_twice_under_one_id(
    rhea: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    client = api_for(rhea)
    ramp = f"{RAMPS}/{send(client, RAMPS, PLAN).json()['id']}"
    send(client, f"{ramp}/start", {"reason": "so"})
    told = {"observe": resolved(client, "member:1")["observe"], "outcome": {"error_rate": 0}}

    first = send(client, f"{ramp}/observations", told | {"id": "batch-7/1"}).json()
    again = send(client, f"{ramp}/observations", told | {"id": "batch-7/1"}).json()
    other = send(client, f"{ramp}/observations", told | {"id": "batch-7/2"}).json()

    assert (first["counted"], other["counted"]) == (True, True)
    assert again == {"counted": False, "code": "ramp.not-counted"}
    assert sum(sums.n for sums in ArmSums.objects.all()) == 2


def test_it_refuses_observations_that_nobody_resolved(
    rhea: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    client = api_for(rhea)
    move_label(rhea.context(), PATH, label="staging", version=1)
    ramps = []
    for label in ("production", "staging"):
        ramps.append(send(client, RAMPS, PLAN | {"label": label}).json()["id"])
        send(client, f"{RAMPS}/{ramps[-1]}/start", {"reason": "so"})
    observe = resolved(client, "member:1")["observe"]

    def code(ramp: str, **body: Any) -> str:
        body["outcome"] = {"error_rate": 1}
        return str(send(client, f"{RAMPS}/{ramp}/observations", body).json().get("code"))

    assert code(ramps[0], observe=observe[:-1]) == "ramp.observe-invalid"
    assert code(ramps[1], observe=observe) == "ramp.observe-invalid"
    assert code(ramps[0]) == "request.invalid"
    assert code(ramps[0], observe=observe) == "None"
    assert not ArmSums.objects.filter(ramp=ramps[1]).exists()
