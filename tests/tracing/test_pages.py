"""Pages, API and socket of the traces, and who may see them."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client
from django.urls import path

from playground.core import spans
from playground.core.spans import SpanKind
from playground.gateway.prompting import attributes_of
from playground.messaging.interruptions import RunCancelled
from playground.policy.models import User
from playground.tracing import reading
from playground.tracing.consumers import TraceConsumer
from playground.tracing.models import Span, Trace

pytestmark = pytest.mark.django_db(transaction=True)
ForUser = Callable[[User], Client]
SOCKETS = URLRouter([path("ws/traces/<str:trace_id>", TraceConsumer.as_asgi())])


@pytest.fixture(autouse=True)
def settled() -> Iterator[None]:
    spans.configure(capture="full")
    yield
    spans.flush()


@pytest.fixture
def trace_id(alice: User) -> str:
    """Leave a finished trace of Alice's team."""
    wanted = uuid.uuid4().hex
    with (
        spans.trace(
            "sourcing", trace_id=wanted, team="hiring", subject="user:alice", run_id=None,
            thread_id="0190a5b4-0000-7000-8000-000000000001",
        ),
        spans.span(
            "chat m", SpanKind.MODEL, input=[{"role": "user", "content": "Find <b>Python</b>"}]
        ) as span,
    ):  # fmt: skip
        span.set("gen_ai.request.model", "m")
        span.output("Found **12**")
    spans.flush()
    return wanted


def socket_of(user: Client, trace_id: str, **headers: str) -> WebsocketCommunicator:
    cookies = f"{settings.SESSION_COOKIE_NAME}={user.cookies[settings.SESSION_COOKIE_NAME].value}"
    sent = {"host": "localhost", "origin": "http://localhost", "cookie": cookies, **headers}
    return WebsocketCommunicator(
        SOCKETS,
        f"/ws/traces/{trace_id}",
        headers=[(name.encode(), value.encode()) for name, value in sent.items()],
    )


def _led(arm: str, *, ramp: str = "0190a5b4-0000-7000-8000-00000000000a") -> str:
    """Leave a trace in which a ramp chose a prompt for an arm."""
    wanted = uuid.uuid4().hex
    attributes = attributes_of(
        "letter", 2, label="production", arm=arm, ramp=ramp, why="bucket 1 % < 10 %"
    )
    with (
        spans.trace(
            f"to {arm}", trace_id=wanted, team="hiring", subject="user:alice", run_id=None,
            thread_id=None,
        ),
        spans.span("prompt letter", SpanKind.PROMPT, attributes=attributes),
    ):  # fmt: skip
        pass
    spans.flush()
    return wanted


def test_it_lists_the_traces_that_a_ramp_led_to_an_arm(
    alice: User, api_for: ForUser, client_for: ForUser, trace_id: str
) -> None:
    ramp = str(uuid.uuid4())
    candidate, baseline = _led("candidate", ramp=ramp), _led("baseline", ramp=ramp)
    _led("candidate")

    def listed(**filters: str) -> set[str]:
        answer = api_for(alice).get("/api/traces", filters).json()
        return {item["id"] for item in answer["items"]}

    assert listed(ramp=ramp) == {candidate, baseline}
    assert listed(ramp=ramp, arm="candidate") == {candidate}
    page = client_for(alice).get(f"/traces?ramp={ramp}&arm=baseline").content.decode()
    assert "baseline of ramp" in page
    assert f"/traces/{baseline}" in page
    assert f"/traces/{candidate}" not in page


def test_it_names_the_prompts_of_a_trace_and_leads_to_what_chose_them(
    alice: User, client_for: ForUser
) -> None:
    ramp = str(uuid.uuid4())
    trace = _led("candidate", ramp=ramp)
    span = Span.objects.get(trace_id=trace, kind="prompt")

    page = client_for(alice).get(f"/traces/{trace}").content.decode()
    panel = client_for(alice).get(f"/traces/{trace}/spans/{span.span_id}").content.decode()
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    staff = client_for(alice).get(f"/traces/{trace}/spans/{span.span_id}").content.decode()

    assert "/prompts/hiring/letter?version=2" in page
    assert "bucket 1 % &lt; 10 %" in panel
    assert f"/traces?ramp={ramp}&amp;arm=candidate" in panel
    assert (f"/admin/prompts/ramp/{ramp}" in panel, f"/admin/prompts/ramp/{ramp}" in staff) == (
        False,
        True,
    )


