"""Where a page of a long list ended: given with the page, taken back for the one after it.

A cursor names the list and its order. In another one the same values stand elsewhere, and rows
would be left out or come twice without a word.
"""

import base64
from collections.abc import Callable
from typing import Any

import orjson

from playground.core.errors import InvalidInput

MAX_CURSOR = 2000


def give(listed: str, *values: Any) -> str:
    """Return the cursor behind the row that has these values.

    Args:
        listed: the list with its order, such as ``traces -started``.
    """
    text = orjson.dumps([listed, *values], default=str)
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def take(listed: str, cursor: str, *readers: Callable[[Any], Any]) -> list[Any]:
    """Return the values of a cursor.

    Args:
        listed: see ``give``.
        readers: of each value as JSON has it; they raise ValueError, TypeError, AttributeError or
            ArithmeticError where it is none.

    Raises:
        InvalidInput: ``cursor.invalid``, it was not given by this list in this order.
    """
    try:
        named, *told = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if named != listed or any("\x00" in str(each) for each in told):
            raise ValueError("no cursor of this list")
        return [read(value) for read, value in zip(readers, told, strict=True)]
    except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
        detail = "This cursor was not given by this list in this order; begin without one."
        raise InvalidInput("cursor.invalid", detail) from error
