"""Walk a long list page by page, from wherever the last page ended."""

import base64
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, Q, QuerySet
from pydantic import Field

from playground.core.clock import moment_of
from playground.core.errors import InvalidInput
from playground.prompts.listing import MAX_PAGE, Page

Cursor = Annotated[str, Field(max_length=1000)]


def page_of(
    rows: QuerySet[Any, Any],
    *,
    order: Sequence[str],
    cursor: str | None = None,
    limit: int = MAX_PAGE,
    most: int = MAX_PAGE,
) -> Page:
    """Return the rows after the cursor.

    Args:
        order: names, those that fall with a dash, such as ``-moved_at``; together they are of no
            two rows the same.
        most: rows that a page may have.

    Raises:
        InvalidInput: ``cursor.invalid``, it was not given by a list in this order.
    """
    if cursor:
        try:
            names = [each.removeprefix("-") for each in order]
            rows = rows.filter(_after(order, _values(rows, names, cursor)))
        except (ValidationError, ValueError, TypeError, AttributeError) as error:
            detail = "This cursor was not given by this list."
            raise InvalidInput("cursor.invalid", detail) from error
    size = max(1, min(limit, most))
    items = list(rows.order_by(*order)[: size + 1])
    more = len(items) > size
    return Page(items[:size], _cursor(items[size - 1], order) if more else None)


def _after(order: Sequence[str], values: Sequence[Any]) -> Q:
    found, same = Q(), Q()
    for each, value in zip(order, values, strict=True):
        name = each.removeprefix("-")
        found |= same & Q(**{f"{name}__{'lt' if each.startswith('-') else 'gt'}": value})
        same &= Q(**{name: value})
    return found


def _cursor(last: Any, order: Sequence[str]) -> str:
    value = orjson.dumps([getattr(last, each.removeprefix("-")) for each in order])
    return base64.urlsafe_b64encode(value).decode()


def _values(rows: QuerySet[Any], names: Sequence[str], cursor: str) -> list[Any]:
    values = orjson.loads(base64.urlsafe_b64decode(cursor))
    if not isinstance(values, list):
        raise TypeError("no cursor of ours")
    return [_value(rows, name, told) for name, told in zip(names, values, strict=True)]


def _value(rows: QuerySet[Any], name: str, told: Any) -> Any:
    if not isinstance(told, str | int) or "\x00" in str(told):
        raise ValueError("no cursor of ours")
    made = rows.query.annotations.get(name)
    field = rows.model._meta.get_field(name) if made is None else made.output_field
    return moment_of(str(told)) if isinstance(field, DateTimeField) else told
