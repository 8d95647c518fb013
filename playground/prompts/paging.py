"""Walk a long list page by page, from wherever the last page ended."""

import base64
import binascii
import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from django.db.models import Q, QuerySet
from pydantic import Field

from playground.core.errors import InvalidInput
from playground.prompts.listing import MAX_PAGE, Page

Cursor = Annotated[str, Field(max_length=200)]


def page_of(
    rows: QuerySet[Any, Any],
    *,
    order: Sequence[str],
    cursor: str | None = None,
    limit: int = MAX_PAGE,
) -> Page:
    """Return the rows after the cursor.

    Args:
        order: names that fall, such as ``-moved_at``; the last one is of no two rows the same.

    Raises:
        InvalidInput: ``cursor.invalid``, it was not given by a list in this order.
    """
    names = [each.removeprefix("-") for each in order]
    if cursor:
        rows = rows.filter(_after(names, _values(cursor, count=len(names))))
    size = max(1, min(limit, MAX_PAGE))
    items = list(rows.order_by(*order)[: size + 1])
    more = len(items) > size
    return Page(items[:size], _cursor(items[size - 1], names) if more else None)


def _after(names: Sequence[str], values: Sequence[Any]) -> Q:
    found, same = Q(), Q()
    for name, value in zip(names, values, strict=True):
        found |= same & Q(**{f"{name}__lt": value})
        same &= Q(**{name: value})
    return found


def _cursor(last: Any, names: Sequence[str]) -> str:
    value = orjson.dumps([getattr(last, name) for name in names])
    return base64.urlsafe_b64encode(value).decode()


def _values(cursor: str, *, count: int) -> list[Any]:
    try:
        *before, at, last = orjson.loads(base64.urlsafe_b64decode(cursor))
        moment = dt.datetime.fromisoformat(at)
        if moment.tzinfo is None or not all(isinstance(each, bool) for each in before):
            raise ValueError("no cursor of ours")
        values = [*before, moment, uuid.UUID(last)]
        if len(values) != count:
            raise ValueError("a cursor of another list")
        return values
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise InvalidInput("cursor.invalid", "This cursor was not given by this list.") from error
