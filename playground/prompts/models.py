"""Prompts and their versions."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models.functions import Now

from playground.core.context import RequestContext
from playground.core.errors import Conflict
from playground.core.ids import new_id


class PromptQuerySet(models.QuerySet["Prompt"]):
    def visible_to(self, context: RequestContext) -> Self:
        """Keep the prompts of the context's team."""
        return self.filter(team__slug=context.team)


class Prompt(models.Model):
    """A named series of versions, owned by a team. Names are unique within the team."""

    class Kind(models.TextChoices):
        AGENT = "agent", "Agent"
        CHAT = "chat", "Chat"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey("policy.Team", on_delete=models.PROTECT, related_name="prompts")
    name = models.SlugField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.CHAT)
    created_at = models.DateTimeField(db_default=Now())

    objects = PromptQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "name"], name="prompt_name_once_per_team")
        ]

    def __str__(self) -> str:
        return self.name


class PromptVersion(models.Model):
    """One immutable text of a prompt; the database refuses to change it.

    ``messages`` is a list of ``{"role", "template"}``, ``inputs`` the names of variables read,
    ``author`` a URN.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    messages = models.JSONField()
    inputs = models.JSONField(default=list)
    content_hash = models.CharField(max_length=64)
    author = models.CharField(max_length=128)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["prompt", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["prompt", "number"], name="prompt_version_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.prompt} v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the version.

        Raises:
            Conflict: it is stored already; a change is a new version.
        """
        if not self._state.adding:
            raise Conflict("prompt.version-immutable", "A version of a prompt never changes.")
        super().save(*args, **kwargs)
