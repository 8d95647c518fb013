"""Translate a request to ``/v1/responses`` into one for chat completions.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from collections.abc import Mapping
from typing import Any

from playground.gateway.chat import ChatRequest
from playground.gateway.door.asking import Asking, wrong

_PASSED_ON = ("tool_choice", "parallel_tool_calls", "top_p", "user", "metadata")


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
