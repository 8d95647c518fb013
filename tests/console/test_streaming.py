"""The proof: the first page and the events after it show what a reload shows."""

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from agents.building import save_agent
from agents.models import Thread
from agents.specifying import AgentSpec
from agents.threads import move_to_latest, open_thread, post_message, rename
from playground.console.rendering import render_event
from playground.core.context import RequestContext
from playground.core.errors import DeveloperError, ProviderError
from playground.messaging import draining, handlers, reading, runs
from playground.messaging.events import LaneEvent
from playground.messaging.feedback import Given, give, take_back
from playground.messaging.models import Run, Source
from playground.messaging.working import RunCancelled, Work
from playground.policy.models import User
from tests.console.dom import Element, parse

pytestmark = [pytest.mark.django_db(transaction=True, databases="__all__")]


def _spec(**changed: Any) -> AgentSpec:
    fields: dict[str, Any] = {
        "name": "sourcing",
        "title": "Sourcing",
        "prompt": "You find people.",
        "skills": (),
        "model": "default",
        "step_limit": 8,
    }
    return AgentSpec(**(fields | changed))


class Window:
    """A browser window: the page as first loaded, and the fragments that came since."""

    def __init__(self, client: Client, context: RequestContext, lane_id: uuid.UUID) -> None:
        self.client, self.context, self.lane_id = client, context, lane_id
        self.page = self.load()
        self.seq = reading.heads([lane_id])[lane_id].seq
        self.types: set[str] = set()

    def load(self) -> Element:
        answer = self.client.get(f"/chat/{self.lane_id}")
        assert answer.status_code == 200
        return parse(answer.content.decode())

    def follow(self) -> None:
        for event in reading.events_after(self.lane_id, self.seq):
            body = event.body()
            self.types.add(body["type"])
            self.page.upsert(render_event(self.lane_id, body, self.context))
            self.seq = event.seq

    def assert_as_reloaded(self) -> None:
        fresh = self.load()
        for part in ("conversation", "thread-title", "thread-banner", "thread-about"):
            assert _part(self.page, part) == _part(fresh, part)


def _part(page: Element, identifier: str) -> str:
    found = page.find(identifier)
    assert found is not None
    child = found[0].children[found[1]]
    assert isinstance(child, Element)
    return child.normal()


@pytest.fixture
def thread(alice: User, valkey: Any) -> Thread:
    save_agent(alice.context(), _spec())
    return open_thread(alice.context(), agent="sourcing")


@pytest.fixture
def window(alice: User, thread: Thread, client_for: Callable[..., Client]) -> Window:
    return Window(client_for(alice), alice.context(), thread.pk)


@pytest.fixture
def handled() -> Iterator[Callable[[Callable[[Work], None]], None]]:
    """Answer runs with a function in place of the agents."""
    before = handlers.handler_for("thread")
    yield lambda handler: handlers.register("thread", handler)
    handlers.register("thread", before)


def _ask(alice: User, thread: Thread, content: str = "Find **somebody**\n\n<b>please</b>") -> None:
    post_message(alice.context(), thread.pk, content=content, dedup_key=None)


def test_it_shows_what_a_reload_shows_when_a_run_says_everything_it_can(
    alice: User, thread: Thread, window: Window, handled: Any
) -> None:
    def work_loudly(work: Work) -> None:
        window.follow()
        work.plan([{"id": "1", "title": "Search", "status": "running"}])
        work.step("s1", kind="skill", name="hiring.search", title="search", status="running")
        window.follow()
        window.assert_as_reloaded()
        work.step(
            "s1",
            kind="skill",
            name="hiring.search",
            title="searched",
            status="ok",
            summary="12 found",
            ms=84,
            span_id="0011223344556677",
            data={"arguments": {"city": "Berlin", "note": "<script>"}},
        )
        work.step("s2", kind="model", name="m", title="answered", status="error", summary="no")
        work.plan([{"id": "1", "title": "Search", "status": "done"}])
        window.follow()
        work.usage(input_tokens=1200, output_tokens=80, cost_usd=0.0031)
        work.append("assistant", "# Found\n\n| a |\n| - |\n| 1 |", dedup_key="answer")
        window.follow()
        window.assert_as_reloaded()

    handled(work_loudly)
    _ask(alice, thread)
    draining.drain(thread.pk)
    window.follow()

    window.assert_as_reloaded()
    assert "12 found" in window.page.normal()


@pytest.mark.parametrize(
    "error",
    [
        RunCancelled("stop"),
        DeveloperError("agent.step-limit", "Used all steps."),
        ProviderError("provider.unavailable", "It did not answer.", retryable=False),
    ],
)
def test_it_shows_what_a_reload_shows_when_a_run_breaks_off_in_a_step(
    alice: User, thread: Thread, window: Window, handled: Any, error: Exception
) -> None:
    def break_off(work: Work) -> None:
        work.plan([{"id": "1", "title": "Search", "status": "running"}])
        work.step("s1", kind="skill", name="x", title="search", status="running")
        window.follow()
        raise error

    handled(break_off)
    _ask(alice, thread)
    draining.drain(thread.pk)
    window.follow()

    window.assert_as_reloaded()
    assert 'data-status="running"' not in window.page.normal()


