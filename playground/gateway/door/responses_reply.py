"""The response object as far as it has come, and its events.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

import uuid
from collections.abc import Mapping
from typing import Any

from playground.gateway.chat import Gathering, Usage
from playground.gateway.door.answers import event
from playground.gateway.encoding import Head


class Reply:
    """The response as far as it has come."""

    def __init__(self, asked: Mapping[str, Any], head: Head) -> None:
        self._asked = asked
        self._head = head
        self._message_id = f"msg_{uuid.uuid4().hex}"
        self.gathered = Gathering()
        self._number = -1

    def event(self, kind: str, **content: Any) -> bytes:
        """Encode the next event."""
        self._number += 1
        numbered = {"type": kind, "sequence_number": self._number, **content}
        return event(numbered, name=kind)

    def message(self, status: str) -> dict[str, Any]:
        """Return the item that holds the text."""
        parts = [self.part()] if status == "completed" else []
        return {
            "type": "message",
            "id": self._message_id,
            "status": status,
            "role": "assistant",
            "content": parts,
        }

    def part(self, text: str | None = None) -> dict[str, Any]:
        """Return the part of the message that is text."""
        said = self.gathered.text if text is None else text
        return {"type": "output_text", "text": said, "annotations": [], "logprobs": []}

    def calls(self) -> list[dict[str, Any]]:
        """Return the items for what the model wants called."""
        return [
            {
                "type": "function_call",
                "id": f"fc_{call.id}",
                "call_id": call.id,
                "name": call.name,
                "arguments": call.arguments,
                "status": "completed",
            }
            for call in self.gathered.tool_calls
        ]

    def output(self) -> list[dict[str, Any]]:
        """Return all items."""
        calls = self.calls()
        said = self.gathered.text or not calls
        return [*([self.message("completed")] if said else []), *calls]

    def whole(self, status: str) -> dict[str, Any]:
        """Return the response object."""
        used = self.gathered.usage or Usage()
        cut = self.gathered.finish_reason == "length"
        done = status == "completed"
        asked = self._asked
        return {
            "id": self._head.id,
            "object": "response",
            "created_at": self._head.created,
            "status": "incomplete" if done and cut else status,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if done and cut else None,
            "instructions": asked.get("instructions"),
            "max_output_tokens": asked.get("max_output_tokens"),
            "model": self._head.model,
            "output": self.output() if done else [],
            "parallel_tool_calls": asked.get("parallel_tool_calls", True),
            "previous_response_id": None,
            "store": False,
            "temperature": asked.get("temperature"),
            "text": asked.get("text") or {"format": {"type": "text"}},
            "tool_choice": asked.get("tool_choice", "auto"),
            "tools": asked.get("tools") or [],
            "top_p": asked.get("top_p"),
            "truncation": "disabled",
            "metadata": asked.get("metadata") or {},
            "usage": _usage(used) if done else None,
        }


def _usage(used: Usage) -> dict[str, Any]:
    return {
        "input_tokens": used.input_tokens,
        "input_tokens_details": {"cached_tokens": used.cached_tokens},
        "output_tokens": used.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": used.input_tokens + used.output_tokens,
    }
