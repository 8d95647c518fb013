"""Prompts that LangChain made come in and say what they said there."""

from typing import Any

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import (
    ChatPromptTemplate,
    FewShotPromptTemplate,
    HumanMessagePromptTemplate,
    MessagesPlaceholder,
    PromptTemplate,
)
from langchain_core.prompts.structured import StructuredPrompt
from langchain_openai import ChatOpenAI

from playground.core.errors import InvalidInput
from playground.prompts.importing.reading import Source, read_document
from playground.prompts.importing.reporting import Imported, Report
from playground.prompts.templating.rendering import render

ROLES = {"system": "system", "human": "user", "ai": "assistant", "tool": "tool"}


def imported(document: Any) -> Imported:
    return reported(document).prompts[0]


def reported(document: Any) -> Report:
    return read_document(Source.LANGSMITH, document, team="hiring", name="from-hub")


def told(prompt: Imported) -> set[tuple[str, int | None]]:
    return {(change.what, change.message) for change in prompt.changes}


def said_by_langchain(prompt: Any, variables: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"role": ROLES[message.type], "content": message.content}
        for message in prompt.format_messages(**variables)
    ]


@pytest.mark.parametrize(
    ("template_format", "texts"),
    [
        ("f-string", ["Answer as {{\"json\": {kind}}}.\n{{% raw %}}", "{q} {kind:>8}"]),
        ("mustache", ["For {{kind}}:\n{{#xs}}\n- {{.}}\n{{/xs}}\nBye {", "{{&q}}{{^no}}!{{/no}}"]),
        ("jinja2", ["{% for x in xs %}{{ x }},{% endfor %}\n\n", "{{ q|upper }} {{ kind }}"]),
    ],
)  # fmt: skip
def test_it_says_the_same_as_in_langchain(template_format: Any, texts: list[str]) -> None:
    roles = ["system", "human"]
    prompt = ChatPromptTemplate.from_messages(
        list(zip(roles, texts, strict=True)), template_format=template_format
    )
    variables = {"kind": "poem", "q": "why?", "xs": ["a", "b"], "no": False}

    content = imported(dumpd(prompt)).content

    assert render(content, variables).messages == said_by_langchain(prompt, variables)


def test_it_keeps_messages_that_are_no_templates_as_text() -> None:
    call = {"name": "look_up", "args": {"id": "ü{{x}}"}, "id": "c1"}
    prompt = ChatPromptTemplate.from_messages(
        [
            SystemMessage("A literal {{ brace }} and {another}"),
            HumanMessage([{"type": "text", "text": "Hi {you}"}, "there"]),
            AIMessage("", tool_calls=[call]),
            ToolMessage("found", tool_call_id="c1"),
        ]
    )

    messages = render(imported(dumpd(prompt)).content, {}).messages

    assert messages == [
        {"role": "system", "content": "A literal {{ brace }} and {another}"},
        {"role": "user", "content": "Hi {you}\nthere"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "look_up", "arguments": '{"id": "ü{{x}}"}'},
                }
            ],
        },
        {"role": "tool", "content": "found", "tool_call_id": "c1"},
    ]


def test_it_keeps_the_place_of_the_conversation() -> None:
    prompt = ChatPromptTemplate.from_messages(
        [("system", "Hi"), MessagesPlaceholder("chat_history", optional=True, n_messages=4)]
    )

    found = imported(dumpd(prompt))

    assert found.content.as_json()["messages"][1] == {
        "role": "placeholder",
        "name": "chat_history",
    }
    assert told(found) == {("placeholder chat_history", 1)}


def test_it_sets_partial_variables_in_the_templates_that_read_them() -> None:
    prompt = ChatPromptTemplate.from_messages([("system", "Be {tone}."), ("human", "{q}")])
    prompt = prompt.partial(tone="kind and\n'calm'")

    found = imported(dumpd(prompt))

    variables = {"q": "?"}
    assert render(found.content, variables).messages == said_by_langchain(prompt, variables)
    assert "tone" not in found.content.templates[1]
    assert ("partial variable tone", None) in told(found)


def test_it_needs_only_what_stands_outside_of_sections() -> None:
    text = "{{#examples}}Q: {{question}}{{/examples}} {{topic}}"
    prompt = ChatPromptTemplate.from_messages([("human", text)], template_format="mustache")

    inputs = imported(dumpd(prompt)).content.inputs

    assert inputs is not None
    assert inputs["required"] == ["examples", "topic"]
    assert set(inputs["properties"]) == {"examples", "topic", "question"}


