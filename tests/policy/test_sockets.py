"""WebSocket handshakes: who is let in, and from which pages."""

import pytest
from django.conf import settings

from playground.core.context import RequestContext
from playground.policy.authentication import context_from_scope
from playground.policy.models import ApiKey
from playground.policy.origins import origin_allowed

OWN = "127.0.0.1:8000"


def _scope(**headers: str) -> dict[str, object]:
    named = {"host": OWN, **{name.replace("_", "-"): value for name, value in headers.items()}}
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in named.items()]
    return {"type": "websocket", "path": "/ws/threads/x", "headers": pairs, "query_string": b""}


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"origin": f"http://{OWN}"}, True),
        ({"origin": "http://127.0.0.1:9000"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": f"http://{OWN}.evil.example"}, False),
        ({}, False),
        ({"authorization": "Bearer pg_x"}, True),
        ({"authorization": "Bearer pg_x", "origin": "https://evil.example"}, False),
        ({"host": "evil.example", "origin": "http://evil.example"}, False),
        ({"host": "", "authorization": "Bearer pg_x"}, False),
    ],
)
def test_it_judges_the_origin_when_a_socket_is_opened(headers, allowed):
    assert origin_allowed(_scope(**headers)) is allowed


@pytest.mark.django_db(transaction=True)
async def test_it_knows_the_caller_when_a_key_is_sent(key_for_alice):
    context = await context_from_scope(_scope(authorization=f"Bearer {key_for_alice}"))

    key = await ApiKey.objects.aget()
    assert context == RequestContext(subject="user:alice", team="hiring", key=f"key:{key.pk}")


@pytest.mark.django_db(transaction=True)
async def test_it_knows_the_caller_when_the_session_cookie_comes_along(cookie_of_alice):
    context = await context_from_scope(_scope(cookie=f"a=b; {cookie_of_alice}; c=d"))

    assert context == RequestContext(subject="user:alice", team="hiring")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer pg_nope"},
        {"cookie": "playground_8000=nope"},
        {"cookie": ";;;=\xff"},
        {"authorization": "", "cookie": "x"},
    ],
)
async def test_it_knows_nobody_when_nothing_valid_is_sent(headers):
    assert await context_from_scope(_scope(**headers)) is None


@pytest.mark.django_db(transaction=True)
async def test_it_ignores_the_key_when_it_stands_in_the_address(key_for_alice):
    scope = {**_scope(), "query_string": f"key={key_for_alice}".encode()}

    assert await context_from_scope(scope) is None


@pytest.fixture
def key_for_alice(transactional_db, alice, key_for):
    return key_for(alice)


@pytest.fixture
def cookie_of_alice(transactional_db, alice, client_for):
    value = client_for(alice).cookies[settings.SESSION_COOKIE_NAME].value
    return f"{settings.SESSION_COOKIE_NAME}={value}"
