"""``{% ramps_of prompt %}``: what is ramping on a prompt's labels, for any page that shows it."""

from typing import Any

from django import template

from playground.prompts.models import Prompt
from playground.prompts.ramps.page import summaries_of

register = template.Library()


@register.inclusion_tag("prompts/ramp/panel.html", takes_context=True)
def ramps_of(context: dict[str, Any], prompt: Prompt) -> dict[str, Any]:
    """Say what is live in a line each; whoever may open the ramps gets links."""
    user = getattr(context.get("request"), "user", None)
    opens = user is not None and user.is_staff and user.has_perm("prompts.view_ramp")
    return {"ramps": summaries_of(prompt), "opens": opens}
