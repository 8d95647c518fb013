"""Lists of prompts with what people look for in them: labels, the last change, who uses them."""

import uuid
from dataclasses import dataclass

from django.db.models import Count

from playground.core.context import RequestContext
from playground.policy.people import names_of
from playground.prompts.content import PromptKind
from playground.prompts.listing import Sort, Wanted, narrowed, prompts_page
from playground.prompts.models import Draft, Inclusion, Label, Prompt, PromptVersion
from playground.prompts.relying import used_by


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
    uses: int
    draft: bool


@dataclass(frozen=True, slots=True)
class Browsed:
    """Some prompts; ``total`` counts those that match, ``all`` those there are."""

    items: list[Listed]
    total: int
    all: int
    labels: list[str]
    next: str | None


def browse(
    context: RequestContext, wanted: Wanted, *, sort: Sort = "name", cursor: str | None = None
) -> Browsed:
    """Return a page of prompts with what the list shows; a dozen queries whatever there is.

    Raises:
        InvalidInput: ``cursor.invalid``.
    """
    page = prompts_page(context, wanted, sort=sort, cursor=cursor)
    seen = Prompt.objects.visible_to(context)
    keys = [prompt.pk for prompt in page.items]
    newest = PromptVersion.objects.filter(prompt__in=keys).summaries()
    newest = newest.order_by("prompt_id", "-number")
    versions = {each.prompt_id: each for each in newest.distinct("prompt_id")}
    drafts = Draft.objects.filter(prompt__in=keys, author=context.subject)
    drafted = set(drafts.values_list("prompt_id", flat=True))
    inclusions, others = _inclusions(context, keys), used_by(context, keys)
    names = names_of(version.author for version in versions.values())
    return Browsed(
        items=[
            Listed(
                prompt,
                version := versions.get(prompt.pk),
                names.get(version.author, "") if version else "",
                inclusions.get(prompt.pk, 0) + len(others.get(prompt.pk, ())),
                prompt.pk in drafted,
            )
            for prompt in page.items
        ],
        total=narrowed(seen, wanted).count(),
        all=seen.count(),
        labels=sorted(set(Label.objects.filter(prompt__in=seen).values_list("name", flat=True))),
        next=page.next,
    )


def fragments_for(context: RequestContext) -> list[Prompt]:
    """Return the fragments that a prompt of the team may include, their own first."""
    fragments = Prompt.objects.visible_to(context).active().filter(kind=PromptKind.FRAGMENT)
    rows = list(fragments.select_related("team").order_by("name")[:500])
    return sorted(rows, key=lambda each: (each.team.slug != context.team, each.path))


def _inclusions(context: RequestContext, keys: list[uuid.UUID]) -> dict[uuid.UUID, int]:
    seen = Prompt.objects.visible_to(context)
    rows = Inclusion.objects.filter(fragment__prompt__in=keys, version__prompt__in=seen)
    counted = rows.values("fragment__prompt").annotate(n=Count("version__prompt", distinct=True))
    return {row["fragment__prompt"]: row["n"] for row in counted.order_by()}
