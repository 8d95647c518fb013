"""Patterns of a JSON Schema, in Rust's regex engine, which is linear in the text.

Linear with a factor: the size of what a pattern is compiled to, which repetitions multiply. So the
size is bounded, and its product with the text.

Source: the ``regex`` crate's guarantees ("Untrusted input"), which pydantic brings along.
"""

import functools
import re
from collections.abc import Iterable

from pydantic_core import SchemaError, SchemaValidator, core_schema

from playground.core.errors import InvalidInput

MAX_PATTERN = 1000
"""Characters of a pattern."""
MAX_PATTERNS = 100
"""Different ones in one schema; more than these are kept compiled."""
MAX_SIZE = 40_000
"""Of all patterns of a schema, about in single characters once repetitions are unrolled."""
MAX_WORK = 50_000_000
"""Size of a pattern times the characters of a text."""

_TOKEN = re.compile(
    r"\\[pP](?:\{[^}]*\}|.)|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?(?P<flags>[A-Za-z-]+)[:)]"
    r"|\{\s*(?P<low>\d+)\s*(?:,\s*(?P<high>\d*)\s*)?\}|.",
    re.DOTALL,
)
# Of classes that hold a part of all scripts, by how many ranges that is.
_WIDE = {"w": 20, "p": 20, "d": 5, "s": 2}


def check(patterns: Iterable[str]) -> None:
    """Refuse patterns that cannot be matched in linear time or are large.

    Raises:
        InvalidInput: ``guardrail.schema-refused``.
    """
    left, known = MAX_SIZE, set(patterns)
    if len(known) > MAX_PATTERNS:
        raise _refused(f"It has more than {MAX_PATTERNS} patterns.")
    for pattern in known:
        left -= size(pattern)
        if left < 0:
            raise _refused("Its patterns repeat too much.")
        _compiled(pattern)


def affordable(pattern: str, text: str) -> bool:
    """Tell whether the text is short enough for the pattern.

    Raises:
        InvalidInput: ``guardrail.schema-refused``, the pattern is too long.
    """
    return size(pattern) * len(text) <= MAX_WORK


def matches(pattern: str, text: str) -> bool:
    """Tell whether the pattern is found in the text.

    Raises:
        InvalidInput: ``guardrail.schema-refused``, it cannot be matched in linear time.
    """
    return _compiled(pattern).isinstance_python(text)


@functools.lru_cache(maxsize=1024)
def size(pattern: str) -> int:
    """Estimate how large the pattern is once repetitions are unrolled.

    Raises:
        InvalidInput: ``guardrail.schema-refused``, it is too long.
    """
    if len(pattern) > MAX_PATTERN:
        raise _refused(f"A pattern has more than {MAX_PATTERN} characters.")
    totals, last = [0], 0
    for token in _TOKEN.finditer(pattern):
        word = token[0]
        if "x" in (token["flags"] or ""):
            # White space and comments may stand anywhere, also before a repetition.
            return MAX_SIZE + 1
        if word == "(" or (token["flags"] and word[-1] == ":"):
            totals.append(0)
            continue
        if token["flags"]:
            continue
        if word == ")" and len(totals) > 1:
            last = totals.pop()
        elif token["low"]:
            times = max(int(token["high"] or token["low"]), 1)
            totals[-1] += last * (times - 1)
            last *= times
            continue
        else:
            wide = re.findall(r"\\([wWpPdDsS])", word)
            last = max((_WIDE[each.lower()] for each in wide), default=1)
        totals[-1] += last
    return sum(totals)


@functools.lru_cache(maxsize=128)
def _compiled(pattern: str) -> SchemaValidator:
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError:
        raise _refused("A pattern cannot be matched in linear time.") from None


def _refused(why: str) -> InvalidInput:
    return InvalidInput("guardrail.schema-refused", f"The JSON Schema was refused. {why}")
