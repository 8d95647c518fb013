"""Hold schemas and variables to what they promise."""

from collections.abc import Mapping, Sequence
from typing import Any

from playground.core.errors import InvalidInput
from playground.gateway.guardrails import schemas
from playground.prompts.content import RESERVED_SETTINGS, Content

_SHOWN = 3


def check_schemas(content: Content) -> None:
    """Refuse inputs, tools or a response format whose JSON Schema is invalid or out of bounds.

    Raises:
        InvalidInput: ``prompt.schema``; ``field`` says which.
    """
    for field, schema in _schemas(content).items():
        if not isinstance(schema, dict):
            raise _refused(field, "It is not an object.")
        try:
            schemas.check(schema)
        except InvalidInput as error:
            raise _refused(field, error.detail) from error
    if content.inputs is not None and content.inputs.get("type") != "object":
        raise _refused("inputs", "The inputs are an object: its type is “object”.")


def check_settings(content: Content) -> None:
    """Refuse settings that would override what a call says elsewhere.

    Raises:
        InvalidInput: ``prompt.settings`` with ``field``.
    """
    taken = sorted(RESERVED_SETTINGS & content.settings.keys())
    if taken:
        raise InvalidInput(
            "prompt.settings", f"{', '.join(taken)}: no setting of the model.", field="settings"
        )


def check_variables(schema: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
    """Refuse variables that do not fit the schema.

    Raises:
        InvalidInput: ``prompt.inputs`` with ``errors``, a list of ``path`` and ``message``.
    """
    try:
        told = schemas.violations_of(schema, variables)
    except InvalidInput as error:
        raise _refused("inputs", error.detail) from error
    if told:
        errors = [_error(each) for each in told]
        raise InvalidInput(
            "prompt.inputs", f"The variables do not fit: {_listed(errors)}.", errors=errors
        )


def _schemas(content: Content) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if content.inputs is not None:
        found["inputs"] = content.inputs
    for index, tool in enumerate(content.tools):
        function = tool.get("function")
        if isinstance(function, dict) and "parameters" in function:
            found[f"tools.{index}"] = function["parameters"]
    wanted = (content.response_format or {}).get("json_schema")
    if isinstance(wanted, dict) and "schema" in wanted:
        found["response_format"] = wanted["schema"]
    return found


def _refused(field: str, why: str) -> InvalidInput:
    return InvalidInput("prompt.schema", f"{field}: {why}", field=field)


def _listed(errors: Sequence[Mapping[str, str]]) -> str:
    words = "; ".join(f"{each['path']} {each['message']}" for each in errors[:_SHOWN])
    left = len(errors) - _SHOWN
    if left <= 0:
        return words
    return f"{words}; and {'at least ' if len(errors) == schemas.MAX_TOLD else ''}{left} more"


def _error(told: str) -> dict[str, str]:
    path, _, word = told.rpartition(": ")
    keyword, _, name = word.partition(" ")
    if keyword == "required" and name:
        return {"path": f"{path.rstrip('/')}/{name}", "message": "is required"}
    if keyword == "type":
        return {"path": path, "message": f"is not of type {name}"}
    if name:
        return {"path": path, "message": f"is {word}"}
    return {"path": path, "message": f"does not fit “{keyword}”"}
