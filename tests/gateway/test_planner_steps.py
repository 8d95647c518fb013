"""The planner over several steps: what must come first, which one is meant, what is missing."""

import json
from typing import Any

import pytest

from playground.gateway.chat import ChatRequest
from playground.gateway.planner.provider import Decision, decide
from tests.gateway import unseen


def _tool(name: str, description: str, required: list[str], **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required}
    function = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": function}


BOOK = {"type": "integer", "description": "Id of the book"}
TOOLS = [
    _tool(
        "shelf__search_books",
        "Search the books of the library by topic, author or title.",
        ["query"],
        query={"type": "string", "description": "Which books are wanted"},
    ),
    _tool(
        "shelf__open_book",
        "Open one book: its full record and contents.",
        ["book_id"],
        book_id=BOOK,
    ),
    _tool("shelf__write_review", "Write a review of one book.", ["book_id"], book_id=BOOK),
]
FOUND: dict[str, Any] = {
    "summary": "2 found",
    "books": [{"id": 31, "title": "Tides"}, {"id": 32, "title": "Dunes"}],
}
REQUEST = "Find books about the sea and write a review of the {which} one"


def converse(request: str, *results: tuple[str, Any]) -> Decision:
    """Let the planner go on after some calls and their results."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": request}]
    for number, (name, result) in enumerate(results):
        call = {
            "id": str(number),
            "type": "function",
            "function": {"name": name, "arguments": "{}"},
        }
        messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
        messages.append(
            {"role": "tool", "tool_call_id": str(number), "content": json.dumps(result)}
        )
    return decide(ChatRequest("offline/planner", messages, TOOLS))


def test_it_searches_before_it_writes_about_what_is_found() -> None:
    decision = converse(REQUEST.format(which="best"))

    ((name, arguments),) = decision.calls
    assert name == "shelf__search_books"
    assert "sea" in arguments["query"]


def test_it_opens_a_thing_before_it_writes_about_it() -> None:
    searched = ("shelf__search_books", FOUND)

    decision = converse(REQUEST.format(which="best"), searched)

    assert decision.calls == [("shelf__open_book", {"book_id": 31})]


def test_it_takes_the_second_one_when_it_is_asked_for() -> None:
    searched = ("shelf__search_books", FOUND)

    decision = converse(REQUEST.format(which="second"), searched)

    assert decision.calls == [("shelf__open_book", {"book_id": 32})]


def test_it_only_searches_when_nothing_else_is_asked_for() -> None:
    decision = converse("Find books about the sea", ("shelf__search_books", FOUND))

    assert decision.calls == []
    assert "Tides" in decision.text
    assert "#31" in decision.text


def test_it_says_so_when_nothing_was_found() -> None:
    nothing = ("shelf__search_books", {"summary": "0 found", "books": []})

    decision = converse(REQUEST.format(which="best"), nothing)

    assert decision.calls == []
    assert "Nothing was found" in decision.text


def test_it_says_what_it_can_do_when_it_is_greeted() -> None:
    decision = converse("Hello there!")

    assert decision.calls == []
    assert "not a language model" in decision.text


def remember(request: str, *lines: str) -> Decision:
    """Let the planner answer where memory was recalled."""
    recalled = "You help.\n\nRecalled memory:\n" + "\n".join(f"- {line}" for line in lines)
    messages = [{"role": "system", "content": recalled}, {"role": "user", "content": request}]
    return decide(ChatRequest("offline/planner", messages, unseen.TOOLS))


def follow(*requests: str) -> Decision:
    """Let the planner answer the last of several requests."""
    messages: list[dict[str, Any]] = []
    for request in requests:
        messages += [
            {"role": "user", "content": request},
            {"role": "assistant", "content": "Done."},
        ]
    return decide(ChatRequest("offline/planner", messages[:-1], unseen.TOOLS))


@pytest.mark.parametrize(
    ("requests", "arguments"),
    [
        (("Will it rain in Oslo over the next 3 days?", "now in Munich"), ("Munich", 3)),
        (("Will it rain in Oslo over the next 3 days?", "and for 5 days?"), ("Oslo", 5)),
        (
            ("Will it rain in Oslo over the next 3 days?", "And in Rome?", "What about Porto?"),
            ("Porto", 3),
        ),
    ],
)
def test_it_changes_one_value_when_a_request_only_says_that(
    requests: tuple[str, ...], arguments: tuple[str, int]
) -> None:
    decision = follow(*requests)

    city, days = arguments
    assert decision.calls == [("weather__forecast", {"city": city, "days": days})]


@pytest.mark.parametrize("request_", ["and the second one?", "Open the second one"])
def test_it_opens_what_was_found_before_when_a_place_is_named(request_: str) -> None:
    decision = after_search(request_)

    assert decision.calls == [("shelf__open_book", {"book_id": 32})]


def test_it_writes_about_what_was_found_before_when_a_later_request_says_so() -> None:
    decision = after_search("Now write a review of the first one")

    assert decision.calls == [("shelf__write_review", {"book_id": 31})]


def test_it_means_what_was_last_acted_on_when_a_pronoun_is_said() -> None:
    opened = ("shelf__open_book", {"book_id": 32}, {"id": 32, "title": "Dunes"})

    decision = after_search("Write a review of it", opened)

    assert decision.calls == [("shelf__write_review", {"book_id": 32})]


def after_search(request: str, *later: tuple[str, Any, Any]) -> Decision:
    """Let the planner answer after a search in an earlier turn."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Find books about the sea"}]
    for number, (name, arguments, result) in enumerate(
        (("shelf__search_books", {}, FOUND), *later)
    ):
        function = {"name": name, "arguments": json.dumps(arguments)}
        call = {"id": str(number), "type": "function", "function": function}
        messages += [
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": str(number), "content": json.dumps(result)},
        ]
    messages += [
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": request},
    ]
    return decide(ChatRequest("offline/planner", messages, TOOLS))


def test_it_fills_what_nobody_said_when_memory_says_it() -> None:
    decision = remember("What will the weather be like?", "Ana prefers tea", "Ana lives in Munich")

    assert decision.calls == [("weather__forecast", {"city": "Munich"})]


def test_it_answers_from_memory_when_no_tool_serves() -> None:
    decision = remember(
        "Which seats do I prefer?", "Ana lives in Munich", "Ana prefers aisle seats"
    )

    assert decision.text == "From what I remember:\n\n- Ana prefers aisle seats"


def test_it_takes_nothing_from_memory_when_the_request_says_it() -> None:
    decision = remember("Will it rain in Oslo?", "Ana lives in Munich", "3 trips on 2027-01-01")

    assert decision.calls == [("weather__forecast", {"city": "Oslo"})]


def test_it_leads_up_to_the_rows_when_a_result_has_no_summary() -> None:
    decision = converse("Find books about the sea", ("shelf__search_books", FOUND["books"]))

    assert decision.text.startswith("There are 2 results for “search books”:\n\n1. **Tides**")
