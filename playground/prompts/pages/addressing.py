"""Write addresses of lists that keep what the present one says: filters, sorting, the place."""

from collections.abc import Sequence
from dataclasses import dataclass

from playground.policy.requests import TeamRequest


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a table.

    Attributes:
        url: where the list is sorted by it, the other way round if it is already; empty where it
            cannot be.
        order: ``ascending`` or ``descending`` where the list is sorted by it now.
        side: CSS classes.
    """

    title: str
    url: str = ""
    order: str = ""
    side: str = ""


def address(request: TeamRequest, **changes: str | None) -> str:
    """Return the present address with these parameters changed; None takes one away."""
    asked = request.GET.copy()
    for name in ("rows", *changes):
        asked.pop(name, None)
    for name, value in changes.items():
        if value:
            asked[name] = value
    return f"{request.path}?{asked.urlencode()}" if asked else request.path


def headings(
    request: TeamRequest, sort: str, columns: Sequence[tuple[str, str, str]]
) -> list[Heading]:
    """Return the headings of columns, each a title, what it sorts by first, and its classes."""
    made = []
    for title, first, side in columns:
        key = first.lstrip("-")
        if not key:
            made.append(Heading(title, side=side))
            continue
        present = sort.lstrip("-") == key
        other = key if sort.startswith("-") else f"-{key}"
        url = address(request, sort=other if present else first, cursor=None)
        order = ("descending" if sort.startswith("-") else "ascending") if present else ""
        made.append(Heading(title, url, order, side))
    return made
