"""Read requests of OpenAI's Playground, of Chat Completions or of Responses. Pure: no Django.

Source: https://platform.openai.com/docs/api-reference/chat/create and
https://platform.openai.com/docs/api-reference/responses/create
"""

from collections.abc import Iterator, Mapping
from typing import Any

from playground.core.errors import InvalidInput
from playground.prompts.content import content_of
from playground.prompts.importing.expressing import Names
from playground.prompts.importing.naming import Slugs
from playground.prompts.importing.reporting import Imported, Notes, Report, only_objects
from playground.prompts.importing.settling import response_format_of, role_of, settings_of, tools_of
from playground.prompts.importing.substitutions import from_substitutions

_TEXTS = frozenset(("text", "input_text", "output_text"))
# How a request travels and, in a response that was kept, what came of it; not what it says.
_TRANSPORT = frozenset(
    "stream stream_options store name id object version background output output_text usage status "
    "created_at completed_at error incomplete_details previous_response_id conversation billing "
    "service_tier truncation moderation".split()
)


def read_openai(document: Any, *, team: str, name: str) -> Report:
    """Return the prompt of a request, or those of a list of requests.

    Raises:
        InvalidInput: ``prompt.import-invalid``.
    """
    slugs = Slugs()
    prompts: list[Imported] = []
    for index, said in enumerate(only_objects(document)):
        notes = Notes()
        called = str(said.get("name") or (name if index == 0 else f"{name}-{index + 1}"))
        body = _chat(said, notes) if "messages" in said else _responses(said, notes)
        slug, content = slugs.of(called, notes), content_of(body)
        prompts.append(Imported(slug, content, "From OpenAI's Playground", notes.changes))
    return Report(tuple(prompts))


def _chat(said: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    rest = {key: value for key, value in said.items() if key not in _TRANSPORT}
    messages = only_objects(rest.pop("messages"))
    tools = tools_of(rest.pop("tools", None), notes)
    if functions := rest.pop("functions", None):
        tools += tools_of([{**each, "type": "function"} for each in only_objects(functions)], notes)
    if call := rest.pop("function_call", None):
        rest["tool_choice"] = {"type": "function", "function": call} if "name" in call else call
        notes.changed("function_call", "is called tool_choice")
    names = Names(notes)
    return {
        "messages": [_message(each, at, names, notes) for at, each in enumerate(messages)],
        "tools": tools,
        "response_format": response_format_of(rest.pop("response_format", None), notes),
        "settings": settings_of(rest, notes),
    }


def _responses(said: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    rest = {key: value for key, value in said.items() if key not in _TRANSPORT}
    stored = rest.pop("prompt", None)
    instructions, given = rest.pop("instructions", None), rest.pop("input", None)
    messages: list[dict[str, Any]] = []
    if isinstance(instructions, str) and instructions:
        messages.append({"role": "developer", "content": instructions})
        notes.changed("instructions", "are the first message", message=0)
    elif isinstance(instructions, list):
        # What a response has kept of the prompt that its request named.
        messages += _items(instructions, notes)
    if isinstance(given, str):
        messages.append({"role": "user", "content": given})
    else:
        messages += _items(given if isinstance(given, list) else [], notes)
    if not messages:
        kept = stored.get("id") if isinstance(stored, dict) else None
        raise InvalidInput(
            "prompt.import-invalid",
            f"the request only names the prompt {kept}, which OpenAI keeps; export what it says"
            if kept
            else "neither messages nor input: this is no request of Chat Completions or Responses",
        )
    if stored:
        notes.lost("prompt", "a reference to a prompt that OpenAI keeps")
    text = _nested(rest, "text", ("format", "verbosity"), notes)
    reasoning = _nested(rest, "reasoning", ("effort",), notes)
    flat = {"verbosity": text.get("verbosity"), "reasoning_effort": reasoning.get("effort")}
    choice = rest.get("tool_choice")
    if isinstance(choice, dict) and "name" in choice:
        rest["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    names = Names(notes)
    return {
        "messages": [_message(each, at, names, notes) for at, each in enumerate(messages)],
        "tools": tools_of(rest.pop("tools", None), notes),
        "response_format": response_format_of(text.get("format"), notes),
        "settings": settings_of({**rest, **flat}, notes),
    }


def _nested(
    rest: dict[str, Any], word: str, kept: tuple[str, ...], notes: Notes
) -> Mapping[str, Any]:
    """Take an object out of a request and note what of it is not kept."""
    said: Mapping[str, Any] = rest.pop(word, None) or {}
    for field in said:
        if field not in kept:
            notes.lost(f"{word} {field}", "is no parameter of a model call here")
    return said


def _items(given: list[Any], notes: Notes) -> Iterator[dict[str, Any]]:
    """Yield the items of a Responses request as messages of Chat Completions."""
    for item in only_objects(given):
        kind = item.get("type", "message")
        if kind == "message":
            yield dict(item)
        elif kind == "function_call":
            function = {"name": item.get("name"), "arguments": item.get("arguments", "{}")}
            call = {"id": item.get("call_id"), "type": "function", "function": function}
            yield {"role": "assistant", "content": "", "tool_calls": [call]}
        elif kind == "function_call_output":
            yield {
                "role": "tool",
                "content": item.get("output", ""),
                "tool_call_id": item.get("call_id"),
            }
        else:
            notes.lost(f"item {kind}", "is no message")


def _message(said: Mapping[str, Any], index: int, names: Names, notes: Notes) -> dict[str, Any]:
    text = "\n".join(_texts(said.get("content"), index, notes))
    message = {
        "role": role_of(said.get("role"), notes, message=index),
        "template": from_substitutions(text, names, notes, message=index),
        **{key: said.get(key) for key in ("name", "tool_calls", "tool_call_id")},
    }
    return {key: value for key, value in message.items() if value is not None}


def _texts(content: Any, index: int, notes: Notes) -> Iterator[str]:
    parts = content if isinstance(content, list) else [content]
    for part in parts:
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict) and part.get("type") in _TEXTS:
            yield str(part.get("text", ""))
        elif part is not None:
            kind = part.get("type") if isinstance(part, dict) else type(part).__name__
            notes.lost(str(kind), "only text is kept", message=index)
    if len(parts) > 1:
        notes.changed("parts", "became one text, a line each", message=index)
