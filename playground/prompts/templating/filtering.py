"""The filters and functions of templates, each paying for what it gets and gives. Pure."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2.runtime import Context
from jinja2.utils import _PassArg, pass_context

from playground.prompts.templating.foreseeing import expect_format, expect_growth
from playground.prompts.templating.metering import budget, weigh

_DROPPED_FILTERS = ("attr", "forceescape", "pprint", "random", "safe", "urlize", "xmlattr")
_SIZED_FILTERS = frozenset(
    ("batch", "center", "indent", "round", "slice", "truncate", "wordwrap", "format")
)


def metered_filters(known: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Return the filters that templates have, out of Jinja's."""
    kept = {name: each for name, each in known.items() if name not in _DROPPED_FILTERS}
    kept |= {"join": _join, "sum": _sum, "tojson": _to_json}
    return {name: _metered(name, each) for name, each in kept.items()}


def short_range(*bounds: int) -> range:
    """Return the range, if its numbers are small."""
    numbers = range(*bounds)
    budget().width(numbers.start)
    budget().width(numbers.stop)
    return numbers


def _join(value: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
    purse = budget()
    texts: list[str] = []
    total = 0
    for item in value:
        if attribute is not None:
            item = item[attribute]
        text = item if isinstance(item, str) else str(purse.weigh(item))
        texts.append(text)
        total += len(text) + len(str(d))
        purse.charge()
        if total > purse.limits.value_units:
            purse.size(total)
    purse.size(total)
    return str(d).join(texts)


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
    budget().width(indent)
    return json.dumps(budget().weigh(value), ensure_ascii=False, indent=indent, sort_keys=False)


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
        weigh(value)
        if name in _SIZED_FILTERS:
            for size in (*extra, *kwargs.values()):
                purse.width(size)
        if name == "format":
            expect_format(str(value))
        if name in ("replace", "indent", "wordwrap"):
            expect_growth(name, str(value), extra, kwargs)
        return weigh(kept(*first(context), value, *extra, **kwargs))

    return pay_and_filter
