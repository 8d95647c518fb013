"""Answer in the form of a JSON Schema that the caller gave."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from playground.gateway.planner.filling import fill
from playground.gateway.planner.planning import plan, title_of
from playground.gateway.planner.schemas import kind_of, may_be_null, settled
from playground.gateway.planner.toolbox import Tool

MAX_DEPTH = 6


def schema_of(response_format: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the schema that an answer must have; an empty one asks for any JSON object."""
    if not response_format or response_format.get("type") == "text":
        return None
    schema = (response_format.get("json_schema") or {}).get("schema")
    return schema if isinstance(schema, Mapping) else {}


def structured(
    schema: Mapping[str, Any], asked: str, tools: Sequence[Tool], *, results: Sequence[Any] = ()
) -> dict[str, Any]:
    """Fill a JSON Schema from a request and results; a list of steps becomes the plan."""
    root = settled(schema, schema)
    steps = settled((root.get("properties") or {}).get("steps") or {}, schema).get("items")
    filled = _filled(root, schema, asked, results, depth=0)
    if isinstance(steps, Mapping) and tools:
        names = set(settled(steps, schema).get("properties") or ())
        filled["steps"] = [
            {
                key: value
                for key, value in (("title", title_of(step)), ("tool", step.tool.name))
                if key in names
            }
            for step in plan(asked, tools, known=results)
        ]
    return filled


def _filled(
    part: Mapping[str, Any],
    schema: Mapping[str, Any],
    asked: str,
    results: Sequence[Any],
    *,
    depth: int,
) -> dict[str, Any]:
    definitions = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
    properties = part.get("properties") or {}
    wanted = [
        name for name in part.get("required") or () if not may_be_null(properties.get(name) or {})
    ]
    tool = Tool("answer", "", {**definitions, **part, "required": wanted})
    arguments, _ = fill(tool, asked, whole=asked, results=results)
    for name in part.get("required") or ():
        inner = settled(tool.properties.get(name) or {}, schema)
        if name not in arguments and kind_of(inner) == "object" and depth < MAX_DEPTH:
            arguments[name] = _filled(inner, schema, asked, results, depth=depth + 1)
        elif name not in arguments:
            arguments[name] = _least(tool.properties.get(name) or {}, schema, depth=depth)
    return arguments


def _least(unsettled: Mapping[str, Any], root: Mapping[str, Any], *, depth: int) -> Any:
    """Return the smallest value that a schema allows."""
    schema = settled(unsettled, root)
    for key in ("default", "const"):
        if key in schema:
            return schema[key]
    if may_be_null(unsettled):
        return None
    if schema.get("enum"):
        return schema["enum"][0]
    kind = kind_of(schema)
    if kind == "object" and depth < MAX_DEPTH:
        properties = schema.get("properties") or {}
        return {
            name: _least(properties.get(name) or {}, root, depth=depth + 1)
            for name in schema.get("required") or ()
        }
    if kind == "array" and depth < MAX_DEPTH:
        one = _least(schema.get("items") or {}, root, depth=depth + 1)
        return [one] * min(int(schema.get("minItems") or 0), 20)
    if kind in ("integer", "number"):
        return max(schema.get("minimum", 0), 0)
    if schema.get("format") == "date":
        return dt.datetime.now(dt.UTC).date().isoformat()
    empties: dict[str, Any] = {"array": [], "object": {}, "boolean": False, "null": None}
    return empties.get(kind, "-" * min(int(schema.get("minLength") or 0), 100))
