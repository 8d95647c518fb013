"""Foresee how large a result will be, and refuse it before it is computed. Pure: no Django."""

import re
from typing import Any

from playground.prompts.templating.metering import BudgetExceeded, budget

_SIZED_METHODS = frozenset(
    ("center", "expandtabs", "ljust", "rjust", "zfill", "to_bytes", "encode")
)
_WIDE_FORMAT = re.compile(r"\*|\d{4,}")


def expect_growth(name: str, text: str, extra: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Refuse what a filter would write, if it is too large."""
    longest = max(
        (len(part) for part in (*extra, *named.values()) if isinstance(part, str)), default=0
    )
    widest = max((part for part in (*extra, *named.values()) if isinstance(part, int)), default=4)
    pieces = text.count("\n") + 1 if name == "indent" else len(text) + 1
    if name == "replace" and extra and isinstance(extra[0], str):
        pieces = text.count(extra[0]) if extra[0] else len(text) + 1
    step = longest if name != "indent" else max(longest, widest)
    budget().size(len(text) + pieces * step)


def expect_product(left: Any, right: Any) -> None:
    """Refuse a product that would be too large."""
    purse = budget()
    for one, other in ((left, right), (right, left)):
        if isinstance(one, str | list | tuple) and isinstance(other, int):
            purse.width(other)
            purse.size(len(one) * max(other, 0))
    if isinstance(left, int) and isinstance(right, int):
        _expect_bits(left.bit_length() + right.bit_length())


def expect_power(left: Any, right: Any) -> None:
    """Refuse a power that would be too large."""
    if isinstance(left, int) and isinstance(right, int):
        _expect_bits(left.bit_length() * abs(right))


def _expect_bits(bits: int) -> None:
    limit = budget().limits.integer_bits
    if bits > limit:
        raise BudgetExceeded(f"a number would have more than {limit} bits")


def expect_format(template: str) -> None:
    """Refuse a printf-style format whose result may be too large."""
    if _WIDE_FORMAT.search("".join(re.findall(r"%[^a-zA-Z%]*", template))):
        raise BudgetExceeded("a format asks for a width above 999")
    budget().size(len(template) + 999 * template.count("%"))


def expect_call(called: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Refuse to call a method of a text whose result would be too large."""
    purse = budget()
    name = getattr(called, "__name__", "")
    owner = getattr(called, "__self__", None)
    if isinstance(owner, str):
        if name in _SIZED_METHODS:
            for size in (*args, *named.values()):
                purse.width(size)
            purse.size(len(owner) * (args[0] if name == "expandtabs" and args else 8))
        elif name in ("replace", "join", "translate"):
            longest = max((len(part) for part in args if isinstance(part, str)), default=0)
            count = len(owner) + 1
            if name == "join":
                parts = [str(part) for part in purse.weigh(list(args[0]))] if args else []
                count, longest = len(parts), len(owner)
                purse.size(sum(map(len, parts)))
            elif name == "replace" and args and isinstance(args[0], str) and args[0]:
                count = owner.count(args[0])
            purse.size(len(owner) + count * longest)
