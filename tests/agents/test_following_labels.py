"""An agent takes its prompt by a label, so that ramps reach running chats."""

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from agents.building import save_agent
from agents.execution import answer_with
from agents.models import Thread
from agents.running import Outcome, Turn
from agents.threads import open_thread, post_message
from playground.core import spans
from playground.core.errors import InvalidInput
from playground.messaging import handlers
from playground.messaging.draining import drain
from playground.messaging.models import Message, Run
from playground.policy.models import Role, User
from playground.policy.people import ensure_member
from playground.prompts.content import Content, TemplateMessage
from playground.prompts.labelling import move_label
from playground.prompts.models import ArmSums, Ramp
from playground.prompts.ramps.drafting import draft
from playground.prompts.ramps.planning import plan_of
from playground.prompts.ramps.ramping import start
from playground.prompts.saving import save_version
from playground.prompts.using import using
from playground.tracing.models import Span
from tests.agents.conftest import SPEC

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def echo(turn: Turn) -> Outcome:
    """Answer with the system message."""
    return Outcome(text=str(turn.messages[0]["content"]))


@pytest.fixture
def runner(transactional_db: None) -> Any:
    """Answer every thread by ``echo``, or by what a test puts in its place."""
    used = {"run": echo}
    handlers.register("thread", lambda work: answer_with(used["run"], work))
    yield used
    from agents.execution import answer

    handlers.register("thread", answer)
    spans.flush()


@pytest.fixture
def reviewer(alice: User) -> User:
    User.objects.get_or_create(username="rachel", defaults={"display_name": "Rachel"})
    ensure_member("rachel", team="hiring", role=Role.REVIEWER)
    return User.objects.get(username="rachel")


@pytest.fixture
def following(alice: User, reviewer: User) -> str:
    """Return an agent that follows ``production``, whose prompt has two versions."""
    save_agent(alice.context(), replace(SPEC, prompt="First."))
    move_label(reviewer.context(), SPEC.name, label="production", version=1)
    save_agent(alice.context(), replace(SPEC, prompt="First.", prompt_label="production"))
    second = Content(messages=[TemplateMessage(role="system", template="Second.")])
    save_version(alice.context(), SPEC.name, content=second)
    return SPEC.name


def said(user: User, agent: str) -> tuple[Run, str]:
    """Open a thread, say hello, and return the run with its answer."""
    thread = open_thread(user.context(), agent=agent)
    return say(user, thread)


def say(user: User, thread: Thread) -> tuple[Run, str]:
    posted = post_message(user.context(), thread.pk, content="hello", dedup_key=None)
    drain(thread.pk)
    run = Run.objects.get(pk=posted.run_id)
    answers = Message.objects.filter(run_id=run.pk, role="assistant")
    return run, "".join(answers.values_list("content", flat=True))


def ramped(reviewer: User, percent: float, **more: Any) -> Ramp:
    plan = plan_of(
        {
            "label": "production",
            "candidate": 2,
            "unit": "thread",
            "stages": [{"percent": percent}, {"percent": 100}],
            **more,
        }
    )
    ramp = draft(reviewer.context(), f"hiring/{SPEC.name}", plan)
    return start(reviewer.context(), ramp.pk, reason="try it")


def test_it_takes_the_labelled_version_when_it_follows_a_label(
    alice: User, reviewer: User, following: str, runner: Any
) -> None:
    thread = open_thread(alice.context(), agent=following)
    assert say(alice, thread)[1] == "First."

    move_label(reviewer.context(), following, label="production", version=2)
    run, answer = say(alice, thread)

    assert answer == "Second."
    assert run.why is not None
    assert run.why["prompt"]["version"] == 2
    assert run.why["prompt"]["label"] == "production"


def test_it_tells_the_arm_in_run_and_trace_when_a_ramp_runs(
    alice: User, reviewer: User, following: str, runner: Any
) -> None:
    ramped(reviewer, 50)

    runs = [said(alice, following) for _ in range(24)]
    spans.flush()

    arms = Counter(run.why["prompt"]["arm"] for run, _ in runs if run.why)
    assert set(arms) == {"baseline", "candidate"}
    for run, answer in runs:
        assert run.why is not None
        told = run.why["prompt"]
        assert answer == {"baseline": "First.", "candidate": "Second."}[told["arm"]]
        span = Span.objects.get(trace_id=run.trace_id, kind="prompt")
        assert span.attributes["playground.prompt.arm"] == told["arm"]
        assert span.attributes["playground.prompt.why"] == told["reason"]


