"""What a ramp would do is foretold for those who really called, at the pace at which they did."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.gateway.prompting import attributes_of, caller_of
from playground.policy.models import User
from playground.prompts.models import Prompt
from playground.prompts.ramps.callers import traffic_of
from playground.prompts.ramps.foretelling import foretell
from playground.prompts.ramps.foretold import foretold
from playground.prompts.ramps.planning import Plan, plan_of
from playground.tracing.models import Span, Trace
from tests.prompts.ramped import PATH, greeting

__all__ = ["greeting"]
pytestmark = pytest.mark.django_db

STAGES = [{"percent": 10, "min_samples": 100}, {"percent": 50}, {"percent": 100}]
GUARDS = [{"kind": "error_rate", "tolerated": 0.02}, {"kind": "latency_ms", "tolerated": 200}]


def plan(**more: Any) -> Plan:
    return plan_of({"label": "production", "candidate": 2, "stages": STAGES, **more})


def call(
    number: int,
    *,
    key: str | None = None,
    hours_ago: float = 1,
    status: str = "ok",
    ms: float = 800,
    label: str = "production",
    **told: Any,
) -> None:
    """Leave the trace of a call, as the door does."""
    context = RequestContext(subject=f"user:u{number % 5}", team="hiring", **told)
    begun = now() - dt.timedelta(hours=hours_ago)
    times = {"started_at": begun, "ended_at": begun + dt.timedelta(milliseconds=ms)}
    trace = Trace.objects.create(
        id=f"{number:032x}", team="hiring", subject=context.subject, name="v1 m", status=status,
        duration_ms=ms, stored_at=now(), **times,
    )  # fmt: skip
    Span.objects.create(
        id=f"{trace.pk}:{number:016x}", trace=trace, span_id=f"{number:016x}", revision=1,
        name="chat", kind="model", status=status, stored_at=now(), **times,
        attributes=attributes_of(
            "greeting", 1, label=label, why="label", caller=caller_of(context, key=key)
        ),
    )  # fmt: skip


def test_it_places_those_who_called_with_what_they_told(rhea: User, greeting: Prompt) -> None:
    for number in range(30):
        call(
            number,
            key=f"member:{number % 10}",
            attributes={"plan": "pro" if number % 10 < 3 else "free"},
        )
    call(99, key="member:old", hours_ago=24 * 20)
    call(98, key="member:other", label="staging")
    rules = [{"attribute": "plan", "op": "eq", "value": "pro", "arm": "candidate"}]

    told = foretell(rhea.context(), PATH, plan(rules=rules))

    assert told.source == "recent"
    assert (told.traffic.calls, len(told.simulation.placed)) == (30, 10)
    assert {each.someone.calls for each in told.simulation.placed} == {3}
    picked = [each for each in told.simulation.placed if "rule 1" in each.assignments[0].reason]
    assert sorted(each.someone.key or "" for each in picked) == ["member:0", "member:1", "member:2"]


def test_it_takes_the_time_of_a_stage_from_those_whom_chance_assigns(
    rhea: User, greeting: Prompt
) -> None:
    for number in range(40):
        call(number, key="member:1" if number < 20 else f"member:{number}", hours_ago=2)
    rules = [{"attribute": "key", "op": "eq", "value": "member:1", "arm": "candidate"}]

    told = foretell(rhea.context(), PATH, plan(rules=rules))

    # 20 calls an hour, of which half are of somebody whom a rule picks, and a tenth of the rest
    # gets the candidate: one call an hour.
    assert told.calls_per_hour == pytest.approx(20, rel=0.01)
    assert told.simulation.stages[0].minutes == pytest.approx(100 * 60, rel=0.01)


def test_it_makes_up_callers_where_there_were_none_or_somebody_asks_for_it(
    rhea: User, greeting: Prompt
) -> None:
    nobody = foretell(rhea.context(), PATH, plan())
    call(1, key="member:1")

    wanted = foretell(rhea.context(), PATH, plan(), recent=False)

    assert (nobody.source, len(nobody.simulation.placed)) == ("made-up", 1000)
    assert wanted.source == "made-up"


@pytest.mark.parametrize(
    ("unit", "said"), [("key", "without an API key"), ("thread", "without a thread")]
)
def test_it_warns_when_most_calls_come_without_the_unit(
    rhea: User, greeting: Prompt, unit: str, said: str
) -> None:
    for number in range(5):
        call(number)
    call(5, **{unit: f"{unit}:0190b0a0-1111-7000-8000-000000000000"})

    told = foretold(rhea.context(), PATH, plan(unit=unit))
    member = foretold(rhea.context(), PATH, plan(unit="member"))

    assert any(said in each and "5 of the last 6" in each for each in told.warnings)
    assert not any("came without" in each for each in member.warnings)


def test_it_says_after_how_many_calls_a_guard_sees_what_one_cares_about(
    rhea: User, greeting: Prompt
) -> None:
    for number in range(200):
        status = "error" if number % 50 == 0 else "ok"
        call(number, key=f"member:{number}", status=status, ms=800 + number)

    told = foretell(rhea.context(), PATH, plan(guards=GUARDS))
    finer = foretell(
        rhea.context(), PATH, plan(guards=GUARDS), effects={"error_rate": 0.03, "latency_ms": 900}
    )

    errors, latency = told.sights
    assert (errors.metric, errors.effect, latency.effect) == ("error_rate", 0.04, 400)
    needed = [each for each in errors.calls if each is not None]
    assert len(needed) == 2, "at 100 % nobody is left to compare with"
    assert needed[0] > needed[1] > 100
    assert finer.sights[0].calls[0] > needed[0]  # type: ignore[operator]
    assert finer.sights[1].calls[0] <= latency.calls[0]  # type: ignore[operator]


def test_it_says_what_a_guard_would_notice_as_a_prompt_owner_would(
    rhea: User, greeting: Prompt
) -> None:
    for number in range(200):
        call(number, key=f"member:{number}", status="error" if number % 50 == 0 else "ok")

    told = foretold(rhea.context(), PATH, plan(guards=GUARDS[:1]))

    (errors,) = told.watching
    assert (errors.name, errors.usual, errors.worse) == ("Error rate", "2 %", "6 %")
    assert re.fullmatch(r"about [\d,]+ calls", errors.stages[0].calls)


def test_it_counts_one_of_something_as_one(rhea: User, greeting: Prompt) -> None:
    call(1, key="member:1", hours_ago=23.9)

    told = foretold(rhea.context(), PATH, plan(guards=GUARDS, unit="member"))
    named = foretold(rhea.context(), PATH, plan(), keys=["member:1"])

    assert told.pace.startswith("1 call by 1 member a day")
    assert told.who == "the 1 member that used it in the last 7 days"
    assert named.who == "the 1 key that you named"
    assert "of 1 member. With fewer" in " ".join(told.warnings)


def test_it_reckons_nothing_of_what_nobody_has_told(rhea: User, greeting: Prompt) -> None:
    told = foretell(rhea.context(), PATH, plan(guards=[{"kind": "score:tone", "tolerated": 0.1}]))

    assert (told.sights, told.unseen) == ((), ("score:tone",))


def test_it_refuses_to_look_for_what_is_tolerated(rhea: User, greeting: Prompt) -> None:
    with pytest.raises(InvalidInput) as refused:
        foretell(rhea.context(), PATH, plan(guards=GUARDS), effects={"latency_ms": 200})

    assert refused.value.code == "ramp.effect"
    assert refused.value.extra["errors"][0]["field"] == "guards.1.effect"  # type: ignore[index]


def test_it_refuses_to_look_for_what_no_guard_watches(rhea: User, greeting: Prompt) -> None:
    with pytest.raises(InvalidInput) as refused:
        foretell(rhea.context(), PATH, plan(guards=GUARDS), effects={"cost_usd": 1.0})

    assert refused.value.code == "ramp.effect"
    assert refused.value.extra["errors"][0]["field"] == "effects.cost_usd"  # type: ignore[index]


def test_it_foretells_the_same_for_scripts(
    rhea: User, greeting: Prompt, api_for: Callable[[User], Client]
) -> None:
    for number in range(30):
        call(number, key=f"member:{number % 10}")
    body = {
        "plan": {"label": "production", "candidate": 2, "stages": STAGES, "guards": GUARDS[:1]},
        "days": 3, "effects": {"error_rate": 0.1},
    }  # fmt: skip

    told = api_for(rhea).post(
        f"/api/prompts/{PATH}/ramps/simulate", body, content_type="application/json"
    ).json()  # fmt: skip

    assert (told["callers"], told["units"], told["placed"][0]["calls"]) == ("recent", 10, 3)
    assert told["traffic"]["calls"] == 30
    assert told["traffic"]["without"] == 0
    assert told["sights"][0]["effect"] == 0.1
    assert told["sights"][0]["minutes"][0] > told["sights"][0]["minutes"][1]


def test_it_reads_no_more_calls_than_it_needs(
    rhea: User, greeting: Prompt, django_assert_num_queries: Any
) -> None:
    for number in range(3):
        call(number)

    with django_assert_num_queries(1):
        traffic = traffic_of(greeting, "production", unit="member")

    assert traffic.calls == 3
