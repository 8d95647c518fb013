"""The team's workbenches, page by page, in the order that somebody asks for."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from django.db.models import CharField, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Lower, NullIf, Substr

from playground.console.workbench.models import UNTITLED, Workbench
from playground.core.context import RequestContext
from playground.policy.models import User
from playground.policy.people import names_of
from playground.prompts.listing import Page
from playground.prompts.paging import page_of

PAGE = 50
MAX_PAGE = 200
Sort = Literal["name", "-name", "owner", "-owner", "updated", "-updated", "created", "-created"]
SORTS: tuple[Sort, ...] = get_args(Sort)


@dataclass(frozen=True, slots=True)
class Listed:
    """A workbench of the list."""

    bench: Workbench
    author: str
    columns: int


@dataclass(frozen=True, slots=True)
class Browsed:
    """Some workbenches; ``total`` counts those that match, ``all`` those there are."""

    items: list[Listed]
    total: int
    all: int
    next: str | None


def benches_page(
    context: RequestContext,
    *,
    q: str = "",
    sort: Sort = "-updated",
    cursor: str | None = None,
    limit: int = PAGE,
) -> Page:
    """Return the team's workbenches, columns loaded, sorted as they are shown.

    Args:
        q: in the name.

    Raises:
        InvalidInput: ``cursor.invalid``.
    """
    way = "-" if sort.startswith("-") else ""
    found = _named(context, q).annotate(place=_places()[sort.removeprefix("-")])
    order = (f"{way}place", f"{way}id")
    rows = found.prefetch_related("columns")
    return page_of(rows, order=order, sort=sort, cursor=cursor, limit=limit, most=MAX_PAGE)


def browse(
    context: RequestContext, *, q: str = "", sort: Sort = "-updated", cursor: str | None = None
) -> Browsed:
    """Return a page of workbenches with what the list shows; five queries.

    Raises:
        InvalidInput: ``cursor.invalid``.
    """
    page = benches_page(context, q=q, sort=sort, cursor=cursor)
    names = names_of(bench.author for bench in page.items)
    return Browsed(
        items=[
            Listed(bench, names.get(bench.author, ""), len(bench.columns.all()))
            for bench in page.items
        ],
        total=_named(context, q).count(),
        all=Workbench.objects.visible_to(context).count(),
        next=page.next,
    )


def _named(context: RequestContext, q: str) -> QuerySet[Workbench]:
    found: QuerySet[Workbench] = Workbench.objects.visible_to(context)
    text = q.strip()
    return found.filter(name__icontains=text) if text else found


def _places() -> dict[str, Any]:
    # Only users own workbenches: behind the colon of the URN stands who.
    owner = User.objects.filter(username=Substr(OuterRef("author"), len("user:") + 1))
    text = CharField()
    called = Coalesce(NullIf("display_name", Value("")), "username", output_field=text)
    shown = Coalesce(Subquery(owner.values(called=called)), F("author"), output_field=text)
    return {
        "name": Lower(Coalesce(NullIf("name", Value("")), Value(UNTITLED))),
        "owner": Lower(shown),
        "updated": F("updated_at"),
        "created": F("created_at"),
    }
