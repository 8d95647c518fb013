"""Go through a request as endpoints get it, to every text in it.

Left out are the model's name, the numbers that are parameters, and the data of images, sounds and
files. The names of tools and of what their schemas declare are visited as names: they must stay.
"""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from playground.gateway.guardrails.covering import Visitor, unescaped

_DEFINITIONS = frozenset("tools functions tool_choice function_call response_format".split())
_SCHEMAS = frozenset(("parameters", "input_schema", "schema"))
# The member of a part of a message that holds data, and under which name.
_MEDIA = {"image_url": "url", "input_audio": "data", "file": "file_data"}
_DATA_URL = re.compile(r"data:[\w.+-]*/?[\w.+-]*(?:;[\w=.+-]+)*;base64,", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/=\r\n]*")
_SHORTEST_DATA = 64
# Words of the interface, such as "auto": not what could be judged.
_WORD = re.compile(r"[A-Za-z0-9_.-]{0,24}")

# Names of fewer words can give no orders.
_WORDS = re.compile(r"(?:.*?(?:[\W_]+|(?<=[a-z])(?=[A-Z]))){2}", re.DOTALL)

# Keywords of JSON Schema: whose members are schemas by name, that hold values, that name.
_BY_NAME = frozenset("properties patternProperties $defs definitions dependentSchemas".split())
_VALUES = frozenset("enum const default examples".split())
_NAMING = frozenset(
    "$ref $id $schema $anchor $dynamicRef $dynamicAnchor type format pattern required "
    "dependentRequired".split()
)


def visited(body: Mapping[str, Any], visitor: Visitor) -> dict[str, Any]:
    """Return the body as the visitor lets it go on."""
    return visitor.members(body, _Walk(visitor).member)


def heard(body: Mapping[str, Any]) -> list[str]:
    """Return what can be judged: each speaker's turn, each text to embed, then all the rest."""
    turns = _listed(body.get("messages"))
    by_role = itertools.groupby(
        turns, key=lambda turn: turn.get("role") if isinstance(turn, Mapping) else None
    )
    texts = ["\n\n".join(_texts({"messages": list(group)})) for _, group in by_role]
    texts += [text for each in _listed(body.get("input")) for text in _texts({"input": each})]
    rest = {name: each for name, each in body.items() if name not in ("messages", "input")}
    texts.append("\n\n".join(text for text in _texts(rest) if not _WORD.fullmatch(text)))
    return [text for text in texts if text.strip()]


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def _texts(body: Mapping[str, Any]) -> list[str]:
    listening = _Listening()
    walk = _Walk(listening)
    for name, value in body.items():
        listening.name(name)
        walk.member(name, value)
    return listening.texts