def test_it_shows_what_a_reload_shows_when_a_run_is_tried_again_given_up_and_replayed(
    alice: User, thread: Thread, window: Window, handled: Any
) -> None:
    def fail(work: Work) -> None:
        work.step("s1", kind="skill", name="x", title="search", status="running")
        window.follow()
        raise ProviderError("provider.unavailable", "It did not answer.")

    handled(fail)
    _ask(alice, thread)
    draining.drain(thread.pk)
    window.follow()
    window.assert_as_reloaded()
    assert "run.retrying" in window.types

    run = Run.objects.get(lane_id=thread.pk)
    Run.objects.filter(pk=run.pk).update(attempt=2)
    _make_due(run)
    draining.drain(thread.pk)
    window.follow()
    window.assert_as_reloaded()
    run.refresh_from_db()
    assert run.status == "dead"
    assert "Given up after 3 attempts" in window.page.normal()

    runs.replay(run.pk, by=alice.context())
    window.follow()
    window.assert_as_reloaded()
    assert "Given up" not in window.page.normal()


def _make_due(run: Run) -> None:
    from django.db.models.functions import Now

    from playground.messaging.models import Lane

    Run.objects.filter(pk=run.pk).update(available_at=Now())
    Lane.objects.filter(pk=run.lane_id).update(runnable_at=Now())


def test_it_shows_what_a_reload_shows_when_the_thread_itself_changes(
    alice: User, thread: Thread, window: Window, handled: Any
) -> None:
    handled(lambda work: None)
    _ask(alice, thread)
    draining.drain(thread.pk)
    save_agent(alice.context(), _spec(prompt="You find people fast."))
    rename(alice.context(), thread.pk, title="Another title")
    move_to_latest(alice.context(), thread.pk)

    window.follow()

    window.assert_as_reloaded()
    assert "Another title" in _part(window.page, "thread-title")
    assert "version 2" in _part(window.page, "thread-about")


def test_it_shows_what_a_reload_shows_when_an_answer_is_judged(
    alice: User,
    bob: User,
    vera: User,
    thread: Thread,
    window: Window,
    handled: Any,
    client_for: Any,
) -> None:
    handled(lambda work: work.append("assistant", "Here.", dedup_key="answer"))
    _ask(alice, thread)
    draining.drain(thread.pk)
    run = Run.objects.get(lane_id=thread.pk)
    watching = Window(client_for(vera), vera.context(), thread.pk)

    for who, given in (
        (alice, Given("thumbs", True, "<b>Just</b> right")),
        (bob, Given("thumbs", False, "Too short")),
        (bob, Given("relevance", 0.8125, source=Source.PROGRAM)),
        (alice, Given("thumbs", False)),
        (bob, None),
    ):
        if given is None:
            take_back(run.pk, "thumbs", by=who.context())
        else:
            give(run.pk, given, by=who.context())
        for each in (window, watching):
            each.follow()
            each.assert_as_reloaded()

    shown = _part(window.page, f"feedback-{run.pk}")
    assert "&lt;b&gt;Just&lt;/b&gt; right" in shown or "<b>Just</b> right" in shown
    assert "0.8125" in shown
    assert "Too short" not in shown
    assert _pressed(shown) == ["false", "true"]
    assert "0.8125" in window.client.get(f"/runs/{run.pk}").content.decode()
    assert _pressed(_part(watching.page, f"feedback-{run.pk}")) == ["false", "false"]


def test_it_shows_what_a_reload_shows_when_a_run_without_an_answer_is_judged(
    alice: User, thread: Thread, window: Window, handled: Any
) -> None:
    handled(lambda work: None)
    _ask(alice, thread)
    draining.drain(thread.pk)
    run = Run.objects.get(lane_id=thread.pk)
    give(run.pk, Given("relevance", 0.5, source=Source.PROGRAM), by=alice.context())

    window.follow()

    window.assert_as_reloaded()


def _pressed(html: str) -> list[str]:
    return re.findall(r'aria-pressed="(\w+)"', html)


def test_it_renders_every_type_of_event_that_there_is() -> None:
    kinds = {
        event.model_fields["type"].default
        for event in LaneEvent.__origin__.__args__  # type: ignore[attr-defined]
    }

    assert kinds == {
        "message.created",
        "run.queued",
        "run.started",
        "run.step",
        "run.plan",
        "run.retrying",
        "run.ended",
        "run.feedback",
        "thread.updated",
    }
