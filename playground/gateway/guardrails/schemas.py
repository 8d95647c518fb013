"""Tell whether a text is the JSON that a schema asks for.

Neither the schema nor the text can make this slow. A schema has at most ``MAX_SCHEMA`` characters
and ``MAX_DEPTH`` levels and refers only to itself; its patterns are linear and bounded; a check
ends after so many keywords or so much CPU time, which also ends references that double or go in
circles.

Source: JSON Schema 2020-12 (core and validation).
"""

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from playground.core.errors import InvalidInput
from playground.gateway.guardrails import keywords, patterns

MAX_SCHEMA = 65_536
"""Characters of the schema as JSON."""
MAX_TEXT = 1_000_000
"""Characters of the text."""
MAX_DEPTH = 64
"""Levels of a schema or a text."""
MAX_TOLD = 20
"""Violations told."""

_DATA = frozenset(("const", "default", "enum", "examples"))
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# They go through these behind our back: uncounted, and with an engine that can be made to hang.
_UNBOUNDED = ("unevaluatedProperties", "unevaluatedItems")
_GONE_THROUGH = ("patternProperties", "dependentSchemas", "$dynamicRef")


def violations(schema: Mapping[str, Any], text: str) -> list[str]:
    """Return what keeps the text from being JSON of this schema; empty if it fits.

    Each is the path and the keyword, ``/items/0/price: maximum``, with the type that is wanted and
    the name that is missing: ``/age: type integer``. Neither values nor names that the schema does
    not declare are told: those stand as ``*``. ``format`` is not asserted.

    Raises:
        InvalidInput: ``guardrail.schema-refused``, the schema is invalid or out of bounds.
    """
    encoded = _as_json(schema)
    _checked(encoded)
    if len(text) > MAX_TEXT:
        return ["/: too long to check"]
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return ["/: not JSON"]
    return _told(encoded, value)


def violations_of(schema: Mapping[str, Any], value: Any) -> list[str]:
    """Return what keeps a JSON value from fitting the schema; see ``violations``."""
    return _told(_as_json(schema), value)


def check(schema: Mapping[str, Any]) -> None:
    """Refuse a schema that is invalid, out of bounds, or refers to what is not in it.

    Asked where schemas are kept: what is kept once is held against values within the bounds of a
    check, though its patterns would be refused today.

    Raises:
        InvalidInput: ``guardrail.schema-refused``.
    """
    checked = _checked(_as_json(schema))
    patterns.check(_patterns(checked))
    if any("$id" in level for level in _levels(checked)):
        # What a reference means depends on where it stands then.
        return
    whole = DRAFT202012.create_resource(checked)
    resolver = Registry().with_resource("", whole).crawl().resolver()
    for reference in set(_references(checked)):
        try:
            resolver.lookup(reference)
        except (Unresolvable, LookupError, ValueError, TypeError, AttributeError):
            raise _refused(f"{reference[:100]} is not in it.") from None


def _told(schema: str, value: Any) -> list[str]:
    validator, names = _bounded(schema)
    if _depth(value) > MAX_DEPTH:
        return ["/: too deeply nested to check"]
    told: list[str] = []
    keywords.budget.set(keywords.Budget())
    try:
        for error in validator.iter_errors(value):
            told += _messages(error, names)
            if len(told) >= MAX_TOLD:
                break
    except (keywords.TooMuch, RecursionError):
        told.append("/: too complex to check")
    except (Unresolvable, LookupError, AttributeError, TypeError, ValueError, ArithmeticError):
        # What a reference points at was not held against the rules for schemas.
        raise _refused("A reference leads nowhere, or to no schema.") from None
    return list(dict.fromkeys(told))[:MAX_TOLD]


def _as_json(schema: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise _refused("It is not JSON.") from None
    if len(text) > MAX_SCHEMA:
        raise _refused(f"It has more than {MAX_SCHEMA} characters.")
    return text


@functools.lru_cache(maxsize=256)
def _checked(text: str) -> dict[str, Any]:
    """Return the schema once it is found to be valid and within bounds."""
    try:
        schema: dict[str, Any] = json.loads(text)
    except RecursionError:
        raise _refused("It is too deeply nested.") from None
    if _depth(schema) > MAX_DEPTH:
        raise _refused("It is too deeply nested.")
    for level in _levels(schema):
        for word in _REFERENCES:
            if isinstance(level.get(word), str) and not level[word].startswith("#"):
                raise _refused("It refers to something outside of itself.")
    if any(word in text for word in _UNBOUNDED):
        for word in _GONE_THROUGH:
            if f'"{word}"' in text:
                raise _refused(f"{word} cannot stand beside unevaluated keywords.")
    try:
        Draft202012Validator.check_schema(schema)
    except (SchemaError, RecursionError) as error:
        where = "/".join(map(str, getattr(error, "absolute_path", ())))
        raise _refused(f"It is not valid at /{where[:200]}.") from None
    return schema


@functools.lru_cache(maxsize=256)
def _bounded(schema: str) -> tuple[Draft202012Validator, frozenset[str]]:
    """Return a validator that counts its steps, matches safely and fetches nothing.

    Beside it the names that the schema declares.
    """
    checked = _checked(schema)
    for level in list(_levels(checked)):
        if type(level.get("enum")) is list:
            level["enum"] = keywords.Choices(level["enum"])
    return keywords.bounded()(checked, registry=Registry()), frozenset(_names(checked))


def _messages(error: ValidationError, names: frozenset[str]) -> list[str]:
    steps = (str(step) if isinstance(step, int) or step in names else "*" for step in error.path)
    where = f"/{'/'.join(steps)}: {error.validator}"
    if error.validator == "required" and isinstance(error.validator_value, list):
        present: Any = error.instance
        missing = [name for name in error.validator_value if name not in present]
        return [f"{where} {name}" for name in missing]
    if error.validator == "type":
        wanted: Any = error.validator_value
        return [f"{where} {wanted if isinstance(wanted, str) else ' or '.join(wanted)}"]
    return [where]


def _levels(value: Any) -> Iterator[dict[str, Any]]:
    pending = [value]
    while pending:
        level = pending.pop()
        if isinstance(level, dict):
            yield level
            pending += level.values()
        elif isinstance(level, list):
            pending += level


def _patterns(schema: Any) -> Iterator[str]:
    for level in _levels(schema):
        matched, single = level.get("patternProperties"), level.get("pattern")
        yield from matched if isinstance(matched, dict) else ()
        yield from (single,) if isinstance(single, str) else ()


def _references(schema: Any) -> Iterator[str]:
    """Yield what is referred to; data may look like it."""
    pending = [schema]
    while pending:
        level = pending.pop()
        if isinstance(level, dict):
            if isinstance(level.get("$ref"), str):
                yield level["$ref"]
            pending += (each for word, each in level.items() if word not in _DATA)
        elif isinstance(level, list):
            pending += level


def _names(schema: Any) -> Iterator[str]:
    for level in _levels(schema):
        declared = level.get("properties")
        yield from declared if isinstance(declared, dict) else ()


def _depth(value: Any) -> int:
    depth, levels = 0, [value]
    while levels := [
        item
        for level in levels
        if isinstance(level, dict | list)
        for item in (level.values() if isinstance(level, dict) else level)
    ]:
        depth += 1
    return depth


def _no_constant(_name: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


def _refused(why: str) -> InvalidInput:
    return InvalidInput("guardrail.schema-refused", f"The JSON Schema was refused. {why}")
