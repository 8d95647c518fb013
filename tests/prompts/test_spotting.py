"""What looks like a credential is found wherever a prompt would carry it, and never repeated."""

from typing import Any

import pytest

from playground.core.errors import InvalidInput
from playground.policy.models import AuditRow, User
from playground.prompts.archiving import describe
from playground.prompts.content import content_of
from playground.prompts.drafting import save_draft
from playground.prompts.linting import lint
from playground.prompts.models import Draft, Prompt, PromptVersion
from playground.prompts.saving import About, create_prompt, save_version
from playground.prompts.spotting import spot
from tests.prompts.conftest import chat

KEY = "sk-" + "Ab1" * 16
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}

PLACES: dict[str, dict[str, Any]] = {
    "tools.0.function.description": {
        "tools": [{"type": "function", "function": {"name": "f", "description": f"Use {KEY}"}}]
    },
    "tools.0.function.parameters.properties.a.default": {
        "tools": [
            TOOL
            | {
                "function": {
                    "name": "f",
                    "parameters": {"properties": {"a": {"type": "string", "default": KEY}}},
                }
            }
        ]
    },
    "tools.0.function.parameters.properties.a.enum.1": {
        "tools": [
            TOOL
            | {"function": {"name": "f", "parameters": {"properties": {"a": {"enum": ["x", KEY]}}}}}
        ]
    },
    "settings.user": {"settings": {"user": KEY}},
    "settings.extra_headers.Authorization": {
        "settings": {"extra_headers": {"Authorization": "Bearer abcdef123456"}}
    },
    "settings.api_key": {"settings": {"api_key": "not-of-a-known-maker-7"}},
    "response_format.json_schema.schema.description": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": {"type": "object", "description": KEY}},
        }
    },
    "inputs.properties.name.default": {
        "inputs": {"type": "object", "properties": {"name": {"default": KEY}}}
    },
    "inputs.properties.password.examples.0": {
        "inputs": {"type": "object", "properties": {"password": {"examples": ["hunter2!"]}}}
    },
    "settings": {"settings": {KEY: 1}},
}


@pytest.mark.parametrize("field", PLACES)
def test_it_names_the_place_of_a_secret_and_not_the_secret(field: str) -> None:
    content = content_of({"messages": [{"role": "user", "template": "Hi"}], **PLACES[field]})

    (found,) = spot(content)

    assert found.field == field
    assert found.detail.startswith(f"{field}: This looks like")
    assert not any(word in found.detail for word in (KEY, "hunter2", "abcdef", "known-maker"))


def test_it_finds_one_in_what_else_a_message_holds() -> None:
    call = {
        "id": "1",
        "type": "function",
        "function": {"name": "f", "arguments": f'{{"k": "{KEY}"}}'},
    }
    message = {"role": "assistant", "template": "", "tool_calls": [call]}

    (found,) = spot(content_of({"messages": [message]}))

    assert (found.message, found.in_template) == (0, False)


@pytest.mark.parametrize(
    "more",
    [
        {"inputs": {"type": "object", "properties": {"password": {"type": "string"}}}},
        {"inputs": {"type": "object", "properties": {"token": {"description": "The token."}}}},
        {"tools": [TOOL], "settings": {"max_tokens": 100, "tool_choice": "required"}},
    ],
)
def test_it_finds_none_where_only_the_word_stands(more: dict[str, Any]) -> None:
    content = {"messages": [{"role": "user", "template": "password: {{ password }}"}], **more}

    assert list(spot(content_of(content))) == []


def test_it_lints_what_is_not_saved_yet() -> None:
    (found,) = lint(chat("Hi", settings={"user": KEY}))

    assert (found.code, found.severity, found.message) == ("lint.secret", "error", None)


@pytest.mark.django_db
@pytest.mark.parametrize("more", PLACES.values(), ids=PLACES)
def test_it_stores_no_secret_wherever_it_stands(
    alice: User, outreach: PromptVersion, more: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        save_version(
            alice.context(), "outreach", content=chat("Hi {{ name }} {{ password }}", **more)
        )

    assert caught.value.code == "prompt.secret"
    assert caught.value.extra["field"]
    assert outreach.prompt.versions.count() == 1
    assert KEY not in str(list(AuditRow.objects.values()))


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["title", "description"])
def test_it_describes_no_prompt_with_a_secret(
    alice: User, outreach: PromptVersion, field: str
) -> None:
    about = About(**{field: f"for {KEY}"})

    with pytest.raises(InvalidInput) as created:
        create_prompt(alice.context(), name="another", content=chat("Hi"), about=about)
    with pytest.raises(InvalidInput) as described:
        describe(alice.context(), "outreach", **{field: f"for {KEY}"})

    assert created.value.code == described.value.code == "prompt.secret"
    assert created.value.extra["field"] == field
    assert not Prompt.objects.filter(name="another").exists()


@pytest.mark.django_db
def test_it_keeps_no_draft_with_a_secret(alice: User, outreach: PromptVersion) -> None:
    typed = {"messages": [{"role": "nobody", "template": f"Use {KEY}"}], "tools": "half"}

    with pytest.raises(InvalidInput) as caught:
        save_draft(alice.context(), "outreach", content=typed)

    assert caught.value.code == "prompt.secret"
    assert not Draft.objects.exists()
