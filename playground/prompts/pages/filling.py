"""Fill a prompt's inputs from a form: objects are laid out flat, what is missing is made up. Pure.

A preview that says only "company is undefined" shows nobody how the prompt reads. So a required
input that was left empty stands as its own name, ``‹company›``, and is marked as made up.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from playground.core import forms
from playground.core.forms import FormField

MAX_FIELDS = 100
_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Filled:
    """Variables to render with.

    Attributes:
        made_up: names of the fields that nobody filled in, dotted.
    """

    variables: dict[str, Any]
    made_up: tuple[str, ...]


def fields(schema: Mapping[str, Any], typed: Mapping[str, str] | None = None) -> list[FormField]:
    """Return a control for each input, those that are required first.

    ``member.name`` is the name of the object ``member``.
    """
    found = forms.fields(_plain(_leaves(schema)), typed=typed)
    return sorted(found, key=lambda field: not field.required)


def fill(schema: Mapping[str, Any], typed: Mapping[str, str]) -> Filled:
    """Return the variables that were typed, with examples where a required one is missing."""
    leaves = _leaves(schema)
    given = forms.arguments(_plain(leaves), typed)
    made_up = []
    for name, leaf in leaves.items():
        if leaf.schema.get("type") == "boolean" and name in given:
            given[name] = given[name] == "true"
        if leaf.required and name not in given:
            given[name] = example(name, leaf.schema)
            made_up.append(name)
    variables: dict[str, Any] = {}
    for name, value in given.items():
        _put(variables, leaves[name].path, value)
    _add_empty(variables, schema)
    return Filled(variables, tuple(made_up))


def examples(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return variables of the examples that a schema gives for what it requires, and no others."""
    variables: dict[str, Any] = {}
    for name, leaf in _leaves(schema).items():
        if leaf.required and leaf.schema.keys() & {"examples", "const", "default", "enum"}:
            _put(variables, leaf.path, example(name, leaf.schema))
    return variables


def example(name: str, schema: Mapping[str, Any]) -> Any:
    """Make up a value that fits a schema and shows what it stands for."""
    if schema.get("examples"):
        return schema["examples"][0]
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    if schema.get("enum"):
        return schema["enum"][0]
    last = name.rpartition(".")[2]
    match schema.get("type"):
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "array":
            return [example(f"{last} {turn}", schema.get("items") or {}) for turn in (1, 2)]
        case "object":
            inner = schema.get("properties") or {}
            return {key: example(key, each) for key, each in inner.items()}
        case _:
            return f"‹{name}›"


@dataclass(frozen=True, slots=True)
class _Leaf:
    path: tuple[str, ...]
    schema: Mapping[str, Any]
    required: bool

    @property
    def asked(self) -> Mapping[str, Any]:
        """Return what the form asks for.

        An unticked box could not be told from no answer, and a list of whatever is easier to write
        one a line than as JSON.
        """
        if self.schema.get("type") == "boolean":
            return {**self.schema, "type": "string", "enum": ["true", "false"]}
        if self.schema.get("type") == "array" and not self.schema.get("items"):
            return {**self.schema, "items": {"type": "string"}}
        return self.schema


def _leaves(schema: Mapping[str, Any]) -> dict[str, _Leaf]:
    """Return what there is to fill in by dotted name; a name that two share is the first one's."""
    leaves: dict[str, _Leaf] = {}
    for leaf in _walk(schema, (), True):
        # A key with a dot in it is quoted, or it would read as a way into an object.
        name = ".".join(f'"{step}"' if "." in step else step for step in leaf.path)
        leaves.setdefault(name, leaf)
    return dict(itertools.islice(leaves.items(), MAX_FIELDS))


def _walk(schema: Mapping[str, Any], path: tuple[str, ...], needed: bool) -> Iterator[_Leaf]:
    # The database keeps no order of keys, so that any other would change with the first save.
    for key, each in sorted((schema.get("properties") or {}).items()):
        inner = each if isinstance(each, Mapping) else {}
        must = needed and key in schema.get("required", ())
        if inner.get("type") == "object" and inner.get("properties") and len(path) < _DEPTH:
            yield from _walk(inner, (*path, key), must)
        else:
            yield _Leaf((*path, key), inner, must)


def _put(variables: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *way, last = path
    inside = variables
    for step in way:
        inside = inside.setdefault(step, {})
    inside[last] = value


def _add_empty(variables: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """Add the objects that must be there though nothing in them must."""
    for key, each in (schema.get("properties") or {}).items():
        if isinstance(each, Mapping) and each.get("properties") and each.get("type") == "object":
            if key in schema.get("required", ()):
                variables.setdefault(key, {})
            if isinstance(variables.get(key), dict):
                _add_empty(variables[key], each)


def _plain(leaves: Mapping[str, _Leaf]) -> dict[str, Any]:
    return {
        "properties": {name: leaf.asked for name, leaf in leaves.items()},
        "required": [name for name, leaf in leaves.items() if leaf.required],
    }
