"""Requests to ``/v1`` that make no sense: a clear error in OpenAI's shape, and never a 500."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async

from playground.asgi import application
from playground.policy.models import User

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
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
        (chat(model="nobody/knows"), "model_not_found", None),
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


async def test_it_refuses_a_body_that_is_too_large(http: httpx.AsyncClient) -> None:
    answer = await http.post(CHAT, content=b" " * (11 * 2**20))

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request.too-large"


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
