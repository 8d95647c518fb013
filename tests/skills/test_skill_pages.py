from collections.abc import Callable

import pytest
from django.test import Client

from playground.policy.models import User

ClientFor = Callable[[User], Client]


@pytest.fixture(autouse=True)
def _services(valkey: object) -> None:
    """Requests are counted in Valkey."""


def test_it_lists_and_searches_when_asked_over_the_api(api_for: ClientFor, alice: User) -> None:
    everything = api_for(alice).get("/api/skills").json()
    found = api_for(alice).get("/api/skills?q=arithmetic").json()

    assert len(everything["items"]) == 7
    assert everything["next"] is None
    assert found["items"][0]["name"] == "math.calculate"
    assert found["items"][0]["input_schema"]["required"] == ["expression"]


def test_it_answers_alike_when_a_skill_is_unknown_or_another_teams(
    api_for: ClientFor, charlie: User
) -> None:
    client = api_for(charlie)
    for method, path in (("get", ""), ("post", "/invoke")):
        bodies = []
        for name in ("hiring.search_jobs", "hiring.nothing"):
            answer = getattr(client, method)(
                f"/api/skills/{name}{path}",
                {"arguments": {}} if method == "post" else {},
                content_type="application/json",
            )
            assert answer.status_code == 404
            bodies.append({k: v for k, v in answer.json().items() if k not in _OWN})
        assert bodies[0] == bodies[1]


_OWN = ("request_id", "instance")


def test_it_returns_an_outcome_when_invoked_over_the_api(api_for: ClientFor, alice: User) -> None:
    answer = api_for(alice).post(
        "/api/skills/math.calculate/invoke",
        {"arguments": {"expression": "6 * 7"}},
        content_type="application/json",
    )

    assert answer.status_code == 200
    assert answer.json()["output"]["value"] == 42


def test_it_names_the_fields_when_the_arguments_are_wrong(api_for: ClientFor, alice: User) -> None:
    answer = api_for(alice).post(
        "/api/skills/math.calculate/invoke", {"arguments": {}}, content_type="application/json"
    )

    assert answer.status_code == 422
    assert answer.json()["code"] == "skill.arguments-invalid"
    assert answer.json()["errors"] == [{"field": "expression", "message": "is required"}]


def test_it_is_forbidden_when_a_viewer_invokes(api_for: ClientFor, vera: User) -> None:
    answer = api_for(vera).post(
        "/api/skills/math.calculate/invoke",
        {"arguments": {"expression": "1"}},
        content_type="application/json",
    )

    assert answer.status_code == 403


def test_it_shows_the_pages_when_signed_in(client_for: ClientFor, alice: User) -> None:
    client = client_for(alice)

    assert "Search candidates" in client.get("/skills").content.decode()
    part = client.get("/skills?q=arithmetic", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "Calculate" in part
    page = client.get("/skills/hiring.search_candidates").content.decode()
    assert 'name="seniority"' in page
    tried = client.post("/skills/math.calculate/try", {"expression": "6*7"})
    assert "6*7 = 42" in tried.content.decode()
    wrong = client.post("/skills/math.calculate/try", {"expression": ""})
    assert wrong.status_code == 422
    assert "is required" in wrong.content.decode()
