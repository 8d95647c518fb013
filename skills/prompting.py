"""Say which skills take their words from a prompt, and which prompts a skill takes."""

import uuid
from collections.abc import Iterable

from django.db.models import Q

from playground.core.context import RequestContext
from playground.prompts.models import Prompt
from playground.prompts.relying import Use
from skills import registry
from skills.declaring import Skill


def skills_using(
    context: RequestContext, prompts: Iterable[uuid.UUID]
) -> dict[uuid.UUID, list[Use]]:
    """Return the skills that the team may use and that use one of these prompts."""
    users: dict[str, list[Skill]] = {}
    for skill in registry.visible_to(context):
        for name in skill.prompts:
            users.setdefault(_path(context, name), []).append(skill)
    if not users:
        return {}
    found: dict[uuid.UUID, list[Use]] = {}
    for prompt in Prompt.objects.filter(pk__in=list(prompts)).select_related("team"):
        for skill in users.get(prompt.path, ()):
            use = Use(skill.title, f"/skills/{skill.name}", "skill")
            found.setdefault(prompt.pk, []).append(use)
    return found


def prompts_of(context: RequestContext, skill: Skill) -> list[Prompt]:
    """Return the prompts that the skill uses and the context may see, in the order declared."""
    paths = [_path(context, name) for name in skill.prompts]
    if not paths:
        return []
    named = Q()
    for path in paths:
        team, _, name = path.partition("/")
        named |= Q(team__slug=team, name=name)
    seen = Prompt.objects.visible_to(context).filter(named).select_related("team")
    return sorted(seen, key=lambda prompt: paths.index(prompt.path))


def _path(context: RequestContext, name: str) -> str:
    return name if "/" in name else f"{context.team}/{name}"
