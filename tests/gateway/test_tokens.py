"""Tokens are counted of whatever is sent, and of nothing that is only carried."""

from typing import Any

import pytest

from playground.gateway.tokens import (
    LONGEST,
    PER_IMAGE,
    PER_MESSAGE,
    PER_SMALL_IMAGE,
    count,
    count_messages,
    vocabulary_of,
)


def said(content: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content, **more}]


def test_it_counts_a_text_longer_than_the_tokenizer_takes() -> None:
    assert count("word " * (LONGEST // 2)) == pytest.approx(LONGEST / 2, rel=0.001)


@pytest.mark.parametrize(
    ("detail", "tokens"), [({}, PER_IMAGE), ({"detail": "low"}, PER_SMALL_IMAGE)]
)
def test_it_counts_an_image_by_what_it_costs_and_not_by_its_letters(
    detail: dict[str, str], tokens: int
) -> None:
    url = "data:image/png;base64," + "A" * 500_000
    image = {"type": "image_url", "image_url": {"url": url, **detail}}

    counted = count_messages(said([{"type": "text", "text": "what is it?"}, image]))

    assert counted == PER_MESSAGE + count("what is it?") + tokens


@pytest.mark.parametrize(
    "data", [{"type": "input_audio", "input_audio": {"data": "A" * 90_000}}, {"file": {"x": "A"}}]
)
def test_it_counts_what_is_no_text_as_an_image(data: dict[str, Any]) -> None:
    assert count_messages(said([data])) == PER_MESSAGE + PER_IMAGE


def test_it_counts_tools_and_calls_and_reasoning() -> None:
    tools = [{"type": "function", "function": {"name": "find", "description": "Find a page."}}]
    call = {"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    bare = count_messages(said("hi"))

    assert count_messages(said("hi"), tools) >= bare + 15
    assert count_messages(said("hi", tool_calls=[call])) > bare + 10
    assert count_messages(said("hi", reasoning_content="because of this")) == bare + 3


@pytest.mark.parametrize(
    ("model", "vocabulary"),
    [
        ("gpt-4o-mini-2024-07-18", "o200k_base"),
        ("openai/gpt-4.1:free", "o200k_base"),
        ("ft:gpt-4o-mini:acme::abc", "o200k_base"),
        ("gpt-5.1", "o200k_base"),
        ("o3-mini", "o200k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-35-turbo", "cl100k_base"),
        ("text-embedding-3-small", "cl100k_base"),
        ("claude-sonnet-4-5", None),
        ("llama3.2", None),
        ("gpt-oss-20b", None),
        ("gpt-40", None),
        ("solo1", None),
    ],
)
def test_it_knows_the_vocabulary_of_openais_models_by_name(
    model: str, vocabulary: str | None
) -> None:
    assert vocabulary_of(model) == vocabulary