def test_it_takes_model_tools_and_parameters_along() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    model = ChatOpenAI(model="gpt-4o", temperature=0.2, max_tokens=50, api_key="sk-not-a-key")
    chain = ChatPromptTemplate.from_messages([("human", "{q}")]) | model.bind_tools([tool])

    found = imported(dumpd(chain))

    assert found.content.settings == {"model": "gpt-4o", "temperature": 0.2, "max_tokens": 50}
    assert found.content.tools == [tool]
    assert ("ChatOpenAI", None) in told(found)
    assert "sk-not-a-key" not in str(found)


def test_it_takes_the_schema_of_a_structured_prompt_along() -> None:
    schema = {"title": "Verdict", "type": "object", "properties": {"ok": {"type": "boolean"}}}
    prompt = StructuredPrompt.from_messages_and_schema([("human", "{q}")], schema)

    assert imported(dumpd(prompt)).content.response_format == {
        "type": "json_schema",
        "json_schema": {"name": "Verdict", "schema": schema},
    }


def test_it_tells_which_parts_it_leaves_out() -> None:
    prompt = ChatPromptTemplate(
        [
            HumanMessagePromptTemplate.from_template(
                [
                    {"type": "text", "text": "See {a}"},
                    {"type": "image_url", "image_url": {"url": "{u}"}},
                ]
            )
        ]
    )

    found = imported(dumpd(prompt))

    assert found.content.templates == ["See {{ a }}"]
    assert ("ImagePromptTemplate", 0) in told(found)


def test_it_reads_a_text() -> None:
    found = imported(dumpd(PromptTemplate.from_template("Tell me of {topic}")))

    assert found.content.as_json()["kind"] == "text"
    assert render(found.content, {"topic": "rain"}).text == "Tell me of rain"


def test_it_reads_commits_with_their_names() -> None:
    manifest = dumpd(ChatPromptTemplate.from_messages([("human", "{q}")]))
    commit = {"owner": "o", "repo": "My Prompt", "commit_hash": "abcdef1234", "manifest": manifest}

    found = imported({"commits": [commit]})

    assert (found.name, found.note) == ("my-prompt", "LangSmith commit abcdef12")
    assert ("name My Prompt", None) in told(found)


def test_it_skips_what_langchain_does_not_export() -> None:
    few = FewShotPromptTemplate(
        examples=[{"a": "1"}], example_prompt=PromptTemplate.from_template("{a}"), suffix="{x}"
    )

    report = reported(dumpd(few))

    assert report.prompts == ()
    assert "FewShotPromptTemplate" in report.skipped[0].reason


@pytest.mark.parametrize(
    "document",
    [
        None, 3, "text", [], {}, {"lc": 1}, {"lc": 1, "type": "constructor"},
        {"lc": 1, "type": "constructor", "id": ["x", "ChatPromptTemplate"], "kwargs": {}},
        {"lc": 1, "type": "constructor", "id": ["x", "Other"], "kwargs": {}},
        {"lc": 1, "type": "constructor", "id": [], "kwargs": 3},
        {"manifest": {"lc": 1, "type": "constructor", "id": ["RunnableSequence"], "kwargs": {}}},
    ],
)  # fmt: skip
def test_it_refuses_what_is_no_prompt(document: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        reported(document)

    assert caught.value.code == "prompt.import-invalid"


def test_it_brings_the_commits_of_a_repository_in_the_order_they_were_made() -> None:
    def commit(text: str, created_at: str) -> dict[str, Any]:
        return {
            "repo_id": "7d1c",
            "commit_hash": f"{text}0000000",
            "created_at": created_at,
            "manifest": dumpd(ChatPromptTemplate.from_messages([("human", text)])),
        }

    listed = [commit("new", "2026-11-02T08:00:00Z"), commit("old", "2026-11-01T08:00:00Z")]

    found = reported({"commits": listed, "total": 2}).prompts

    assert [(each.name, each.note) for each in found] == [
        ("from-hub", "LangSmith commit old00000"),
        ("from-hub", "LangSmith commit new00000"),
    ]


def test_it_takes_the_model_along_that_a_commit_says_beside_its_prompt() -> None:
    commit = {
        "owner": "acme",
        "repo": "greet",
        "commit_hash": "abc",
        "manifest": dumpd(ChatPromptTemplate.from_messages([("human", "Hi")])),
        "examples": [],
        "model_config": {"model": "gpt-4o", "temperature": 0.2},
        "model_provider": "ChatOpenAI",
    }

    assert imported(commit).content.settings == {"model": "gpt-4o", "temperature": 0.2}
