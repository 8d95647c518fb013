"""``POST /v1/responses``: OpenAI's newer interface, spoken to every model through chat completions.

Nothing is stored, so there is no earlier response to go on from: send the whole conversation.

Source: https://platform.openai.com/docs/api-reference/responses
"""

import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

from playground.gateway.chat import ChatRequest, Chunk, Gathering, Usage
from playground.gateway.door.answers import Answer, event
from playground.gateway.door.asking import Asking, wrong
from playground.gateway.door.measuring import traced
from playground.gateway.encoding import Head
from playground.gateway.events import Event, Reading
from playground.gateway.providers.openai_compatible import body_of

_PASSED_ON = ("tool_choice", "parallel_tool_calls", "top_p", "user", "metadata")


async def respond(asking: Asking, answer: Answer) -> None:
    """Answer a request, streamed or whole."""
    request = request_of(asking)
    reply = _Reply(asking.body, Head.new("resp", model=request.model))
    streamed = asking.flag("stream")
    async with traced(asking, answer, request, body_of(request), streamed=True) as events:
        pieces = _pieces(events, reply)
        if streamed:
            await _stream(pieces, reply, answer)
        else:
            async for _ in pieces:
                pass
    if not streamed:
        await answer.json(reply.whole("completed"))


def request_of(asking: Asking) -> ChatRequest:
    """Translate a request into one for chat completions.

    Raises:
        InvalidInput: a field is missing, wrong, or asks for what is not kept here.
    """
    if asking.body.get("previous_response_id") is not None:
        raise wrong("previous_response_id", "is not kept here; send the whole conversation")
    instructions = asking.text("instructions", required=False)
    messages: list[dict[str, Any]] = []
    if instructions:
        messages.append({"role": "system", "content": instructions})
    given = asking.body.get("input")
    if isinstance(given, str) and given:
        messages.append({"role": "user", "content": given})
    elif isinstance(given, list) and given:
        messages += [_message(number, item) for number, item in enumerate(given)]
    else:
        raise wrong("input", "is required: text, or a list of items")
    maximum = asking.number("max_output_tokens", low=1, high=10_000_000, whole=True)
    form = (asking.thing("text") or {}).get("format")
    return ChatRequest(
        model=asking.text("model"),
        messages=messages,
        tools=[_tool(number, tool) for number, tool in enumerate(asking.objects("tools"))] or None,
        response_format=_format(form),
        temperature=asking.number("temperature", low=0, high=2),
        max_tokens=None if maximum is None else int(maximum),
        extra={name: asking.body[name] for name in _PASSED_ON if asking.body.get(name) is not None},
    )


def _message(number: int, item: Any) -> dict[str, Any]:
    where = f"input[{number}]"
    match item:
        case {"type": "function_call", "call_id": str(call), "name": str(name), **more}:
            function = {"name": name, "arguments": str(more.get("arguments") or "{}")}
            calls = [{"id": call, "type": "function", "function": function}]
            return {"role": "assistant", "content": "", "tool_calls": calls}
        case {"type": "function_call_output", "call_id": str(call), "output": output}:
            return {"role": "tool", "tool_call_id": call, "content": _content(where, output)}
        case {"role": "user" | "assistant" | "system" | "developer" as role, "content": content}:
            plain = "system" if role == "developer" else role
            return {"role": plain, "content": _content(where, content)}
        case _:
            raise wrong(where, "is no message, function call or function call's output")


def _content(where: str, content: Any) -> Any:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise wrong(f"{where}.content", "must be text or a list of parts")
    parts: list[dict[str, Any]] = []
    for part in content:
        match part:
            case {"type": "input_text" | "output_text" | "text", "text": str(text)}:
                parts.append({"type": "text", "text": text})
            case {"type": "input_image", "image_url": str(url)}:
                parts.append({"type": "image_url", "image_url": {"url": url}})
            case _:
                raise wrong(f"{where}.content", "holds a part that is neither text nor an image")
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _tool(number: int, tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool.get("type") != "function" or not isinstance(tool.get("name"), str):
        raise wrong(f"tools[{number}]", "must be a function; other kinds are not run here")
    names = ("name", "description", "parameters", "strict")
    function = {name: tool[name] for name in names if tool.get(name) is not None}
    return {"type": "function", "function": function}


def _format(form: Any) -> dict[str, Any] | None:
    match form:
        case {"type": "json_schema", **schema}:
            return {"type": "json_schema", "json_schema": schema}
        case {"type": "json_object"}:
            return {"type": "json_object"}
        case _:
            return None


class _Reply:
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


async def _pieces(events: AsyncIterator[Event], reply: _Reply) -> AsyncIterator[Chunk]:
    reading = Reading()
    async for each in events:
        chunk = reading.chunk(each)
        reply.gathered.add(chunk)
        yield chunk


async def _stream(pieces: AsyncIterator[Chunk], reply: _Reply, answer: Answer) -> None:
    place: dict[str, Any] = {"output_index": 0, "content_index": 0, "item_id": ""}
    opened = begun = False
    async for chunk in pieces:
        # Not before the model speaks: until then the answer can still be an error.
        if not opened:
            opened = True
            for kind in ("response.created", "response.in_progress"):
                await answer.piece(reply.event(kind, response=reply.whole("in_progress")))
        if not chunk.text:
            continue
        if not begun:
            begun = True
            item = reply.message("in_progress")
            place["item_id"] = item["id"]
            await answer.piece(reply.event("response.output_item.added", output_index=0, item=item))
            await answer.piece(
                reply.event("response.content_part.added", **place, part=reply.part(""))
            )
        await answer.piece(
            reply.event("response.output_text.delta", **place, delta=chunk.text, logprobs=[])
        )
    if begun:
        text = reply.gathered.text
        for done in (
            reply.event("response.output_text.done", **place, text=text, logprobs=[]),
            reply.event("response.content_part.done", **place, part=reply.part()),
            reply.event(
                "response.output_item.done", output_index=0, item=reply.message("completed")
            ),
        ):
            await answer.piece(done)
    for index, item in enumerate(reply.calls(), start=int(begun)):
        at = {"output_index": index, "item_id": item["id"]}
        empty = {**item, "arguments": "", "status": "in_progress"}
        arguments = item["arguments"]
        for told in (
            reply.event("response.output_item.added", output_index=index, item=empty),
            reply.event("response.function_call_arguments.delta", **at, delta=arguments),
            reply.event(
                "response.function_call_arguments.done",
                **at,
                name=item["name"],
                arguments=arguments,
            ),
            reply.event("response.output_item.done", output_index=index, item=item),
        ):
            await answer.piece(told)
    await answer.piece(reply.event("response.completed", response=reply.whole("completed")))
    await answer.end()
