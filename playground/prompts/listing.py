"""Lists of prompts and versions, page by page."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from playground.core.clock import moment_of
from playground.core.context import RequestContext
from playground.core.cursors import give, take
from playground.policy.deciding import Resource, require
from playground.prompts.models import Label, Prompt, PromptVersion, PromptVersionQuerySet

MAX_PAGE = 100
Sort = Literal["name", "-name", "changed", "-changed", "version", "-version"]
SORTS: tuple[Sort, ...] = get_args(Sort)
_COLUMNS = {"changed": "changed_at", "version": "newest_number"}


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
    context: RequestContext,
    wanted: Wanted,
    *,
    sort: Sort = "name",
    cursor: str | None = None,
    limit: int = MAX_PAGE,
) -> Page:
    """Return the team's prompts and the fragments that others share, by team and name or as sorted.

    Each has ``newest_number`` and ``changed_at``, and its labels loaded.

    Raises:
        InvalidInput: ``cursor.invalid``.
    """
    require(context, "view", Resource(kind="Prompt", id="all", team=context.team), audit=False)
    newest = PromptVersion.objects.filter(prompt=OuterRef("pk")).order_by("-number")
    seen = narrowed(Prompt.objects.visible_to(context), wanted)
    found: QuerySet[Prompt] = seen.annotate(
        newest_number=Coalesce(Subquery(newest.values("number")[:1]), 0),
        changed_at=Coalesce(Subquery(newest.values("created_at")[:1]), F("created_at")),
    )
    found = _ordered(found, sort)
    if cursor:
        found = _after(found, sort, cursor)
    size = max(1, min(limit, MAX_PAGE))
    items = list(found.select_related("team").prefetch_related("labels__version")[: size + 1])
    return Page(items[:size], _cursor(items[size - 1], sort) if len(items) > size else None)


def _ordered(prompts: QuerySet[Prompt], sort: Sort) -> QuerySet[Prompt]:
    way = "-" if sort.startswith("-") else ""
    column = _COLUMNS.get(sort.lstrip("-"))
    if column is None:
        return prompts.order_by(f"{way}team__slug", f"{way}name")
    return prompts.order_by(f"{way}{column}", "team__slug", "name")


def _cursor(prompt: Any, sort: Sort) -> str:
    column = _COLUMNS.get(sort.lstrip("-"))
    value = () if column is None else (getattr(prompt, column),)
    return give(f"prompts {sort}", *value, prompt.team.slug, prompt.name)


def _after(prompts: QuerySet[Prompt], sort: Sort, cursor: str) -> QuerySet[Prompt]:
    key, than = sort.lstrip("-"), "lt" if sort.startswith("-") else "gt"
    column = _COLUMNS.get(key)
    if column is None:
        team, name = take(f"prompts {sort}", cursor, str, str)
        return prompts.filter(
            Q(**{f"team__slug__{than}": team}) | Q(team__slug=team, **{f"name__{than}": name})
        )
    read = moment_of if key == "changed" else int
    at, team, name = take(f"prompts {sort}", cursor, read, str, str)
    after = Q(team__slug__gt=team) | Q(team__slug=team, name__gt=name)
    return prompts.filter(Q(**{f"{column}__{than}": at}) | (Q(**{column: at}) & after))


def versions_page(
    prompt: Prompt, *, q: str = "", before: int | None = None, limit: int = MAX_PAGE
) -> Page:
    """Return a prompt's versions, newest first, labels loaded.

    Args:
        q: in what was noted, in the author's name, or a label that points at the version.
    """
    versions = versions_like(prompt, q).newest_first().prefetch_related("labels")
    if before is not None:
        versions = versions.filter(number__lt=before)
    size = max(1, min(limit, MAX_PAGE))
    items = list(versions[: size + 1])
    return Page(items[:size], str(items[size - 1].number) if len(items) > size else None)


def versions_like(prompt: Prompt, q: str) -> PromptVersionQuerySet:
    """Return the prompt's versions that are looked for, without what they say."""
    versions: PromptVersionQuerySet = prompt.versions.summaries()
    text = q.strip()
    if not text:
        return versions
    labelled = Label.objects.filter(prompt=prompt, name__icontains=text).values("version")
    return versions.filter(Q(note__icontains=text) | Q(author__icontains=text) | Q(pk__in=labelled))


def narrowed(prompts: QuerySet[Prompt], wanted: Wanted) -> QuerySet[Prompt]:
    """Keep the prompts that are wanted."""
    prompts = prompts.filter(archived_at__isnull=not wanted.archived)
    text = wanted.q.strip()
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
        prompts = prompts.filter(labels__name=wanted.label)
    return prompts
