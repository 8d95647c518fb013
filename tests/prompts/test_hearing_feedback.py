"""What people say of runs reaches the ramps that the runs took part in, and corrects itself."""

import random
import uuid
from collections.abc import Callable

import pytest
from django.db.models import Sum

from playground.core import spans
from playground.core.clock import now
from playground.messaging.events import RunFeedback
from playground.policy.models import User
from playground.prompts.models import (
    ArmSums,
    CountedFeedback,
    Prompt,
    Ramp,
    RunInRamp,
    SlotSums,
    UnitTally,
)
from playground.prompts.ramps import ramping, telling_once
from playground.prompts.ramps.assigning import RampInForce
from playground.prompts.ramps.bucketing import Arm
from playground.prompts.ramps.guarding_ramps import comparisons
from playground.prompts.ramps.hearing_feedback import hear
from playground.prompts.ramps.observing import sums_of
from playground.prompts.using import using
from tests.prompts.ramped import greeting, started

__all__ = ["greeting"]
pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

HALF = [{"percent": 50}, {"percent": 100}]
GUARDS = [{"kind": "thumbs", "tolerated": 0.05}, {"kind": "score:relevance", "tolerated": 0.1}]


@pytest.fixture
def ramp(rhea: User, greeting: Prompt) -> Ramp:
    return started(rhea, stages=HALF, guards=GUARDS)


@pytest.fixture
def run(rhea: User, ramp: Ramp) -> Callable[..., uuid.UUID]:
    """Return a run in which these keys used the prompt."""

    def runs(*keys: str, run_id: uuid.UUID | None = None, attempt: int = 1) -> uuid.UUID:
        run_id = run_id or uuid.uuid4()
        told = {"team": "hiring", "subject": rhea.urn, "thread_id": None}
        with spans.trace("agent", run_id=str(run_id), attempt=attempt, **told):
            for key in keys:
                named = {"name": "greeting", "label": "production", "variables": {}}
                with using(rhea.context(), key=key, **named):
                    pass
        return run_id

    return runs


def say(
    run_id: uuid.UUID, score: float | None, *, key: str = "thumbs", author: str = "user:alice"
) -> None:
    hear(RunFeedback(run_id=run_id, key=key, author=author, score=score))


def keys_of(user: User, ramp: Ramp, arm: Arm, count: int) -> list[str]:
    """Return keys that get the arm."""
    in_force = RampInForce.of(Ramp.objects.whole().get(pk=ramp.pk))
    keys = (f"member:{number}" for number in range(1000))
    got = (key for key in keys if in_force.assign(user.context(), key).assignment.arm is arm)
    return [next(got) for _ in range(count)]


def seen(ramp: Ramp, metric: str = "thumbs") -> dict[str, tuple[int, float]]:
    rows = ArmSums.objects.filter(ramp=ramp, metric=metric, n__gt=0)
    return {row.arm: (row.n, row.total) for row in rows}


def test_it_counts_a_thumb_for_the_arm_that_the_run_had(rhea: User, ramp: Ramp, run) -> None:
    (good,) = keys_of(rhea, ramp, Arm.BASELINE, 1)
    (bad,) = keys_of(rhea, ramp, Arm.CANDIDATE, 1)

    say(run(good), 1)
    say(run(bad), 0)
    say(run(bad), 0.75, key="relevance")
    say(run(bad), 0.75, key="nobody-guards-this")

    assert seen(ramp) == {"baseline": (1, 1.0), "candidate": (1, 0.0)}
    assert seen(ramp, "score:relevance") == {"candidate": (1, 0.75)}
    assert seen(ramp, "score:nobody-guards-this") == {}


def test_it_counts_in_the_stage_of_the_run_when_it_is_said_late(
    rhea: User, ramp: Ramp, run
) -> None:
    (key,) = keys_of(rhea, ramp, Arm.BASELINE, 1)
    early = run(key)
    ramping.advance(rhea.context(), ramp.pk, reason="on", early=True)

    say(early, 0)

    ramp.refresh_from_db()
    assert sums_of(ramp) == {}
    (row,) = ArmSums.objects.filter(ramp=ramp, metric="thumbs")
    assert (row.period, row.arm, row.n) == (1, "baseline", 1)


def test_it_has_the_sums_of_what_is_said_now_when_people_change_their_minds(
    rhea: User, greeting: Prompt, ramp: Ramp, run
) -> None:
    chance = random.Random(7)
    keys = [key for arm in Arm for key in keys_of(rhea, ramp, arm, 3)]
    runs = [run(key) for key in keys for _ in range(2)]
    minds: dict[tuple[uuid.UUID, str], float | None] = {}
    for _ in range(150):
        who = (chance.choice(runs), chance.choice(["user:alice", "user:bob"]))
        minds[who] = chance.choice([0.0, 1.0, None])
        say(who[0], minds[who], author=who[1])

    changed = _state(ramp)
    for model in (ArmSums, SlotSums, UnitTally, CountedFeedback):
        model.objects.filter(ramp=ramp).delete()
    for (run_id, author), score in minds.items():
        say(run_id, score, author=author)

    assert changed == _state(ramp)


