"""Prompts, their versions, what these include, and drafts."""

import datetime as dt
from functools import cached_property
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models.functions import Now

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import Conflict
from playground.core.ids import new_id, urn
from playground.policy.deciding import Resource
from playground.prompts.content import Content, PromptKind, content_of
from playground.prompts.held.revising import Revision
from playground.prompts.label_models import (
    Label,
    LabelMove,
    LabelProposal,
    ProtectedLabel,
    RequiredFragment,
)
from playground.prompts.observed_models import (
    ArmSums,
    CountedFeedback,
    ExposedSums,
    Exposure,
    RunInRamp,
    SlotSums,
    Told,
    UnitTally,
)
from playground.prompts.ramp_models import GuardMetric, Ramp, RampEvent
from playground.prompts.ramps.assigning import RampInForce

RECENT = dt.timedelta(minutes=15)

__all__ = [
    "ArmSums",
    "CountedFeedback",
    "Draft",
    "ExposedSums",
    "Exposure",
    "GuardMetric",
    "Inclusion",
    "Label",
    "LabelMove",
    "LabelProposal",
    "Prompt",
    "PromptVersion",
    "ProtectedLabel",
    "Ramp",
    "RampEvent",
    "RequiredFragment",
    "Revision",
    "RunInRamp",
    "SlotSums",
    "Told",
    "UnitTally",
]


class PromptQuerySet(models.QuerySet["Prompt"]):
    def visible_to(self, context: RequestContext) -> Self:
        """Keep the prompts of the context's team, and the fragments that teams share."""
        shared = models.Q(shared=True, kind=PromptKind.FRAGMENT)
        return self.filter(models.Q(team__slug=context.team) | shared)

    def of_team(self, context: RequestContext) -> Self:
        """Keep the prompts of the context's team."""
        return self.filter(team__slug=context.team)

    def active(self) -> Self:
        """Drop the archived ones."""
        return self.filter(archived_at=None)


class Prompt(models.Model):
    """A named series of versions, owned by a team. Names are unique within the team.

    ``shared``: every team may read and include the fragment; nothing else crosses teams.
    ``author`` is the URN of who made it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey("policy.Team", on_delete=models.PROTECT, related_name="prompts")
    name = models.SlugField(max_length=64)
    kind = models.CharField(
        max_length=16,
        choices=[(kind.value, kind.value.title()) for kind in PromptKind],
        default=PromptKind.CHAT.value,
    )
    title = models.CharField(max_length=100, blank=True)
    description = models.CharField(max_length=1000, blank=True)
    shared = models.BooleanField(default=False)
    author = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = PromptQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "name"], name="prompt_name_once_per_team"),
            models.CheckConstraint(
                condition=models.Q(shared=False) | models.Q(kind="fragment"),
                name="prompt_only_fragments_are_shared",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        """Name the prompt as templates and calls do."""
        return f"{self.team.slug}/{self.name}"

    @property
    def urn(self) -> str:
        """Name the prompt in audit rows, spans and hints."""
        return urn("prompt", self.pk)

    @cached_property
    def ramps_in_force(self) -> dict[str, RampInForce]:
        """Return the live ramps by label; one query, and then kept with this object."""
        return {ramp.label: RampInForce.of(ramp) for ramp in self.ramps.live().whole()}

    def resource(self, context: RequestContext) -> Resource:
        """Describe the prompt to the policies; to other teams a shared one is everybody's."""
        foreign = self.shared and self.team.slug != context.team
        return Resource(
            kind="Prompt",
            id=str(self.pk),
            team=None if foreign else self.team.slug,
            owner=self.author or None,
            attributes={"kind": self.kind, "prompt": self.name},
        )