class _Listening(Visitor):
    """Keep the texts, and names that are long enough to say something."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def text(self, text: str) -> str:
        self.texts.append(text)
        return text

    def name(self, name: str) -> str:
        if _WORDS.match(name):
            # As a label: it is no word of the interface.
            self.texts.append(f"{name}:")
        return name

    def arguments(self, text: str) -> str:
        self.texts.append(unescaped(text))
        return text

    def members(self, thing: Mapping[str, Any], take: Callable[[str, Any], Any]) -> dict[str, Any]:
        return {self.name(name): take(name, each) for name, each in thing.items()}


class _Walk:
    """The way through a request; each verb returns what goes on in the place of what it takes."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._ids: dict[str, str] = {}

    def member(self, name: str, value: Any) -> Any:
        if name == "model" or isinstance(value, int | float):
            return value
        if name == "messages":
            return self._each(value, self._message)
        return self._definition(value) if name in _DEFINITIONS else self._visitor.value(value)

    def _each(self, listed: Any, take: Callable[[Any], Any]) -> Any:
        if not isinstance(listed, list | tuple):
            return self._visitor.value(listed)
        return [take(each) for each in listed]

    def _message(self, message: Any) -> Any:
        if not isinstance(message, Mapping):
            return self._visitor.value(message)
        of_tool = message.get("role") in ("tool", "function")

        def take(name: str, value: Any) -> Any:
            match name, value:
                case ("role", str()):
                    return self._visitor.name(value)
                case ("name", str()) if of_tool:
                    return self._visitor.name(value)
                case ("tool_call_id", str()):
                    return self._id(value)
                case ("content", list() | tuple()):
                    return [self._part(part) for part in value]
                case ("tool_calls", list() | tuple()):
                    return [self._call(call) for call in value]
                case ("function_call", _):
                    return self._function(value)
            return self._visitor.value(value)

        return self._visitor.members(message, take)

    def _id(self, told: str) -> str:
        """Cover an id; calls and their results find each other still."""
        if told not in self._ids:
            clean = self._visitor.text(told)
            self._ids[told] = told if clean == told else f"covered_{len(self._ids)}"
        return self._ids[told]

    def _part(self, part: Any) -> Any:
        if not isinstance(part, Mapping):
            return self._visitor.value(part)

        def take(name: str, value: Any) -> Any:
            if name not in _MEDIA:
                return self._visitor.value(value)
            if not isinstance(value, Mapping):
                return value if _is_data(value) else self._visitor.value(value)
            return self._visitor.members(
                value,
                lambda inner, each: (
                    each if inner == _MEDIA[name] and _is_data(each) else self._visitor.value(each)
                ),
            )

        return self._visitor.members(part, take)

    def _call(self, call: Any) -> Any:
        if not isinstance(call, Mapping):
            return self._visitor.value(call)

        def take(name: str, value: Any) -> Any:
            if name == "id" and isinstance(value, str):
                return self._id(value)
            if name in ("function", "custom"):
                return self._function(value)
            return self._visitor.value(value)

        return self._visitor.members(call, take)

    def _function(self, function: Any) -> Any:
        if not isinstance(function, Mapping):
            return self._visitor.value(function)

        def take(name: str, value: Any) -> Any:
            if isinstance(value, str) and name == "name":
                return self._visitor.name(value)
            if isinstance(value, str) and name == "arguments":
                return self._visitor.arguments(value)
            return self._visitor.value(value)

        return self._visitor.members(function, take)

    def _definition(self, thing: Any) -> Any:
        """Take what defines or chooses tools, or the form of the answer."""
        if isinstance(thing, list | tuple):
            return [self._definition(each) for each in thing]
        if not isinstance(thing, Mapping):
            return self._visitor.value(thing)

        def take(name: str, value: Any) -> Any:
            if name == "name" and isinstance(value, str):
                return self._visitor.name(value)
            return self._schema(value) if name in _SCHEMAS else self._definition(value)

        return self._visitor.members(thing, take)

    def _schema(self, schema: Any) -> Any:
        if isinstance(schema, list | tuple):
            return [self._schema(each) for each in schema]
        if not isinstance(schema, Mapping):
            return self._visitor.value(schema) if isinstance(schema, str) else schema
        return {
            self._visitor.name(word): self._keyword(word, value) for word, value in schema.items()
        }

    def _keyword(self, word: str, value: Any) -> Any:
        if word in _BY_NAME and isinstance(value, Mapping):
            return {self._visitor.name(name): self._schema(inner) for name, inner in value.items()}
        if word in _VALUES:
            return self._value(value)
        return self._names(value) if word in _NAMING else self._schema(value)

    def _value(self, value: Any) -> Any:
        """Take a value that a schema knows; its members have the names that it declares."""
        if isinstance(value, list | tuple):
            return [self._value(each) for each in value]
        if isinstance(value, Mapping):
            return {self._visitor.name(name): self._value(each) for name, each in value.items()}
        return self._visitor.value(value)

    def _names(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._visitor.name(value)
        if isinstance(value, list | tuple):
            return [self._names(each) for each in value]
        if isinstance(value, Mapping):
            return {self._visitor.name(name): self._names(each) for name, each in value.items()}
        return value


def _is_data(value: Any) -> bool:
    """Tell whether it can be nothing but the data of an image, a sound or a file."""
    if not isinstance(value, str):
        return False
    head = _DATA_URL.match(value)
    at = head.end() if head else 0
    return (head is not None or len(value) >= _SHORTEST_DATA) and bool(_BASE64.fullmatch(value, at))
