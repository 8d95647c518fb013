"""Lists of prompts with what people look for in them: labels, the last change, who uses them."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from playground.core.context import RequestContext
from playground.policy.models import User
from playground.prompts.content import PromptKind
from playground.prompts.models import Draft, Inclusion, Label, Prompt, PromptVersion

PAGE = 100


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address of the list asks for."""

    q: str = ""
    kind: str = ""
    label: str = ""
    archived: bool = False
    after: str = ""

    @property
    def any(self) -> bool:
        """Tell whether something is left out."""
        return bool(self.q or self.kind or self.label or self.archived)


@dataclass(frozen=True, slots=True)
class Listed:
    """A prompt of the list with its newest version.

    Attributes:
        uses: how many other prompts, and other things that rooms above know of, use it.
        draft: whether whoever looks has a draft of it.
    """

    prompt: Prompt
    version: PromptVersion | None
    author: str
    labels: tuple[Label, ...]
    uses: int
    draft: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Some prompts; ``total`` counts those that match, ``all`` those there are."""

    items: list[Listed]
    total: int
    all: int
    labels: list[str]
    next: str


@dataclass(frozen=True, slots=True)
class Use:
    """Something that uses a prompt: an agent, for example."""

    title: str
    href: str
    kind: str


Users = Callable[[RequestContext, Iterable[uuid.UUID]], Mapping[uuid.UUID, list[Use]]]
_users: list[Users] = []


def register_users(find: Users) -> None:
    """Let a room above say what of it uses prompts, by their ids."""
    _users.append(find)


def used_by(context: RequestContext, prompts: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Use]]:
    """Return what the rooms above use these prompts for."""
    keys = list(prompts)
    found: dict[uuid.UUID, list[Use]] = {}
    for find in _users:
        for key, uses in find(context, keys).items():
            found.setdefault(key, []).extend(uses)
    return found


def prompts_page(context: RequestContext, filters: Filters) -> Page:
    """Return the prompts that the team may use, by name; eight queries whatever there is."""
    everything = Prompt.objects.visible_to(context)
    matching = _matching(everything, filters)
    wanted = matching.filter(name__gt=filters.after) if filters.after else matching
    newest = PromptVersion.objects.filter(prompt=OuterRef("pk")).order_by("-number")
    rows = list(
        wanted.select_related("team")
        .annotate(newest=Subquery(newest.values("pk")[:1]))
        .order_by("name", "team__slug")[: PAGE + 1]
    )
    page = rows[:PAGE]
    keys = [prompt.pk for prompt in page]
    versions = PromptVersion.objects.in_bulk([prompt.newest for prompt in page])
    labels: dict[uuid.UUID, list[Label]] = {}
    for label in Label.objects.filter(prompt__in=keys).select_related("version"):
        labels.setdefault(label.prompt_id, []).append(label)
    uses, others = _inclusions(context, keys), used_by(context, keys)
    drafts = set(
        Draft.objects.filter(prompt__in=keys, author=context.subject).values_list(
            "prompt_id", flat=True
        )
    )
    names = names_of(version.author for version in versions.values())
    return Page(
        items=[
            Listed(
                prompt,
                version := versions.get(prompt.newest),
                names.get(version.author, "") if version else "",
                tuple(labels.get(prompt.pk, ())),
                uses.get(prompt.pk, 0) + len(others.get(prompt.pk, ())),
                prompt.pk in drafts,
            )
            for prompt in page
        ],
        total=matching.count(),
        all=everything.count(),
        labels=sorted(
            set(Label.objects.filter(prompt__in=everything).values_list("name", flat=True))
        ),
        next=page[-1].name if len(rows) > PAGE else "",
    )


def fragments_for(context: RequestContext) -> list[Prompt]:
    """Return the fragments that a prompt of the team may include, their own first."""
    fragments = Prompt.objects.visible_to(context).active().filter(kind=PromptKind.FRAGMENT)
    rows = list(fragments.select_related("team").order_by("name")[:500])
    return sorted(rows, key=lambda each: (each.team.slug != context.team, each.path))


def names_of(urns: Iterable[str]) -> dict[str, str]:
    """Return what the people behind URNs are called; one query."""
    wanted = {urn: urn.partition(":")[2] for urn in urns}
    people = User.objects.filter(username__in=set(wanted.values()))
    called = {each.username: str(each) for each in people}
    return {urn: called.get(name, name) for urn, name in wanted.items()}


def _matching(prompts: QuerySet[Prompt], filters: Filters) -> QuerySet[Prompt]:
    found = prompts.filter(archived_at__isnull=not filters.archived)
    for word in filters.q.replace("\x00", "").split()[:8]:
        found = found.filter(
            Q(name__icontains=word)
            | Q(title__icontains=word)
            | Q(description__icontains=word)
            | Q(team__slug__iexact=word.partition("/")[0])
        )
    if filters.kind:
        found = found.filter(kind=filters.kind)
    if filters.label:
        found = found.filter(labels__name=filters.label)
    return found


def _inclusions(context: RequestContext, keys: list[uuid.UUID]) -> dict[uuid.UUID, int]:
    seen = Prompt.objects.visible_to(context)
    rows = Inclusion.objects.filter(fragment__prompt__in=keys, version__prompt__in=seen)
    counted = rows.values("fragment__prompt").annotate(n=Count("version__prompt", distinct=True))
    return {row["fragment__prompt"]: row["n"] for row in counted.order_by()}
