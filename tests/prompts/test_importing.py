"""Documents of other products become prompts, all of them or none, with a report."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from playground.policy.models import User
from playground.prompts.models import Prompt, PromptVersion

pytestmark = pytest.mark.django_db

DOCUMENT = [
    {
        "name": "outreach",
        "type": "chat",
        "version": 1,
        "labels": ["production"],
        "prompt": [
            {
                "role": "system",
                "content": "@@@langfusePrompt:name=rules|version=1@@@ Write to {{who}}.",
            }
        ],
    },
    {"name": "rules", "type": "text", "version": 1, "prompt": "Be fair to {{group}}."},
]
BROKEN = [
    {"name": "fine", "type": "text", "prompt": "Hello"},
    {
        "name": "lost",
        "type": "text",
        "prompt": "@@@langfusePrompt:name=gone|label=production@@@",
    },
]


def body(document: Any, **others: Any) -> dict[str, Any]:
    return {"format": "langfuse", "document": document, **others}


def post(client: Client, said: Any) -> Any:
    return client.post("/api/prompts/import", said, content_type="application/json")


def test_it_saves_the_prompts_of_a_document(alice: User, api_for: Callable[[User], Client]) -> None:
    answer = post(api_for(alice), body(DOCUMENT)).json()

    assert [(p["name"], p["outcome"], p["version"]) for p in answer["prompts"]] == [
        ("outreach", "created", 1),
        ("rules", "created", 1),
    ]
    assert {"fate": "lost", "message": None, "what": "labels"}.items() <= answer["prompts"][0][
        "changes"
    ][0].items()
    version = PromptVersion.objects.get(prompt__name="outreach")
    assert version.author == alice.urn
    assert version.inputs["required"] == ["group", "who"]


def test_it_saves_nothing_anew_when_a_document_comes_again(
    alice: User, api_for: Callable[[User], Client]
) -> None:
    post(api_for(alice), body(DOCUMENT))

    answer = post(api_for(alice), body(DOCUMENT)).json()

    assert [prompt["outcome"] for prompt in answer["prompts"]] == ["unchanged", "unchanged"]
    assert PromptVersion.objects.count() == 2


def test_it_saves_nothing_when_it_is_only_tried(
    alice: User, api_for: Callable[[User], Client]
) -> None:
    answer = post(api_for(alice), body([*DOCUMENT, *BROKEN], dry_run=True)).json()

    assert [prompt["outcome"] for prompt in answer["prompts"]].count("created") == 3
    assert [(each["name"], each["code"]) for each in answer["errors"]] == [
        ("lost", "prompt.fragment-not-found")
    ]
    assert not Prompt.objects.exists()


def test_it_saves_nothing_when_one_prompt_is_refused(
    alice: User, api_for: Callable[[User], Client]
) -> None:
    response = post(api_for(alice), body(BROKEN))

    assert response.status_code == 422
    assert response.json()["code"] == "prompt.import-refused"
    assert [each["name"] for each in response.json()["errors"]] == ["lost"]
    assert not Prompt.objects.exists()


def test_it_refuses_a_document_of_another_form(
    alice: User, api_for: Callable[[User], Client]
) -> None:
    response = post(api_for(alice), body({"messages": []}))

    assert (response.status_code, response.json()["code"]) == (422, "prompt.import-invalid")


def test_it_denies_an_import_when_somebody_may_only_look(
    vera: User, api_for: Callable[[User], Client]
) -> None:
    response = post(api_for(vera), body(DOCUMENT))

    assert response.status_code == 403
    assert not Prompt.objects.exists()


def test_it_imports_a_file_from_the_command_line(alice: User, tmp_path: Path) -> None:
    file = tmp_path / "Welcome Mail.json"
    file.write_text(json.dumps({"messages": [{"role": "user", "content": "Greet {{name}}"}]}))
    out = io.StringIO()

    call_command(
        "prompts", "import", "--from", "openai", "--team", "hiring", "--user", "alice", str(file),
        stdout=out,
    )  # fmt: skip

    assert out.getvalue() == "created welcome-mail (version 1)\n"
    assert PromptVersion.objects.get().messages[0]["template"] == "Greet {{ name }}"
