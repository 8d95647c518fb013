"""Turn a content into the editor's form, and what was typed into it back. Pure.

A draft need not be valid: whatever was typed comes back as it was, and what is wrong with it is
said at its field.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from playground.policy import bodies
from playground.prompts.content import HISTORY, PromptKind

ROLES = ("system", "developer", "user", "assistant", "tool", "placeholder")
INPUT = "input."
_SPLIT = {"model": "Model", "temperature": "Temperature", "max_tokens": "Most tokens"}
_JSON = (("inputs", dict), ("tools", list), ("response_format", dict))
_EXTRA = ("name", "tool_calls", "tool_call_id")


@dataclass(frozen=True, slots=True)
class Card:
    """One message as the editor shows it.

    Attributes:
        name: of the variable, where the role is ``placeholder``.
        extra: JSON of what else the message holds, empty where there is nothing.
    """

    role: str
    template: str = ""
    name: str = HISTORY
    extra: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The whole form, every field as the text that stands in it.

    Attributes:
        own_inputs: somebody writes the inputs' schema; else it is discovered.
        settings: JSON of those that have no field of their own.
    """

    kind: PromptKind
    cards: tuple[Card, ...]
    model: str = ""
    temperature: str = ""
    max_tokens: str = ""
    settings: str = ""
    own_inputs: bool = False
    inputs: str = ""
    tools: str = ""
    response_format: str = ""


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form says.

    Attributes:
        body: in the shape of ``content.Content``, as far as it could be read.
        errors: by field, what could not be.
        values: of the inputs, by their dotted names.
    """

    body: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)


def sheet_of(body: Mapping[str, Any], *, own_inputs: bool) -> Sheet:
    """Fill the form from a content or a draft, which may hold any JSON."""
    given = body.get("settings")
    settings = dict(given) if isinstance(given, Mapping) else {}
    split = {name: _plain(settings.pop(name, "")) for name in _SPLIT}
    messages = body.get("messages") or [{"role": "system", "template": ""}]
    return Sheet(
        kind=kind_of(body),
        cards=tuple(
            _card(each) for each in (messages if isinstance(messages, list) else [messages])
        ),
        settings=_json(settings if isinstance(given, Mapping) else given),
        own_inputs=own_inputs,
        inputs=_json(body.get("inputs")),
        tools=_json(body.get("tools")),
        response_format=_json(body.get("response_format")),
        **split,
    )


def kind_of(body: Mapping[str, Any]) -> PromptKind:
    """Return the kind of a content or a draft; one that says none, or nonsense, is a chat."""
    kind = body.get("kind")
    return PromptKind(kind) if kind in list(PromptKind) else PromptKind.CHAT


def typed(kind: PromptKind, form: Mapping[str, Sequence[str]]) -> Typed:
    """Read the form; the lists ``role``, ``template``, ``placeholder`` and ``extra`` go together.

    Args:
        form: each field with all its values, in the order of the page.
    """
    errors: dict[str, str] = {}
    body: dict[str, Any] = {"kind": kind.value, "messages": _messages(kind, form, errors)}
    settings = _read("settings", dict, form, errors) or {}
    if model := _one(form, "model"):
        settings["model"] = model
    for name, read in (("temperature", float), ("max_tokens", int)):
        if text := _one(form, name):
            try:
                number = read(text)
            except ValueError:
                number = math.nan
            # Greater whole numbers are read differently by different readers of JSON.
            if abs(number) < 2**53:
                settings[name] = number
            else:
                errors[name] = f"{_SPLIT[name]} is a number."
    if settings:
        body["settings"] = settings
    for name, wanted in _JSON:
        if name == "inputs" and _one(form, "inputs_mode") != "own":
            continue
        value = _read(name, wanted, form, errors)
        if value or (name == "inputs" and value is not None):
            body[name] = value
    values = {
        key.removeprefix(INPUT): texts[-1]
        for key, texts in form.items()
        if key.startswith(INPUT) and texts
    }
    return Typed(body, errors, values)


def read_json(text: str) -> Any:
    """Read JSON that both the database and a model's endpoint take.

    Raises:
        json.JSONDecodeError: it is none.
        RecursionError, TypeError, ValueError: it nests too deeply, or holds what JSON has not.
    """
    value = json.loads(text, parse_constant=_finite, parse_float=_finite)
    # Escapes can hide a character that neither takes.
    if bodies.escapes_nul(orjson.dumps(value)):
        raise ValueError("NUL")
    return value


def _messages(
    kind: PromptKind, form: Mapping[str, Sequence[str]], errors: dict[str, str]
) -> list[dict[str, Any]]:
    templates = [text.replace("\r\n", "\n") for text in form.get("template", ())]
    if kind is not PromptKind.CHAT:
        return [{"role": "text", "template": templates[0] if templates else ""}]
    messages: list[dict[str, Any]] = []
    roles = form.get("role", ())
    names, extras = form.get("placeholder", ()), form.get("extra", ())
    for index, role in enumerate(roles):
        if role == "placeholder":
            messages.append({"role": role, "name": _at(names, index).strip() or HISTORY})
            continue
        extra = _parsed(f"extra-{index}", _at(extras, index), dict, errors) or {}
        known = {key: value for key, value in extra.items() if key in _EXTRA}
        messages.append({"role": role, "template": _at(templates, index), **known})
    return messages


def _card(message: Any) -> Card:
    if not isinstance(message, Mapping):
        return Card("user", _plain(message))
    if message.get("role") == "placeholder":
        return Card("placeholder", name=_plain(message.get("name", HISTORY)))
    extra = {key: message[key] for key in _EXTRA if message.get(key) is not None}
    return Card(
        _plain(message.get("role", "system")),
        _plain(message.get("template", "")),
        extra=_json(extra),
    )


def _read(
    name: str, wanted: type, form: Mapping[str, Sequence[str]], errors: dict[str, str]
) -> Any:
    return _parsed(name, _one(form, name), wanted, errors)


def _parsed(name: str, text: str, wanted: type, errors: dict[str, str]) -> Any:
    if not text.strip():
        return None
    try:
        value = read_json(text)
    except json.JSONDecodeError as error:
        errors[name] = f"Line {error.lineno}, column {error.colno}: {error.msg}."
        return None
    except (RecursionError, TypeError, ValueError):
        errors[name] = "It nests too deeply, or holds a number or character that JSON has not."
        return None
    if not isinstance(value, wanted):
        errors[name] = f"It is {'an object' if wanted is dict else 'a list'}."
        return None
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number of JSON's")
    return number


def _at(values: Sequence[str], index: int) -> str:
    return values[index] if index < len(values) else ""


def _one(form: Mapping[str, Sequence[str]], name: str) -> str:
    values = form.get(name, ())
    return values[-1].strip() if values else ""


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
