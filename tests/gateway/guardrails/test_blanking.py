"""Events come out without entities, wherever they stand and however they are cut."""

import json
from collections import Counter
from typing import Any

import pytest

from playground.gateway.blanking import Blanking
from playground.gateway.events import Event
from playground.gateway.guardrails.entities import EVERYTHING, Entity, redact
from tests.gateway.guardrails.samples import ENTITIES
from tests.gateway.guardrails.test_streaming import leaks

PLACES = ["content", "reasoning", "reasoning_content", "refusal", "parts"]
JSON_PLACES = ["tool_calls", "function_call"]


def delta(place: str, text: str) -> dict[str, Any]:
    match place:
        case "parts":
            return {"content": [{"type": "text", "text": text}]}
        case "tool_calls":
            function = {"name": "f", "arguments": text}
            return {"tool_calls": [{"index": 0, "id": "a", "function": function}]}
        case "function_call":
            return {"function_call": {"name": "f", "arguments": text}}
    return {place: text}


def event(place: str, text: str, index: int = 0, finish: str | None = None) -> Event:
    said = delta(place, text) if text else {}
    return Event({"choices": [{"index": index, "delta": said, "finish_reason": finish}]})


def said(event: Event | None, index: int) -> str:
    """Put together what an event says in a choice."""
    told = ""
    for choice in event.choices if event else ():
        if choice["index"] != index:
            continue
        for name, value in choice["delta"].items():
            if name == "tool_calls":
                told += "".join(call["function"]["arguments"] for call in value)
            elif name == "function_call":
                told += value["arguments"]
            elif name != "role":
                told += value
    return told


@pytest.mark.parametrize(("place", "index"), [("content", 1), *((each, 0) for each in PLACES)])
def test_it_leaks_nothing_when_a_text_is_cut_in_two(place: str, index: int) -> None:
    for kind, text, value in ENTITIES:
        whole = f"see {text} now please."
        expected, findings = redact(whole)
        around = whole.replace(value, "\0")
        for cut in range(1, len(whole)):
            blanking = Blanking(EVERYTHING, streamed=True)

            first = said(blanking.take(event(place, whole[:cut], index)), index)
            second = said(blanking.take(event(place, whole[cut:], index)), index)
            last = said(blanking.take(event(place, "", index, "stop")), index)

            assert first + second + last == expected
            assert blanking.findings == Counter(finding.kind for finding in findings)
            assert leaks(kind, value, first, around) == []


@pytest.mark.parametrize("place", JSON_PLACES)
def test_it_leaks_nothing_when_arguments_are_cut_in_two(place: str) -> None:
    for kind, text, value in ENTITIES:
        clean = redact(text)[0]
        arguments = json.dumps({"a": [text]}, ensure_ascii="\\" in text)
        for cut in range(1, len(arguments)):
            blanking = Blanking(EVERYTHING, streamed=True)

            assert blanking.take(event(place, arguments[:cut])) is None
            assert blanking.take(event(place, arguments[cut:])) is None
            out = said(blanking.take(event(place, "", finish="tool_calls")), 0)

            assert json.loads(out) == {"a": [clean]}
            assert leaks(kind, value, out, clean) == []


def test_it_leaks_nothing_when_choices_and_members_take_turns() -> None:
    kind, text, value = ENTITIES[0]
    blanking = Blanking(EVERYTHING, streamed=True)
    shown = []

    for letter in f"{text} ":
        said_now = dict.fromkeys(PLACES[:4], letter)
        choices = [{"index": index, "delta": said_now} for index in (0, 1)]
        shown.append(blanking.take(Event({"choices": choices})))
    shown.append(blanking.rest())

    told = [said(each, index) for each in shown for index in (0, 1) if each]
    assert leaks(kind, value, "".join(told), "") == []
    assert blanking.findings == {Entity.EMAIL: 8}


def test_it_passes_on_the_rest_when_an_answer_just_ends() -> None:
    blanking = Blanking(EVERYTHING, streamed=True)
    blanking.take(event("content", "write to bob@exam"))
    blanking.take(event("tool_calls", '{"to": "bob@example.com"}'))

    rest = blanking.rest()

    assert rest is not None
    assert said(rest, 0) == 'bob@exam{"to":"[e-mail]"}'
    assert blanking.rest() is None


def test_it_counts_what_is_held_when_it_says_how_much_there_is_to_read() -> None:
    blanking = Blanking(EVERYTHING, streamed=True)
    for _ in range(100):
        blanking.take(event("tool_calls", "a" * 100))

    assert blanking.held_chars >= 10_000
    assert blanking.weight(event("content", "a")) > 10_000


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (1_700_000_000, 1_700_000_000),
        (1_700_000_000.0, 1_700_000_000),
        (4111111111111111, None),
        (4111111111111111.0, None),
        (4.2, None),
        (True, None),
        (float("inf"), None),
        (float("nan"), None),
    ],
)
def test_it_tells_times_and_tokens_as_sane_integers(told: Any, shown: int | None) -> None:
    blanking = Blanking(EVERYTHING, streamed=False)
    usage = {"prompt_tokens": told, "completion_tokens": 3.0, "total_tokens": 4111111111}

    out = blanking.take(Event({"created": told, "choices": [], "usage": usage}))

    assert out is not None
    # A number of tokens is smaller than a time.
    assert repr(out.body.get("created")) == repr(shown)
    assert repr(out.body["usage"]) == "{'completion_tokens': 3}"


def test_it_tells_nothing_of_a_tool_that_it_does_not_know() -> None:
    blanking = Blanking(EVERYTHING, streamed=True)
    call = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "input": "x"}}
    blanking.take(Event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}))

    ended = blanking.take(event("content", "", finish="tool_calls"))

    assert ended is not None
    assert ended.choices == [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]
