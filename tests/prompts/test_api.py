"""Prompts over HTTP, as scripts use them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from playground.policy.models import User
from playground.prompts.labelling import move_label
from playground.prompts.models import PromptVersion
from playground.prompts.saving import save_version
from tests.prompts.conftest import fragment

pytestmark = pytest.mark.django_db
ApiFor = Callable[[User], Client]
PATH = "/api/prompts/hiring/outreach"


def send(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    call = getattr(client, method)
    kwargs: dict[str, Any] = {"headers": headers}
    if body is not None:
        kwargs |= {"data": body, "content_type": "application/json"}
    answer: HttpResponse = call(path, **kwargs)
    return answer


def content(template: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "template": template}], **more}


def test_it_makes_saves_reads_and_compares_versions(api_for: ApiFor, alice: User) -> None:
    api = api_for(alice)

    made = send(api, "post", "/api/prompts", {"name": "hello", "content": content("Hi {{ name }}")})
    saved = send(
        api,
        "post",
        "/api/prompts/hiring/hello/versions",
        {"content": content("Hello {{ name }}"), "note": "Warmer", "based_on": 1},
    )
    late = send(
        api,
        "post",
        "/api/prompts/hiring/hello/versions",
        {"content": content("Hey"), "based_on": 1},
    )
    listed = send(api, "get", "/api/prompts/hiring/hello/versions?limit=1").json()
    changed = send(api, "get", "/api/prompts/hiring/hello/diff?before=1&after=2").json()

    assert (made.status_code, made.json()["prompt"]) == (201, "hiring/hello")
    assert (saved.status_code, saved.json()["version"]) == (201, 2)
    assert (late.status_code, late.json()["code"]) == (409, "prompt.edited-meanwhile")
    assert [each["note"] for each in listed["items"]] == ["Warmer"]
    assert listed["next"] == "2"
    assert "-Hi {{ name }}\n+Hello {{ name }}" in changed["unified"]
    assert [each["change"] for each in changed["parts"]] == ["changed", "same"]


def test_it_lists_prompts_by_search_kind_and_label(
    api_for: ApiFor, alice: User, outreach: PromptVersion
) -> None:
    api = api_for(alice)
    send(api, "put", f"{PATH}/labels/staging", {"version": 1})

    def found(query: str) -> list[str]:
        answer = send(api, "get", f"/api/prompts?{query}").json()
        return [each["prompt"] for each in answer["items"]]

    assert found("") == ["hiring/outreach", "trust/responsible-ai"]
    assert found("kind=fragment") == ["trust/responsible-ai"]
    assert found("q=OUTR") == ["hiring/outreach"]
    assert found("label=staging") == ["hiring/outreach"]
    assert found("archived=true") == []
    first = send(api, "get", "/api/prompts?limit=1").json()
    assert found(f"cursor={first['next']}") == ["trust/responsible-ai"]
    assert first["items"][0]["labels"] == {"staging": 1}


def test_it_answers_304_to_whoever_has_the_version(
    api_for: ApiFor, alice: User, outreach: PromptVersion
) -> None:
    api = api_for(alice)

    for path in (f"{PATH}/versions/1", f"{PATH}/resolve?version=1"):
        first = send(api, "get", path)
        again = send(api, "get", path, **{"if-none-match": first["ETag"]})
        other = send(api, "get", path, **{"if-none-match": '"other"'})

        assert (first.status_code, again.status_code, other.status_code) == (200, 304, 200)
        assert again.content == b""
        assert again["ETag"] == first["ETag"]
    assert first.json()["composed_from"] == [
        {
            "fragment": "trust/responsible-ai",
            "version": 1,
            "name": "trust/responsible-ai",
            "through": None,
        }
    ]


def test_it_resolves_and_renders_by_label(
    api_for: ApiFor, alice: User, outreach: PromptVersion
) -> None:
    api = api_for(alice)
    variables = {"name": "Ana", "audience": "all"}
    unknown = send(api, "get", f"{PATH}/resolve?label=staging")
    moved = send(
        api, "put", f"{PATH}/labels/staging", {"version": 1, "expected": None, "reason": "try"}
    )
    raced = send(api, "put", f"{PATH}/labels/staging", {"version": 1, "expected": None})
    resolved = send(api, "get", f"{PATH}/resolve?label=staging").json()
    rendered = send(
        api, "post", f"{PATH}/render", {"label": "staging", "variables": variables}
    ).json()
    wrong = send(api, "post", f"{PATH}/render", {"variables": {"name": "Ana"}})
    both = send(api, "post", f"{PATH}/render", {"label": "staging", "version": 1})

    assert (unknown.status_code, unknown.json()["code"]) == (404, "prompt.label-unknown")
    assert moved.json()["revision"] == 1
    assert (raced.status_code, raced.json()["code"]) == (409, "prompt.label-moved")
    assert (resolved["version"], resolved["reason"]) == (1, "label staging")
    assert rendered["messages"] == [{"role": "system", "content": "Write to Ana.\nBe fair to all."}]
    assert wrong.json()["errors"] == [{"path": "/audience", "message": "is required"}]
    assert both.json()["code"] == "prompt.label-and-version"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "/resolve?labl=production", None),
        ("delete", "/labels/staging?expect=1", None),
        ("post", "/render", {"labl": "production", "variables": {"audience": "you"}}),
        ("put", "/labels/staging", {"version": 1, "expect": 2}),
        ("post", "/versions", {"based_upon": 1, "content": {"messages": []}}),
    ],
)
def test_it_refuses_a_name_that_it_does_not_know(
    api_for: ApiFor,
    alice: User,
    outreach: PromptVersion,
    method: str,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    answer = send(api_for(alice), method, f"{PATH}{path}", body)

    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, "request.invalid")
    assert {each["type"] for each in told["errors"]} == {"extra_forbidden"}


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (
            {"kind": "fragment", "messages": [{"template": "Hi"}]},
            "messages.0.role: this is one of system, developer, user, assistant, tool, placeholder;"
            ' a text or fragment has one message, {"role": "text", "template": "…"}',
        ),
        (
            {"messages": [{"role": "robot", "template": "Hi"}]},
            "messages.0.role: this is one of system, developer, user, assistant, tool, placeholder;"
            ' a text or fragment has one message, {"role": "text", "template": "…"}',
        ),
        (
            {"kind": "text", "messages": [{"role": "user", "template": "Hi"}]},
            'content: a text or fragment has one message, {"role": "text", "template": "…"}',
        ),
        (
            {"messages": [{"role": "user", "content": "Hi"}]},
            "messages.0.template: this is needed",
        ),
    ],
)
def test_it_says_what_a_content_needs(
    api_for: ApiFor, alice: User, content: Any, detail: str
) -> None:
    answer = send(api_for(alice), "post", "/api/prompts", {"name": "new", "content": content})

    assert (answer.status_code, answer.json()["code"]) == (422, "prompt.invalid")
    assert answer.json()["detail"] == detail


def test_it_documents_the_shape_of_a_content(api_for: ApiFor, alice: User) -> None:
    shapes = api_for(alice).get("/api/openapi.json").json()["components"]["schemas"]

    content = shapes[shapes["PromptIn"]["properties"]["content"]["$ref"].split("/")[-1]]
    items = content["properties"]["messages"]["items"]
    assert items["discriminator"]["propertyName"] == "role"
    assert all(each["$ref"].split("/")[-1] in shapes for each in items["oneOf"])


def test_it_writes_its_document_once_for_everybody(
    api_for: ApiFor, alice: User, charlie: User
) -> None:
    first = api_for(alice).get("/api/openapi.json")
    second = api_for(charlie).get("/api/openapi.json")
    known = api_for(alice).get("/api/openapi.json", headers={"if-none-match": first["ETag"]})

    paths = first.json()["paths"]
    assert (first["Content-Type"], first["Cache-Control"]) == (
        "application/json",
        "private, no-cache",
    )
    assert paths.keys() >= {"/api/prompts", "/api/traces", "/api/workbench"}
    assert (second.content, second["ETag"]) == (first.content, first["ETag"])
    assert (known.status_code, known.content, known["ETag"]) == (304, b"", first["ETag"])


def test_it_lets_a_reviewer_decide_what_a_developer_proposes(
    api_for: ApiFor, alice: User, rhea: User, outreach: PromptVersion
) -> None:
    denied = send(api_for(alice), "put", f"{PATH}/labels/production", {"version": 1})
    proposed = send(
        api_for(alice), "post", f"{PATH}/proposals", {"label": "production", "version": 1}
    ).json()
    decision = f"/api/prompts/proposals/{proposed['id']}/decision"
    decided = send(api_for(rhea), "post", decision, {"approve": True, "answer": "Yes."}).json()
    moves = send(api_for(alice), "get", f"{PATH}/moves?label=production").json()["items"]

    assert (denied.status_code, denied.json()["code"]) == (403, "prompt.label-protected")
    assert decided["status"] == "approved"
    assert [(each["before"], each["after"]) for each in moves] == [(None, 1)]
    assert send(api_for(alice), "get", "/api/prompts/proposals").json()["items"] == [decided]
    assert send(api_for(alice), "delete", f"{PATH}/labels/production").status_code == 403
    assert send(api_for(rhea), "delete", f"{PATH}/labels/production").status_code == 204


def test_it_lets_an_administrator_set_the_rules_of_the_team(
    api_for: ApiFor, alice: User, ada: User, outreach: PromptVersion
) -> None:
    rule = {"label": "staging", "fragment": "trust/responsible-ai"}

    protected = send(api_for(ada), "put", "/api/prompts/protected-labels", {"label": "canary"})
    required = send(api_for(ada), "put", "/api/prompts/required-fragments", rule)
    by_alice = [
        send(api_for(alice), "put", "/api/prompts/protected-labels", {"label": "canary"}),
        send(api_for(alice), "put", "/api/prompts/required-fragments", rule),
    ]
    query = "label=staging&fragment=trust/responsible-ai"
    dropped = send(api_for(ada), "delete", f"/api/prompts/required-fragments?{query}")
    again = send(api_for(ada), "delete", f"/api/prompts/required-fragments?{query}")

    assert protected.json()["items"] == ["canary", "production"]
    assert required.json()["items"] == [{**rule, "reason": ""}]
    assert [each.status_code for each in by_alice] == [403, 403]
    assert (dropped.status_code, again.status_code) == (204, 404)


def test_it_shows_what_a_bump_would_do_before_it_is_done(
    api_for: ApiFor, alice: User, charlie: User, outreach: PromptVersion
) -> None:
    save_version(charlie.context(), "responsible-ai", content=fragment("Be kind."))
    path = "/api/prompts/trust/responsible-ai"

    shown = send(api_for(alice), "post", f"{path}/bump", {}).json()["items"]
    done = send(api_for(alice), "post", f"{path}/bump", {"dry_run": False}).json()["items"]
    listed = send(api_for(alice), "get", f"{path}/dependents").json()["items"]

    assert shown == done
    assert "+Be kind." in done[0]["diff"]
    assert [(each["version"], each["fragment_version"]) for each in listed] == [(2, 2)]


def test_it_keeps_and_discards_drafts(
    api_for: ApiFor, alice: User, outreach: PromptVersion
) -> None:
    api = api_for(alice)
    draft = {"content": {"messages": "unfinished"}, "based_on": 1}

    assert send(api, "get", f"{PATH}/draft").json()["code"] == "prompt.draft-not-found"
    assert send(api, "put", f"{PATH}/draft", draft).json()["content"] == draft["content"]
    assert send(api, "get", f"{PATH}/draft").json()["based_on"] == 1
    assert send(api, "delete", f"{PATH}/draft").status_code == 204
    assert send(api, "get", f"{PATH}/draft").status_code == 404


def test_it_tells_other_teams_not_who_moved_a_label_of_what_is_shared(
    api_for: ApiFor, alice: User, charlie: User, guardrail: PromptVersion
) -> None:
    path = "/api/prompts/trust/responsible-ai"
    move_label(charlie.context(), "responsible-ai", label="staging", version=1, reason="we sell it")

    labels = api_for(alice).get(f"{path}/labels").json()["items"]
    moves = api_for(alice).get(f"{path}/moves")
    own = api_for(charlie).get(f"{path}/labels").json()["items"]

    assert (labels[0]["label"], labels[0]["version"]) == ("staging", 1)
    assert (labels[0]["moved_by"], labels[0]["reason"]) == ("", "")
    assert (moves.status_code, moves.json()["code"]) == (403, "prompt.moves-private")
    assert (own[0]["moved_by"], own[0]["reason"]) == (charlie.urn, "we sell it")
    assert len(api_for(charlie).get(f"{path}/moves").json()["items"]) == 1


def test_it_describes_archives_and_deletes(
    api_for: ApiFor, alice: User, charlie: User, outreach: PromptVersion
) -> None:
    api = api_for(alice)

    described = send(api, "patch", PATH, {"title": "Outreach", "archived": True}).json()
    used = send(api_for(charlie), "delete", "/api/prompts/trust/responsible-ai")
    archived = send(api, "patch", f"{PATH}/versions/1", {"archived": True}).json()
    deleted = send(api, "delete", PATH)

    assert (described["title"], described["archived"]) == ("Outreach", True)
    assert (used.status_code, used.json()["code"]) == (409, "prompt.in-use")
    assert archived["archived"] is True
    assert deleted.status_code == 204
    assert send(api, "get", PATH).status_code == 404


CHANGES = [
    ("post", "/api/prompts", {"name": "mine", "content": content("Hi")}),
    ("patch", PATH, {"title": "T"}),
    ("delete", PATH, None),
    ("post", f"{PATH}/versions", {"content": content("Hi")}),
    ("patch", f"{PATH}/versions/1", {"archived": True}),
    ("put", f"{PATH}/labels/staging", {"version": 1}),
    ("delete", f"{PATH}/labels/staging", None),
    ("post", f"{PATH}/proposals", {"label": "production", "version": 1}),
    ("put", f"{PATH}/draft", {"content": {}}),
    ("put", "/api/prompts/protected-labels", {"label": "canary"}),
    ("put", "/api/prompts/required-fragments", {"label": "a", "fragment": "trust/responsible-ai"}),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_it_lets_viewers_look_and_change_nothing(
    api_for: ApiFor, vera: User, outreach: PromptVersion, method: str, path: str, body: Any
) -> None:
    answer = send(api_for(vera), method, path, body)

    assert (answer.status_code, answer.json()["code"]) == (403, "policy.denied")
    assert send(api_for(vera), "get", f"{PATH}/versions/1").status_code == 200


BAD = [
    ({}, "prompt.invalid"),
    ({"messages": []}, "prompt.invalid"),
    ({"messages": [{"role": "nobody", "template": "x"}]}, "prompt.invalid"),
    ({"kind": "text", "messages": [{"role": "user", "template": "x"}]}, "prompt.invalid"),
    (content("{{ "), "prompt.syntax"),
    (content("x" * 1_000_000), "prompt.too-large"),
    (content("x", inputs={"type": "nothing"}), "prompt.schema"),
    (content("x", tools=[{"function": {"parameters": {"type": 1}}}]), "prompt.schema"),
]


@pytest.mark.parametrize(("body", "code"), BAD)
def test_it_says_what_is_wrong_with_a_content(
    api_for: ApiFor, alice: User, outreach: PromptVersion, body: dict[str, Any], code: str
) -> None:
    answer = send(api_for(alice), "post", f"{PATH}/versions", {"content": body})

    assert answer.json()["code"] == code
    assert send(api_for(alice), "get", PATH).json()["version"] == 1


def test_it_renders_history_and_tool_messages_without_saving(api_for: ApiFor, alice: User) -> None:
    messages = [
        {"role": "developer", "template": "Answer {{ who }}."},
        {"role": "placeholder"},
        {
            "role": "assistant",
            "template": "",
            "tool_calls": [{"id": "1", "function": {"name": "{{ f }}", "arguments": "{}"}}],
        },
        {"role": "tool", "template": "{{ result }}", "tool_call_id": "1"},
    ]
    history = [{"role": "user", "content": "Hi {{ not_a_template }}"}]
    variables = {"who": "Ana", "result": "42"}
    api = api_for(alice)

    good = send(
        api,
        "post",
        "/api/prompts/render",
        {"messages": messages, "variables": variables, "history": history},
    ).json()
    bad = send(
        api,
        "post",
        "/api/prompts/render",
        {"messages": messages, "variables": variables, "history": [{"role": "root"}]},
    )

    assert [each["content"] for each in good["messages"]] == [
        "Answer Ana.", "Hi {{ not_a_template }}", "", "42",
    ]  # fmt: skip
    assert good["messages"][2]["tool_calls"][0]["function"]["name"] == "{{ f }}"
    assert good["messages"][3]["tool_call_id"] == "1"
    assert bad.json()["code"] == "prompt.history"
