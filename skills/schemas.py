"""Export pydantic models as the plain JSON Schema that models read best. Pure."""

import copy
from typing import Any

from pydantic import BaseModel, TypeAdapter

MAX_DEPTH = 12
_NOISE = frozenset({"title", "$defs", "discriminator"})


def input_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of arguments: references inlined, titles gone, optional means absent.

    Raises:
        ValueError: the model refers to itself, which no inlining ends.
    """
    schema = _plain(model.model_json_schema(mode="validation"))
    schema.pop("description", None)
    schema.setdefault("properties", {})
    return schema


def output_schema(annotation: Any) -> dict[str, Any]:
    """Return the schema of a result.

    Raises:
        ValueError: the annotation refers to itself.
    """
    return _plain(TypeAdapter(annotation).json_schema(mode="serialization"))


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    definitions = schema.get("$defs", {})
    plain: dict[str, Any] = _inline(copy.deepcopy(schema), definitions, depth=0)
    return plain


def _inline(node: Any, definitions: dict[str, Any], *, depth: int) -> Any:
    if depth > MAX_DEPTH * 3:
        raise ValueError("the schema refers to itself or is nested too deeply")
    if isinstance(node, list):
        return [_inline(each, definitions, depth=depth + 1) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        referred = definitions[node["$ref"].rsplit("/", 1)[-1]]
        beside = {key: value for key, value in node.items() if key != "$ref"}
        node = {**referred, **beside}
        return _inline(node, definitions, depth=depth + 1)
    plain: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            # A property may well be called "title": only keywords are noise.
            plain[key] = {
                name: _inline(each, definitions, depth=depth + 1) for name, each in value.items()
            }
        elif key not in _NOISE:
            plain[key] = _inline(value, definitions, depth=depth + 1)
    return _without_null(plain)


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """Drop the alternative ``null``: models do better with a plain optional type."""
    choices = node.get("anyOf")
    if choices and {"type": "null"} in choices:
        left = [choice for choice in choices if choice != {"type": "null"}]
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        if rest.get("default", ...) is None:
            del rest["default"]
        return {**left[0], **rest} if len(left) == 1 else {**rest, "anyOf": left}
    return node
