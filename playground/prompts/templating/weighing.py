"""Weigh values that templates make, take and write out. Pure: imports no Django."""

from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView
from types import NoneType
from typing import Any

from jinja2 import Undefined
from jinja2.environment import TemplateModule
from jinja2.runtime import Macro

from playground.prompts.templating.metering import budget

LAZY = (Iterator, KeysView, ItemsView, ValuesView)
_WRITTEN = (str, int, float, NoneType, list, tuple, dict, Macro, TemplateModule, Undefined)


def weigh(value: Any) -> Any:
    """Let a value pay; what would be read once and is of unknown length becomes a list."""
    if isinstance(value, str | list | tuple | dict | int):
        return budget().weigh(value)
    budget().charge()
    if isinstance(value, LAZY):
        return drained(value)
    return value


def drained(value: Iterable[Any]) -> list[Any]:
    """Return all that is to come of it, as long as that is little."""
    purse = budget()
    items: list[Any] = []
    units = 0
    for item in value:
        # Shared parts count each time, so that nothing later meets more than was weighed.
        before = purse.spent
        purse.weigh(item)
        units += 1 + 16 * (purse.spent - before - 1)
        if units > purse.limits.value_units:
            purse.size(units)
        items.append(item)
    return items


def write(value: Any) -> Any:
    """Let a value pay that is written out; of an object of ours, nobody wants to read."""
    if not isinstance(value, _WRITTEN):
        kind = type(value).__name__.strip("_")
        raise TypeError(f"a {kind} cannot be written out")
    return budget().weigh(value)
