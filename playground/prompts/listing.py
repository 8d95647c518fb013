"""Lists of prompts and versions, page by page."""

from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.policy.deciding import Resource, require
from playground.prompts.models import Prompt, PromptVersion

MAX_PAGE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Some items, and the cursor of those after them."""

    items: list[Any]
    next: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list of prompts is narrowed to; empty means all.

    Attributes:
        q: in the name, ``team/name``, the title or the description.
        label: which the prompt has.
    """

    q: str = ""
    kind: str = ""
    label: str = ""
    archived: bool = False

    @property
    def any(self) -> bool:
        """Tell whether something is left out."""
        return self != Wanted()


def prompts_page(
    context: RequestContext, wanted: Wanted, *, cursor: str | None = None, limit: int = MAX_PAGE
) -> Page:
    """Return the team's prompts and the fragments that others share, by team and name.

    Each has ``newest_number`` and ``changed_at``, and its labels loaded.

    Raises:
        InvalidInput: ``cursor.invalid``.
    """
    require(context, "view", Resource(kind="Prompt", id="all", team=context.team), audit=False)
    found = narrowed(Prompt.objects.visible_to(context), wanted).order_by("team__slug", "name")
    if cursor:
        team, slash, name = cursor.partition("/")
        if not slash or "\x00" in cursor:
            raise InvalidInput("cursor.invalid", "This cursor was not given by this list.")
        found = found.filter(Q(team__slug__gt=team) | Q(team__slug=team, name__gt=name))
    newest = PromptVersion.objects.filter(prompt=OuterRef("pk")).order_by("-number")
    found = found.annotate(
        newest_number=Subquery(newest.values("number")[:1]),
        changed_at=Subquery(newest.values("created_at")[:1]),
    )
    size = max(1, min(limit, MAX_PAGE))
    items = list(found.select_related("team").prefetch_related("labels__version")[: size + 1])
    return Page(items[:size], items[size - 1].path if len(items) > size else None)


def versions_page(prompt: Prompt, *, before: int | None = None, limit: int = MAX_PAGE) -> Page:
    """Return a prompt's versions, newest first, labels loaded."""
    versions = prompt.versions.newest_first().prefetch_related("labels")
    if before is not None:
        versions = versions.filter(number__lt=before)
    size = max(1, min(limit, MAX_PAGE))
    items = list(versions[: size + 1])
    return Page(items[:size], str(items[size - 1].number) if len(items) > size else None)


def narrowed(prompts: QuerySet[Prompt], wanted: Wanted) -> QuerySet[Prompt]:
    """Keep the prompts that are wanted."""
    prompts = prompts.filter(archived_at__isnull=not wanted.archived)
    text = wanted.q.replace("\x00", "").strip()
    if text:
        team, slash, name = text.partition("/")
        path = Q(team__slug=team, name__istartswith=name) if slash else Q()
        prompts = prompts.filter(
            Q(name__icontains=text)
            | Q(title__icontains=text)
            | Q(description__icontains=text)
            | path
        )
    if wanted.kind:
        prompts = prompts.filter(kind=wanted.kind)
    if wanted.label:
        prompts = prompts.filter(labels__name=wanted.label.replace("\x00", ""))
    return prompts
