"""Write what a model here says in the shapes of OpenAI's Chat Completions.

Source: https://platform.openai.com/docs/api-reference/chat/object and ``/chat/streaming``.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playground.gateway.chat import Chunk, Gathering, Usage


@dataclass(frozen=True, slots=True)
class Head:
    """What all events of one answer share; ``created`` is Unix seconds."""

    id: str
    created: int
    model: str

    @classmethod
    def new(cls, prefix: str, *, model: str) -> "Head":
        """Make the head of a new answer."""
        return cls(f"{prefix}-{uuid.uuid4().hex}", int(time.time()), model)


def completion(head: Head, gathered: Sequence[Gathering], used: Usage) -> dict[str, Any]:
    """Return a whole answer with one choice for each gathering."""
    return {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": [
            {
                "index": index,
                "message": _message(one),
                "logprobs": None,
                "finish_reason": _finish(one),
            }
            for index, one in enumerate(gathered)
        ],
        "usage": usage_of(used),
    }


def opening(head: Head, index: int) -> dict[str, Any]:
    """Return the event that begins a choice."""
    return _event(head, index, {"role": "assistant", "content": ""})


def piece(head: Head, index: int, chunk: Chunk) -> dict[str, Any] | None:
    """Return the event for a chunk, None where it says nothing."""
    delta: dict[str, Any] = {}
    if chunk.text:
        delta["content"] = chunk.text
    if chunk.tool_calls:
        delta["tool_calls"] = [
            {
                "index": call.index,
                **({"id": call.id, "type": "function"} if call.id else {}),
                "function": {
                    **({"name": call.name} if call.name else {}),
                    "arguments": call.arguments,
                },
            }
            for call in chunk.tool_calls
        ]
    return _event(head, index, delta) if delta else None


def closing(head: Head, index: int, gathered: Gathering) -> dict[str, Any]:
    """Return the event that ends a choice."""
    return _event(head, index, {}, finish_reason=_finish(gathered))


def usage(head: Head, used: Usage) -> dict[str, Any]:
    """Return the event that tells the tokens, which has no choice."""
    return {**_event(head, 0, {}), "choices": [], "usage": usage_of(used)}


def usage_of(used: Usage) -> dict[str, int]:
    """Return the tokens."""
    return {
        "prompt_tokens": used.input_tokens,
        "completion_tokens": used.output_tokens,
        "total_tokens": used.input_tokens + used.output_tokens,
    }


def _event(
    head: Head, index: int, delta: dict[str, Any], *, finish_reason: str | None = None
) -> dict[str, Any]:
    return {
        "id": head.id,
        "object": "chat.completion.chunk",
        "created": head.created,
        "model": head.model,
        "choices": [
            {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        ],
    }


def _message(gathered: Gathering) -> dict[str, Any]:
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in gathered.tool_calls
    ]
    said = gathered.text or (None if calls else "")
    message: dict[str, Any] = {"role": "assistant", "content": said, "refusal": None}
    return {**message, "tool_calls": calls} if calls else message


def _finish(gathered: Gathering) -> str:
    return gathered.finish_reason or ("tool_calls" if gathered.tool_calls else "stop")
