"""Tell whether a text is the JSON that a schema asks for.

Neither the schema nor the text can make this slow. A schema has at most ``MAX_SCHEMA`` characters
and ``MAX_DEPTH`` levels and refers only to itself; its patterns run in Rust's regex engine, which
is linear in time and refuses look-around and back references; a check ends after ``MAX_STEPS``
keywords, which also ends references that double or go in circles.

Source: JSON Schema 2020-12 (core and validation); the ``regex`` crate's guarantees, which pydantic
brings along.
"""

import contextvars
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from pydantic_core import SchemaError as PatternError
from pydantic_core import SchemaValidator, core_schema
from referencing import Registry
from referencing.exceptions import Unresolvable

from playground.core.errors import InvalidInput

MAX_SCHEMA = 65_536
"""Characters of the schema as JSON."""
MAX_TEXT = 1_000_000
"""Characters of the text."""
MAX_DEPTH = 64
"""Levels of a schema or a text."""
MAX_PATTERN = 1000
"""Characters of a pattern."""
MAX_STEPS = 100_000
"""Keywords looked at in one check."""
MAX_UNIQUE = 1000
"""Items of an array that must be unique: objects are compared each with each."""
MAX_TOLD = 20
"""Violations told."""

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# They match patternProperties behind our back, with the engine that can be made to hang.
_UNBOUNDED = ("unevaluatedProperties", "unevaluatedItems")


class _TooMuch(Exception):
    pass


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
    """Refuse a schema that is invalid or out of bounds.

    Raises:
        InvalidInput: ``guardrail.schema-refused``.
    """
    _checked(_as_json(schema))


def _told(schema: str, value: Any) -> list[str]:
    validator, names = _bounded(schema)
    if _depth(value) > MAX_DEPTH:
        return ["/: too deeply nested to check"]
    told: list[str] = []
    _left.set(MAX_STEPS)
    try:
        for error in validator.iter_errors(value):
            told += _messages(error, names)
            if len(told) >= MAX_TOLD:
                break
    except (_TooMuch, RecursionError):
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
        patterns = level.get("patternProperties")
        named = list(patterns) if isinstance(patterns, dict) else []
        if named and any(word in text for word in _UNBOUNDED):
            raise _refused("patternProperties cannot stand beside unevaluated keywords.")
        single = level.get("pattern")
        for pattern in [*named, *([single] if isinstance(single, str) else [])]:
            _compiled(pattern)
    try:
        Draft202012Validator.check_schema(schema)
    except (SchemaError, RecursionError) as error:
        where = "/".join(map(str, getattr(error, "absolute_path", ())))
        raise _refused(f"It is not valid at /{where[:200]}.") from None
    return schema


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> SchemaValidator:
    if len(pattern) > MAX_PATTERN:
        raise _refused(f"A pattern has more than {MAX_PATTERN} characters.")
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except PatternError:
        raise _refused("A pattern cannot be matched in linear time.") from None


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).isinstance_python(text)


_left: contextvars.ContextVar[int] = contextvars.ContextVar("playground_schema_steps")


@functools.lru_cache(maxsize=256)
def _bounded(schema: str) -> tuple[Draft202012Validator, frozenset[str]]:
    """Return a validator that counts its steps, matches safely and fetches nothing.

    Beside it the names that the schema declares.
    """
    checked = _checked(schema)
    return _kind()(checked, registry=Registry()), frozenset(_names(checked))


@functools.cache
def _kind() -> type[Draft202012Validator]:
    keywords = {**Draft202012Validator.VALIDATORS, **_SAFE}
    counted = {name: _counted(each) for name, each in keywords.items()}
    kind: type[Draft202012Validator] = extend(Draft202012Validator, counted)
    return kind


def _counted(check: Callable[..., Any]) -> Callable[..., Iterator[ValidationError]]:
    def step(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        left = _left.get() - 1
        _left.set(left)
        if left < 0:
            raise _TooMuch
        yield from check(validator, value, instance, schema) or ()

    return step


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not _matches(pattern, value):
        yield ValidationError("")


def _pattern_properties(
    validator: Any, patterns: dict[str, Any], value: Any, _schema: Any
) -> Iterator[ValidationError]:
    for pattern, inner in patterns.items() if isinstance(value, dict) else ():
        for name, item in value.items():
            if _matches(pattern, name):
                yield from validator.descend(item, inner, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, inner: Any, value: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    known = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for name, item in value.items() if isinstance(value, dict) else ():
        if name in known or any(_matches(pattern, name) for pattern in patterns):
            continue
        if inner is False:
            yield ValidationError("")
            return
        yield from validator.descend(item, inner, path=name)


def _unique_items(
    validator: Any, wanted: bool, value: Any, schema: Any
) -> Iterator[ValidationError]:
    if wanted and isinstance(value, list) and len(value) > MAX_UNIQUE:
        raise _TooMuch
    yield from Draft202012Validator.VALIDATORS["uniqueItems"](validator, wanted, value, schema)


_SAFE: dict[str, Callable[..., Any]] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}


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
