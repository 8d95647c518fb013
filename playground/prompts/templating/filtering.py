"""The filters and functions of prompts, which pay for what they do. Pure: imports no Django."""

import json
from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any

from jinja2.runtime import Context
from jinja2.utils import _PassArg, pass_context

from playground.prompts.templating.foreseeing import (
    expect_format,
    expect_growth,
    expect_rewriting,
)
from playground.prompts.templating.metering import BudgetExceeded, budget
from playground.prompts.templating.weighing import LAZY, drained, weigh

_DROPPED = frozenset(("attr", "forceescape", "pprint", "random", "safe", "urlize", "xmlattr"))
_SIZED_FILTERS = frozenset(
    ("batch", "center", "indent", "round", "slice", "truncate", "wordwrap", "format")
)
# Whose work grows with the elements and not with what comes out of it.
_ITEM_FILTERS = frozenset(
    """
    dictsort groupby map max min reject rejectattr select selectattr sort unique
    """.split()
)
_INDENT = 16


def metered_filters(known: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Return Jinja's filters without those that no prompt needs, each paying."""
    kept = {name: each for name, each in known.items() if name not in _DROPPED}
    kept |= {"join": _join, "sum": _sum, "tojson": _to_json}
    return {name: _metered(name, each) for name, each in kept.items()}


def _metered(name: str, kept: Callable[..., Any]) -> Callable[..., Any]:
    """Let a filter pay for what it gets and what it gives."""
    passed = _PassArg.from_obj(kept)

    def first(context: Context) -> tuple[Any, ...]:
        if passed is None:
            return ()
        if passed is _PassArg.context:
            return (context,)
        return (context.eval_ctx if passed is _PassArg.eval_context else context.environment,)

    @pass_context
    def pay_and_filter(context: Context, value: Any, /, *extra: Any, **kwargs: Any) -> Any:
        purse = budget()
        value = drained(value) if isinstance(value, LAZY) else purse.weigh(value)
        if name in _ITEM_FILTERS and isinstance(value, Sized):
            purse.charge(len(value))
        if name in _SIZED_FILTERS:
            for size in (*extra, *kwargs.values()):
                purse.width(size)
        if name == "format":
            expect_format(str(value), [*extra, kwargs])
        if name in ("replace", "indent", "wordwrap"):
            expect_growth(name, str(value), extra, kwargs)
        if name == "striptags":
            expect_rewriting(str(value), times=str(value).count("<"))
        return weigh(kept(*first(context), value, *extra, **kwargs))

    return pay_and_filter


def _join(value: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
    purse = budget()
    texts: list[str] = []
    between = d if isinstance(d, str) else str(purse.weigh(d))
    total = 0
    for item in value:
        if attribute is not None:
            item = item[attribute]
        text = item if isinstance(item, str) else str(purse.weigh(item))
        texts.append(text)
        total += len(text) + len(between)
        purse.charge()
        if total > purse.limits.value_units:
            purse.size(total)
    purse.size(total)
    return between.join(texts)


def _sum(value: Iterable[Any], attribute: str | None = None, start: float = 0) -> Any:
    total: Any = start
    for item in value:
        number = item if attribute is None else item[attribute]
        if not isinstance(number, int | float):
            raise TypeError("sum adds numbers only; use join for text")
        budget().charge()
        total += number
    return total


def _to_json(value: Any, indent: int | None = None) -> str:
    purse = budget()
    if indent is not None and not (isinstance(indent, int) and 0 <= indent <= _INDENT):
        raise BudgetExceeded(f"an indent is between 0 and {_INDENT}")
    writer = json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=indent)
    if indent is None:
        return writer.encode(purse.weigh(value))
    pieces: list[str] = []
    total = 0
    for piece in writer.iterencode(purse.weigh(value)):
        # Every line repeats the indent of its depth.
        total += len(piece)
        if total > purse.limits.value_units:
            purse.size(total)
        pieces.append(piece)
    return "".join(pieces)


def made_dict(given: Any = (), /, **named: Any) -> dict[Any, Any]:
    """Make a dictionary step by step: numbers can be chosen so that each is held to all others."""
    made: dict[Any, Any] = {}
    for key, value in given.items() if isinstance(given, dict) else given:
        budget().charge()
        made[key] = value
    return made | named


def short_range(*bounds: int) -> range:
    """Return a range of numbers that are not too large."""
    numbers = range(*bounds)
    budget().width(numbers.start)
    budget().width(numbers.stop)
    return numbers
