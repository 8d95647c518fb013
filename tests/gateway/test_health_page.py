"""The page of the models: by who answers, with health, price and the calls of today."""

import datetime as dt
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import redis
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from playground.core.clock import now
from playground.gateway import health, watching
from playground.gateway.models import Endpoint, LedgerRow, Route, ServedModel
from playground.policy.models import User
from tests.gateway.mock import SECRET, lead, serve

pytestmark = pytest.mark.usefixtures("valkey")
FRAGMENT = {"HX-Request": "true", "HX-Target": "models-list"}
Clients = Callable[..., Client]


@pytest.fixture
def connected(db: None, valkey: "redis.Redis") -> None:
    """Endpoint ``one`` is down, ``two`` up, ``off`` switched off, ``bare`` without a model."""
    one = serve("one", "http://127.0.0.1:9/v1", context_tokens=8192)
    two = serve("two", "http://127.0.0.1:9/v1", input_price="10", output_price="30")
    lead("both", one, two)
    serve("off", "http://127.0.0.1:9/v1")
    Endpoint.objects.filter(name="off").update(enabled=False)
    Endpoint.objects.create(name="bare", base_url="http://127.0.0.1:9/v1", external=True)
    at = time.time()
    for name, status, code in (("one", "down", "provider.timeout"), ("two", "up", "")):
        reading = {
            "endpoint": name, "status": status, "latency_ms": 12.0, "checked_at": at,
            "since": at, "error_code": code, "failures": 0,
        }  # fmt: skip
        valkey.hset(health.KEY, name, orjson.dumps(reading))
    watching.forget()


def call(**fields: Any) -> None:
    known: dict[str, Any] = {
        "id": uuid.uuid4(), "settled_at": now(), "team": "hiring", "subject": "user:alice",
        "purpose": "agent-development", "operation": "chat", "model": "both",
        "served_by": "two/m", "outcome": "succeeded",
    }  # fmt: skip
    LedgerRow(**known | fields).save(force_insert=True)


def group_of(text: str, name: str) -> str:
    """Return the part of the list that is about one endpoint."""
    return text.split(f'"models-who">{name}<')[1].split("</tbody>")[0]


def test_it_groups_models_by_who_answers(connected: None, alice: User, client_for: Clients) -> None:
    text = client_for(alice).get("/models").content.decode()

    assert "both" in group_of(text, "Routes")
    assert "provider.timeout" in group_of(text, "one")
    assert "one/m" in group_of(text, "one")
    assert "8.2k" in group_of(text, "one")
    assert ">12 ms<" in group_of(text, "two")
    assert "$10 / $30" in group_of(text, "two")
    assert "switched off" in group_of(text, "off")
    assert "no model that can be called yet" in group_of(text, "bare")
    assert 'data-health="up"' in group_of(text, "offline")
    assert "offline/multilingual-e5-small" in group_of(text, "offline")
    assert SECRET not in text
    assert "style=" not in text


def test_it_says_that_a_route_is_down_when_nothing_behind_it_answers(
    connected: None, alice: User, client_for: Clients
) -> None:
    lead("lost", ServedModel.objects.get(endpoint__name="one"))
    watching.forget()

    routes = group_of(client_for(alice).get("/models").content.decode(), "Routes")

    assert 'data-health="down"' not in routes.split(">both<")[1].split("</tr>")[0]
    assert 'data-health="down"' in routes.split(">lost<")[1].split("</tr>")[0]


def test_it_counts_the_calls_of_today_of_ones_own_team(
    connected: None, alice: User, client_for: Clients
) -> None:
    for fields in ({}, {}, {"model": "two/m"}, {"team": "trust"}, {"served_by": "one/m"},
                   {"settled_at": now() - dt.timedelta(days=1)}):  # fmt: skip
        call(**fields)

    text = client_for(alice).get("/models").content.decode()

    assert 'period=1&amp;model=both" id="calls-1">3</a>' in group_of(text, "Routes")
    assert '<td class="num m-calls">3</td>' in group_of(text, "two")
    assert '<td class="num m-calls">1</td>' in group_of(text, "one")


def test_it_answers_the_list_alone_when_it_is_read_anew(
    connected: None, alice: User, client_for: Clients
) -> None:
    client = client_for(alice)
    page = client.get("/models").content.decode()

    text = client.get("/models", headers=FRAGMENT).content.decode()

    assert 'hx-trigger="every 15s"' in page
    assert "two/m" in text
    assert "<html" not in text
    assert "try-form" not in text


@pytest.mark.parametrize("address", ["/models", "/models/routes"])
def test_it_leads_staff_to_what_they_can_edit(
    connected: None, alice: User, client_for: Clients, address: str
) -> None:
    endpoint, route = Endpoint.objects.get(name="one"), Route.objects.get(name="both")
    before = client_for(alice).get(address).content.decode()
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)

    text = client_for(alice).get(address).content.decode()

    assert "/admin/" not in before
    assert f"/admin/gateway/endpoint/{endpoint.pk}/change/" in text
    assert address == "/models" or f"/admin/gateway/route/{route.pk}/change/" in text
    for path in re.findall(r'"(/admin/gateway/[^"]+/change/)"', text):
        assert client_for(alice).get(path).status_code == 200


def test_it_says_how_to_connect_a_model_when_there_is_none(
    db: None, alice: User, client_for: Clients
) -> None:
    watching.forget()

    text = client_for(alice).get("/models").content.decode()

    assert "Connect a real model" in text
    assert "OPENAI_API_KEY" in text
    assert "/admin/" not in text


@pytest.mark.parametrize("address", ["/models", "/models/routes"])
def test_it_asks_the_database_no_more_when_there_are_more_endpoints(
    connected: None, alice: User, client_for: Clients, address: str
) -> None:
    def asked() -> int:
        watching.forget()
        watching.current()
        with CaptureQueriesContext(connection) as queries:
            assert client_for(alice).get(address).status_code == 200
        # What signing in and the policies cost is not of these pages.
        return sum('"gateway_' in each["sql"] for each in queries)

    before = asked()
    for number in range(8):
        lead(f"way-{number}", serve(f"more-{number}", "http://127.0.0.1:9/v1"))

    assert asked() == before


def test_it_tells_the_endpoint_of_each_model_over_rest(
    connected: None, alice: User, api_for: Clients
) -> None:
    api = api_for(alice)

    models = {each["id"]: each for each in api.get("/api/models").json()["items"]}
    endpoints = {each["name"]: each for each in api.get("/api/models/endpoints").json()["items"]}

    assert (models["one/m"]["endpoint"], models["one/m"]["health"]) == ("one", "down")
    assert models["two/m"]["input_price"] == models["two/m"]["cached_input_price"] == "10"
    assert models["two/m"]["external"] is False
    assert (models["both"]["endpoint"], models["both"]["health"]) == (None, "up")
    assert models["offline/planner"]["health"] == "up"
    assert endpoints["off"]["health"]["status"] == "disabled"
    assert endpoints["bare"]["health"] == {
        "status": "unknown", "latency_ms": None, "checked_at": None, "since": None,
        "error_code": "",
    }  # fmt: skip
    assert endpoints["one"]["health"]["since"]
