"""Turn the log of a thread into the messages that a model sees. Pure: imports no Django.

The log is the truth about a conversation; a checkpoint is the working state of one run.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_HISTORY_TURNS = 30
MAX_HISTORY_CHARS = 60_000
MAX_RESULT_CHARS = 4_000
MAX_RESULTS_CHARS = 24_000


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the log, as far as models are concerned."""

    seq: int
    role: str
    content: str
    run_id: str | None
    data: dict[str, Any] = field(default_factory=dict)


def history(log: Iterable[Said], *, upto: int, run_id: str) -> list[dict[str, Any]]:
    """Return the turns before a message, and the message, in the order of the conversation.

    A message that was sent while an earlier one was being answered lies before that answer in the
    log; here each answer follows its question. Messages after ``upto`` and what this run itself
    has written are left out, and the oldest turns where there are too many.
    """
    messages = sorted(log, key=lambda said: said.seq)
    answers: dict[str, list[Said]] = {}
    for said in messages:
        if said.role == "assistant" and said.run_id and said.run_id != run_id:
            answers.setdefault(said.run_id, []).append(said)
    turns: list[list[dict[str, Any]]] = []
    for said in messages:
        if said.role == "user" and said.seq <= upto:
            turn: list[dict[str, Any]] = [{"role": "user", "content": said.content}]
            if said.run_id:
                for answer in answers.get(said.run_id, ()):
                    turn += _answered(answer)
            turns.append(turn)
    return [message for turn in _recent(turns) for message in turn]


def _answered(answer: Said) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for record in answer.data.get("tools", ()):
        call = {
            "id": record["call_id"],
            "type": "function",
            "function": {"name": record["alias"], "arguments": json.dumps(record["arguments"])},
        }
        messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
        messages.append(
            {"role": "tool", "tool_call_id": record["call_id"], "content": record["result"]}
        )
    if answer.content:
        messages.append({"role": "assistant", "content": answer.content})
    return messages


def _recent(turns: Sequence[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    kept: list[list[dict[str, Any]]] = []
    chars = 0
    for turn in reversed(turns[-MAX_HISTORY_TURNS:]):
        chars += sum(len(str(message.get("content", ""))) for message in turn)
        if kept and chars > MAX_HISTORY_CHARS:
            break
        kept.append(turn)
    return kept[::-1]


def kept_records(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Shorten the results of a run's tool calls to what later turns need."""
    kept: list[dict[str, Any]] = []
    left = MAX_RESULTS_CHARS
    for record in records:
        result = str(record["result"])
        room = min(MAX_RESULT_CHARS, left)
        if len(result) > room:
            result = str(record["summary"])[:500]
        left = max(0, left - len(result))
        kept.append({**record, "result": result})
    return kept
