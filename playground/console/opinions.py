"""What was said of an answer, as one reader sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from playground.core.context import RequestContext
from playground.messaging.feedback import THUMBS
from playground.messaging.models import Feedback


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one author said; ``mine`` when the reader is who said it."""

    key: str
    score: float
    comment: str
    author_name: str
    source: str
    mine: bool

    @property
    def is_thumb(self) -> bool:
        """Tell whether it is up or down."""
        return self.key == THUMBS


@dataclass(frozen=True, slots=True)
class Opinions:
    """All that was said of one run."""

    all: tuple[Opinion, ...] = ()

    @property
    def mine(self) -> Opinion | None:
        """Return the reader's own thumb."""
        return next((one for one in self.all if one.mine and one.is_thumb), None)

    @property
    def ups(self) -> int:
        """Count the thumbs up."""
        return sum(one.is_thumb and one.score == 1 for one in self.all)

    @property
    def downs(self) -> int:
        """Count the thumbs down."""
        return sum(one.is_thumb and one.score == 0 for one in self.all)

    @property
    def told(self) -> list[Opinion]:
        """Return what a thumb's button does not show: notes, and scores of evaluators."""
        return [one for one in self.all if one.comment or not one.is_thumb]


def opinions_of(
    said: Sequence[Feedback], context: RequestContext, names: Mapping[str, str]
) -> Opinions:
    """Show to the context's subject what was said of a run; ``names`` by URN."""
    return Opinions(
        tuple(
            Opinion(
                key=one.key,
                score=one.score,
                comment=one.comment,
                author_name=names.get(one.author) or one.author.partition(":")[2],
                source=one.source,
                mine=one.author == context.subject,
            )
            for one in said
        )
    )
