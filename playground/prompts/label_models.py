"""Labels that point at versions, their history, and the rules of teams about them."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from playground.core.context import RequestContext
from playground.core.ids import new_id


class Label(models.Model):
    """A name that points at a version of its prompt and can be moved.

    ``revision`` counts the moves; ``moved_by`` is a URN.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    prompt = models.ForeignKey("prompts.Prompt", on_delete=models.CASCADE, related_name="labels")
    name = models.SlugField(max_length=40)
    version = models.ForeignKey(
        "prompts.PromptVersion", on_delete=models.PROTECT, related_name="labels"
    )
    revision = models.PositiveIntegerField(default=1)
    moved_by = models.CharField(max_length=128)
    moved_at = models.DateTimeField(db_default=Now())
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["prompt", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["prompt", "name"], name="prompt_label_once")
        ]

    def __str__(self) -> str:
        return self.name


class LabelMove(models.Model):
    """One move of a label; the database refuses to change it.

    ``before`` is null where the label was set for the first time, ``after`` where it was removed.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    prompt = models.ForeignKey("prompts.Prompt", on_delete=models.CASCADE, related_name="moves")
    label = models.SlugField(max_length=40)
    before = models.PositiveIntegerField(null=True)
    after = models.PositiveIntegerField(null=True)
    moved_by = models.CharField(max_length=128)
    moved_at = models.DateTimeField(db_default=Now())
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["-moved_at", "-id"]

    def __str__(self) -> str:
        return f"{self.label}: {self.before} to {self.after}"


class LabelProposal(models.Model):
    """A wish to move a label, which another person decides. People are URNs.

    ``expected`` is the number that the label pointed at when it was proposed, null for none.
    ``ramp`` is the draft that moves it, as it stands; null moves it for everybody at once.
    ``proposed_through`` is who acted for ``proposed_by``, empty where they did it themselves.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    prompt = models.ForeignKey("prompts.Prompt", on_delete=models.CASCADE, related_name="proposals")
    label = models.SlugField(max_length=40)
    version = models.ForeignKey(
        "prompts.PromptVersion", on_delete=models.CASCADE, related_name="proposals"
    )
    expected = models.PositiveIntegerField(null=True)
    ramp = models.ForeignKey(
        "prompts.Ramp", on_delete=models.CASCADE, null=True, related_name="proposals"
    )
    reason = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.OPEN)
    proposed_by = models.CharField(max_length=128)
    proposed_through = models.CharField(max_length=128, blank=True)
    proposed_at = models.DateTimeField(db_default=Now())
    decided_by = models.CharField(max_length=128, blank=True)
    decided_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["-proposed_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["prompt", "label"],
                condition=models.Q(status="open"),
                name="prompt_proposal_open_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(proposed_by=models.F("decided_by")),
                name="prompt_proposal_decided_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} to version {self.version_id}: {self.status}"

    def is_own(self, context: RequestContext) -> bool:
        """Return whether who asks, or acts for them, proposed it: somebody else decides."""
        proposers = {self.proposed_by, self.proposed_through}
        return not proposers.isdisjoint((context.subject, context.actor))


class ProtectedLabel(models.Model):
    """Whether moving a label of a team's prompts takes a reviewer; without a row the default.

    ``set_by`` is a URN, empty for what was said before people were noted.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey("policy.Team", on_delete=models.CASCADE, related_name="+")
    name = models.SlugField(max_length=40)
    protected = models.BooleanField(default=True)
    reason = models.CharField(max_length=500, blank=True)
    set_by = models.CharField(max_length=128, blank=True)
    set_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["team", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "name"], name="prompt_protection_once")
        ]

    def __str__(self) -> str:
        return f"{self.name}: {'protected' if self.protected else 'free'}"


class RequiredFragment(models.Model):
    """That every version a team puts this label on must include the fragment, in any version.

    ``set_by`` is a URN, empty for what was said before people were noted.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey("policy.Team", on_delete=models.CASCADE, related_name="+")
    label = models.SlugField(max_length=40)
    fragment = models.ForeignKey("prompts.Prompt", on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500, blank=True)
    set_by = models.CharField(max_length=128, blank=True)
    set_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["team", "label"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["team", "label", "fragment"], name="prompt_requirement_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.label} requires {self.fragment_id}"
