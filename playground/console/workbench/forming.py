"""Turn a column into the fields of the page's form, and what was typed back. Pure.

Fields of a column are called ``<column id>.<name>``; those of its messages repeat in order.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from playground.console.workbench.specifying import ColumnSpec, draft_errors
from playground.core.errors import InvalidInput
from playground.prompts.pages import editing

_OWN = {"seed": int, "top_p": float}
_SPLIT = ("temperature", "max_tokens", "seed", "top_p", "stop")
TELLING = (
    "source",
    "model",
    *_SPLIT,
    "others",
    "response_format",
    "tools",
    "simulated",
)
"""Fields below which the page says what is wrong with them."""
_PARTS = {"parameters": "others"}

Form = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Fields:
    """A column's form, every field as the text that stands in it.

    Attributes:
        cards: messages of a draft; empty where a version is named.
        others: JSON of the parameters that have no field of their own.
    """

    cards: tuple[editing.Card, ...]
    temperature: str = ""
    max_tokens: str = ""
    seed: str = ""
    top_p: str = ""
    stop: str = ""
    others: str = ""
    tools: str = ""
    response_format: str = ""
    simulated: str = ""


@dataclass(frozen=True, slots=True)
class Typed:
    """What a column's form says; ``errors`` by field, what could not be read of it."""

    spec: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)


def fields_of(spec: ColumnSpec) -> Fields:
    """Fill a column's form."""
    rest = dict(spec.parameters)
    split = {name: _plain(rest.pop(name)) if name in rest else "" for name in _SPLIT}
    cards: tuple[editing.Card, ...] = ()
    # What was stored in another shape has no cards; why is said when it is asked.
    if spec.content is not None and not draft_errors(spec.content):
        cards = editing.sheet_of(spec.content, own_inputs=False).cards
    return Fields(
        cards=cards,
        others=_json(rest),
        tools=_json(spec.tools),
        response_format=_json(spec.response_format),
        simulated=_json(spec.simulated),
        **split,
    )


def typed(column: str, spec: ColumnSpec, form: Form) -> Typed:
    """Read a column's fields; a form that has none of them leaves the column as it is."""
    mine = {
        key.removeprefix(f"{column}."): values
        for key, values in form.items()
        if key.startswith(f"{column}.") and key != f"{column}.revision"
    }
    body = spec.as_json()
    if not mine:
        return Typed(body)
    editable = spec.content is not None and not draft_errors(spec.content)
    kind = editing.kind_of((spec.content or {}) if editable else {})
    read = editing.typed(kind, {**mine, "settings": mine.get("others", ())})
    errors = {("others" if name == "settings" else name): why for name, why in read.errors.items()}
    parameters = dict(read.body.get("settings", {}))
    body["model"] = parameters.pop("model", "")
    for name, number in _OWN.items():
        if text := _one(mine, name):
            try:
                parameters[name] = number(text)
            except ValueError:
                errors[name] = "This is not a number."
    if stop := _one(mine, "stop"):
        parameters["stop"] = _stops(stop)
    body["parameters"] = parameters
    body["source"] = _one(mine, "source")
    body["tools"] = read.body.get("tools")
    body["response_format"] = read.body.get("response_format")
    body["tool_mode"] = _one(mine, "tool_mode") or spec.tool_mode
    body["skills"] = [each for each in mine.get("skills", ()) if each]
    simulated = _one(mine, "simulated")
    body["simulated"] = _object(simulated, errors) if simulated else {}
    if spec.content is not None and editable and "template" in mine:
        body["content"] = {**spec.content, "messages": read.body["messages"]}
    return Typed(body, errors)


def errors_of(column: str, errors: Mapping[str, str]) -> dict[str, str]:
    """Return a column's part of the errors, by the names of its fields."""
    mine = f"{column}."
    return {key.removeprefix(mine): why for key, why in errors.items() if key.startswith(mine)}


def field_of(error: InvalidInput) -> str:
    """Return the field where it is said why a column cannot be kept."""
    if error.code == "workbench.source-invalid":
        return "source"
    told = error.extra.get("errors") or [{"field": "parameters"}]
    part = str(told[0]["field"]).partition(".")[0]
    return _PARTS.get(part, part)


def _object(text: str, errors: dict[str, str]) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        errors["simulated"] = "A JSON object: by the tool's name, what it gives."
        return {}
    return value


def _stops(text: str) -> Any:
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            pass
    return text


def _one(form: Form, name: str) -> str:
    values = form.get(name, ())
    return values[-1].strip() if values else ""


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
