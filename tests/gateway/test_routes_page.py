"""Where routes lead and how endpoints are, on the page and over REST."""

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import redis
from django.test import Client

from playground.gateway import health, watching
from playground.gateway.models import Target
from playground.policy.models import User
from tests.gateway.mock import lead, serve

pytestmark = pytest.mark.usefixtures("valkey")


@pytest.fixture
def connected(db: None, valkey: "redis.Redis") -> None:
    """Two endpoints behind ``both``, the first of which is down, and a route that leads nowhere."""
    one = serve("one", "http://127.0.0.1:9/v1", context_tokens=8192, max_concurrent=4)
    two = serve("two", "http://127.0.0.1:9/v1", input_price="0.5", output_price="1.5")
    lead("both", one, two, retries=2)
    lead("nowhere")
    now = time.time()
    for name, status, code in (("one", "down", "provider.timeout"), ("two", "up", "")):
        reading = {
            "endpoint": name, "status": status, "latency_ms": 12.0, "checked_at": now,
            "since": now, "error_code": code, "failures": 0,
        }  # fmt: skip
        valkey.hset(health.KEY, name, orjson.dumps(reading))
    watching.forget()


def test_it_shows_targets_in_order_with_their_health(
    connected: None, alice: User, client_for: Callable[..., Client]
) -> None:
    text = client_for(alice).get("/models/routes").content.decode()

    assert text.index("one/m") < text.index("two/m")
    assert "provider.timeout" in text
    assert "tried 2 times more, then the next priority answers in its place" in text
    assert "It leads nowhere" in text
    assert "/admin/" not in text


def test_it_offers_staff_the_administration(
    connected: None, alice: User, client_for: Callable[..., Client]
) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)

    assert b"/admin/gateway/route/add/" in client_for(alice).get("/models/routes").content


def test_it_shows_what_each_target_costs_holds_and_takes_at_once(
    connected: None, alice: User, client_for: Callable[..., Client]
) -> None:
    text = client_for(alice).get("/models/routes").content.decode()

    targets = text.split('class="targets"')[1].split("</ol>")[0].split("</li>")
    assert "no price · 8.2k context · 4 at once" in targets[0]
    assert "$0.5 / $1.5" in targets[1]


def test_it_shows_since_when_endpoints_are_as_they_are(
    connected: None, alice: User, client_for: Callable[..., Client]
) -> None:
    text = client_for(alice).get("/models/routes").content.decode()

    endpoints = text.split("data-table endpoints")[1].split("</table>")[0]
    row = endpoints.split(">one<")[1].split("</tr>")[0]
    assert 'data-health="down"' in row
    assert "provider.timeout" in row
    assert row.count("<time ") == 2


def test_it_answers_htmx_with_the_lists_alone(
    connected: None, alice: User, client_for: Callable[..., Client]
) -> None:
    headers = {"HX-Request": "true", "HX-Target": "routes"}

    text = client_for(alice).get("/models/routes", headers=headers).content.decode()

    assert "one/m" in text
    assert "<html" not in text


def test_it_says_what_to_do_when_there_are_no_routes(
    db: None, alice: User, client_for: Callable[..., Client]
) -> None:
    watching.forget()

    text = client_for(alice).get("/models/routes").content.decode()

    assert "No routes yet" in text
    assert "offline/planner" in text


def test_it_tells_routes_and_endpoints_over_rest(
    connected: None, alice: User, api_for: Callable[..., Client]
) -> None:
    api = api_for(alice)

    routes: list[dict[str, Any]] = api.get("/api/models/routes").json()["items"]
    endpoints = {each["name"]: each for each in api.get("/api/models/endpoints").json()["items"]}
    models = {each["id"]: each for each in api.get("/api/models").json()["items"]}

    both = next(route for route in routes if route["name"] == "both")
    assert [(t["model"], t["health"], t["share"]) for t in both["targets"]] == [
        ("one/m", "down", 100),
        ("two/m", "up", 100),
    ]
    assert endpoints["one"]["health"]["error_code"] == "provider.timeout"
    assert endpoints["offline"]["models"] == ["multilingual-e5-small", "planner"]
    assert (models["two/m"]["input_price"], models["two/m"]["output_price"]) == ("0.5", "1.5")
    assert models["one/m"]["context_tokens"] == 8192
    assert "secret" not in str(routes) + str(endpoints) + str(models)


def test_it_shares_a_priority_by_weight(
    connected: None, alice: User, api_for: Callable[..., Client]
) -> None:
    Target.objects.filter(model__endpoint__name="one").update(priority=0, weight=3)
    Target.objects.filter(model__endpoint__name="two").update(priority=0, weight=1)
    watching.forget()

    routes = api_for(alice).get("/api/models/routes").json()["items"]

    both = next(route for route in routes if route["name"] == "both")
    assert [t["share"] for t in both["targets"]] == [75, 25]


@pytest.mark.parametrize(
    ("priorities", "then"),
    [
        ((0, 1, 2), "then the next priority answers"),
        ((0, 0, 0), "then another target answers"),
        ((0, 0, 1), "then another target of its priority, or else of the next, answers"),
    ],
)
def test_it_says_who_answers_when_a_target_fails(
    db: None, alice: User, api_for: Callable[..., Client], priorities: tuple[int, ...], then: str
) -> None:
    models = [serve(f"e{at}", "http://127.0.0.1:9/v1") for at in range(len(priorities))]
    lead("many", *models)
    for model, priority in zip(models, priorities, strict=True):
        Target.objects.filter(model=model).update(priority=priority)
    watching.forget()

    routes = api_for(alice).get("/api/models/routes").json()["items"]

    assert then in next(route for route in routes if route["name"] == "many")["on_failure"]
