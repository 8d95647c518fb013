"""Say a JSON value in lines that people read: a name, and a text, a list or a few figures."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NAMES = ("name", "title", "candidate", "job", "subject", "id")
_FACTS = ("headline", "role", "company", "location", "seniority", "years", "from", "to")
_TOLD = frozenset(("summary",))
"""What the closed chip says already."""
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_FLAT = str | int | list
MAX_ITEMS = 12
MAX_FACTS = 5
LONG = 80


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list: what it is called, and what else is known of it."""

    name: str
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One named value: short ``text``, a long one in ``block``, or ``items``."""

    name: str
    text: str = ""
    block: str = ""
    items: tuple[Item, ...] = ()


def lines_of(value: Any) -> tuple[Line, ...]:
    """Say a value in lines, empty fields left out; anything but an object is one nameless line."""
    if not isinstance(value, Mapping):
        return () if value in _EMPTY else (_line("", value),)
    return tuple(
        _line(str(key).replace("_", " "), each)
        for key, each in value.items()
        if each not in _EMPTY and key not in _TOLD
    )


def _line(name: str, value: Any) -> Line:
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        items = tuple(_item(each) for each in value[:MAX_ITEMS])
        return Line(name, items=(*items, *_missing(len(value))))
    text = _plain(value)
    return Line(name, block=text) if "\n" in text or len(text) > LONG else Line(name, text=text)


def _missing(total: int) -> tuple[Item, ...]:
    return (Item("", f"… {total - MAX_ITEMS} more"),) if total > MAX_ITEMS else ()


def _item(value: Any) -> Item:
    if not isinstance(value, Mapping):
        return Item("", _plain(value))
    key = next((each for each in _NAMES if value.get(each) not in _EMPTY), None)
    known = [each for each in _FACTS if each in value and each != key]
    facts = [_fact(each, value[each]) for each in known or value if each != key]
    return Item(_plain(value[key]) if key else "", " · ".join(facts[:MAX_FACTS]))


def _fact(name: str, value: Any) -> str:
    return f"{name} {_plain(value)}" if isinstance(value, int | float) else _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str | int) for each in value):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping) and all(isinstance(each, _FLAT) for each in value.values()):
        return " · ".join(f"{key}: {_plain(each)}" for key, each in value.items())
    return json.dumps(value, ensure_ascii=False, default=str)
