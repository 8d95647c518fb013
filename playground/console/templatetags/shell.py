"""``{% shell as shell %}``: the page frame's own context, so that no view has to pass it."""

from typing import Any

from django import template

from playground.console.shell import Shell, shell_for

register = template.Library()


@register.simple_tag(takes_context=True)
def shell(context: dict[str, Any]) -> Shell:
    """Return the shell of the request that is being rendered."""
    request = context.get("request")
    if request is None:
        return Shell(entries=(), person=None, team=None, teams=(), offline_model=False)
    return shell_for(request)