def test_it_lists_and_reads_traces_over_the_api(
    alice: User, api_for: ForUser, trace_id: str
) -> None:
    listed = api_for(alice).get("/api/traces", {"agent": "sourcing", "min_duration": 0}).json()
    read = api_for(alice).get(f"/api/traces/{trace_id}").json()

    assert [item["id"] for item in listed["items"]] == [trace_id]
    assert listed["next"] is None
    assert [(span["name"], span["kind"], span["status"]) for span in read["spans"]] == [
        ("sourcing", "agent", "ok"),
        ("chat m", "model", "ok"),
    ]
    assert read["spans"][1]["output"] == "Found **12**"
    assert read["spans"][1]["parent_id"] == read["spans"][0]["id"]


@pytest.mark.parametrize(
    "query", [{"status": "odd"}, {"cursor": "x"}, {"sort": "id"}, {"limit": 0}, {"limit": "x"}]
)
def test_it_says_what_is_wrong_when_a_filter_is(
    alice: User, api_for: ForUser, query: dict[str, Any]
) -> None:
    answer = api_for(alice).get("/api/traces", query)

    assert answer.status_code == 422
    assert answer.json()["code"]


def test_it_names_a_trace_by_what_was_asked_when_that_was_captured(
    alice: User, client_for: ForUser, api_for: ForUser
) -> None:
    for asked in ("Find <b>Python</b> people\nin Berlin", "", None):
        with spans.trace(
            "agent a", team="hiring", subject="user:alice", run_id=None, thread_id=None
        ) as root:
            if asked is not None:
                root.set("input.value", asked)
    spans.flush()

    items = api_for(alice).get("/api/traces").json()["items"]
    page = client_for(alice).get("/traces").content.decode()

    assert [each["request"] for each in items] == ["", "", "Find <b>Python</b> people"]
    assert "Find &lt;b&gt;Python&lt;/b&gt; people</a>" in page
    assert page.count(">agent a</a>") == 2


def test_it_pages_through_every_trace_once_in_any_order(alice: User) -> None:
    for number in range(7):
        with spans.trace(
            f"agent {number % 2}", team="hiring", subject="user:alice", run_id=None, thread_id=None
        ):
            pass
    spans.flush()

    for sort in ("started", "duration", "tokens", "cost", "name", "status"):
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            filters = reading.Filters(sort=sort, limit=3, cursor=cursor)
            page = reading.list_traces(alice.context(), filters)
            seen += [trace.id for trace in page.items]
            cursor = page.next
        assert len(seen) == len(set(seen)) == 7


@pytest.mark.parametrize("where", ["/traces/{}", "/traces/{}/tree", "/api/traces/{}"])
def test_it_answers_an_outsider_as_if_the_trace_did_not_exist(
    charlie: User, client_for: ForUser, trace_id: str, where: str
) -> None:
    client = client_for(charlie)

    theirs = client.get(where.format(trace_id), headers={"x-request-id": "same"})
    unknown = client.get(where.format("f" * 32), headers={"x-request-id": "same"})

    assert theirs.status_code == unknown.status_code == 404
    strip = [answer.content.replace(trace_id.encode(), b"f" * 32) for answer in (theirs, unknown)]
    assert b"sourcing" not in strip[0]
    assert len(strip[0]) == len(strip[1])
    assert client.get("/api/traces").json()["items"] == []


def test_it_lets_teammates_and_viewers_see_the_trace(
    bob: User, vera: User, client_for: ForUser, trace_id: str
) -> None:
    for user in (bob, vera):
        assert client_for(user).get(f"/traces/{trace_id}").status_code == 200


def test_it_shows_list_page_and_span_without_inline_code(
    alice: User, client_for: ForUser, trace_id: str
) -> None:
    client = client_for(alice)
    root = Trace.objects.get(pk=trace_id).spans.exclude(parent_id=None).get()

    listed = client.get("/traces").content.decode()
    page = client.get(f"/traces/{trace_id}").content.decode()
    span = client.get(f"/traces/{trace_id}/spans/{root.span_id}").content.decode()

    assert "sourcing" in listed
    assert "1 of 1" in listed
    assert f'data-trace-id="{trace_id}"' in page
    assert 'id="span-' in page
    assert "Find &lt;b&gt;Python" in span
    assert "<strong>12</strong>" in span
    for html in (listed, page, span):
        assert " style=" not in html
        assert "onclick=" not in html