def _state(ramp: Ramp) -> list[object]:
    arms = ArmSums.objects.filter(ramp=ramp, metric="thumbs").order_by("arm")
    slots = SlotSums.objects.filter(ramp=ramp, metric="thumbs").order_by().values("arm")
    charted = slots.annotate(Sum("n"), Sum("total"), Sum("squares")).order_by("arm")
    units = UnitTally.objects.filter(ramp=ramp, metric="thumbs", n__gt=0).order_by("unit")
    return [
        [{k: v for k, v in row.items() if k != "pk"} for row in arms.values()],
        [tuple(row.values()) for row in charted],
        list(units.values_list("unit", "n", "total")),
    ]


def test_it_never_corrects_what_was_said_first(rhea: User, ramp: Ramp, run) -> None:
    (key,) = keys_of(rhea, ramp, Arm.CANDIDATE, 1)
    taken = run(key)

    for score in (1, 0, None, 0, 1, 0):
        say(taken, score)

    assert seen(ramp) == {"candidate": (1, 0.0)}
    assert seen(ramp, "first:thumbs") == {"candidate": (1, 1.0)}
    assert not SlotSums.objects.filter(metric__startswith="first:").exists()


@pytest.mark.parametrize("changed", [Arm.BASELINE, Arm.CANDIDATE])
def test_it_says_no_more_than_both_say_when_minds_are_changed(
    rhea: User, ramp: Ramp, run, changed: Arm
) -> None:
    opinion = {Arm.BASELINE: 1, Arm.CANDIDATE: 0}
    runs = {arm: [run(key) for key in keys_of(rhea, ramp, arm, 30)] for arm in Arm}
    for arm in Arm:
        for each in runs[arm]:
            # All that was said first, or all that is said now, is alike in both arms.
            say(each, 1 - opinion[arm] if arm is changed else opinion[arm])
    before = comparisons(Ramp.objects.get(pk=ramp.pk))

    for each in runs[changed]:
        say(each, opinion[changed])

    after = comparisons(Ramp.objects.get(pk=ramp.pk))
    assert [found.verdict for found in before if found.metric == "thumbs"] == ["undecided"]
    (found,) = (found for found in after if found.metric == "thumbs")
    assert (found.baseline.total, found.candidate.total) == (30, 0)
    assert found.verdict == "undecided"
    assert found.interval.lower < -0.9 < 0 < found.interval.upper


def test_it_cannot_tell_when_a_run_had_both_arms(rhea: User, ramp: Ramp, run) -> None:
    keys = [keys_of(rhea, ramp, arm, 1)[0] for arm in Arm]

    say(run(*keys), 0)

    assert seen(ramp) == {}


def test_it_counts_for_the_last_attempt_as_its_answer_does(rhea: User, ramp: Ramp, run) -> None:
    first, second = (keys_of(rhea, ramp, arm, 1)[0] for arm in Arm)
    taken = run(first)
    run(second, run_id=taken, attempt=2)

    say(taken, 0)

    assert seen(ramp) == {"candidate": (1, 0.0)}


def test_it_counts_with_each_ramp_that_the_run_took_part_in(
    rhea: User, greeting: Prompt, ramp: Ramp, run
) -> None:
    from playground.prompts.labelling import move_label

    move_label(rhea.context(), "hiring/greeting", label="staging", version=1)
    other = started(rhea, label="staging", stages=HALF, guards=GUARDS)
    taken = run("member:1")
    told = {"team": "hiring", "subject": rhea.urn, "thread_id": None}
    with (
        spans.trace("agent", run_id=str(taken), **told),
        using(rhea.context(), name="greeting", label="staging", variables={}, key="member:1"),
    ):
        pass

    say(taken, 1)

    assert [sum(n for n, _ in seen(each).values()) for each in (ramp, other)] == [1, 1]


def test_it_moves_nothing_when_the_ramp_is_over(rhea: User, ramp: Ramp, run) -> None:
    taken = run("member:1")
    say(taken, 1)
    ramping.roll_back(rhea.context(), ramp.pk, reason="enough")
    before = list(ArmSums.objects.filter(ramp=ramp).values())

    say(taken, 0)
    say(taken, 1, author="user:bob")

    assert list(ArmSums.objects.filter(ramp=ramp).values()) == before


def test_it_forgets_what_runs_did_when_the_ramp_is_over(rhea: User, ramp: Ramp, run) -> None:
    say(run("member:1"), 1)
    ramping.roll_back(rhea.context(), ramp.pk, reason="enough")

    Ramp.objects.update(ended_at=now() - 2 * telling_once.FORGOTTEN)
    telling_once.forget()

    assert not RunInRamp.objects.exists()
    assert not CountedFeedback.objects.exists()


def test_it_keeps_nobodys_name(rhea: User, ramp: Ramp, run) -> None:
    say(run("member:1"), 1, author="user:alice")

    rows = [*CountedFeedback.objects.values(), *RunInRamp.objects.values()]
    assert len(rows) == 2
    assert "alice" not in str(rows)
    assert "member:1" not in str(rows)


def test_it_notes_no_run_when_the_prompt_is_used_outside_of_one(rhea: User, ramp: Ramp) -> None:
    with using(rhea.context(), name="greeting", label="production", variables={}) as used:
        pass

    assert not RunInRamp.objects.exists()
    assert used.as_json()["ramp"] == str(ramp.pk)
