"""The team's workbenches, as their list shows them."""

from dataclasses import dataclass

from playground.console.workbench.models import Workbench
from playground.core.context import RequestContext
from playground.policy.people import names_of

PAGE = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """A workbench of the list."""

    bench: Workbench
    author: str
    columns: int


def listed(context: RequestContext, *, q: str = "") -> list[Listed]:
    """Return the team's newest workbenches; three queries."""
    found = Workbench.objects.visible_to(context).prefetch_related("columns")
    if q:
        found = found.filter(name__icontains=q.replace("\x00", ""))
    benches = list(found.order_by("-updated_at", "-pk")[:PAGE])
    names = names_of(bench.author for bench in benches)
    return [
        Listed(bench, names.get(bench.author, ""), len(bench.columns.all())) for bench in benches
    ]
