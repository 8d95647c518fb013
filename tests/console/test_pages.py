"""Home, chat, run and palette: what they show, to whom, and on wrong input."""

import datetime as dt
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.building import save_agent
from agents.models import Thread
from agents.specifying import AgentSpec
from agents.threads import open_thread, post_message
from playground.console import finding
from playground.core.clock import now
from playground.messaging.models import Message, Run
from playground.policy.models import User
from playground.prompts.saving import create_prompt
from playground.tracing.models import Trace
from tests.prompts.conftest import chat

pytestmark = [pytest.mark.django_db(transaction=True, databases="__all__")]


@pytest.fixture
def thread(alice: User, valkey: Any) -> Thread:
    save_agent(
        alice.context(),
        AgentSpec(
            name="sourcing",
            title="Sourcing",
            prompt="You find people.",
            skills=(),
            model="default",
            step_limit=8,
            suggested=("Find somebody",),
        ),
    )
    opened = open_thread(alice.context(), agent="sourcing")
    post_message(alice.context(), opened.pk, content="Who knows Rust?", dedup_key=None)
    return opened


@pytest.mark.parametrize("path", ["/", "/chat", "/chat/list", "/palette?q=rust"])
def test_it_shows_a_thread_to_the_team_and_to_nobody_else(
    alice: User, bob: User, charlie: User, thread: Thread, client_for: Callable[..., Client],
    path: str,
) -> None:  # fmt: skip
    for person, sees in ((alice, True), (bob, True), (charlie, False)):
        page = client_for(person).get(path).content.decode()

        assert ("Who knows Rust?" in page) is sees


@pytest.mark.parametrize("path", ["/chat/{}", "/chat/{}/rows", "/chat/{}/inspector"])
def test_it_answers_a_stranger_as_if_the_thread_did_not_exist(
    charlie: User, thread: Thread, client_for: Callable[..., Client], path: str
) -> None:
    client = client_for(charlie)

    real = client.get(path.format(thread.pk), headers={"hx-request": "true"})
    unknown = client.get(path.format(uuid.uuid4()), headers={"hx-request": "true"})

    assert real.status_code == unknown.status_code == 404
    plain = [re.sub(r"[0-9a-f-]{8,}", "", page.content.decode()) for page in (real, unknown)]
    assert plain[0] == plain[1]


def test_it_opens_a_thread_with_the_message_when_there_is_no_script(
    alice: User, thread: Thread, client_for: Callable[..., Client]
) -> None:
    answer = client_for(alice).post("/chat", {"agent": "sourcing", "content": "Anybody in Porto?"})

    assert answer.status_code == 302
    opened = answer["Location"].rsplit("/", 1)[-1]
    assert Message.objects.get(lane_id=opened, role="user").content == "Anybody in Porto?"


def test_it_keeps_what_was_typed_when_a_message_is_refused(
    alice: User, thread: Thread, client_for: Callable[..., Client]
) -> None:
    typed = "x" * 70_000

    answer = client_for(alice).post("/chat", {"agent": "sourcing", "content": typed})

    assert answer.status_code == 413
    assert typed in answer.content.decode()
    assert "message.too-large" in answer.content.decode()


def test_it_offers_no_composer_when_the_reader_is_a_viewer(
    vera: User, thread: Thread, client_for: Callable[..., Client]
) -> None:
    page = client_for(vera).get(f"/chat/{thread.pk}").content.decode()
    posted = client_for(vera).post(f"/chat/{thread.pk}", {"content": "hello"})

    assert "Who knows Rust?" in page
    assert "needs the role developer" in page
    assert 'id="composer"' not in page
    assert posted.status_code == 403


def test_it_escapes_whatever_somebody_writes(
    alice: User, thread: Thread, client_for: Callable[..., Client]
) -> None:
    evil = "<img src=x onerror=alert(1)>\"'</textarea>"
    post_message(alice.context(), thread.pk, content=evil, dedup_key=None)

    page = client_for(alice).get(f"/chat/{thread.pk}").content.decode()

    assert "<img src=x" not in page


def test_it_stops_a_run_when_it_is_asked_to(
    alice: User, thread: Thread, client_for: Callable[..., Client]
) -> None:
    run = Run.objects.get(lane_id=thread.pk)

    answer = client_for(alice).post(f"/runs/{run.pk}", {"action": "cancel"})

    assert answer.status_code == 302
    run.refresh_from_db()
    assert run.status == "cancelled"
    page = client_for(alice).get(f"/runs/{run.pk}").content.decode()
    assert "Cancelled" in page
    assert "run.ended" in page


@pytest.mark.parametrize(
    "fields", [{"action": "explode"}, {"action": "read", "seq": "-1"}, {"action": "read"}, {}]
)
def test_it_refuses_actions_it_does_not_know(
    alice: User, thread: Thread, client_for: Callable[..., Client], fields: dict[str, str]
) -> None:
    answer = client_for(alice).post(f"/chat/{thread.pk}", fields)

    assert answer.status_code == 422


@pytest.mark.parametrize("tab", ["trace", "context", "state", "nonsense", ""])
def test_it_shows_every_tab_of_the_inspector(
    alice: User, thread: Thread, client_for: Callable[..., Client], tab: str
) -> None:
    client = client_for(alice)

    fragment = client.get(f"/chat/{thread.pk}/inspector?tab={tab}", headers={"hx-request": "true"})
    whole = client.get(f"/chat/{thread.pk}/inspector?tab={tab}", follow=True)

    assert fragment.status_code == 200
    assert "<html" not in fragment.content.decode()
    assert "<html" in whole.content.decode()


