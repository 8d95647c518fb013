"""Sort what other products say of a model call into settings, tools and response format. Pure.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from collections.abc import Mapping
from typing import Any

from playground.prompts.importing.reporting import Notes

PARAMETERS = frozenset(
    "model temperature top_p top_k max_tokens max_completion_tokens frequency_penalty "
    "presence_penalty stop seed logit_bias logprobs top_logprobs reasoning_effort verbosity "
    "tool_choice parallel_tool_calls".split()
)
_OTHER_NAMES = {
    "model_name": "model",
    "max_output_tokens": "max_completion_tokens",
    "stop_sequences": "stop",
    "max_tokens_to_sample": "max_tokens",
}
ROLES = frozenset(("system", "developer", "user", "assistant", "tool"))
_EMPTY: tuple[Any, ...] = (None, [], {}, "")


def settings_of(said: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """Return the parameters among what is said; the rest is noted as lost."""
    settings: dict[str, Any] = {}
    for said_name, value in said.items():
        name = _OTHER_NAMES.get(said_name, said_name)
        if value in _EMPTY:
            continue
        if name not in PARAMETERS:
            notes.lost(said_name, "is no parameter of a model call here")
            continue
        settings[name] = value
        if name != said_name:
            notes.changed(said_name, f"is called {name}")
    return settings


def role_of(said: Any, notes: Notes, *, message: int) -> str:
    """Return a role that messages have here; what is not known speaks as the user."""
    if said in ROLES:
        return str(said)
    notes.changed(f"role {said}", "became user", message=message)
    return "user"


def tools_of(said: Any, notes: Notes) -> list[dict[str, Any]]:
    """Return tools in the shape of Chat Completions, from there or from Responses."""
    tools: list[dict[str, Any]] = []
    for tool in said if isinstance(said, list) else []:
        kind = tool.get("type", "function") if isinstance(tool, dict) else None
        if kind == "function" and isinstance(tool.get("function"), dict):
            tools.append({"type": "function", "function": tool["function"]})
        elif kind == "function" and isinstance(tool.get("name"), str):
            function = {name: value for name, value in tool.items() if name != "type"}
            if "input_schema" in function:
                function["parameters"] = function.pop("input_schema")
            tools.append({"type": "function", "function": function})
            notes.changed(f"tool {tool['name']}", "is written in the shape of Chat Completions")
        else:
            notes.lost(f"tool {kind}", "is a tool of the other product's own, not a function")
    return tools


def response_format_of(said: Any, notes: Notes, *, name: str = "answer") -> dict[str, Any] | None:
    """Return a response format in the shape of Chat Completions; a bare JSON Schema gets a name."""
    if not isinstance(said, dict) or not said or said.get("type") == "text":
        return None
    if said.get("type") in ("json_object", "json_schema") and "schema" not in said:
        return said
    if said.get("type") == "json_schema":
        schema = {each: value for each, value in said.items() if each != "type"}
        notes.changed("response format", "is written in the shape of Chat Completions")
        return {"type": "json_schema", "json_schema": {"name": name, **schema}}
    title = said.get("title")
    notes.changed("response format", "a bare JSON Schema got a name")
    chosen = title if isinstance(title, str) and title.isidentifier() else name
    return {"type": "json_schema", "json_schema": {"name": chosen, "schema": said}}
