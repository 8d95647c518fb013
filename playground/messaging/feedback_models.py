"""What people and programs say of the answer of a run."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from playground.core.ids import new_id

MAX_COMMENT = 2_000


class Source(models.TextChoices):
    """Whether a person or a program said it."""

    HUMAN = "human", "Human"
    PROGRAM = "program", "Program"


class Feedback(models.Model):
    """One score of a run under a key: of each author one.

    Attributes:
        key: what is scored, such as ``thumbs`` or an evaluator's name.
        author: URN of who scored.
        score: yes is 1 and no is 0.
        comment: as the capture mode left it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey("messaging.Run", on_delete=models.CASCADE, related_name="feedback")
    key = models.CharField(max_length=64)
    author = models.CharField(max_length=200)
    source = models.CharField(max_length=8, choices=Source)
    score = models.FloatField()
    comment = models.TextField(max_length=MAX_COMMENT, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["created_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "key", "author"], name="feedback_once"),
            models.CheckConstraint(
                condition=Q(source__in=Source.values), name="feedback_source_known"
            ),
            # Of a thumb there is nothing between up and down.
            models.CheckConstraint(
                condition=~Q(key="thumbs") | Q(score__in=(0, 1)), name="feedback_thumb_up_or_down"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.score:g} by {self.author}"