@pytest.mark.parametrize(
    ("query", "text"),
    [("?status=error", "No trace matches"), ("?q=SOURC", "sourcing"), ("?sort=-cost", "sourcing")],
)
def test_it_filters_the_list_by_its_address(
    alice: User, client_for: ForUser, trace_id: str, query: str, text: str
) -> None:
    assert text in client_for(alice).get(f"/traces{query}").content.decode()


def test_it_shows_the_same_rows_by_events_as_by_reloading(alice: User, client_for: ForUser) -> None:
    client, wanted = client_for(alice), uuid.uuid4().hex

    async def follow() -> tuple[dict[str, str], list[str]]:
        running = spans.trace(
            "sourcing", trace_id=wanted, team="hiring", subject="user:alice", run_id=None,
            thread_id=None,
        )  # fmt: skip
        with running:
            await sync_to_async(spans.flush)()
            rows = await sync_to_async(rows_of_page)(client, wanted)
            assert len(rows) == 1
            socket = socket_of(client, wanted)
            assert (await socket.connect())[0]
            await socket.send_json_to({"type": "resume", "after": None})
            deltas = []
            assert (await socket.receive_json_from(3))["type"] == "hello"
            with spans.span("chat m", SpanKind.MODEL) as span:
                span.delta("Hi")
            with spans.span("search", SpanKind.SKILL):
                pass
        status = "running"
        while (
            status == "running" or len(rows) < 3 or any('data-end=""' in r for r in rows.values())
        ):
            frame = await socket.receive_json_from(4)
            if frame["type"] == "span":
                rows[frame["span"]["id"]] = frame["html"].strip()
            elif frame["type"] == "delta":
                deltas.append(frame["text"])
            elif frame["type"] == "trace":
                status = frame["status"]
        await socket.disconnect()
        return rows, deltas

    rows, deltas = async_to_sync(follow)()

    assert rows == rows_of_page(client, wanted)
    assert deltas == ["Hi"]


def rows_of_page(client: Client, trace_id: str) -> dict[str, str]:
    html = client.get(f"/traces/{trace_id}/tree?offset=0").content.decode()
    rows = [line.strip() for line in html.splitlines() if line.strip()]
    return {row.split('data-id="')[1].split('"')[0]: row for row in rows}


@pytest.mark.parametrize(
    ("who", "headers", "code"),
    [
        ("charlie", {}, 4404),
        ("alice", {"origin": "http://evil.example"}, 4403),
        ("alice", {"cookie": ""}, 4401),
        ("alice", {"playground-attributes": "[]"}, 4422),
        ("alice", {"playground-purpose": "spam"}, 4403),
    ],
)
def test_it_closes_the_socket_when_somebody_may_not_follow(
    request: pytest.FixtureRequest,
    client_for: ForUser,
    trace_id: str,
    who: str,
    headers: dict[str, str],
    code: int,
) -> None:
    client = client_for(request.getfixturevalue(who))

    async def follow() -> int:
        socket = socket_of(client, trace_id, **headers)
        assert (await socket.connect())[0]
        while True:
            event = await socket.receive_output(3)
            if event["type"] == "websocket.close":
                return int(event["code"])
            assert orjson.loads(event["text"])["type"] == "error"

    assert async_to_sync(follow)() == code


def test_it_answers_garbage_with_an_error_and_stays(
    alice: User, client_for: ForUser, trace_id: str
) -> None:
    client = client_for(alice)

    async def talk() -> list[str]:
        socket = socket_of(client, trace_id)
        await socket.connect()
        for text in ("{", "[]", '{"type":"resume","after":7}', "x" * 5000):
            await socket.send_to(text_data=text)
        await socket.send_json_to({"type": "ping"})
        types = []
        while "pong" not in types:
            types.append((await socket.receive_json_from(3))["type"])
        await socket.disconnect()
        return types

    assert async_to_sync(talk)().count("error") == 4


def test_it_answers_one_line_for_each_span_when_the_log_asks(
    alice: User, client_for: ForUser, trace_id: str
) -> None:
    lines = client_for(alice).get(f"/traces/{trace_id}/tree?lines=1").json()

    assert list(lines.values()) == ["Found 12"]


def test_it_counts_no_error_when_somebody_stopped_the_run(alice: User) -> None:
    wanted = uuid.uuid4().hex
    with (
        pytest.raises(RunCancelled),
        spans.trace(
            "sourcing", trace_id=wanted, team="hiring", subject="user:alice", run_id=None,
            thread_id=None,
        ),
    ):  # fmt: skip
        raise RunCancelled
    spans.flush()

    trace = Trace.objects.get(pk=wanted)
    assert (trace.status, trace.error_count) == ("interrupted", 0)
