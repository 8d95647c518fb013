"""Make a form of a JSON Schema, and arguments of what was typed into it. Pure."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

_LONG = re.compile(r"\d{19}")


@dataclass(frozen=True, slots=True)
class FormField:
    """One argument as a control.

    Attributes:
        kind: ``text``, ``number``, ``select``, ``check``, ``lines`` (one item a line) or ``json``.
        type: the schema's type in words, such as ``list of string``.
    """

    name: str
    label: str
    kind: str
    type: str
    help: str
    required: bool
    value: str
    options: tuple[str, ...] = ()
    error: str = ""
    step: str = "any"


def fields(
    schema: Mapping[str, Any],
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> list[FormField]:
    """Return the controls for an object's schema, holding what was typed or the defaults."""
    required = schema.get("required", ())
    return [
        FormField(
            name=name,
            label=name.replace("_", " ").capitalize(),
            kind=_kind(each),
            type=describe(each),
            help=each.get("description", ""),
            required=name in required,
            value=typed.get(name, "") if typed is not None else _shown(each.get("default")),
            options=tuple(str(option) for option in each.get("enum", ())),
            error=(errors or {}).get(name, ""),
            step="1" if each.get("type") == "integer" else "any",
        )
        for name, each in schema["properties"].items()
    ]


def arguments(schema: Mapping[str, Any], typed: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed as arguments; what was left empty is left out.

    What cannot be read is passed on as text, so that the check of the arguments names it.
    """
    given: dict[str, Any] = {}
    for name, each in schema["properties"].items():
        text = typed.get(name, "").strip()
        kind = _kind(each)
        if kind == "check":
            given[name] = bool(text)
        elif not text:
            continue
        elif kind == "lines":
            parts = text.replace(",", "\n").splitlines()
            given[name] = [
                _read(part.strip(), each.get("items", {})) for part in parts if part.strip()
            ]
        else:
            given[name] = _read(text, each)
    return given


def describe(schema: Mapping[str, Any]) -> str:
    """Say in words what a schema accepts: ``integer, 1 to 20``."""
    if "enum" in schema:
        return "one of " + ", ".join(str(option) for option in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(describe(each) for each in schema["anyOf"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {describe(schema.get('items', {}))}"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None and high < 1_000_000_000:
        return f"{kind}, {low} to {high}"
    if low is not None:
        return f"{kind}, at least {low}"
    return str(kind)


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "select"
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return "number"
    if kind == "boolean":
        return "check"
    if kind == "array" and schema.get("items", {}).get("type") in ("string", "integer", "number"):
        return "lines"
    return "text" if kind == "string" else "json"


def _read(text: str, schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            # Neither is a number that JSON, or the database, could write.
            return number if math.isfinite(number := float(text)) else text
        if kind not in ("string", None) or _kind(schema) == "json":
            return _json(text)
    except (ValueError, RecursionError):
        return text
    return text


def _json(text: str) -> Any:
    value = orjson.loads(text)
    # It reads whole numbers of more than 64 bits as floats, which keep 17 digits of them.
    return json.loads(text) if _LONG.search(text) else value


def _shown(value: Any) -> str:
    if value is None or value == [] or value is False:
        return ""
    if isinstance(value, list):
        return "\n".join(str(each) for each in value)
    return str(value)
