"""Find the version of a prompt that somebody names, and render it."""

from collections.abc import Mapping
from typing import Any

from playground.core.context import RequestContext
from playground.core.errors import NotFound
from playground.gateway.prompting import Resolved
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.rendering import render

LATEST = "latest"


def resolve(
    context: RequestContext,
    *,
    name: str,
    label: str | None,
    version: int | None,
    variables: Mapping[str, Any],
) -> Resolved:
    """Render a prompt of the context's team, ``name`` or ``team/name``; see ``PromptResolver``."""
    found = find(context, name=name, label=label, version=version)
    return Resolved(found.prompt.name, found.number, render(found.messages, variables))


def find(
    context: RequestContext, *, name: str, label: str | None, version: int | None
) -> PromptVersion:
    """Return the version that is named, by number or by label; the newest is ``latest``.

    Raises:
        NotFound: ``prompt.not-found``, ``prompt.version-not-found``, ``prompt.label-unknown``.
    """
    team, _, short = name.rpartition("/")
    prompts = Prompt.objects.visible_to(context).filter(name=short)
    prompt = prompts.first() if team in ("", context.team) else None
    if prompt is None:
        raise NotFound("prompt.not-found", "There is no such prompt.")
    versions = prompt.versions.select_related("prompt")
    if version is not None:
        found = versions.filter(number=version).first()
        if found is None:
            raise NotFound("prompt.version-not-found", f"{prompt} has no version {version}.")
        return found
    if label not in (None, LATEST):
        raise NotFound("prompt.label-unknown", f"{prompt} has no such label.")
    newest = versions.order_by("-number").first()
    if newest is None:
        raise NotFound("prompt.version-not-found", f"{prompt} has no version.")
    return newest
