"""Say what each model makes of a rendered prompt: tokens, share of its context, price."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.gateway import calibrating, catalogue
from playground.gateway.configuration import Configuration, Model
from playground.gateway.counting import Counted, tally
from playground.gateway.watching import current
from playground.prompts.content import Content
from playground.prompts.templating.rendering import Rendered


@dataclass(frozen=True, slots=True)
class Share:
    """What one model makes of the prompt.

    Attributes:
        window: tokens of its context, None where that is not known.
        cost_usd: of the input of one call.
        chosen: a call of this prompt may go there.
    """

    model: str
    counted: Counted
    window: int | None
    cost_usd: Decimal | None
    chosen: bool = False

    @property
    def tokens(self) -> int:
        """Return how many tokens they are."""
        return self.counted.tokens

    @property
    def exact(self) -> bool:
        """Tell whether the model's own vocabulary was counted in."""
        return self.counted.exact

    @property
    def percent(self) -> int | None:
        """Return how many percent of the context these are, rounded up; None if not known."""
        return None if not self.window else -(-self.tokens * 100 // self.window)

    @property
    def basis(self) -> str:
        """Say in words what the count rests on."""
        if self.counted.exact:
            return "counted in its own vocabulary"
        if self.counted.basis == "vocabulary":
            return "counted in its own vocabulary; how it takes in tools and pictures is estimated"
        if self.counted.basis == "told":
            return f"estimated by what {self.counted.calls:,} calls of it have told"
        return "estimated in OpenAI's newest vocabulary; too few calls have told its own"


def shares(
    context: RequestContext, content: Content, rendered: Rendered | None
) -> tuple[Share, ...]:
    """Return the models that the team may call, those that the prompt names first.

    Each vocabulary is counted in once, however many models there are. Asks the database, and may
    ask an endpoint for its models.
    """
    if rendered is None:
        return ()
    configuration = current()
    calibrating.refresh()
    named = _named(content, configuration)
    others = (each for each in catalogue.chat_models() if _may_call(context, each, configuration))
    models = {each.id: each for each in (*named, *others)}
    said: str | Sequence[dict[str, Any]] = (
        rendered.messages if rendered.text is None else rendered.text
    )
    counted = tally(said, content.tools, models.values())
    chosen = {each.id for each in named}
    found = [_share(each, counted.of(each), chosen) for each in models.values()]
    return tuple(sorted(found, key=lambda each: (not each.chosen, each.model * (not each.chosen))))


def _named(content: Content, configuration: Configuration) -> list[Model]:
    wanted = content.settings.get("model") or catalogue.default_model()
    try:
        ways = catalogue.route_of(str(wanted), configuration).ways
    except InvalidInput:
        return []
    return [way.model for way in ways]


def _may_call(context: RequestContext, model: Model, configuration: Configuration) -> bool:
    """Tell whether no limit forbids the team this model altogether."""
    limits = configuration.limits_of(team=context.team, key=context.subject, models=(model.id,))
    return all(limit.cap > 0 for limit in limits)


def _share(model: Model, counted: Counted, chosen: set[str]) -> Share:
    cost = None
    if model.price is not None:
        cost = model.price.input * counted.tokens / 1_000_000
    return Share(model.id, counted, model.context_tokens, cost, model.id in chosen)