class PromptVersionQuerySet(models.QuerySet["PromptVersion"]):
    def newest_first(self) -> Self:
        """Order by number, the prompts loaded."""
        return self.select_related("prompt__team").order_by("-number")

    def summaries(self) -> Self:
        """Leave what the versions say in the database: lists show only what is said of them."""
        return self.defer("messages", "inputs", "settings", "tools", "response_format")

    def hashed(self, beginning: str) -> Self:
        """Keep those whose content's hash begins so."""
        return self.filter(content_hash__startswith=beginning)

    def current(self) -> "PromptVersion | None":
        """Return the newest version that is not archived, else the newest."""
        ordered = self.newest_first()
        return ordered.filter(archived_at=None).first() or ordered.first()


class PromptVersion(models.Model):
    """One immutable content of a prompt; the database lets only ``archived_at`` change.

    The columns are those of ``content.Content``; ``inputs`` is always a JSON Schema here.
    ``note`` says what changed, ``author`` is a URN. What it includes is in ``inclusions``.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    messages = models.JSONField()
    inputs = models.JSONField(default=dict)
    settings = models.JSONField(default=dict)
    tools = models.JSONField(default=list)
    response_format = models.JSONField(null=True)
    note = models.CharField(max_length=200, blank=True)
    content_hash = models.CharField(max_length=64)
    author = models.CharField(max_length=128)
    created_at = models.DateTimeField(db_default=Now())
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = PromptVersionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["prompt", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["prompt", "number"], name="prompt_version_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.prompt} v{self.number}"

    @cached_property
    def content(self) -> Content:
        """Return what the version says."""
        return content_of(
            {
                "kind": self.prompt.kind,
                "messages": self.messages,
                "inputs": self.inputs,
                "settings": self.settings,
                "tools": self.tools,
                "response_format": self.response_format,
            }
        )

    @cached_property
    def composed_from(self) -> list[dict[str, Any]]:
        """Return what it includes: whose version, the name as written, and through which."""
        rows = self.inclusions.select_related("fragment__prompt__team", "through__prompt__team")
        return [
            {
                "fragment": row.fragment.prompt.path,
                "version": row.fragment.number,
                "name": row.name,
                "through": row.through.ref if row.through else None,
            }
            for row in rows
        ]

    @property
    def ref(self) -> str:
        """Name the version as templates do: ``team/name@number``."""
        return f"{self.prompt.path}@{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the version.

        Raises:
            Conflict: it is stored already; a change is a new version.
        """
        if not self._state.adding:
            raise Conflict("prompt.version-immutable", "A version of a prompt never changes.")
        super().save(*args, **kwargs)


class Inclusion(models.Model):
    """That a version includes a fragment's version; together they are its ``composed_from``.

    ``name`` is what the template says, ``through`` the fragment's version whose template says it,
    null for the version's own. All levels have rows, so that one query finds everything.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    version = models.ForeignKey(PromptVersion, on_delete=models.CASCADE, related_name="inclusions")
    fragment = models.ForeignKey(PromptVersion, on_delete=models.PROTECT, related_name="uses")
    through = models.ForeignKey(
        PromptVersion, on_delete=models.PROTECT, null=True, related_name="passes_on"
    )
    name = models.CharField(max_length=200)

    class Meta:
        ordering: ClassVar = ["version", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "through", "name"],
                name="prompt_inclusion_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.version_id} includes {self.name}"


class DraftQuerySet(models.QuerySet["Draft"]):
    def recent(self) -> Self:
        """Keep what was typed in the last quarter of an hour, the latest first."""
        return self.filter(updated_at__gt=now() - RECENT).order_by("-updated_at")


class Draft(models.Model):
    """What somebody has typed and not saved; it need not be valid. ``author`` is a URN."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="drafts")
    author = models.CharField(max_length=128)
    content = models.JSONField()
    based_on = models.PositiveIntegerField(null=True)
    updated_at = models.DateTimeField(db_default=Now())

    objects = DraftQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-updated_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["prompt", "author"], name="prompt_draft_once")
        ]

    def __str__(self) -> str:
        return f"{self.author}'s draft of {self.prompt_id}"
