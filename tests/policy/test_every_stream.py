"""Every stream and socket, and the gateway's door beside Django: open to the team alone."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings

from playground.gateway.door.routes import _rooms
from playground.gateway.door.serving import ROUTES as ROUTES_OF_GATEWAY
from playground.gateway.embeddings import MODEL as EMBEDDINGS
from playground.policy.models import User
from tests.policy.routes import METHODS, STREAMS, socket_routes
from tests.policy.walking import SECRET, World, as_nobody, as_outsider, as_teammate, build


@pytest.fixture
def world(transactional_db: None, valkey: object) -> World:
    return build()


@pytest.mark.parametrize("route", STREAMS)
def test_it_streams_to_the_team_alone(world, client_of, route):
    as_nobody(world, route)
    as_outsider(world, route, client_of)
    as_teammate(world, route, client_of)


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


@pytest.mark.parametrize("route", sorted(SOCKETS))
@pytest.mark.parametrize("door", ["key", "cookie"])
async def test_it_opens_a_socket_to_the_team_alone_when_somebody_has_the_real_id(
    world, key_for, client_for, route, door
):
    def headers_of(user: User) -> dict[str, str]:
        if door == "key":
            return {"authorization": f"Bearer {key_for(user)}"}
        value = client_for(user).cookies[settings.SESSION_COOKIE_NAME].value
        return {
            "cookie": f"{settings.SESSION_COOKIE_NAME}={value}",
            "origin": "http://127.0.0.1",
        }

    teammate = await sync_to_async(headers_of)(world.bob)
    outsider = await sync_to_async(headers_of)(world.charlie)
    real, unknown = ("/" + ids.fill(route) for ids in (world.real, world.unknown))
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
