"""Traces show what was said of their runs, live too, and are found by it."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.test import Client

from playground.core import spans
from playground.messaging import handlers, lanes
from playground.messaging.appending import append_message
from playground.messaging.draining import drain
from playground.messaging.feedback import Given, give, take_back
from playground.messaging.models import Run, Source
from playground.messaging.working import Work
from playground.policy.models import User
from tests.tracing.test_pages import socket_of

pytestmark = pytest.mark.django_db(transaction=True)
ForUser = Callable[[User], Client]


@pytest.fixture
def runs(alice: User, valkey: Any) -> Iterator[list[Run]]:
    """Return three runs that have answered, each with a trace."""

    def answer(work: Work) -> None:
        told = {"team": "hiring", "subject": alice.urn, "thread_id": None}
        with spans.trace("agent", trace_id=work.trace_id, run_id=str(work.run_id), **told):
            work.append("assistant", "Here.", dedup_key=f"answer:{work.run_id}")

    before = handlers.handler_for("thread")
    handlers.register("thread", answer)
    made = []
    for number in range(3):
        lane = lanes.open_lane(context=alice.context(), owner=alice, kind="thread")
        said = append_message(
            lane.pk, role="user", content=f"{number}", author=alice.urn, starts_run=True
        )
        drain(lane.pk)
        made.append(Run.objects.get(pk=said.run_id))
    spans.flush()
    yield made
    handlers.register("thread", before)
    spans.flush()


def test_it_lists_traces_by_what_was_said_of_their_runs(
    alice: User, bob: User, charlie: User, runs: list[Run], api_for: ForUser
) -> None:
    liked, disliked, scored = runs
    give(liked.pk, Given("thumbs", True), by=alice.context())
    give(liked.pk, Given("thumbs", False), by=bob.context())
    give(disliked.pk, Given("thumbs", False), by=bob.context())
    give(scored.pk, Given("relevance", 0.5, source=Source.PROGRAM), by=bob.context())

    def found(wanted: str, user: User = alice) -> set[str]:
        answer = api_for(user).get("/api/traces", {"feedback": wanted})
        return {item["id"] for item in answer.json()["items"]}

    assert found("up") == {liked.trace_id}
    assert found("down") == {liked.trace_id, disliked.trace_id}
    assert found("any") == {liked.trace_id, disliked.trace_id, scored.trace_id}
    assert found("any", charlie) == set()
    assert api_for(alice).get("/api/traces", {"feedback": "odd"}).status_code == 422
    read = api_for(alice).get(f"/api/traces/{liked.trace_id}").json()
    assert read["feedback"] == [{"key": "thumbs", "n": 2, "mean": 0.5}]


def test_it_shows_notes_on_the_page_of_the_trace(
    alice: User, runs: list[Run], client_for: ForUser
) -> None:
    give(runs[0].pk, Given("thumbs", False, "Too <long>"), by=alice.context())

    pages = [f"/traces/{runs[0].trace_id}", "/traces?feedback=down"]
    trace, listed = (client_for(alice).get(page).content.decode() for page in pages)

    assert "Too &lt;long&gt;" in trace
    assert "1 thumb down" in trace
    assert "1 thumb down" in listed


def test_it_shows_a_thumb_at_once_to_whoever_looks_at_the_trace(
    alice: User, runs: list[Run], client_for: ForUser
) -> None:
    run, context = runs[0], alice.context()

    async def follow() -> list[str]:
        browser = await sync_to_async(client_for)(alice)
        socket = socket_of(browser, run.trace_id)
        await socket.connect()
        await socket.send_json_to({"type": "resume", "after": None})
        heads = [await header(socket)]
        await sync_to_async(give)(run.pk, Given("thumbs", True), by=context)
        heads.append(await header(socket))
        await sync_to_async(take_back)(run.pk, "thumbs", by=context)
        heads.append(await header(socket))
        await socket.disconnect()
        return heads

    async def header(socket: Any) -> str:
        while True:
            frame = await socket.receive_json_from(timeout=20)
            if frame["type"] == "trace":
                return str(frame["html"])

    heads = async_to_sync(follow)()

    assert ["1 thumb up" in head for head in heads] == [False, True, False]


def test_it_shows_traces_from_elsewhere_when_their_runs_are_named_freely(
    alice: User, api_for: ForUser
) -> None:
    wanted = uuid.uuid4().hex
    told = {"team": "hiring", "subject": alice.urn, "thread_id": None}
    with spans.trace("theirs", trace_id=wanted, run_id="their run 7", **told):
        pass
    spans.flush()

    assert api_for(alice).get(f"/api/traces/{wanted}").json()["feedback"] == []


def test_it_tells_nothing_of_another_teams_run_when_a_trace_from_elsewhere_names_it(
    alice: User, charlie: User, runs: list[Run], api_for: ForUser, client_for: ForUser
) -> None:
    run = runs[0]
    give(run.pk, Given("thumbs", False, "Secret words"), by=alice.context())
    foreign, own = uuid.uuid4().hex, uuid.uuid4().hex
    for team, user, wanted in (("trust", charlie, foreign), ("hiring", alice, own)):
        told = {"team": team, "subject": user.urn, "thread_id": None}
        with spans.trace("theirs", trace_id=wanted, run_id=str(run.pk), **told):
            pass
    spans.flush()

    told_to_them = api_for(charlie).get(f"/api/traces/{foreign}").json()
    page = client_for(charlie).get(f"/traces/{foreign}").content.decode()

    assert told_to_them["feedback"] == []
    assert "Secret words" not in page
    assert "thumb" not in client_for(charlie).get("/traces").content.decode().split("<table")[-1]
    marks = [{"key": "thumbs", "n": 1, "mean": 0.0}]
    listed = api_for(alice).get("/api/traces", {"run_id": str(run.pk)}).json()["items"]
    assert {one["id"] for one in listed} == {run.trace_id, own}
    for wanted in (run.trace_id, own):
        assert api_for(alice).get(f"/api/traces/{wanted}").json()["feedback"] == marks


def test_it_shows_a_trace_from_elsewhere_when_it_writes_the_runs_id_otherwise(
    alice: User, runs: list[Run], api_for: ForUser
) -> None:
    give(runs[0].pk, Given("thumbs", True), by=alice.context())
    wanted = uuid.uuid4().hex
    told = {"team": "hiring", "subject": alice.urn, "thread_id": None}
    with spans.trace("theirs", trace_id=wanted, run_id=str(runs[0].pk).upper(), **told):
        pass
    spans.flush()

    answer = api_for(alice).get(f"/api/traces/{wanted}")

    assert (answer.status_code, answer.json()["feedback"]) == (200, [])
