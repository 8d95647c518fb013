"""Say which state of its labels, versions and settings a prompt is in.

The database itself gives a prompt a new revision with every change of a row that decides what it
resolves to, in the transaction of the change: no message about it can be lost.
"""

from collections.abc import Collection
from typing import ClassVar
from uuid import UUID

from django.db import models


class Revision(models.Model):
    """The revision of a prompt; the row outlives it, so that its end is a change too."""

    prompt_id = models.UUIDField(primary_key=True)
    revision = models.UUIDField()

    class Meta:
        db_table: ClassVar = "prompts_revision"

    def __str__(self) -> str:
        return f"{self.prompt_id} at {self.revision}"


def revisions(prompts: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the revision of each prompt; one query."""
    rows = Revision.objects.filter(prompt_id__in=prompts)
    return dict(rows.values_list("prompt_id", "revision"))
