"""A list refuses a cursor that it has not given, whatever that names."""

import base64
import uuid
from collections.abc import Callable

import orjson
import pytest
from django.test import Client

from playground.policy.models import User

pytestmark = pytest.mark.django_db(databases="__all__")

LAST = str(uuid.UUID(int=0))


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode()


@pytest.mark.parametrize(
    ("sort", "value", "last"),
    [
        ("cost", "NaN", LAST),
        ("tokens", "Infinity", LAST),
        ("duration", "sNaN", LAST),
        ("name", "a\x00b", LAST),
        ("name", "a", "\x00"),
    ],
)
def test_it_refuses_a_cursor_of_what_no_trace_has(
    valkey: object, alice: User, api_for: Callable[..., Client], sort: str, value: str, last: str
) -> None:
    client = api_for(alice, raise_request_exception=False)

    answer = client.get("/api/traces", {"sort": sort, "cursor": packed([value, last])})

    assert (answer.status_code, answer.json()["code"]) == (422, "cursor.invalid")


@pytest.mark.parametrize(
    "moment",
    [
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "2026-01-01T00:00:00",
        "2026-01-01",
    ],
)
def test_it_refuses_a_cursor_of_a_time_that_no_row_has(
    valkey: object, alice: User, api_for: Callable[..., Client], moment: str
) -> None:
    given: dict[str, dict[str, str]] = {
        "/api/workbench": {"cursor": packed([moment, LAST])},
        "/api/prompts/proposals": {"cursor": packed([True, moment, LAST])},
        "/api/prompts": {"sort": "changed", "cursor": f"{moment}~hiring/a"},
        "/api/threads": {"cursor": base64.b64encode(f"{moment}|{LAST}".encode()).decode()},
        "/api/models/calls": {"cursor": packed([moment, LAST])},
        "/api/traces": {"cursor": packed([moment, LAST])},
    }
    client = api_for(alice, raise_request_exception=False)

    for path, asked in given.items():
        answer = client.get(path, asked)
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor.invalid"), path
