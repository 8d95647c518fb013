"""A thumb on an answer of a chat reaches the ramp of the agent's prompt."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.threads import find_thread, mark_read, open_thread
from playground.messaging.models import Run
from playground.policy.models import User
from playground.prompts.models import ArmSums, Label
from tests.agents.test_following_labels import following, ramped, reviewer, runner, said, say

__all__ = ["following", "reviewer", "runner"]
pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

THUMBS = [{"kind": "thumbs", "tolerated": 0.05}]


def _arm(run: Run) -> str:
    assert run.why is not None
    arm: str = run.why["prompt"]["arm"]
    return arm


def test_it_rolls_back_when_people_dislike_the_answers_of_the_candidate(
    alice: User,
    reviewer: User,
    following: str,
    runner: Any,
    client_for: Callable[[User], Client],
) -> None:
    ramp = ramped(reviewer, 50, guards=THUMBS)
    browser = client_for(alice)
    arms = []

    for _ in range(80):
        run, answer = said(alice, following)
        arms.append(_arm(run))
        thumb = {"score": "1" if answer == "First." else "0", "comment": "I think so"}
        assert browser.post(f"/runs/{run.pk}/feedback", thumb).status_code == 302
        ramp.refresh_from_db()
        if ramp.state != "running":
            break

    last = ramp.events.last()
    assert last is not None
    assert (ramp.state, last.who) == ("rolled_back", "system:ramp-guard")
    assert last.reason.startswith("Thumbs up got worse: 0 % against 100 %")
    assert set(arms) == {"baseline", "candidate"}
    assert {said(alice, following)[1] for _ in range(6)} == {"First."}
    assert Label.objects.get(prompt=ramp.prompt, name="production").version.number == 1


def test_it_counts_scores_of_programs_for_the_arm_of_the_run(
    alice: User,
    reviewer: User,
    following: str,
    runner: Any,
    api_for: Callable[[User], Client],
) -> None:
    ramp = ramped(reviewer, 50, guards=[{"kind": "score:relevance", "tolerated": 0.1}])
    api = api_for(alice)
    runs: dict[str, list[Run]] = {"baseline": [], "candidate": []}
    for _ in itertools.takewhile(lambda _: not all(runs.values()), range(60)):
        run, _answer = said(alice, following)
        runs[_arm(run)].append(run)

    for arm, score in (("baseline", 0.9), ("candidate", 0.4), ("candidate", 0.5)):
        path = f"/api/runs/{runs[arm][0].pk}/feedback"
        body = {"key": "relevance", "score": score}
        assert api.post(path, body, content_type="application/json").status_code == 201

    sums = ArmSums.objects.filter(ramp=ramp, metric="score:relevance").order_by("arm")
    assert [(row.arm, row.n, row.total) for row in sums] == [
        ("baseline", 1, 0.9),
        ("candidate", 1, 0.5),
    ]


def test_it_leaves_a_thread_read_when_an_answer_gets_a_thumb(
    alice: User,
    bob: User,
    reviewer: User,
    following: str,
    runner: Any,
    client_for: Callable[[User], Client],
) -> None:
    thread = open_thread(alice.context(), agent=following)
    run, _ = say(alice, thread)
    seen = find_thread(bob.context(), thread.pk)
    assert seen.unread
    mark_read(bob.context(), thread.pk, seq=seen.lane.head_seq)

    client_for(alice).post(f"/runs/{run.pk}/feedback", {"score": "1"})
    read = find_thread(bob.context(), thread.pk)
    say(alice, thread)

    assert read.lane.head_seq > seen.lane.head_seq
    assert not read.unread
    assert find_thread(bob.context(), thread.pk).unread
