"""Walk a long list page by page, from wherever the last page ended."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, Q, QuerySet
from pydantic import Field

from playground.core.clock import moment_of
from playground.core.cursors import MAX_CURSOR, give, take
from playground.prompts.listing import MAX_PAGE, Page

Cursor = Annotated[str, Field(max_length=MAX_CURSOR)]


def page_of(
    rows: QuerySet[Any, Any],
    *,
    order: Sequence[str],
    sort: str = "",
    cursor: str | None = None,
    limit: int = MAX_PAGE,
    most: int = MAX_PAGE,
) -> Page:
    """Return the rows after the cursor.

    Args:
        order: names, those that fall with a dash, such as ``-moved_at``; together they are of no
            two rows the same.
        sort: what the order is called where its names alone do not tell it from another one.
        most: rows that a page may have.

    Raises:
        InvalidInput: ``cursor.invalid``, it was not given by a list in this order.
    """
    listed = " ".join([str(rows.model._meta.model_name), sort, *order])
    names = [each.removeprefix("-") for each in order]
    if cursor:
        readers = [_reader(rows, name) for name in names]
        rows = rows.filter(_after(order, take(listed, cursor, *readers)))
    size = max(1, min(limit, most))
    items = list(rows.order_by(*order)[: size + 1])
    if len(items) <= size:
        return Page(items, None)
    return Page(items[:size], give(listed, *(getattr(items[size - 1], name) for name in names)))


def _after(order: Sequence[str], values: Sequence[Any]) -> Q:
    found, same = Q(), Q()
    for each, value in zip(order, values, strict=True):
        name = each.removeprefix("-")
        found |= same & Q(**{f"{name}__{'lt' if each.startswith('-') else 'gt'}": value})
        same &= Q(**{name: value})
    return found


def _reader(rows: QuerySet[Any], name: str) -> Callable[[Any], Any]:
    made = rows.query.annotations.get(name)
    field = rows.model._meta.get_field(name) if made is None else made.output_field

    def read(told: Any) -> Any:
        if not isinstance(told, str | int):
            raise TypeError("neither a text nor a number")
        try:
            return field.to_python(told)
        except ValidationError as error:
            raise ValueError("no value of this column") from error

    return moment_of if isinstance(field, DateTimeField) else read
