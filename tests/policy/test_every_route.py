"""Walk every method of every route as somebody anonymous, an outsider and a teammate.

The outsider knows the team's real ids. What they are answered must equal, byte for byte but for
the id itself and the request's id, what they are answered for ids that do not exist.
"""

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import connection
from django.http.response import HttpResponseBase
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils.http import urlencode

from agents.building import save_agent
from agents.specifying import AgentSpec
from agents.threads import open_thread, post_message
from playground.console.workbench.keeping import open_workbench
from playground.console.workbench.running import run_columns
from playground.gateway.door.routes import _rooms
from playground.gateway.door.serving import ROUTES as ROUTES_OF_GATEWAY
from playground.gateway.embeddings import MODEL as EMBEDDINGS
from playground.messaging.models import Run
from playground.policy import keys, links
from playground.policy.authentication import PUBLIC_ROUTES
from playground.policy.models import User
from playground.prompts.content import content_of
from playground.prompts.labelling import move_label
from playground.prompts.proposing import propose_label
from playground.prompts.ramps.drafting import draft
from playground.prompts.ramps.planning import plan_of
from playground.prompts.saving import create_prompt, save_version
from playground.tracing.models import Span, Trace
from tests.policy.routes import KNOWN, METHODS, Known, routes, socket_routes

# A stream reads in a thread, whose connection sees only what was committed.
ROUTES = [
    pytest.param(route, marks=pytest.mark.django_db(transaction=KNOWN[route].streams))
    for route in routes()
    if route in KNOWN
]
OWN_ROUTES = [each for each in ROUTES if KNOWN[str(each.values[0])].own]
SECRET = "xylophone-quartz"
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_FILLED = re.compile(r"\{\w+\}")
_TOKENS = re.compile(r"\b[A-Za-z0-9]{64}\b")
_RELATIVE = re.compile(r"<time [^>]*>[^<]*</time>")


