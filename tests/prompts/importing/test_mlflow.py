"""Prompts of MLflow's registry come in, from its REST API and from its Python objects."""

import json
from typing import Any

import pytest

from playground.core.errors import InvalidInput
from playground.prompts.importing.reading import Source, read_document
from playground.prompts.importing.reporting import Imported, Report
from playground.prompts.templating.rendering import render
from tests.prompts.conftest import said_by

CHAT = [
    {"role": "system", "content": "Sum up for {{ reader }}."},
    {"role": "user", "content": "{{text}} {{ user.name }}"},
]
SCHEMA = {"title": "Summary", "type": "object", "properties": {"text": {"type": "string"}}}
VERSION = {
    "name": "summary",
    "version": "2",
    "description": "Name the reader",
    "aliases": ["champion"],
    "tags": [
        {"key": "mlflow.prompt.is_prompt", "value": "true"},
        {"key": "mlflow.prompt.text", "value": json.dumps(CHAT)},
        {"key": "_mlflow_prompt_type", "value": "chat"},
        {"key": "_mlflow_prompt_response_format", "value": json.dumps(SCHEMA)},
        {
            "key": "_mlflow_prompt_model_config",
            "value": json.dumps(
                {"provider": "openai", "model_name": "gpt-4o", "stop_sequences": ["END"]}
            ),
        },
        {"key": "owner", "value": "ana"},
    ],
}


def reported(document: Any) -> Report:
    return read_document(Source.MLFLOW, document, team="hiring", name="unnamed")


def told(prompt: Imported) -> set[tuple[str, str, int | None]]:
    return {(change.fate.value, change.what, change.message) for change in prompt.changes}


def test_it_reads_what_the_registry_keeps_in_tags() -> None:
    (found,) = reported({"model_versions": [VERSION]}).prompts

    messages = render(found.content, {"reader": "Ana", "text": "T", "user_name": "N"}).messages

    assert (found.name, found.note) == ("summary", "Name the reader")
    assert [each["content"] for each in messages] == ["Sum up for Ana.", "T N"]
    assert found.content.settings == {"model": "gpt-4o", "stop": ["END"]}
    assert found.content.response_format == {
        "type": "json_schema",
        "json_schema": {"name": "Summary", "schema": SCHEMA},
    }


def test_it_tells_what_changed_and_what_is_lost() -> None:
    (found,) = reported(VERSION).prompts

    assert told(found) == {
        ("lost", "tags", None),
        ("lost", "aliases", None),
        ("lost", "provider", None),
        ("changed", "model_name", None),
        ("changed", "stop_sequences", None),
        ("changed", "response format", None),
        ("changed", "variable user.name", None),
    }


def test_it_reads_a_python_object_s_fields() -> None:
    (found,) = reported(
        {
            "name": "p",
            "version": 1,
            "template": "Hi {{name}}, {single} {{ 1 }} {# no #}",
            "model_config": {"temperature": 0.1, "extra_params": {"seed": 7}},
        }
    ).prompts

    assert found.content.kind.value == "text"
    assert found.content.settings == {"temperature": 0.1, "seed": 7}
    assert said_by(found.content.templates[0], {"name": "Ana"}) == (
        "Hi Ana, {single} {{ 1 }} {# no #}"
    )


def test_it_takes_a_text_with_statements_for_jinja() -> None:
    (found,) = reported({"template": "{% if a %}{{ a }}{% endif %}\n"}).prompts

    assert found.content.templates == ["{% if a %}{{ a }}{% endif %}"]
    assert told(found) == {("changed", "jinja2", None)}


def test_it_tells_of_jinja_that_does_not_work_here() -> None:
    (found,) = reported({"template": "{% set b = a %}{{ b|xmlattr }}"}).prompts

    assert ("lost", "jinja2", None) in told(found)


def test_it_brings_the_oldest_version_first() -> None:
    report = reported([{"name": "p", "version": n, "template": f"{n}"} for n in ("10", "9")])

    assert [each.content.templates for each in report.prompts] == [["9"], ["10"]]


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"name": "p"}, {"template": []}, {"template": [{"role": "user"}]},
     {"tags": [{"key": "_mlflow_prompt_model_config", "value": "{"}], "template": "a"}],
)  # fmt: skip
def test_it_refuses_what_is_no_version(document: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        reported(document)

    assert caught.value.code == "prompt.import-invalid"


def test_it_reads_what_unity_catalog_keeps() -> None:
    chat = [{"role": "system", "content": "Be {{tone}}."}, {"role": "user", "content": "{{q}}"}]
    version = {
        "name": "main.prompts.answer",
        "description": "Second",
        "creation_timestamp": "2026-11-01T08:00:00Z",
        "aliases": [{"alias": "production", "version": "2"}],
        "tags": [{"key": "_mlflow_prompt_type", "value": "chat"}],
    }
    document = {
        "prompt_versions": [
            {**version, "version": "2", "template": json.dumps(chat)},
            {**version, "version": "1", "template": "Answer {{q}}", "tags": [], "aliases": []},
        ]
    }

    first, second = read_document(Source.MLFLOW, document, team="t", name="n").prompts

    assert (first.name, first.note) == ("main-prompts-answer", "Second")
    assert first.content.kind == "text"
    assert [each.role for each in second.content.messages] == ["system", "user"]
    assert "production: set them as labels" in str(second.changes)


def test_it_takes_a_text_for_jinja_when_the_registry_says_so() -> None:
    version = {
        "name": "a",
        "version": "1",
        "tags": [
            {"key": "mlflow.prompt.text", "value": "Hi {{ name | upper }}"},
            {"key": "_mlflow_prompt_type", "value": "jinja2"},
        ],
    }

    (found,) = read_document(
        Source.MLFLOW, {"model_versions": [version]}, team="t", name="n"
    ).prompts

    assert render(found.content, {"name": "ada"}).text == "Hi ADA"


def test_it_refuses_a_chat_whose_template_is_no_json() -> None:
    tags = [{"key": "_mlflow_prompt_type", "value": "chat"}]

    with pytest.raises(InvalidInput, match="template of a chat"):
        read_document(Source.MLFLOW, {"template": "Hi", "tags": tags}, team="t", name="n")
