"""Read JSON Schemas of arguments: what a parameter is, and in which order to fill several."""

import re
from collections.abc import Mapping
from typing import Any

from playground.gateway.planner import coding, naming
from playground.gateway.planner.toolbox import entity_of
from playground.gateway.planner.wording import terms

_DAYS = frozenset("date day when deadline checkin checkout".split())


def settled(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a local reference, and take the part of ``anyOf`` that is not null."""
    for _ in range(4):
        if "$ref" in schema:
            named = str(schema["$ref"]).rpartition("/")[2]
            target = (root.get("$defs") or root.get("definitions") or {}).get(named) or {}
            schema = {**target, **{k: v for k, v in schema.items() if k != "$ref"}}
            continue
        choices = schema.get("anyOf") or schema.get("oneOf")
        if not choices:
            break
        real = [choice for choice in choices if choice.get("type") != "null"]
        rest = {k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}
        schema = {**rest, **(real[0] if real else {})}
    return schema


def kind_of(schema: Mapping[str, Any]) -> str:
    """Return the JSON type of a value, the one that is not null."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "string")
    return str(kind or ("object" if "properties" in schema else "string"))


def may_be_null(schema: Mapping[str, Any]) -> bool:
    """Tell whether a schema allows no value."""
    kinds = schema.get("type")
    choices = schema.get("anyOf") or schema.get("oneOf") or ()
    return "null" in (kinds if isinstance(kinds, list) else [kinds]) or any(
        choice.get("type") == "null" for choice in choices
    )


def words_of(name: str) -> str:
    """Write a parameter's name in lower case with underscores, however it was written."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


def is_day(name: str, schema: Mapping[str, Any]) -> bool:
    """Tell whether a parameter means a day."""
    return schema.get("format") in ("date", "date-time") or bool(set(name.split("_")) & _DAYS)


def rank(name: str, schema: Mapping[str, Any], *, required: bool) -> tuple[int, bool]:
    """Order the parameters: what can be told for sure first, free words last."""
    kind, lower = kind_of(schema), words_of(name)
    spoken = terms(f"{lower} {schema.get('description', '')}")
    if "enum" in schema or "const" in schema or kind == "boolean" or is_day(lower, schema):
        place = 0
    elif entity_of(lower) or (kind == "string" and coding.is_code(lower, spoken)):
        place = 1
    elif kind in ("integer", "number"):
        place = 2
    elif kind == "object":
        place = 3
    elif naming.is_place(lower, spoken):
        place = 4 if naming.names_direction(lower) else 5
    elif naming.is_person(lower, spoken):
        place = 6
    else:
        place = 7
    return place, not required
