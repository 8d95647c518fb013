"""Prompts of Langfuse come in with their references as fragments."""

from typing import Any

import pytest

from playground.core.errors import InvalidInput
from playground.prompts.importing.reading import Source, read_document
from playground.prompts.importing.reporting import Imported, Report
from playground.prompts.templating.rendering import render
from tests.prompts.conftest import said_by

RULES = {
    "name": "shared/House Rules",
    "type": "text",
    "prompt": "Never promise {{what}}. Write {{ \"json\" }} and {% nothing %}.",
    "version": 2,
    "labels": ["production", "latest"],
    "tags": ["legal"],
    "config": {},
    "commitMessage": "Say it shorter",
}  # fmt: skip
OUTREACH = {
    "name": "outreach",
    "type": "chat",
    "prompt": [
        {
            "role": "system",
            "content": "{@@@langfusePrompt:name=shared/House Rules|label=production@@@}\n"
            "Hi {{you}}",
        },
        {"type": "placeholder", "name": "chat-history"},
        {"type": "message", "role": "bot", "content": "{{ question }}"},
    ],
    "version": 7,
    "labels": [],
    "tags": [],
    "config": {
        "model": "gpt-4o",
        "temperature": 0.5,
        "supported_languages": ["en"],
        "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "web_search"}],
        "json_schema": {"type": "object", "title": "Answer"},
    },
}


def reported(document: Any) -> Report:
    return read_document(Source.LANGFUSE, document, team="hiring", name="unnamed")


def told(prompt: Imported) -> set[tuple[str, str, int | None]]:
    return {(change.fate.value, change.what, change.message) for change in prompt.changes}


def test_it_makes_a_fragment_of_what_others_refer_to() -> None:
    report = reported({"data": [OUTREACH, RULES]})

    assert [(each.name, each.content.kind.value) for each in report.prompts] == [
        ("shared-house-rules", "fragment"),
        ("outreach", "chat"),
    ]
    assert reported(RULES).prompts[0].content.kind.value == "text"


def test_it_includes_what_was_referred_to() -> None:
    _, outreach = reported([OUTREACH, RULES]).prompts

    first = outreach.content.templates[0]

    assert first == "{{ '{' }}{% include \"hiring/shared-house-rules\" %}}\nHi {{ you }}"
    assert ("changed", "reference to shared/House Rules", 0) in told(outreach)


def test_it_says_that_a_reference_leads_out_of_the_document() -> None:
    (outreach,) = reported(OUTREACH).prompts

    changes = [each for each in outreach.changes if each.what.startswith("reference")]

    assert "not in this document" in changes[0].detail


def test_it_keeps_braces_that_hold_no_variable() -> None:
    (rules,) = reported(RULES).prompts

    rendered = said_by(rules.content.templates[0], {"what": "a job"})

    assert rendered == 'Never promise a job. Write {{ "json" }} and {% nothing %}.'
    assert ("changed", "{% … %}", None) in told(rules)


def test_it_tells_what_changed_and_what_is_lost() -> None:
    rules, outreach = reported([RULES, OUTREACH]).prompts

    assert rules.note == "Say it shorter"
    assert outreach.note == "Langfuse version 7"
    assert {("lost", "labels", None), ("lost", "tags", None)} <= told(rules)
    assert told(outreach) == {
        ("changed", "reference to shared/House Rules", 0),
        ("changed", "variable chat-history", None),
        ("changed", "role bot", 2),
        ("lost", "supported_languages", None),
        ("lost", "tool web_search", None),
        ("changed", "response format", None),
    }


def test_it_takes_the_configuration_along() -> None:
    (outreach,) = reported(OUTREACH).prompts

    assert outreach.content.settings == {"model": "gpt-4o", "temperature": 0.5}
    assert outreach.content.tools == [{"type": "function", "function": {"name": "f"}}]
    assert outreach.content.response_format == {
        "type": "json_schema",
        "json_schema": {"name": "Answer", "schema": {"type": "object", "title": "Answer"}},
    }


def test_it_brings_the_versions_of_a_prompt_in_their_order() -> None:
    versions = [
        {"name": "p", "type": "text", "prompt": f"Version {number}", "version": number}
        for number in (3, 1, 2)
    ]

    report = reported(versions)

    assert [render(each.content, {}).text for each in report.prompts] == [
        "Version 1",
        "Version 2",
        "Version 3",
    ]
    assert {each.name for each in report.prompts} == {"p"}


def test_it_keeps_prompts_apart_when_their_names_become_alike() -> None:
    report = reported([{"name": name, "prompt": "x"} for name in ("a b", "a/b", "new")])

    assert [each.name for each in report.prompts] == ["a-b", "a-b-2", "new-prompt"]


@pytest.mark.parametrize(
    "document",
    [None, {}, [], {"data": []}, {"data": [{"name": "p", "versions": [1]}]}, {"prompt": [3]},
     {"prompt": [{"role": "user", "content": 3}]}, {"prompt": "a", "config": 3, "labels": 7}],
)  # fmt: skip
def test_it_refuses_what_is_no_export(document: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        reported(document)

    assert caught.value.code in {"prompt.import-invalid", "prompt.invalid"}


def test_it_reads_the_answer_of_the_api_with_all_its_fields() -> None:
    answer = {
        "id": "cm1",
        "createdAt": "2026-11-01T08:00:00.000Z",
        "updatedAt": "2026-11-01T08:00:00.000Z",
        "projectId": "p",
        "createdBy": "u",
        "type": "chat",
        "name": "movie/critic",
        "version": 3,
        "isActive": None,
        "labels": ["production", "latest"],
        "tags": [],
        "config": {"model": "gpt-4o", "temperature": 0.7, "supported_languages": ["en"]},
        "commitMessage": None,
        "resolutionGraph": None,
        "prompt": [
            {"type": "chatmessage", "role": "system", "content": "You are a {{level}} critic"},
            {"type": "placeholder", "name": "chat_history"},
            {"type": "chatmessage", "role": "user", "content": "Like {{ movie }}?"},
        ],
    }

    (found,) = read_document(Source.LANGFUSE, answer, team="hiring", name="n").prompts

    assert (found.name, found.note) == ("movie-critic", "Langfuse version 3")
    assert [each.role for each in found.content.messages] == ["system", "placeholder", "user"]
    assert found.content.settings == {"model": "gpt-4o", "temperature": 0.7}
    assert {(each.fate.value, each.what) for each in found.changes} == {
        ("changed", "name movie/critic"),
        ("lost", "labels"),
        ("lost", "supported_languages"),
    }