def test_it_moves_the_chats_of_an_api_key_and_says_why_others_stay(
    alice: User, reviewer: User, following: str, runner: Any, api_for: Callable[[User], Client]
) -> None:
    ramped(reviewer, 100, unit="key", stages=[{"percent": 100}])
    script = api_for(alice)
    thread = script.post(
        "/api/threads", {"agent": following}, content_type="application/json"
    ).json()["id"]
    posted = script.post(
        f"/api/threads/{thread}/messages", {"content": "hello"}, content_type="application/json"
    ).json()
    drain(uuid.UUID(thread))

    by_key = Run.objects.get(pk=posted["run_id"])
    by_session, _ = said(alice, following)

    assert by_key.why is not None
    assert by_session.why is not None
    assert by_key.why["key"].startswith("key:")
    assert by_key.why["prompt"]["arm"] == "candidate"
    told = by_session.why["prompt"]
    assert (told["arm"], told["reason"]) == (
        "baseline",
        "no key: the call came without an API key",
    )


def test_it_lets_rules_test_what_came_with_the_message(
    alice: User, reviewer: User, following: str, runner: Any
) -> None:
    rules = [{"attribute": "plan", "op": "eq", "value": "pro", "arm": "candidate"}]
    ramped(reviewer, 0.01, rules=rules)
    thread = open_thread(alice.context(), agent=following)

    context = replace(alice.context(), attributes={"plan": "pro"})
    posted = post_message(context, thread.pk, content="hello", dedup_key=None)
    drain(thread.pk)

    why = Run.objects.get(pk=posted.run_id).why
    assert why is not None
    assert why["prompt"]["reason"] == "rule 1: plan is pro"


def test_it_stays_with_its_arm_when_a_thread_goes_on(
    alice: User, reviewer: User, following: str, runner: Any
) -> None:
    ramped(reviewer, 50)
    threads = [open_thread(alice.context(), agent=following) for _ in range(6)]

    first = [say(alice, thread)[1] for thread in threads]
    again = [say(alice, thread)[1] for thread in threads]

    assert first == again


def test_it_comes_back_to_the_old_prompt_when_runs_fail_with_the_new_one(
    alice: User, reviewer: User, following: str, runner: Any
) -> None:
    def fails_with_second(turn: Turn) -> Outcome:
        bad = turn.messages[0]["content"] == "Second."
        return Outcome(text="No.", code="agent.step-limit" if bad else None)

    runner["run"] = fails_with_second
    ramp = ramped(reviewer, 50, guards=[{"kind": "error_rate", "tolerated": 0.05}])
    for _ in range(80):
        said(alice, following)
        ramp.refresh_from_db()
        if ramp.state == "rolled_back":
            break

    runner["run"] = echo

    assert ramp.state == "rolled_back"
    assert {said(alice, following)[1] for _ in range(6)} == {"First."}


def test_it_tells_the_ramp_what_a_run_cost(
    alice: User, reviewer: User, following: str, runner: Any
) -> None:
    def spends(turn: Turn) -> Outcome:
        turn.progress.usage(input_tokens=7, output_tokens=3, cost_usd=0.5)
        return Outcome(text="Dear.")

    runner["run"] = spends
    ramp = ramped(reviewer, 50, guards=[{"kind": "cost_usd", "tolerated": 0.1}])

    said(alice, following)

    (sums,) = ArmSums.objects.filter(ramp=ramp, metric="cost_usd")
    assert (sums.n, sums.total) == (1, 0.5)


def test_it_keeps_on_the_run_what_its_skills_got(
    alice: User, reviewer: User, following: str, runner: Any
) -> None:
    def letters(turn: Turn) -> Outcome:
        for _ in range(2):
            with using(turn.context, name=following, label="production", variables={}) as used:
                said = used.rendered.messages[0]["content"]
        return Outcome(text=str(said))

    runner["run"] = letters
    ramp = ramped(reviewer, 50)

    run, answer = said(alice, following)

    assert run.why is not None
    (told,) = run.why["skill_prompts"]
    assert answer == {"baseline": "First.", "candidate": "Second."}[told["arm"]]
    assert told["ramp"] == str(ramp.pk)
    assert told == run.why["prompt"]


def test_it_refuses_a_label_when_the_prompt_has_none_such(alice: User) -> None:
    save_agent(alice.context(), SPEC)

    with pytest.raises(InvalidInput) as refused:
        save_agent(alice.context(), replace(SPEC, prompt_label="staging"))

    assert refused.value.extra["errors"][0]["code"] == "agent.unknown-label"


def test_it_says_so_when_the_label_has_gone(
    alice: User, reviewer: User, following: str, runner: Any
) -> None:
    from playground.prompts.labelling import remove_label

    remove_label(reviewer.context(), following, label="production")

    run, _ = said(alice, following)

    assert run.error_code == "prompt.label-unknown"
    assert run.status == "failed"
