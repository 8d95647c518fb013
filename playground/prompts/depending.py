"""Find what includes a fragment."""

import uuid
from dataclasses import dataclass

from django.db.models import OuterRef, Q, QuerySet, Subquery

from playground.core.context import RequestContext
from playground.prompts.finding import find_prompt
from playground.prompts.models import Inclusion, Label, Prompt, PromptVersion


@dataclass(frozen=True, slots=True)
class Dependent:
    """A version in use that includes a fragment.

    Attributes:
        fragment_version: number of the fragment's version that it includes.
        through: ``team/name@number`` of the fragment by which it does, None if by its own text.
        labels: that point at this version.
        newest: whether it is the prompt's newest version.
    """

    path: str
    version: int
    fragment_version: int
    through: str | None
    labels: tuple[str, ...]
    newest: bool


def dependents(context: RequestContext, path: str) -> list[Dependent]:
    """Return the versions in use that include a fragment: newest ones and those with labels.

    Raises:
        NotFound: there is no such prompt that the context may see.
    """
    prompt = find_prompt(context, path, audit=False)
    seen = Prompt.objects.visible_to(context)
    rows = _in_use(prompt).filter(version__prompt__in=seen).annotate(newest=_newest())
    rows = rows.select_related("version__prompt__team", "fragment", "through__prompt__team")
    rows = rows.defer(
        *(f"{each}__{field}" for each in ("version", "fragment", "through") for field in _TEXTS)
    )
    labels: dict[uuid.UUID, list[str]] = {}
    for label in Label.objects.filter(version__in={row.version_id for row in rows}):
        labels.setdefault(label.version_id, []).append(label.name)
    found = [
        Dependent(
            path=row.version.prompt.path,
            version=row.version.number,
            fragment_version=row.fragment.number,
            through=row.through.ref if row.through else None,
            labels=tuple(sorted(labels.get(row.version_id, ()))),
            newest=row.newest == row.version.number,
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: (each.path, -each.version, each.through or ""))


def others_count(context: RequestContext, fragment: Prompt) -> int:
    """Count the other teams' prompts whose newest version includes the fragment."""
    rows = Inclusion.objects.filter(fragment__prompt=fragment, version__number=_newest())
    foreign = rows.exclude(version__prompt__team__slug=context.team)
    return foreign.values("version__prompt").distinct().count()


_TEXTS = ("messages", "inputs", "settings", "tools", "response_format")


def _in_use(fragment: Prompt) -> QuerySet[Inclusion]:
    rows = Inclusion.objects.filter(fragment__prompt=fragment)
    labelled = Label.objects.filter(prompt__versions__inclusions__fragment__prompt=fragment)
    return rows.filter(Q(version__number=_newest()) | Q(version__in=labelled.values("version")))


def _newest() -> Subquery:
    tops = PromptVersion.objects.filter(prompt=OuterRef("version__prompt")).order_by("-number")
    return Subquery(tops.values("number")[:1])
