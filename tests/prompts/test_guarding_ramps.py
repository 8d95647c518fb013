"""A ramp watches itself: what got worse is taken back once, whoever looks and however many."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from playground.core.clock import now
from playground.core.errors import InvalidInput
from playground.policy.models import User
from playground.prompts.models import ArmSums, Exposure, Label, Prompt, Ramp, SlotSums, UnitTally
from playground.prompts.protecting import require_fragment
from playground.prompts.ramps import guarding_ramps, ramping, telling_once
from playground.prompts.ramps.assigning import RampInForce
from playground.prompts.ramps.bucketing import Arm
from playground.prompts.ramps.clustering import UnitSums
from playground.prompts.ramps.guarding_ramps import comparisons, judge, judge_all
from playground.prompts.ramps.observing import record, sums_of
from tests.prompts.ramped import chosen, greeting, happen, started

__all__ = ["greeting"]
pytestmark = pytest.mark.django_db

HALF = [{"percent": 50, "min_samples": 20}, {"percent": 100}]
ERRORS = [{"kind": "error_rate", "tolerated": 0.05}]
GOOD = {"error_rate": 0.0, "latency_ms": 100.0}
BAD = {"error_rate": 1.0, "latency_ms": 100.0}


def test_it_rolls_back_when_the_candidate_fails(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea, stages=HALF, guards=ERRORS)
    happen(ramp, {"baseline": GOOD, "candidate": BAD}, members=range(60), user=rhea)

    did = judge(ramp.pk)

    ramp.refresh_from_db()
    last = ramp.events.last()
    assert last is not None
    assert (did, ramp.state) == ("rolled_back", "rolled_back")
    assert last.who == "system:ramp-guard"
    said = (
        r"Error rate got worse: 100 % against 0 %, by at least [\d.]+ pp, after \d+ and \d+ calls"
    )
    assert re.fullmatch(said, last.reason)
    assert chosen(rhea, "member:1").version.number == 1


def test_it_forgets_single_units_soon_after_the_ramp_is_over(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea, stages=HALF, guards=ERRORS)
    happen(ramp, {"baseline": GOOD, "candidate": BAD}, members=range(60), user=rhea)
    judge(ramp.pk)

    telling_once.forget()
    at_once = UnitTally.objects.count()
    Ramp.objects.filter(pk=ramp.pk).update(ended_at=now() - 2 * telling_once.FORGOTTEN)
    telling_once.forget()

    assert at_once == 60
    assert not UnitTally.objects.exists()


def test_it_says_what_got_worse_where_more_is_better(rhea: User, greeting: Prompt) -> None:
    guards = [{"kind": "thumbs", "tolerated": 0.05}]
    ramp = started(rhea, stages=HALF, guards=guards)
    outcomes = {"baseline": {"thumbs": 1.0}, "candidate": {"thumbs": 0.0}}
    happen(ramp, outcomes, members=range(60), user=rhea)

    assert judge(ramp.pk) == "rolled_back"

    said = r"Thumbs up got worse: 0 % against 100 %, by at least [\d.]+ pp, after .*"
    assert re.fullmatch(said, ramp.events.get(what="rolled_back").reason)


def test_it_pauses_instead_when_it_was_told_so(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea, stages=HALF, guards=ERRORS, on_regression="pause")
    happen(ramp, {"baseline": GOOD, "candidate": BAD}, members=range(60), user=rhea)

    assert judge(ramp.pk) == "paused"
    assert judge(ramp.pk) is None

    # Who resumes has seen to it: what was seen before counts no more.
    ramping.resume(rhea.context(), ramp.pk, reason="it was the endpoint")
    assert judge(ramp.pk) is None
    happen(ramp, {"baseline": GOOD, "candidate": BAD}, members=range(60), user=rhea)
    assert judge(ramp.pk) == "paused"


def test_it_goes_on_guarding_while_it_is_paused(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea, stages=HALF, guards=ERRORS)
    ramping.pause(rhea.context(), ramp.pk, reason="for the night")
    happen(ramp, {"baseline": GOOD, "candidate": BAD}, members=range(60), user=rhea)

    assert judge(ramp.pk) == "rolled_back"


def test_it_goes_on_by_itself_to_the_end_when_it_was_told_so(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea, stages=HALF, guards=ERRORS, automatic_advance=True)
    assert judge(ramp.pk) is None
    happen(ramp, {"baseline": GOOD, "candidate": GOOD}, members=range(80), user=rhea)

    assert [judge(ramp.pk) for _ in range(3)] == ["advanced", "completed", None]
    assert Label.objects.get(name="production").version.number == 2


def test_it_waits_for_people_unless_it_was_told(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea, stages=HALF, guards=ERRORS)
    happen(ramp, {"baseline": GOOD, "candidate": GOOD}, members=range(80), user=rhea)

    assert judge(ramp.pk) is None
    assert ramping.advance(rhea.context(), ramp.pk, reason="good").stage == 1


def test_it_waits_for_the_time_of_its_stage(rhea: User, greeting: Prompt) -> None:
    stages = [{"percent": 50, "min_minutes": 30}, {"percent": 60}]
    ramp = started(rhea, stages=stages, automatic_advance=True)
    assert judge(ramp.pk) is None

    with connection.cursor() as cursor:
        cursor.execute("UPDATE prompts_ramp SET since = since - interval '31 minutes'")

    assert judge(ramp.pk) == "advanced"


def test_it_stays_where_it_is_when_the_label_may_not_go_on(
    rhea: User, ada: User, greeting: Prompt, guardrail: object
) -> None:
    ramp = started(rhea, stages=[{"percent": 100}], automatic_advance=True)
    require_fragment(ada.context(), label="production", fragment="trust/responsible-ai")

    assert judge_all() == 0
    assert Ramp.objects.get(pk=ramp.pk).state == "running"


def test_it_learns_nothing_from_calls_of_another_time(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea, guards=ERRORS)
    old = chosen(rhea, "member:1").observed
    assert old is not None
    ramping.advance(rhea.context(), ramp.pk, reason="on")
    ramp.refresh_from_db()

    assert record(old, BAD)
    assert sums_of(ramp) == {}
    ramping.roll_back(rhea.context(), ramp.pk, reason="off")
    assert not record(old, BAD)


def test_it_keeps_what_is_guarded_and_nothing_else(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea, guards=[{"kind": "score:tone", "tolerated": 0.1}])
    token = chosen(rhea, "member:1").observed
    assert token is not None

    record(token, GOOD | {"score:tone": 0.5})

    assert set(sums_of(ramp)) == {"error_rate", "score:tone", "first:score:tone"}
    assert "member:1" not in json.dumps(list(UnitTally.objects.values()), default=str)
    for outcome in ({"mood": 1.0}, {"score:tone": float("nan")}, {"error_rate": 0.5}):
        with pytest.raises(InvalidInput):
            record(token, outcome)


def test_it_keeps_the_sums_that_were_to_be_kept(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea, stages=HALF, guards=[{"kind": "latency_ms", "tolerated": 10}])
    in_force = RampInForce.of(ramp)
    # By chance all members may have one arm.
    expected: dict[Arm, UnitSums] = {}
    units: dict[str, tuple[int, float]] = {}
    for call in range(40):
        key = f"member:{call % 7}"
        assigned = in_force.assign(rhea.context(), key)
        arm, value = assigned.assignment.arm, float(call * 3)
        assert assigned.token is not None
        record(assigned.token, {"latency_ms": value})
        seen, total = units.get(key, (0, 0.0))
        expected[arm] = expected.get(arm, UnitSums()).plus(value, seen=seen, total=total)
        units[key] = (seen + 1, total + value)

    assert sums_of(ramp)["latency_ms"] == expected
    assert Exposure.objects.filter(ramp=ramp).count() == 7
    assert sum(SlotSums.objects.filter(ramp=ramp).values_list("n", flat=True)) == 40


def at_once(work: Callable[[], object], *, threads: int) -> None:
    """Run it in several threads that begin together."""
    barrier, failed = threading.Barrier(threads), list[BaseException]()

    def run() -> None:
        try:
            barrier.wait(10)
            work()
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(60)
    assert not failed


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_is_rolled_back_once_when_several_judge_at_once(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea, stages=HALF, guards=ERRORS)
    happen(ramp, {"baseline": GOOD, "candidate": BAD}, members=range(60), user=rhea)
    did: list[object] = []

    at_once(lambda: did.append(judge(ramp.pk)), threads=6)

    assert sorted(map(str, did)) == ["None"] * 5 + ["rolled_back"]
    assert ramp.events.filter(what="rolled_back").count() == 1


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_advances_one_stage_when_several_judge_at_once(rhea: User, greeting: Prompt) -> None:
    stages = [{"percent": n} for n in (10, 20, 30, 40, 50)]
    stages[0]["min_samples"] = 1
    stages[1]["min_minutes"] = 60
    ramp = started(rhea, stages=stages, automatic_advance=True)
    happen(ramp, {"baseline": GOOD, "candidate": GOOD}, members=range(60), user=rhea)

    at_once(lambda: judge(ramp.pk), threads=6)

    ramp.refresh_from_db()
    assert (ramp.stage, ramp.period) == (1, 2)


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_loses_no_observation_when_many_come_at_once(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea, stages=HALF, guards=[{"kind": "latency_ms", "tolerated": 10}])
    tokens = [RampInForce.of(ramp).assign(rhea.context(), f"member:{n}").token for n in range(5)]

    def work() -> None:
        for turn in range(30):
            token = tokens[turn % 5]
            assert token is not None
            record(token, {"error_rate": 0.0, "latency_ms": 2.0})
            judge(ramp.pk)

    at_once(work, threads=4)

    rows = ArmSums.objects.filter(ramp=ramp, metric="latency_ms")
    assert sum(row.n for row in rows) == 120
    assert sum(row.total for row in rows) == 240
    assert sum(row.units for row in rows) == 5
    assert sum(row.counts_squared for row in rows) == 5 * 24**2


_ASK = """
import json, sys
import django
django.setup()
from playground.policy.models import User
from playground.prompts.resolving import choose
context = User.objects.get(username="rhea").context()
print(json.dumps({
    key: choose(context, name="hiring/greeting", label="production", key=key).arm
    for key in json.loads(sys.argv[1])
}))
"""


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_gives_the_same_arms_in_every_process(rhea: User, greeting: Prompt) -> None:
    started(rhea, stages=HALF)
    keys = [f"member:{n}" for n in range(30)]
    here = {key: chosen(rhea, key).arm for key in keys}

    there = subprocess.run(
        [sys.executable, "-c", _ASK, json.dumps(keys)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip

    assert json.loads(there.stdout) == here
    assert set(here.values()) == {"baseline", "candidate"}


def test_it_shares_the_false_alarms_among_its_periods(rhea: User, greeting: Prompt) -> None:
    ramp = started(rhea, stages=[{"percent": 40}, {"percent": 50}], guards=ERRORS)
    happen(ramp, {"baseline": GOOD, "candidate": GOOD}, members=range(40), user=rhea)
    (first,) = comparisons(ramp)

    ramp = ramping.advance(rhea.context(), ramp.pk, reason="on")

    (second,) = comparisons(ramp)
    assert first.interval.upper < 1
    assert (second.interval.lower, second.interval.upper) == (-1, 1)
    shares = [guarding_ramps.metrics.share_of_alpha(0.05, period) for period in range(1, 1000)]
    assert shares == sorted(shares, reverse=True)
    assert 0.0499 < sum(shares) < 0.05
