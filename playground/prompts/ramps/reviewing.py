"""Show a ramp to whoever decides about it: its plan, what it would do, and what hinders it."""

from collections.abc import Sequence
from dataclasses import dataclass

from playground.core.context import RequestContext
from playground.core.errors import PlaygroundError
from playground.prompts.models import Ramp
from playground.prompts.ramps.choices import form_of
from playground.prompts.ramps.foretold import Foretold, foretold
from playground.prompts.ramps.page import Step, Watch, steps_of, watches_of
from playground.prompts.ramps.proposing_ramps import hindered_by


@dataclass(frozen=True, slots=True)
class Review:
    """What somebody reads before they decide.

    Attributes:
        foretold: None where nothing can be foretold any more; ``hindered`` says why.
    """

    ramp: Ramp
    steps: Sequence[Step]
    watches: Sequence[Watch]
    hindered: str
    foretold: Foretold | None


def review_of(context: RequestContext, ramp: Ramp) -> Review:
    """Foretell a draft as it stands, for those who used its label of late."""
    return Review(
        ramp=ramp,
        steps=steps_of(ramp, ()),
        watches=watches_of(ramp),
        hindered=hindered_by(ramp),
        foretold=foretold_of(context, ramp),
    )


def foretold_of(context: RequestContext, ramp: Ramp) -> Foretold | None:
    """Foretell a draft; None where its label or its versions are no longer what they were."""
    try:
        return foretold(context, ramp.prompt.path, form_of(ramp).plan())
    except PlaygroundError:
        return None