def test_it_finds_a_thread_by_the_end_of_its_id(
    alice: User, thread: Thread, client_for: Callable[..., Client]
) -> None:
    found = client_for(alice).get(f"/palette?q={str(thread.pk)[-8:]}").content.decode()

    assert "Who knows Rust?" in found


def test_it_offers_what_is_called_so_first_when_other_names_only_hold_the_word(
    alice: User, thread: Thread, client_for: Callable[..., Client]
) -> None:
    for number in range(finding.PER_GROUP + 1):
        open_thread(alice.context(), agent=thread.agent.name, title=f"An outreach, {number}")
        create_prompt(alice.context(), name=f"a{number}-outreach", content=chat("Hi."))
    create_prompt(alice.context(), name="outreach", content=chat("Hi."))
    create_prompt(alice.context(), name="outreach-b", content=chat("Hi."))

    def offered(typed: str) -> list[tuple[str, list[str]]]:
        groups = finding.find(alice.context(), typed)
        return [(group.name, [item.href for item in group.items]) for group in groups]

    for typed in ("outreach", "OUTREACH", "hiring/outreach"):
        (first, hrefs), *_ = offered(typed)
        assert first == "prompts", typed
        assert hrefs[:2] == ["/prompts/hiring/outreach", "/prompts/hiring/outreach-b"], typed
    assert [name for name, _ in offered("reach")][:2] == ["threads", "prompts"]
    page = client_for(alice).get("/palette?q=outreach").content.decode()
    assert page.index("/prompts/hiring/outreach") < page.index("/chat/")


def test_it_offers_what_is_called_so_first_within_a_group(alice: User) -> None:
    for minutes, name in enumerate(("An outreach", "outreach b", "outreach")):
        started = now() + dt.timedelta(minutes=-minutes)
        Trace.objects.create(
            id=uuid.uuid4().hex, team="hiring", subject=alice.urn, name=name, status="ok",
            started_at=started, stored_at=started,
        )  # fmt: skip

    def offered(typed: str, group: str) -> list[str]:
        groups = finding.find(alice.context(), typed)
        return next([item.title for item in one.items] for one in groups if one.name == group)

    assert offered("outreach", "traces") == ["outreach", "outreach b", "An outreach"]
    assert offered("prompt", "commands") == ["Prompts", "New prompt"]


def test_it_says_what_to_do_next_when_there_is_nothing_yet(
    charlie: User, valkey: Any, client_for: Callable[..., Client]
) -> None:
    page = client_for(charlie).get("/").content.decode()

    assert "This team has no agent yet" in page
    assert "data-copy=" in page


def test_it_asks_a_bounded_number_of_queries_when_a_thread_is_long(
    alice: User,
    thread: Thread,
    client_for: Callable[..., Client],
    django_assert_max_num_queries: Any,
) -> None:
    for number in range(60):
        post_message(alice.context(), thread.pk, content=f"More {number}", dedup_key=None)
    client = client_for(alice)

    with django_assert_max_num_queries(40):
        page = client.get(f"/chat/{thread.pk}").content.decode()

    assert page.count('class="said"') == 40
    assert "Show earlier messages" in page


def test_it_waits_for_the_trace_when_the_run_has_no_span_yet(
    alice: User, charlie: User, thread: Thread, client_for: Callable[..., Client]
) -> None:
    trace_id = Run.objects.get(lane_id=thread.pk).trace_id

    assert client_for(alice).get(f"/traces/{trace_id}/tree").status_code == 204
    assert "No span yet" in client_for(alice).get(f"/traces/{trace_id}").content.decode()
    assert client_for(charlie).get(f"/traces/{trace_id}/tree").status_code == 404
    assert client_for(charlie).get(f"/traces/{trace_id}").status_code == 404


def test_it_keeps_the_threads_of_one_agent_when_the_list_is_filtered(
    alice: User, thread: Thread, client_for: Callable[..., Client]
) -> None:
    client = client_for(alice)

    assert "Who knows Rust?" in client.get("/chat/list?of=sourcing").content.decode()
    assert "No thread of this agent" in client.get("/chat/list?of=another").content.decode()


def test_it_offers_a_viewer_nothing_that_he_may_not_do(
    vera: User, bob: User, thread: Thread, client_for: Callable[..., Client]
) -> None:
    reader, developer = client_for(vera), client_for(bob)

    assert 'id="composer"' not in reader.get("/").content.decode()
    assert 'id="composer"' in developer.get("/").content.decode()
    assert "needs the role developer" in reader.get("/chat").content.decode()
    assert " data-readonly" in reader.get(f"/chat/{thread.pk}").content.decode()
    assert " data-readonly" not in developer.get(f"/chat/{thread.pk}").content.decode()
    assert "New agent" not in reader.get("/palette?q=new").content.decode()
    assert "New agent" in developer.get("/palette?q=new").content.decode()
    assert 'id="try-form"' not in reader.get("/models").content.decode()
    assert 'id="try-form"' in developer.get("/models").content.decode()
    assert reader.get("/agents/new").status_code == 403
    assert developer.get("/agents/new").status_code == 200
