"""Read from the database what resolving a prompt takes, in a form that is kept in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from playground.prompts.content import Content, PromptKind
from playground.prompts.fragments import Includes
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.revising import revisions


@dataclass(frozen=True, slots=True)
class State:
    """Where a prompt's labels lead.

    Attributes:
        latest: number of the version that ``latest`` leads to, None without any.
    """

    id: UUID
    team: str
    name: str
    kind: PromptKind
    shared: bool
    author: str
    revision: UUID | None
    labels: Mapping[str, int]
    latest: int | None


@dataclass(frozen=True, slots=True)
class Body:
    """One version, which never changes, with the fragments that it includes.

    Attributes:
        composed_from: as it is told: ``name``, ``version`` and ``through`` of each inclusion.
        weight: characters of its templates and of theirs.
    """

    number: int
    content: Content
    includes: Includes
    content_hash: str
    composed_from: tuple[Mapping[str, Any], ...]
    weight: int


def state_of(team: str, name: str) -> State | None:
    """Return the state of a prompt; four queries."""
    with transaction.atomic():
        prompt = Prompt.objects.select_related("team").filter(team__slug=team, name=name).first()
        if prompt is None:
            return None
        # Read first: a change that comes meanwhile is noticed, never overlooked.
        revision = revisions([prompt.pk]).get(prompt.pk)
        prompt.refresh_from_db()
        labels = dict(prompt.labels.values_list("name", "version__number"))
        newest = prompt.versions.current()
    return State(
        id=prompt.pk,
        team=team,
        name=name,
        kind=PromptKind(prompt.kind),
        shared=prompt.shared,
        author=prompt.author,
        revision=revision,
        labels=labels,
        latest=newest.number if newest else None,
    )
