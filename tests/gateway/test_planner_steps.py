"""The planner over several steps: what must come first, which one is meant, what is missing."""

import json
from typing import Any

from playground.gateway.chat import ChatRequest
from playground.gateway.planner.provider import Decision, decide


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
FOUND = {
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
