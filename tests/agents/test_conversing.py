"""The log of a thread becomes the messages that a model sees."""

from typing import Any

from agents.conversing import (
    MAX_HISTORY_TURNS,
    MAX_RESULTS_CHARS,
    Said,
    history,
    kept_records,
)


def test_it_puts_each_answer_after_its_question_when_messages_queued_up() -> None:
    log = [
        Said(1, "user", "first", "r1"),
        Said(2, "user", "second", "r2"),
        Said(5, "assistant", "to the first", "r1"),
        Said(6, "user", "third", "r3"),
    ]

    seen = history(log, upto=2, run_id="r2")

    assert [message["content"] for message in seen] == ["first", "to the first", "second"]


def test_it_leaves_out_what_an_earlier_attempt_of_this_run_wrote() -> None:
    log = [Said(1, "user", "hello", "r1"), Said(3, "assistant", "hal…", "r1")]

    assert history(log, upto=1, run_id="r1") == [{"role": "user", "content": "hello"}]


def test_it_keeps_what_tools_gave_when_the_conversation_goes_on() -> None:
    record = record_of("call_0_0_a", result='{"found": 12}')
    log = [
        Said(1, "user", "find", "r1"),
        Said(4, "assistant", "12 found", "r1", {"tools": [record]}),
        Said(5, "user", "who is second?", "r2"),
    ]

    seen = history(log, upto=5, run_id="r2")

    assert [message["role"] for message in seen] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]
    assert seen[1]["tool_calls"][0]["id"] == seen[2]["tool_call_id"]
    assert seen[2]["content"] == '{"found": 12}'


def test_it_forgets_the_oldest_turns_when_there_are_too_many() -> None:
    log = [Said(seq, "user", f"message {seq}", f"r{seq}") for seq in range(1, 100)]

    seen = history(log, upto=99, run_id="r99")

    assert len(seen) == MAX_HISTORY_TURNS
    assert seen[-1]["content"] == "message 99"


def test_it_keeps_the_message_itself_when_it_is_larger_than_the_history_may_be() -> None:
    log = [Said(1, "user", "old", "r1"), Said(2, "user", "x" * 70_000, "r2")]

    assert len(history(log, upto=2, run_id="r2")) == 1


def test_it_shortens_results_when_they_would_fill_the_log() -> None:
    records = kept_records([record_of(f"c{n}", result="x" * 3_900) for n in range(20)])

    assert sum(len(record["result"]) for record in records) <= MAX_RESULTS_CHARS + 20 * 500
    assert records[0]["result"].startswith("xxx")
    assert records[-1]["result"] == "12 found"


def record_of(call_id: str, *, result: str) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "alias": "hiring__search",
        "arguments": {"q": "x"},
        "ok": True,
        "title": "Search",
        "summary": "12 found",
        "result": result,
    }
