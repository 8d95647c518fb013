"""Keep what somebody has typed and not saved."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from playground.core.canonical import canonical_json
from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound
from playground.prompts.finding import find_prompt
from playground.prompts.models import Draft
from playground.prompts.spotting import refuse_secrets, spot_in

MAX_DRAFT_BYTES = 1_000_000


def save_draft(
    context: RequestContext, path: str, *, content: Mapping[str, Any], based_on: int | None = None
) -> Draft:
    """Keep the subject's draft of a prompt, in place of the one they had.

    Args:
        content: in the shape of ``content.Content``, as far as it has been typed: a draft need
            not be valid.
        based_on: number of the version that the editor began with.

    Raises:
        NotFound: there is no such prompt.
        PolicyDenied: the context may not edit it.
        InvalidInput: ``prompt.draft-too-large``; ``prompt.secret``: what no version may hold is
            not kept either.
    """
    prompt = find_prompt(context, path, action="edit", audit=False)
    if len(canonical_json(content)) > MAX_DRAFT_BYTES:
        raise InvalidInput(
            "prompt.draft-too-large",
            f"A draft has at most {MAX_DRAFT_BYTES} bytes.",
            http_status=413,
        )
    refuse_secrets(spot_in(content))
    with transaction.atomic():
        draft, _ = Draft.objects.update_or_create(
            prompt=prompt,
            author=context.subject,
            defaults={"content": dict(content), "based_on": based_on, "updated_at": now()},
        )
    return draft


def draft_of(context: RequestContext, path: str) -> Draft:
    """Return the subject's own draft of a prompt.

    Raises:
        NotFound: ``prompt.not-found``, ``prompt.draft-not-found``.
    """
    prompt = find_prompt(context, path, audit=False)
    draft = Draft.objects.filter(prompt=prompt, author=context.subject).first()
    if draft is None:
        raise NotFound("prompt.draft-not-found", "You have no draft of this prompt.")
    return draft


def discard_draft(context: RequestContext, path: str) -> None:
    """Throw the subject's own draft of a prompt away, if there is one.

    Raises:
        NotFound: there is no such prompt.
    """
    prompt = find_prompt(context, path, audit=False)
    with transaction.atomic():
        Draft.objects.filter(prompt=prompt, author=context.subject).delete()
