"""Agents and threads over HTTP: the shapes that scripts rely on."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.models import Agent, Thread
from playground.messaging.models import Message
from playground.policy.models import User

pytestmark = pytest.mark.django_db(databases="__all__")

ApiFor = Callable[[User], Client]
WIRING: dict[str, Any] = {"title": "Helper", "prompt": "You help {{ user.name }}."}


def post(client: Client, path: str, body: Any, **options: Any) -> Any:
    return client.post(path, body, content_type="application/json", **options)


def test_it_lists_agents_by_name(api_for: ApiFor, alice: User, scout: Agent) -> None:
    listed = api_for(alice).get("/api/agents").json()

    assert [item["name"] for item in listed["items"]] == ["scout"]
    assert listed["next"] is None
    assert listed["items"][0]["version"] == 1


def test_it_makes_reads_and_changes_an_agent(api_for: ApiFor, alice: User) -> None:
    api = api_for(alice)

    made = post(api, "/api/agents", {**WIRING, "name": "helper"})
    changed = api.put(
        "/api/agents/helper", {**WIRING, "step_limit": 4}, content_type="application/json"
    )

    assert (made.status_code, made.json()["version"]) == (201, 1)
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert api.get("/api/agents/helper").json()["step_limit"] == 4
    versions = api.get("/api/agents/helper/versions").json()["items"]
    assert [version["version"] for version in versions] == [2, 1]


def test_it_names_fields_and_codes_when_a_wiring_is_wrong(api_for: ApiFor, alice: User) -> None:
    answer = post(api_for(alice), "/api/agents", {**WIRING, "name": "No Slug", "step_limit": 99})

    assert answer.status_code == 422
    assert answer.json()["code"] == "agent.invalid"
    assert [error["code"] for error in answer.json()["errors"]] == [
        "agent.name-invalid",
        "agent.step-limit-range",
    ]


def test_it_refuses_a_name_that_is_taken(api_for: ApiFor, alice: User, scout: Agent) -> None:
    answer = post(api_for(alice), "/api/agents", {**WIRING, "name": "scout"})

    assert (answer.status_code, answer.json()["code"]) == (409, "agent.name-taken")


def test_it_opens_a_thread_and_takes_messages(api_for: ApiFor, alice: User, scout: Agent) -> None:
    api = api_for(alice)
    opened = post(api, "/api/threads", {"agent": "scout"})
    path = f"/api/threads/{opened.json()['id']}"

    sent = post(api, f"{path}/messages", {"content": "Find someone\nquickly"})

    assert opened.status_code == 201
    assert sent.status_code == 202
    assert sent.json().keys() == {"id", "seq", "run_id"}
    (message,) = api.get(f"{path}/messages").json()["items"]
    assert message["id"] == sent.json()["id"]
    assert message["seq"] == sent.json()["seq"]
    assert (message["role"], message["content"]) == ("user", "Find someone\nquickly")
    assert message["run_id"] == sent.json()["run_id"]
    assert api.get(path).json()["title"] == "Find someone"


@pytest.mark.parametrize("by_header", [True, False])
def test_it_answers_alike_when_a_message_is_sent_twice(
    api_for: ApiFor, alice: User, thread: Thread, by_header: bool
) -> None:
    api, path = api_for(alice), f"/api/threads/{thread.pk}/messages"
    body = {"content": "hello"} if by_header else {"content": "hello", "dedup_key": "k1"}
    options = {"headers": {"idempotency-key": "k1"}} if by_header else {}

    answers = [post(api, path, body, **options).json() for _ in range(3)]
    other = post(api, path, {**body, "content": "other"}, **options)

    assert answers[0] == answers[1] == answers[2]
    assert Message.objects.filter(lane_id=thread.pk).count() == 1
    assert (other.status_code, other.json()["code"]) == (409, "message.dedup-conflict")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ("", 422, "message.empty"),
        ("  \n", 422, "message.empty"),
        ("a\x00b", 400, "request.nul"),
        ("é" * 40_000, 413, "message.too-large"),
    ],
)
def test_it_refuses_content_that_no_thread_takes(
    api_for: ApiFor, alice: User, thread: Thread, content: str, status: int, code: str
) -> None:
    answer = post(api_for(alice), f"/api/threads/{thread.pk}/messages", {"content": content})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Message.objects.filter(lane_id=thread.pk).exists()


@pytest.mark.parametrize("verb", ["read", "messages", "post", "patch", "upgrade", "seen"])
def test_it_answers_like_an_unknown_id_when_a_thread_is_another_teams(
    api_for: ApiFor, charlie: User, thread: Thread, verb: str
) -> None:
    api = api_for(charlie)

    def answer(thread_id: object) -> tuple[int, Any]:
        path = f"/api/threads/{thread_id}"
        calls: dict[str, Callable[[], Any]] = {
            "read": lambda: api.get(path),
            "messages": lambda: api.get(f"{path}/messages"),
            "post": lambda: post(api, f"{path}/messages", {"content": "hello"}),
            "patch": lambda: api.patch(path, {"title": "mine"}, content_type="application/json"),
            "upgrade": lambda: post(api, f"{path}/upgrade", {}),
            "seen": lambda: post(api, f"{path}/read", {"seq": 1}),
        }
        given = calls[verb]()
        body = given.json()
        body.pop("request_id", None)
        body.pop("instance", None)
        return given.status_code, body

    assert answer(thread.pk) == answer(uuid.uuid4())
    assert answer(thread.pk)[0] == 404
    assert answer("not-an-id")[0] == 404


def test_it_lets_teammates_post_and_viewers_only_read(
    api_for: ApiFor, bob: User, vera: User, thread: Thread
) -> None:
    path = f"/api/threads/{thread.pk}"

    assert post(api_for(bob), f"{path}/messages", {"content": "me too"}).status_code == 202
    assert api_for(vera).get(f"{path}/messages").status_code == 200
    refused = post(api_for(vera), f"{path}/messages", {"content": "hello"})
    assert (refused.status_code, refused.json()["code"]) == (403, "policy.denied")


def test_it_pages_through_threads_without_gaps(api_for: ApiFor, alice: User, scout: Agent) -> None:
    api = api_for(alice)
    made = {post(api, "/api/threads", {"agent": "scout"}).json()["id"] for _ in range(5)}

    seen: list[str] = []
    cursor = ""
    while True:
        page = api.get(
            "/api/threads", {"limit": 2, **({"cursor": cursor} if cursor else {})}
        ).json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]

    assert len(seen) == 5
    assert set(seen) == made


def test_it_renames_archives_and_finds_threads(
    api_for: ApiFor, alice: User, thread: Thread
) -> None:
    api, path = api_for(alice), f"/api/threads/{thread.pk}"

    for nothing in ("null", "[]", "{}", "1"):
        refused = api.patch(path, nothing, content_type="application/json")
        assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid")
    renamed = api.patch(path, {"title": "Berlin"}, content_type="application/json").json()
    found = api.get("/api/threads", {"q": "berl"}).json()["items"]
    api.patch(path, {"archived": True}, content_type="application/json")

    assert renamed["title"] == "Berlin"
    assert [item["id"] for item in found] == [str(thread.pk)]
    assert api.get("/api/threads").json()["items"] == []
    assert len(api.get("/api/threads", {"archived": True}).json()["items"]) == 1
    refused = post(api, f"{path}/messages", {"content": "hello"})
    assert (refused.status_code, refused.json()["code"]) == (409, "thread.archived")


@pytest.mark.parametrize("cursor", ["nonsense", "AAAA", "é", "e" * 5000])
def test_it_refuses_a_cursor_that_it_never_gave(api_for: ApiFor, alice: User, cursor: str) -> None:
    answer = api_for(alice).get("/api/threads", {"cursor": cursor})

    assert (answer.status_code, answer.json()["code"]) == (422, "cursor.invalid")


def test_it_remembers_what_each_person_has_read(
    api_for: ApiFor, alice: User, bob: User, thread: Thread
) -> None:
    seq = post(api_for(alice), f"/api/threads/{thread.pk}/messages", {"content": "hi"}).json()[
        "seq"
    ]

    post(api_for(alice), f"/api/threads/{thread.pk}/read", {"seq": seq + 5})

    assert api_for(alice).get(f"/api/threads/{thread.pk}").json()["unread"] is False
    assert api_for(bob).get(f"/api/threads/{thread.pk}").json()["unread"] is True


def test_it_renders_prompts_without_saving_them(api_for: ApiFor, alice: User) -> None:
    body = {
        "messages": [{"role": "system", "template": "Hello {{ name }}"}],
        "variables": {"name": "Ana"},
    }

    good = post(api_for(alice), "/api/prompts/render", body)
    bad = post(api_for(alice), "/api/prompts/render", {**body, "variables": {}})

    assert good.json() == {"messages": [{"role": "system", "content": "Hello Ana"}]}
    assert bad.status_code == 422
    assert (bad.json()["code"], bad.json()["line"], bad.json()["column"]) == (
        "prompt.undefined",
        1,
        10,
    )
