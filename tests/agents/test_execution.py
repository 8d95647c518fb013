"""An agent answers: steps, plan, tools, limits, cancellation, and going on after a crash."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from agents.building import save_agent
from agents.execution import answer, answer_with
from agents.graphs import checkpointing
from agents.models import Thread
from agents.running import Outcome, Turn
from agents.threads import open_thread, post_message
from playground.core import spans
from playground.gateway.providers import scripted
from playground.messaging import handlers
from playground.messaging.draining import drain
from playground.messaging.models import Event, Message, Run
from playground.messaging.runs import cancel
from playground.messaging.working import Work
from playground.policy.models import User
from tests.agents.conftest import SPEC

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

CALCULATE = "math__calculate"
Talk = Callable[..., Thread]


@pytest.fixture(autouse=True)
def scripted_model(transactional_db: None, settings: Any, valkey: Any) -> Iterator[None]:
    settings.PLAYGROUND_SCRIPTED = True
    yield
    handlers.register("thread", answer)
    checkpointing.close_pools()
    # Spans are stored by a thread of their own, which must not write while tables are emptied.
    spans.flush()


@pytest.fixture
def talk(alice: User) -> Talk:
    def open_with(**changes: Any) -> Thread:
        spec = replace(SPEC, model="scripted", skills=("math.calculate", "time.today"), **changes)
        save_agent(alice.context(), spec)
        return open_thread(alice.context(), agent=spec.name)

    return open_with


def ask(user: User, thread: Thread, content: str = "hello") -> Run:
    posted = post_message(user.context(), thread.pk, content=content, dedup_key=None)
    drain(thread.pk)
    return Run.objects.get(pk=posted.run_id)


def call(expression: Any, name: str = CALCULATE) -> dict[str, Any]:
    return {"tool_calls": [{"name": name, "arguments": {"expression": expression}}]}


def answers(thread: Thread) -> list[str]:
    said = Message.objects.filter(lane_id=thread.pk, role="assistant").order_by("seq")
    return [message.content.strip() for message in said]


def steps(thread: Thread) -> dict[str, dict[str, Any]]:
    events = Event.objects.filter(lane_id=thread.pk, type="run.step").order_by("seq")
    return {event.payload["step_id"]: event.payload for event in events}


def test_it_answers_and_shows_its_steps(alice: User, talk: Talk) -> None:
    thread = talk()
    scripted.queue([call("6*7"), "It is 42"])

    run = ask(alice, thread)

    assert run.status == "succeeded"
    assert answers(thread) == ["It is 42"]
    kinds = [(step["kind"], step["status"]) for step in steps(thread).values()]
    assert kinds == [("model", "ok"), ("skill", "ok"), ("model", "ok")]
    tool = next(step for step in steps(thread).values() if step["kind"] == "skill")
    assert tool["ms"] is not None
    assert tool["span_id"]
    assert run.usage["output_tokens"] > 0


def test_it_makes_parallel_calls_one_at_a_time_in_their_order(alice: User, talk: Talk) -> None:
    thread = talk()
    calls = [{"name": CALCULATE, "arguments": {"expression": f"{n}+1"}} for n in range(3)]
    scripted.queue([{"tool_calls": calls}, "done"])

    ask(alice, thread)

    ended = [
        event.payload["data"]["arguments"]["expression"]
        for event in Event.objects.filter(lane_id=thread.pk, type="run.step").order_by("seq")
        if event.payload["kind"] == "skill" and event.payload["status"] == "ok"
    ]
    assert ended == ["0+1", "1+1", "2+1"]


def test_it_ticks_off_the_plan(alice: User, talk: Talk) -> None:
    thread = talk(planning=True)
    plan = {"steps": [{"title": "Count", "tool": CALCULATE}, {"title": "Answer", "tool": ""}]}
    scripted.queue([json.dumps(plan), call("1+1"), "two"])

    ask(alice, thread)

    plans = Event.objects.filter(lane_id=thread.pk, type="run.plan").order_by("seq")
    shown = [[item["status"] for item in event.payload["items"]] for event in plans]
    assert shown == [
        ["pending", "pending"],
        ["running", "pending"],
        ["done", "pending"],
        ["done", "done"],
    ]


def test_it_does_without_a_plan_when_the_model_writes_none(alice: User, talk: Talk) -> None:
    thread = talk(planning=True)
    scripted.queue(["no plan from me", "hello"])

    assert ask(alice, thread).status == "succeeded"
    assert answers(thread) == ["hello"]


@pytest.mark.parametrize(
    "garbage",
    [
        {"tool_calls": [{"name": CALCULATE, "arguments": '{"expression": '}]},
        {"tool_calls": [{"name": CALCULATE, "arguments": "[1, 2]"}]},
        {"tool_calls": [{"name": CALCULATE, "arguments": {"wrong": 1}}]},
        {"tool_calls": [{"name": "no_such_tool", "arguments": {}}]},
        {"tool_calls": [{"name": "hiring__search_candidates", "arguments": {}}]},
        "",
    ],
)
def test_it_tells_the_model_what_was_wrong_and_gives_up_at_the_third(
    alice: User, talk: Talk, garbage: Any
) -> None:
    thread = talk()
    scripted.queue([garbage, "mended"])
    assert ask(alice, thread).status == "succeeded"

    scripted.queue([garbage] * 3)
    run = ask(alice, thread)

    assert (run.status, run.error_code) == ("failed", "agent.model-garbage")
    assert answers(thread)[0] == "mended"
    assert "could not be used" in answers(thread)[1]


def test_it_stops_with_a_friendly_word_at_the_step_limit(alice: User, talk: Talk) -> None:
    thread = talk(step_limit=4)
    scripted.queue([call(f"{n}+{n}") for n in range(9)])

    run = ask(alice, thread)

    assert (run.status, run.error_code) == ("failed", "agent.step-limit")
    assert "all 4 steps" in answers(thread)[0]
    assert len(steps(thread)) == 4


def test_it_stops_an_agent_that_makes_the_same_call_again_and_again(
    alice: User, talk: Talk
) -> None:
    thread = talk(step_limit=50)
    scripted.queue([call("1+1")] * 9)

    run = ask(alice, thread)

    assert (run.status, run.error_code) == ("failed", "agent.loop")
    made = [step for step in steps(thread).values() if step["kind"] == "skill"]
    assert len(made) == 2


def test_it_remembers_earlier_turns_and_what_tools_gave(alice: User, talk: Talk) -> None:
    thread = talk()
    scripted.queue([call("6*7"), "It is 42"])
    ask(alice, thread, "how much is 6*7?")
    seen: list[Turn] = []

    def look(turn: Turn) -> Outcome:
        seen.append(turn)
        return Outcome("ok")

    handlers.register("thread", lambda work: answer_with(look, work))
    ask(alice, thread, "and again?")

    roles = [message["role"] for message in seen[0].messages]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]
    assert seen[0].messages[0]["content"].startswith("You are Scout of hiring.")
    assert "42" in seen[0].messages[3]["content"]


def test_it_works_with_a_runner_that_is_no_graph(alice: User, talk: Talk) -> None:
    thread = talk()

    def parrot(turn: Turn) -> Outcome:
        turn.progress.delta("You said ")
        return Outcome(f"You said: {turn.messages[-1]['content']}")

    handlers.register("thread", lambda work: answer_with(parrot, work))

    assert ask(alice, thread, "hi").status == "succeeded"
    assert answers(thread) == ["You said: hi"]


def test_it_keeps_what_was_written_when_somebody_stops_it(alice: User, talk: Talk) -> None:
    thread = talk()
    scripted.queue(["one two three four five six seven eight"])
    deltas: list[str] = []

    def stop_at_three(work: Work) -> None:
        delta = work.delta

        def tell(text: str) -> None:
            delta(text)
            deltas.append(text)
            if len(deltas) == 3:
                cancel(work.run_id, by=alice.context())
                work.cancelled.set()

        work.delta = tell  # type: ignore[method-assign]
        answer(work)

    handlers.register("thread", stop_at_three)
    run = ask(alice, thread)

    assert run.status == "cancelled"
    said = Message.objects.get(lane_id=thread.pk, role="assistant")
    assert said.content.split() == ["one", "two", "three"]
    assert said.data is not None
    assert said.data["cancelled"] is True


def test_it_goes_on_after_the_last_step_when_the_model_failed(alice: User, talk: Talk) -> None:
    thread = talk()
    down = {"error": {"code": "provider.unavailable", "retryable": True}}
    scripted.queue([call("6*7"), down, "It is 42"])

    posted = post_message(alice.context(), thread.pk, content="6*7?", dedup_key=None)
    drain(thread.pk)
    first = set(steps(thread))
    Run.objects.filter(pk=posted.run_id).update(available_at="2020-01-01T00:00:00Z")
    type(thread.lane).objects.filter(pk=thread.pk).update(runnable_at="2020-01-01T00:00:00Z")
    drain(thread.pk)

    run = Run.objects.get(pk=posted.run_id)
    assert (run.status, run.attempt) == ("succeeded", 2)
    assert answers(thread) == ["It is 42"]
    assert set(steps(thread)) == first
    made = [step for step in steps(thread).values() if step["kind"] == "skill"]
    assert [step["attempt"] for step in made] == [1]


def test_it_uses_the_version_that_the_message_was_sent_to(alice: User, talk: Talk) -> None:
    thread = talk()
    seen: list[Turn] = []

    def look(turn: Turn) -> Outcome:
        seen.append(turn)
        return Outcome("ok")

    handlers.register("thread", lambda work: answer_with(look, work))
    save_agent(alice.context(), replace(SPEC, prompt="Version two."))
    ask(alice, thread)

    assert seen[0].messages[0]["content"].startswith("You are Scout")


def test_it_fails_with_line_and_column_when_the_prompt_cannot_be_rendered(
    bob: User, talk: Talk
) -> None:
    # It renders for whoever saves it, and for nobody else.
    thread = talk(prompt="{% if user.name != 'Alice' %}\n{{ nobody }}{% endif %}")

    run = ask(bob, thread)

    assert (run.status, run.error_code) == ("failed", "prompt.undefined")
    assert "Line 2, column 4" in run.error_detail


def test_it_runs_real_skills_with_the_offline_planner(alice: User) -> None:
    spec = replace(SPEC, model="default", skills=("math.calculate", "time.today"), planning=True)
    save_agent(alice.context(), spec)
    thread = open_thread(alice.context(), agent=spec.name)

    run = ask(alice, thread, 'Calculate "6*7"')

    assert run.status == "succeeded"
    assert "42" in answers(thread)[0]
    made = [step["name"] for step in steps(thread).values() if step["kind"] == "skill"]
    assert "math.calculate" in made


def test_it_names_steps_the_same_in_every_attempt() -> None:
    turn = Turn(
        run_id=str(uuid.UUID(int=7)),
        lane_id="",
        context=None,  # type: ignore[arg-type]
        messages=[],
        model="",
        skills=(),
        step_limit=1,
        planning=False,
        progress=None,  # type: ignore[arg-type]
    )

    assert turn.step_id("tool", "0:1") == replace(turn, attempt=2).step_id("tool", "0:1")
    assert turn.step_id("tool", "0:1") != turn.step_id("tool", "0:2")