@dataclass(frozen=True)
class Ids:
    """Ids by the name under which paths, queries and bodies carry them."""

    values: Mapping[str, str]

    def fill(self, template: str) -> str:
        return _PARAMETER.sub(lambda found: self.of(template, found[1]), template)

    def of(self, template: str, name: str) -> str:
        # Agents and skills both call their parameter "name".
        if name == "name" and "skills/" in template:
            name = "skill"
        if name == "name" and "prompts/" in template:
            name = "prompt"
        return self.values[name]

    def into(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.format_map(self.values) if "{" in value else value
        if isinstance(value, Mapping):
            return {key: self.into(inner) for key, inner in value.items()}
        return value


@dataclass(frozen=True)
class World:
    """What the hiring team has, and ids of the same shape that nobody has."""

    real: Ids
    unknown: Ids


def nobodys() -> Ids:
    """Return ids of the same shape that nobody has."""
    unknown = {
        "name": "zebra-recruitez", "skill": "hiring.search_candidatez",
        "thread_id": str(uuid.uuid4()), "run_id": str(uuid.uuid4()), "trace_id": uuid.uuid4().hex,
        "prompt": "zebra-prompz", "number": "1", "label": "staging",
        "proposal_id": str(uuid.uuid4()), "key": "thumbs",
        "span_id": uuid.uuid4().hex[:16], "key_id": str(uuid.uuid4()), "token": "n" * 43,
        "ramp_id": str(uuid.uuid4()), "action": "start",
        "bench_id": str(uuid.uuid4()), "column_id": str(uuid.uuid4()),
        "cell_id": str(uuid.uuid4()), "bench_name": "Bemch", "team": "nobody",
        "object_id": str(uuid.uuid4()), "content_type_id": "999999",
        # Which rooms there are is no secret, and other labels are no addresses.
        "app_label": "gateway",
    }  # fmt: skip
    return Ids(unknown)


@pytest.fixture
def world(valkey: object, alice: User) -> World:
    context = alice.context()
    name = "zebra-recruiter"
    save_agent(context, AgentSpec(name=name, title=f"Agent {SECRET}", prompt="You recruit."))
    thread = open_thread(context, agent=name)
    posted = post_message(context, thread.pk, content=f"Say {SECRET}", dedup_key=None)
    run = Run.objects.get(pk=posted.run_id)
    with connection.cursor() as cursor:
        # Appending ends idle transactions early; here the test's own transaction is meant by that.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '5min'")
    span_id = uuid.uuid4().hex[:16]
    started = dt.datetime.now(dt.UTC)
    trace = Trace.objects.create(
        id=run.trace_id, team="hiring", subject=alice.urn, name=SECRET, run_id=str(run.pk),
        thread_id=str(thread.pk), status="ok", started_at=started, ended_at=started,
        duration_ms=1, span_count=1, stored_at=started,
    )  # fmt: skip
    Span.objects.create(
        id=f"{trace.id}/{span_id}", trace=trace, span_id=span_id, revision=1, name=SECRET,
        kind="agent", status="ok", started_at=started, ended_at=started, stored_at=started,
    )  # fmt: skip
    first, second = (
        content_of({"kind": "fragment", "messages": [{"role": "text", "template": words}]})
        for words in (SECRET, f"{SECRET}!")
    )
    create_prompt(context, name="zebra-prompt", content=first)
    save_version(context, "zebra-prompt", content=second)
    move_label(context, "zebra-prompt", label="staging", version=1)
    plan = plan_of({"label": "staging", "candidate": 2, "stages": [{"percent": 10}]})
    ramp = draft(context, "zebra-prompt", plan, reason=SECRET)
    proposal = propose_label(context, "zebra-prompt", label="staging", version=1, reason=SECRET)
    created = keys.create(user=alice, team=alice.memberships.get().team, name=SECRET)
    bench = open_workbench(context, name=f"Bench {SECRET}")
    column = bench.columns.get()
    [cell] = run_columns(context, bench.pk)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '5min'")
    real = {
        "name": name, "skill": "hiring.search_candidates", "thread_id": str(thread.pk),
        "run_id": str(run.pk), "trace_id": trace.id, "span_id": span_id,
        "prompt": "zebra-prompt", "number": "1", "label": "staging",
        "proposal_id": str(proposal.pk), "key": "thumbs",
        "key_id": str(created.key.pk), "token": links.issue(alice), "team": "hiring",
        "bench_id": str(bench.pk), "column_id": str(column.pk), "cell_id": str(cell.pk),
        "bench_name": "Bench", "ramp_id": str(ramp.pk), "action": "start",
        "object_id": str(created.key.pk), "content_type_id": "1", "app_label": "policy",
    }  # fmt: skip
    return World(Ids(real), nobodys())


@dataclass(frozen=True)
class Asked:
    """One request: method, route and the variant of accepted types."""

    method: str
    route: str
    known: Known
    accept: str = "text/html, application/json"

    def by(self, client: Client, ids: Ids) -> HttpResponseBase:
        path = "/" + ids.fill(self.route)
        if self.known.query and self.method in {"GET", "HEAD"}:
            path += f"?{ids.into(self.known.query)}"
        body = ids.into(self.known.bodies.get(self.method, {}))
        # The same id in both requests, so that it cannot be what tells them apart.
        headers = {"accept": self.accept, "x-request-id": "walk-00000000"}
        if self.method in {"GET", "HEAD", "OPTIONS"}:
            return client.generic(self.method, path, headers=headers)
        if self.route.startswith("api/"):
            return client.generic(
                self.method, path, json.dumps(body), "application/json", headers=headers
            )
        if self.method == "POST":
            return client.post(path, body, headers=headers)
        return client.generic(self.method, path, headers=headers)


def _requests(route: str) -> list[Asked]:
    known = KNOWN[route]
    asked = [Asked(method, route, known) for method in METHODS]
    if known.streams:
        asked += [Asked("GET", route, known, accept="text/event-stream")]
    return asked


def _seen(response: HttpResponseBase, ids: Ids) -> tuple[int, str, str]:
    """Return status, target and text with the ids and one-time values taken out."""
    assert not getattr(response, "streaming", False), "a stream was opened"
    text = response.content.decode()  # type: ignore[attr-defined]
    target = response.headers.get("Location", "")
    for name, value in ids.values.items():
        if name in {"team", "app_label", "content_type_id", "number", "label"}:
            # Short words that stand in every page; no answer repeats one that was asked.
            continue
        text, target = text.replace(value, f"<{name}>"), target.replace(value, f"<{name}>")
    text = _RELATIVE.sub("<time>", _TOKENS.sub("<token>", text))
    return response.status_code, target, text


def _names_ids(asked: Asked) -> bool:
    in_query = asked.method in {"GET", "HEAD"} and "{" in asked.known.query
    body = str(list(asked.known.bodies.get(asked.method, {}).values()))
    return bool(_PARAMETER.search(asked.route)) or in_query or bool(_FILLED.search(body))


@pytest.fixture
def client_of(
    client_for: Callable[..., Client], api_for: Callable[..., Client]
) -> Callable[[User, str], Client]:
    def of(user: User, route: str) -> Client:
        by_key = route.startswith("api/") and route != "api/docs"
        return (api_for if by_key else client_for)(user, raise_request_exception=False)

    return of


def test_it_knows_every_route_when_the_site_map_is_read():
    served = set(routes())

    assert served - set(KNOWN) == set(), "describe these in tests/policy/routes.py"
    assert set(KNOWN) - served == set(), "these are gone"


def test_it_opens_no_other_door_when_the_public_ones_are_counted():
    assert {"healthz", "login", "login-link"} == PUBLIC_ROUTES
    assert {route for route in KNOWN if KNOWN[route].public} == {
        "healthz", "login", "login/<str:token>",
    }  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
def test_it_asks_to_sign_in_when_nobody_is(world, route):
    for asked in _requests(route):
        response = asked.by(Client(raise_request_exception=False), world.real)

        if asked.known.public:
            assert response.status_code < 500 or route == "healthz", asked
            continue
        if route.startswith("api/") and route != "api/docs":
            assert response.status_code == 401, asked
        else:
            assert response.status_code == 302, asked
            assert response["Location"].startswith("/login"), asked
        assert SECRET not in response.content.decode()


@pytest.mark.parametrize("route", ROUTES)
def test_it_tells_an_outsider_nothing_when_they_have_real_ids(world, charlie, client_of, route):
    client = client_of(charlie, route)

    for asked in _requests(route):
        if route in {"login/<str:token>", "logout"}:
            continue
        for_real = _seen(asked.by(client, world.real), world.real)
        assert SECRET not in for_real[2], asked
        if _names_ids(asked):
            for_unknown = _seen(asked.by(client, world.unknown), world.unknown)
            assert for_real == for_unknown, asked
        assert for_real[0] < 500 or route == "healthz", asked
        if _PARAMETER.search(route):
            assert for_real[0] in {302, 403, 404, 405, 422} or asked.method == "OPTIONS", asked


@pytest.mark.parametrize("route", ROUTES)
def test_it_answers_a_teammate_when_the_ids_are_real(world, bob, client_of, route):
    client, known = client_of(bob, route), KNOWN[route]
    if route == "logout":
        return

    shown = Asked("GET", route, known, accept="application/json, text/html").by(client, world.real)

    assert shown.status_code in known.teammate.get("GET", (200,)), shown
    for asked in _requests(route)[: len(METHODS)]:
        if known.streams and asked.method == "GET":
            continue
        response = asked.by(client, world.real)
        allowed = known.teammate.get(asked.method)
        assert response.status_code < 500 or route == "healthz", asked
        assert allowed is None or response.status_code in allowed, asked
        if asked.method in known.bodies and not (known.own or known.public):
            assert response.status_code not in {401, 403, 405}, asked
            assert route == "team/switch" or response.status_code != 404, asked


@pytest.mark.parametrize("route", OWN_ROUTES)
def test_it_tells_a_teammate_nothing_when_the_thing_is_a_persons_own(world, bob, client_of, route):
    client = client_of(bob, route)

    for asked in _requests(route):
        for_real = _seen(asked.by(client, world.real), world.real)

        assert SECRET not in for_real[2], asked
        if _names_ids(asked):
            for_unknown = _seen(asked.by(client, world.unknown), world.unknown)
            assert for_real == for_unknown, asked


def _nulled(body: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "nul": "a\x00b"}


def _forms(route: str, body: Mapping[str, Any]) -> list[tuple[Any, str]]:
    """Return the ways in which a body may be sent, as it is and as its content type says."""
    if route.startswith("api/"):
        written = json.dumps(body)
        kinds = ("application/json", "application/x-www-form-urlencoded", MULTIPART_CONTENT)
        return [(written, kind) for kind in kinds]
    return [
        (urlencode(body), "application/x-www-form-urlencoded"),
        (encode_multipart(BOUNDARY, body), MULTIPART_CONTENT),
        (encode_multipart(BOUNDARY, {"nul\x00": "b"}), MULTIPART_CONTENT),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("route", [route for route in routes() if route in KNOWN])
def test_it_refuses_a_nul_character_when_a_body_or_an_address_holds_one(alice, client_of, route):
    client, path = client_of(alice, route), "/" + nobodys().fill(route)
    refused = []

    # Pages read bodies that are posted alone.
    for method in ("POST", "PUT", "PATCH", "DELETE") if route.startswith("api/") else ("POST",):
        body = _nulled(nobodys().into(KNOWN[route].bodies.get(method, {})))
        refused += [
            (method, kind, client.generic(method, path, sent, kind))
            for sent, kind in _forms(route, body)
        ]
    for method in METHODS:
        refused.append((method, "query", client.generic(method, f"{path}?q=a%00b")))
        refused.append((method, "raw", client.generic(method, path, QUERY_STRING="q=a\x00b")))

    for *told, answer in refused:
        assert answer.status_code == 400, told
        assert told[0] == "HEAD" or "request.nul" in answer.content.decode(), told


# Sockets

SOCKETS = {
    "ws/threads/<uuid:thread_id>": {"type": "resume", "after_seq": 0, "stream_epoch": None},
    "ws/traces/<str:trace_id>": {"type": "resume", "after": None},
}


def test_it_knows_every_socket_when_the_router_is_read():
    assert set(socket_routes()) == {*SOCKETS, ""}, "describe these in SOCKETS"


async def _talk(path: str, *, headers: Mapping[str, str], first: Mapping[str, Any]) -> list[Any]:
    """Open a socket, send the first frame and return what happens until it falls silent."""
    from playground.asgi import application

    sent = [(b"host", b"127.0.0.1"), *((k.encode(), v.encode()) for k, v in headers.items())]
    socket = WebsocketCommunicator(application, path, headers=sent)
    heard: list[Any] = []
    connected, code = await socket.connect(timeout=5)
    heard.append(("connected", connected, code))
    if connected:
        await socket.send_json_to(first)
        while not await socket.receive_nothing(timeout=1.5):
            message = await socket.receive_output()
            heard.append(message.get("text") or (message["type"], message.get("code")))
            if message["type"] == "websocket.close" or len(heard) > 4:
                break
    await socket.disconnect()
    return heard


@pytest.fixture
def committed_world(transactional_db, world):
    return world


@pytest.mark.parametrize("route", sorted(SOCKETS))
@pytest.mark.parametrize("door", ["key", "cookie"])
async def test_it_opens_a_socket_to_the_team_alone_when_somebody_has_the_real_id(
    committed_world, bob, charlie, key_for, client_for, route, door
):
    def headers_of(user: User) -> dict[str, str]:
        if door == "key":
            return {"authorization": f"Bearer {key_for(user)}"}
        value = client_for(user).cookies[settings.SESSION_COOKIE_NAME].value
        return {
            "cookie": f"{settings.SESSION_COOKIE_NAME}={value}",
            "origin": "http://127.0.0.1",
        }

    teammate = await sync_to_async(headers_of)(bob)
    outsider = await sync_to_async(headers_of)(charlie)
    real, unknown = (
        "/" + ids.fill(route) for ids in (committed_world.real, committed_world.unknown)
    )
    first = SOCKETS[route]

    shown = await _talk(real, headers=teammate, first=first)
    for_real = await _talk(real, headers=outsider, first=first)
    for_unknown = await _talk(unknown, headers=outsider, first=first)
    nobody = await _talk(real, headers={"origin": "http://127.0.0.1"}, first=first)
    foreign_page = await _talk(
        real, headers={**teammate, "origin": "https://evil.example"}, first=first
    )

    assert any('"hello"' in str(frame) for frame in shown)
    assert for_real == for_unknown
    for heard in (for_real, nobody, foreign_page):
        assert not any('"hello"' in str(frame) or SECRET in str(frame) for frame in heard)
        assert not heard[0][1] or heard[-1][0] == "websocket.close"


async def test_it_turns_a_socket_away_when_the_path_is_none(db):
    heard = await _talk("/ws/else", headers={"origin": "http://127.0.0.1"}, first={})

    assert heard[0][1] is False


# The gateway's own door, beside Django

GATEWAY = {
    "/v1/models": None,
    "/v1/chat/completions": {
        "model": "offline/planner", "messages": [{"role": "user", "content": "hi"}],
    },
    "/v1/responses": {"model": "offline/planner", "input": "hi"},
    "/v1/embeddings": {"model": EMBEDDINGS, "input": "hi"},
}  # fmt: skip


def test_it_knows_every_door_of_the_gateway_when_its_routes_are_read():
    assert set(ROUTES_OF_GATEWAY) == set(GATEWAY), "describe these in GATEWAY"
    assert set(_rooms) == {"/v1/prompts/"}, "tests/prompts/test_door.py walks this one"


@pytest.mark.parametrize("path", sorted(GATEWAY))
async def test_it_answers_at_the_gateway_only_those_who_are_known(
    transactional_db, valkey, bob, key_for, path
):
    from playground.asgi import application

    body = GATEWAY[path]
    key = await sync_to_async(key_for)(bob)
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:

        async def ask(method: str, **headers: str) -> int:
            answer = await client.request(method, path, json=body, headers=headers)
            return answer.status_code

        own = "GET" if body is None else "POST"
        assert await ask(own, authorization=f"Bearer {key}") == 200
        for method in METHODS:
            assert await ask(method) == 401, method
            assert await ask(method, authorization="Bearer pg_wrong") == 401, method
            if method not in {own, "HEAD"}:
                assert await ask(method, authorization=f"Bearer {key}") == 405, method
