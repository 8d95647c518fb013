"""The keywords of JSON Schema, so that none can be made slow by a schema or a value.

Those of ``jsonschema`` compare each value with each choice and each item with each; a mismatch
quotes all of both. Here what is compared is hashed, and every keyword counts against a budget of
steps and of CPU time.
"""

import contextvars
import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from playground.gateway.guardrails import patterns

MAX_STEPS = 100_000
"""Keywords looked at in one check."""
MAX_CPU_S = 2.0
"""Of the thread that checks, in one check."""

# Looks for one value among others that take as long as a step.
_LOOKS = 4000
_ASKED_EVERY = 32
_TRUE, _FALSE = object(), object()


class TooMuch(Exception):
    """The budget of a check is used up."""


@dataclass(slots=True)
class Budget:
    """What one check may still take."""

    steps: int = MAX_STEPS
    until: float = field(default_factory=lambda: time.thread_time() + MAX_CPU_S)

    def spend(self, steps: int = 1) -> None:
        """Count steps.

        Raises:
            TooMuch: none are left, or no time is.
        """
        self.steps -= steps
        if self.steps < 0:
            raise TooMuch
        # To ask for the time costs as much as a small step does.
        if (steps != 1 or self.steps % _ASKED_EVERY == 0) and time.thread_time() > self.until:
            raise TooMuch


budget: contextvars.ContextVar[Budget] = contextvars.ContextVar("playground_schema_budget")


class Choices(list[Any]):
    """The values of ``enum``, to be asked for one without going through all."""

    def __init__(self, values: list[Any]) -> None:
        super().__init__(values)
        self.hashed = frozenset(map(_hashable, values))


@functools.cache
def bounded() -> type[Draft202012Validator]:
    """Return the validator whose keywords count what they do."""
    keywords = {**Draft202012Validator.VALIDATORS, **_SAFE}
    counted = {name: _counted(each) for name, each in keywords.items()}
    kind: type[Draft202012Validator] = extend(Draft202012Validator, counted)
    return kind


def _counted(check: Callable[..., Any]) -> Callable[..., Iterator[ValidationError]]:
    def step(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        budget.get().spend()
        yield from check(validator, value, instance, schema) or ()

    return step


def _hashable(value: Any) -> Any:
    """Return what is equal for equal JSON: 1 is 1.0, and not true."""
    match value:
        case bool():
            return _TRUE if value else _FALSE
        case list():
            return tuple(map(_hashable, value))
        case dict():
            return frozenset((name, _hashable(each)) for name, each in value.items())
    return value


def _weighed(value: Any) -> Any:
    """Return the value as ``_hashable`` does, and count its size."""
    pending = [value] if isinstance(value, list | dict) else []
    while pending:
        inner = pending.pop()
        budget.get().spend(1 + len(inner) // 8)
        parts = inner.values() if isinstance(inner, dict) else inner
        pending += [part for part in parts if isinstance(part, list | dict)]
    return _hashable(value)


def _enum(_validator: Any, choices: Choices, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if _weighed(value) not in choices.hashed:
        yield ValidationError("")


def _const(_validator: Any, wanted: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if _weighed(value) != _weighed(wanted):
        yield ValidationError("")


def _required(_validator: Any, names: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, dict) and not value.keys() >= set(names):
        yield ValidationError("")


def _type(validator: Any, wanted: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if not any(validator.is_type(value, kind) for kind in kinds):
        yield ValidationError("")


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not _matches(pattern, value):
        yield ValidationError("")


def _pattern_properties(
    validator: Any, inners: dict[str, Any], value: Any, _schema: Any
) -> Iterator[ValidationError]:
    for pattern, inner in inners.items() if isinstance(value, dict) else ():
        for name, item in value.items():
            if _matches(pattern, name):
                yield from validator.descend(item, inner, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, inner: Any, value: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    known = schema.get("properties", {})
    named = schema.get("patternProperties", {})
    for name, item in value.items() if isinstance(value, dict) else ():
        if name in known or any(_matches(pattern, name) for pattern in named):
            continue
        if inner is False:
            yield ValidationError("")
            return
        yield from validator.descend(item, inner, path=name)


def _unique_items(
    _validator: Any, wanted: bool, value: Any, _schema: Any
) -> Iterator[ValidationError]:
    if wanted and isinstance(value, list) and len(set(_weighed(value))) < len(value):
        yield ValidationError("")


def _unevaluated(keyword: str) -> Callable[..., Iterator[ValidationError]]:
    """Return the keyword of ``jsonschema``, which looks for each part among all of them, paid."""
    check = Draft202012Validator.VALIDATORS[keyword]

    def step(validator: Any, inner: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        if isinstance(value, list | dict):
            budget.get().spend(len(value) ** 2 // _LOOKS)
        yield from check(validator, inner, value, schema) or ()

    return step


def _matches(pattern: str, text: str) -> bool:
    if not patterns.affordable(pattern, text):
        raise TooMuch
    budget.get().spend(0)
    return patterns.matches(pattern, text)


_SAFE: dict[str, Callable[..., Any]] = {
    "additionalProperties": _additional_properties,
    "const": _const,
    "enum": _enum,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "required": _required,
    "type": _type,
    "unevaluatedItems": _unevaluated("unevaluatedItems"),
    "unevaluatedProperties": _unevaluated("unevaluatedProperties"),
    "uniqueItems": _unique_items,
}
