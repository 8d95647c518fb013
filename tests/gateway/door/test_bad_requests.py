"""Requests to ``/v1`` that make no sense: a clear error in OpenAI's shape, and never a 500."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async

from playground.asgi import application
from playground.core.embedded.credentials import free_port
from playground.gateway.door import callers
from playground.gateway.models import Guardrail
from playground.policy import bodies
from playground.policy.models import AuditRow, User

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
ROOT = Path(__file__).parents[3]
CHAT = "/v1/chat/completions"


@pytest.fixture
def key(transactional_db: None, alice: User, key_for: Callable[[User], str]) -> str:
    return key_for(alice)


@pytest.fixture
async def http(key: str, valkey: object) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=headers
    ) as client:
        yield client


def chat(**changes: Any) -> bytes:
    asked = {"model": "offline/planner", "messages": [{"role": "user", "content": "hi"}]}
    return json.dumps({**asked, **changes}).encode()


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"", "request.malformed-json", None),
        (b"{", "request.malformed-json", None),
        (b"\xff\xfe", "request.not-utf8", None),
        (b"[]", "request.invalid", None),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "request.too-deep", None),
        (chat(model="a\x00b"), "request.nul", None),
        (chat(model=None), "request.invalid", "model"),
        (chat(model=7), "request.invalid", "model"),
        (chat(messages=[]), "request.invalid", "messages"),
        (chat(messages="hi"), "request.invalid", "messages"),
        (chat(messages=[{"role": "king"}]), "request.invalid", "messages[0].role"),
        (
            chat(messages=[{"role": "user", "content": 3}]),
            "request.invalid",
            "messages[0].content",
        ),
        (chat(n=99), "request.invalid", "n"),
        (chat(stream="yes"), "request.invalid", "stream"),
        (chat(temperature=9), "request.invalid", "temperature"),
        (chat(max_tokens=0), "request.invalid", "max_tokens"),
        (chat(stop=["a", ""]), "request.invalid", "stop"),
        (chat(tools=[1]), "request.invalid", "tools"),
        (chat(model="nobody/knows"), "model_not_found", "model"),
    ],
)
async def test_it_names_what_is_wrong_when_a_body_is(
    http: httpx.AsyncClient, body: bytes, code: str, param: str | None
) -> None:
    answer = await http.post(CHAT, content=body)

    error = answer.json()["error"]
    assert answer.status_code in (400, 404)
    assert (error["code"], error["param"]) == (code, param)
    assert error["type"] == "invalid_request_error"
    assert answer.headers["X-Request-ID"]


CALL: dict[str, Any] = {"id": "1", "type": "function"}


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": ["user"]}, "role"),
        ({"role": {"user": 1}}, "role"),
        ({"role": None}, "role"),
        ({"content": {"text": "hi"}}, "content"),
        ({"content": [1]}, "content"),
        ({"content": [None]}, "content"),
        ({"tool_calls": "find"}, "tool_calls"),
        ({"tool_calls": {"a": 1}}, "tool_calls"),
        ({"tool_calls": ["find"]}, "tool_calls"),
        ({"tool_calls": [CALL | {"function": "find"}]}, "tool_calls[0].function"),
        ({"tool_calls": [CALL | {"function": {"name": 1}}]}, "tool_calls[0].function"),
    ],
)
@pytest.mark.parametrize("ruled", [False, True])
async def test_it_names_what_is_wrong_when_a_message_is(
    http: httpx.AsyncClient, message: dict[str, Any], param: str, ruled: bool
) -> None:
    if ruled:
        await Guardrail.objects.acreate(name="no-pii", check_kind="pii", action="redact")

    answer = await http.post(
        CHAT, content=chat(messages=[{"role": "user", "content": "hi"} | message])
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == f"messages[0].{param}"


async def test_it_asks_once_whether_a_purpose_may_be_declared(http: httpx.AsyncClient) -> None:
    """Each time is a row of the audit log: callers are not kept known by more of them."""
    headers = {"Playground-Purpose": "support"}
    answer = await http.post(CHAT, content=chat(), headers=headers)
    written = await AuditRow.objects.acount()
    assert (answer.status_code, written > 0) == (200, True)

    await asyncio.sleep(callers.KNOWN_FOR_S * 2)

    assert await AuditRow.objects.acount() == written


async def test_it_refuses_a_body_that_is_too_large(http: httpx.AsyncClient) -> None:
    answer = await http.post(CHAT, content=b" " * (11 * 2**20))

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request.too-large"


@pytest.mark.parametrize(
    ("length", "status", "code"),
    [
        ("\u00b2", 400, "request.malformed"),
        ("-1", 400, "request.malformed"),
        ("1e3", 400, "request.malformed"),
        ("9" * 5000, 413, "request.too-large"),
        (str(11 * 2**20), 413, "request.too-large"),
    ],
)
async def test_it_says_what_is_wrong_with_a_length(
    http: httpx.AsyncClient, length: str, status: int, code: str
) -> None:
    headers = [(b"Content-Length", length.encode("latin-1"))]

    answer = await http.post(CHAT, content=chat(), headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("trickles", [True, False])
async def test_it_waits_only_so_long_for_a_body(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, trickles: bool
) -> None:
    monkeypatch.setattr(bodies, "TAKEN_WITHIN_S", 0.3)

    async def body() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.02 if trickles else 60)
            yield b" "

    answer = await asyncio.wait_for(http.post(CHAT, content=body()), 10)

    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "request.timeout")


ASK_WITHOUT_DATABASE = """
import asyncio, sys
import httpx
from playground.asgi import application

async def ask():
    transport = httpx.ASGITransport(app=application)
    headers = {"Authorization": f"Bearer {sys.argv[1]}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answer = await http.get("/v1/models", headers=headers)
        print(answer.status_code, answer.text)

asyncio.run(ask())
"""


async def test_it_is_unavailable_when_there_is_no_database(key: str) -> None:
    away = {
        "DATABASE_URL": f"postgres://nobody@127.0.0.1:{free_port()}/nothing",
        "PLAYGROUND_DB_POOL": "0",
    }

    asking = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ASK_WITHOUT_DATABASE, key, cwd=ROOT, env=os.environ | away,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, _ = await asking.communicate()

    status, _, body = told.decode().strip().splitlines()[-1].partition(" ")
    error = json.loads(body)["error"]
    assert (status, error["code"], error["type"]) == ("503", "unavailable", "server_error")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", CHAT, 405),
        ("POST", "/v1/models", 405),
        ("GET", "/v1/else", 404),
        ("GET", "/v1/", 404),
    ],
)
async def test_it_says_so_when_there_is_no_such_door(
    http: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await http.request(method, path)

    assert answer.status_code == status
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer pg_nope"}, 401),
        ({"Authorization": "Basic YTpi"}, 401),
        ({"Origin": "https://evil.example"}, 403),
        ({"Host": "evil.example"}, 401),
    ],
)
async def test_it_stays_closed_when_nobody_known_calls(
    http: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    answer = await http.post(CHAT, content=chat(), headers=headers)

    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


async def test_it_lets_a_viewer_look_but_not_call(
    http: httpx.AsyncClient, vera: User, key_for: Callable[[User], str]
) -> None:
    headers = {"Authorization": f"Bearer {await sync_to_async(key_for)(vera)}"}

    looked = await http.get("/v1/models", headers=headers)
    called = await http.post(CHAT, content=chat(), headers=headers)

    assert looked.status_code == 200
    assert (called.status_code, called.json()["error"]["code"]) == (403, "policy.denied")
