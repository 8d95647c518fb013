"""Requests of OpenAI's Playground come in, of Chat Completions and of Responses."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.core.errors import InvalidInput
from playground.prompts.importing.reading import Source, read_document
from playground.prompts.importing.reporting import Imported, Report
from playground.prompts.templating.rendering import render

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}


def reported(document: Any) -> Report:
    return read_document(Source.OPENAI, document, team="hiring", name="from-playground")


def imported(document: Any) -> Imported:
    return reported(document).prompts[0]


def told(prompt: Imported) -> set[tuple[str, str, int | None]]:
    return {(change.fate.value, change.what, change.message) for change in prompt.changes}


def test_it_reads_a_request_of_chat_completions() -> None:
    found = imported(
        {
            "model": "gpt-4o",
            "messages": [
                {"role": "system", "content": [{"type": "text", "text": "Be {{tone}}."}]},
                {"role": "user", "content": "Hi", "name": "ana"},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "content": "done", "tool_call_id": "c1"},
            ],
            "temperature": 1,
            "max_completion_tokens": 2048,
            "frequency_penalty": 0,
            "stream": True,
            "store": False,
            "response_format": {"type": "text"},
            "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
        }
    )

    assert render(found.content, {"tone": "kind"}).messages == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi", "name": "ana"},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "done", "tool_call_id": "c1"},
    ]
    assert found.content.settings == {
        "model": "gpt-4o",
        "temperature": 1,
        "max_completion_tokens": 2048,
        "frequency_penalty": 0,
    }
    assert found.content.response_format is None
    assert found.content.tools[0]["function"]["name"] == "f"
    assert found.changes == ()


def test_it_reads_a_request_of_responses() -> None:
    found = imported(
        {
            "name": "Sorter",
            "model": "gpt-5",
            "instructions": "Sort {{things}}.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Go"}]},
                {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "done"},
                {"type": "reasoning", "summary": []},
            ],
            "text": {
                "format": {"type": "json_schema", "name": "s", "schema": SCHEMA, "strict": True},
                "verbosity": "low",
            },
            "reasoning": {"effort": "high", "summary": "auto"},
            "max_output_tokens": 100,
            "tools": [
                {"type": "function", "name": "f", "parameters": SCHEMA, "strict": True},
                {"type": "web_search"},
            ],
            "tool_choice": {"type": "function", "name": "f"},
            "include": ["reasoning.encrypted_content"],
        }
    )

    assert found.name == "sorter"
    assert render(found.content, {"things": "socks"}).messages == [
        {"role": "developer", "content": "Sort socks."},
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "done", "tool_call_id": "c1"},
    ]
    assert found.content.settings == {
        "model": "gpt-5",
        "max_completion_tokens": 100,
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "verbosity": "low",
        "reasoning_effort": "high",
    }
    assert found.content.response_format == {
        "type": "json_schema",
        "json_schema": {"name": "s", "schema": SCHEMA, "strict": True},
    }
    assert found.content.tools == [
        {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}}
    ]
    assert told(found) == {
        ("changed", "name Sorter", None),
        ("changed", "instructions", 0),
        ("lost", "item reasoning", None),
        ("changed", "response format", None),
        ("lost", "reasoning summary", None),
        ("changed", "max_output_tokens", None),
        ("changed", "tool f", None),
        ("lost", "tool web_search", None),
        ("lost", "include", None),
    }


def test_it_reads_functions_of_before_there_were_tools() -> None:
    found = imported(
        {
            "messages": [{"role": "user", "content": "Hi"}],
            "functions": [{"name": "f", "parameters": SCHEMA}],
            "function_call": {"name": "f"},
        }
    )

    assert found.content.tools == [
        {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
    ]
    assert found.content.settings["tool_choice"] == {"type": "function", "function": {"name": "f"}}


def test_it_tells_of_images_and_roles_it_does_not_keep() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}

    found = imported(
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "See"}, image]},
                {"role": "function", "name": "f", "content": "done"},
            ]
        }
    )

    assert told(found) == {
        ("lost", "image_url", 0),
        ("changed", "parts", 0),
        ("changed", "role function", 1),
    }


def test_it_refuses_a_request_that_only_names_a_prompt() -> None:
    with pytest.raises(InvalidInput) as caught:
        reported({"prompt": {"id": "pmpt_123", "variables": {"a": "b"}}})

    assert "pmpt_123" in caught.value.detail


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        "text",
        {"messages": []},
        {"messages": 3},
        {"input": 3},
        {"input": "\ud800"},
        {"input": "a", "seed": 10**30},
    ],
)
def test_it_refuses_what_is_no_request(document: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        reported(document)

    assert caught.value.code in {"prompt.import-invalid", "prompt.invalid"}


KEYS = st.sampled_from(
    "messages role content type text name prompt data config tools functions function input "
    "instructions reasoning kwargs id lc manifest template model_config tags key value version "
    "labels commits first last tool_calls template_format partial_variables".split()
)
WORDS = st.sampled_from(
    ["user", "constructor", "mustache", "{{#a}}", "{a", "{{a}}", "ChatPromptTemplate", "function",
     "RunnableSequence", "MessagesPlaceholder", "mlflow.prompt.text", "placeholder", ""]
)  # fmt: skip
DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 2), WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=500)
@given(st.sampled_from(Source), DOCUMENTS)
def test_it_reads_or_refuses_any_document(source: Source, document: Any) -> None:
    try:
        report = read_document(source, document, team="hiring", name="any")
        outcome = "read" if report.prompts or report.skipped else "nothing"
    except InvalidInput as error:
        outcome = error.code

    assert outcome in {"read", "prompt.import-invalid", "prompt.invalid"}


@pytest.mark.parametrize("text", ["{%" * 32_000, "{{" * 32_000, "{{a b}} " * 8_000, "x{" * 32_000])
def test_it_reads_long_texts_in_time_that_grows_with_them(text: str) -> None:
    began = time.monotonic()

    imported({"messages": [{"role": "user", "content": text}]})

    assert time.monotonic() - began < 2


def test_it_refuses_a_text_that_no_template_may_be_as_long_as() -> None:
    with pytest.raises(InvalidInput) as caught:
        imported({"messages": [{"role": "user", "content": "x" * 64_001}]})

    assert caught.value.code == "prompt.too-large"


def test_it_reads_what_a_kept_response_says_of_the_prompt_it_named() -> None:
    found = imported(
        {
            "id": "resp_1",
            "object": "response",
            "created_at": 1764000000,
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "instructions": [
                {
                    "type": "message",
                    "role": "developer",
                    "content": [{"type": "input_text", "text": "Sort {{things}}."}],
                }
            ],
            "max_output_tokens": None,
            "model": "gpt-4.1-2025-04-14",
            "output": [{"type": "message", "role": "assistant", "content": []}],
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "prompt": {"id": "pmpt_1", "version": "2", "variables": {"things": "socks"}},
            "reasoning": {"effort": None, "summary": None},
            "service_tier": "default",
            "store": True,
            "temperature": 1.0,
            "text": {"format": {"type": "text"}, "verbosity": "medium"},
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": {"input_tokens": 10, "output_tokens": 3},
        }
    )

    assert render(found.content, {"things": "socks"}).messages == [
        {"role": "developer", "content": "Sort socks."}
    ]
    assert found.content.settings["model"] == "gpt-4.1-2025-04-14"
    assert told(found) == {("lost", "prompt", None), ("lost", "reasoning summary", None)}
