"""Foresee how large a result would be, before it is made. Pure: imports no Django."""

import re
from typing import Any

from playground.prompts.templating.metering import BudgetExceeded, budget

_SIZED_METHODS = frozenset(("center", "ljust", "rjust", "zfill"))
# As Python reads them: a name in brackets, flags, width, precision.
_CONVERSION = re.compile(r"%(?:\((?P<name>[^()]*)\))?(?P<sizes>[-#0 +]*[*\d]*(?:\.[*\d]*)?)")
_WIDE_FORMAT = re.compile(r"\*|\d{4,}")


def expect_growth(name: str, text: str, extra: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Refuse that a filter puts too much between or in place of parts of a text."""
    said = [part for part in (*extra, *named.values()) if not isinstance(part, int | float)]
    # Jinja writes out what is no text.
    longest = max((len(str(budget().weigh(part))) for part in said), default=0)
    widest = max((part for part in (*extra, *named.values()) if isinstance(part, int)), default=4)
    pieces = text.count("\n") + 1 if name == "indent" else len(text) + 1
    if name == "replace" and extra and isinstance(extra[0], str):
        pieces = text.count(extra[0]) if extra[0] else len(text) + 1
    step = longest if name != "indent" else max(longest, widest)
    budget().size(len(text) + pieces * step)
    if name == "wordwrap":
        # A word that is longer than a line is copied for each line.
        width = next((part for part in (*extra, named.get("width")) if isinstance(part, int)), 79)
        word = max(map(len, text.split()), default=0)
        expect_rewriting("x" * word, times=word // max(width, 1))


def expect_rewriting(text: str, *, times: int) -> None:
    """Let work pay that copies a text again and again, and takes the square of its length."""
    budget().charge(1 + len(text) * times // 65_536)


def expect_product(left: Any, right: Any) -> None:
    """Refuse a product that is too large."""
    purse = budget()
    for one, other in ((left, right), (right, left)):
        if isinstance(one, str | list | tuple) and isinstance(other, int):
            purse.width(other)
            purse.size(len(one) * max(other, 0))
    if isinstance(left, int) and isinstance(right, int):
        _expect_bits(left.bit_length() + right.bit_length())


def expect_power(left: Any, right: Any) -> None:
    """Refuse a power that is too large."""
    if isinstance(left, int) and isinstance(right, int):
        _expect_bits(left.bit_length() * abs(right))


def _expect_bits(bits: int) -> None:
    limit = budget().limits.integer_bits
    if bits > limit:
        raise BudgetExceeded(f"a number would have more than {limit} bits")


def expect_format(template: str, values: Any) -> None:
    """Refuse widths and values that make a formatted text too large."""
    conversions = list(_CONVERSION.finditer(template))
    for each in conversions:
        nested = each["name"] is None and template.startswith("(", each.start() + 1)
        if nested or _WIDE_FORMAT.search(each["sizes"]):
            raise BudgetExceeded("a format asks for a width above 999")
    before = budget().spent
    budget().weigh(values)
    most = 999 if not conversions else 999 + 16 * (budget().spent - before)
    # By name each conversion may write all of it.
    times = len(conversions) if any(each["name"] is not None for each in conversions) else 1
    budget().size(len(template) + 999 * len(conversions) + most * times)


def expect_call(called: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Let a method of a text pay for the text, and refuse a result that is too large."""
    purse = budget()
    name = getattr(called, "__name__", "")
    owner = getattr(called, "__self__", None)
    if isinstance(owner, str):
        purse.charge(len(owner) // 16)
        if name in _SIZED_METHODS:
            for size in (*args, *named.values()):
                purse.width(size)
            purse.size(len(owner) * 8)
        elif name in ("replace", "join"):
            longest = max((len(part) for part in args if isinstance(part, str)), default=0)
            count = len(owner) + 1
            if name == "join":
                parts = [str(part) for part in purse.weigh(list(args[0]))] if args else []
                count, longest = len(parts), len(owner)
                purse.size(sum(map(len, parts)))
            elif name == "replace" and args and isinstance(args[0], str) and args[0]:
                count = owner.count(args[0])
            purse.size(len(owner) + count * longest)
