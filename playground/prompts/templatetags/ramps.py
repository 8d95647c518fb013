"""``{% ramps_of prompt %}``: what is ramping on a prompt's labels, for any page that shows it.

``{% ramp_to version %}`` leads to the form that plans a ramp to it, ``{% ramp_link ramp %}`` to
one that there is, and ``{% mover by %}`` names who moved a label.
"""

from typing import Any

from django import template

from playground.prompts.models import Prompt, PromptVersion, Ramp
from playground.prompts.pages.movers import Mover
from playground.prompts.ramps.summing_up import label_to_ramp, summaries_of

register = template.Library()


@register.inclusion_tag("prompts/ramp/panel.html", takes_context=True)
def ramps_of(context: dict[str, Any], prompt: Prompt) -> dict[str, Any]:
    """Say what is live in a line each; whoever may open the ramps gets links."""
    return {"ramps": summaries_of(prompt), "opens": _may(context, "view")}


@register.inclusion_tag("prompts/ramp/button.html", takes_context=True)
def ramp_to(context: dict[str, Any], version: PromptVersion) -> dict[str, Any]:
    """Offer to plan a ramp to a version to whoever may, where a label could lead to it."""
    label = label_to_ramp(version) if _may(context, "add") else None
    return {"prompt": version.prompt, "version": version, "label": label}


@register.inclusion_tag("prompts/ramp/link.html", takes_context=True)
def ramp_link(context: dict[str, Any], ramp: Ramp) -> dict[str, Any]:
    """Lead whoever may open ramps to this one."""
    return {"ramp": ramp, "opens": _may(context, "view")}


@register.inclusion_tag("prompts/ramp/mover.html", takes_context=True)
def mover(context: dict[str, Any], by: Mover) -> dict[str, Any]:
    """Name who moved a label; a guard leads to its ramp for whoever may open it."""
    return {"by": by, "opens": by.ramp is not None and _may(context, "view")}


def _may(context: dict[str, Any], action: str) -> bool:
    user = getattr(context.get("request"), "user", None)
    return user is not None and user.is_staff and user.has_perm(f"prompts.{action}_ramp")
