"""A list refuses a cursor that it has not given, whatever that names."""

import uuid
from collections.abc import Callable

import pytest
from django.test import Client

from playground.console.workbench.models import Workbench
from playground.core.clock import now
from playground.core.cursors import give
from playground.policy.models import Team, User
from playground.prompts.models import Prompt
from playground.tracing.models import Trace

pytestmark = pytest.mark.django_db(databases="__all__")

LAST = str(uuid.UUID(int=0))
AT = "2026-01-01T00:00:00Z"
BENCHES = "workbench -created -place -id"
PROPOSALS = "labelproposal  -waits -proposed_at -id"
LISTS: dict[str, tuple[str, tuple[object, ...], dict[str, str]]] = {
    "/api/workbench": (BENCHES, (AT, LAST), {}),
    "/api/prompts/proposals": (PROPOSALS, (True, AT, LAST), {}),
    "/api/prompts": ("prompts changed", (AT, "hiring", "a"), {"sort": "changed"}),
    "/api/threads": ("threads -used", (AT, LAST), {}),
    "/api/models/calls": ("calls -settled", (AT, LAST), {}),
    "/api/traces": ("traces -started", (AT, LAST), {}),
}


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

    answer = client.get(
        "/api/traces", {"sort": sort, "cursor": give(f"traces -{sort}", value, last)}
    )

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
    client = api_for(alice, raise_request_exception=False)

    for path, (listed, values, sorted_by) in LISTS.items():
        right, wrong = (
            client.get(path, {"cursor": give(listed, *given), **sorted_by})
            for given in (values, [moment if each == AT else each for each in values])
        )
        assert right.status_code == 200, path
        assert (wrong.status_code, wrong.json()["code"]) == (422, "cursor.invalid"), path


@pytest.mark.parametrize("waits", ["x", 5, None, 1.5, [True]])
@pytest.mark.parametrize("last", [LAST, "x", None])
def test_it_refuses_a_cursor_of_values_that_no_column_has(
    valkey: object, alice: User, api_for: Callable[..., Client], waits: object, last: object
) -> None:
    cursor = give(PROPOSALS, waits, AT, last)

    answer = api_for(alice).get("/api/prompts/proposals", {"cursor": cursor})

    assert (answer.status_code, answer.json()["code"]) == (422, "cursor.invalid")


@pytest.mark.parametrize(
    ("path", "one", "others"),
    [
        ("/api/prompts", "name", ["-name", "changed"]),
        ("/api/prompts", "-changed", ["changed", "name", "-version"]),
        ("/api/workbench", "-updated", ["updated", "-created", "-name"]),
        ("/api/workbench", "name", ["owner", "-name"]),
        ("/api/traces", "cost", ["tokens", "duration", "name"]),
    ],
)
def test_it_refuses_a_cursor_of_another_order(
    valkey: object,
    alice: User,
    api_for: Callable[..., Client],
    path: str,
    one: str,
    others: list[str],
) -> None:
    team = Team.objects.get(slug="hiring")
    Prompt.objects.bulk_create(Prompt(team=team, name=name) for name in "ab")
    Workbench.objects.bulk_create(Workbench(team=team, author="user:alice") for _ in "ab")
    at = {"started_at": now(), "stored_at": now()}
    Trace.objects.bulk_create(
        Trace(id=name * 32, team="hiring", status="ok", **at) for name in "ab"
    )
    client = api_for(alice)
    cursor = client.get(path, {"sort": one, "limit": 1}).json()["next"]

    same = client.get(path, {"sort": one, "cursor": cursor})
    refused = [client.get(path, {"sort": each, "cursor": cursor}) for each in others]

    assert (same.status_code, len(same.json()["items"])) == (200, 1)
    assert {each.json()["code"] for each in refused} == {"cursor.invalid"}
