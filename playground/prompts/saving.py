"""Save prompts as immutable versions."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Max

from playground.core.canonical import content_hash
from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.policy.models import Team
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.rendering import MAX_MESSAGES, PromptMessage, check, variables_of


def save_version(
    context: RequestContext,
    *,
    name: str,
    messages: Sequence[PromptMessage],
    kind: Prompt.Kind = Prompt.Kind.CHAT,
) -> PromptVersion:
    """Append a version to the prompt of that name, or return the last one if it says the same.

    The caller has asked for permission: a prompt is edited as part of what it belongs to.

    Raises:
        InvalidInput: no messages, too many, or a template that does not parse.
    """
    if not 0 < len(messages) <= MAX_MESSAGES:
        raise InvalidInput("prompt.messages", f"A prompt has 1 to {MAX_MESSAGES} messages.")
    for index, message in enumerate(messages):
        check(message["template"], index=index)
    stored = [{"role": m["role"], "template": m["template"]} for m in messages]
    digest = content_hash(stored)
    with transaction.atomic():
        team = Team.objects.get(slug=context.team)
        prompt, _ = Prompt.objects.get_or_create(team=team, name=name, defaults={"kind": kind})
        Prompt.objects.select_for_update().get(pk=prompt.pk)
        last = prompt.versions.order_by("-number").first()
        if last is not None and last.content_hash == digest:
            return last
        number = (prompt.versions.aggregate(top=Max("number"))["top"] or 0) + 1
        inputs = sorted({name for m in stored for name in variables_of(m["template"])})
        return prompt.versions.create(
            number=number,
            messages=stored,
            inputs=inputs,
            content_hash=digest,
            author=context.subject,
        )
