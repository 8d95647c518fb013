"""Prompts to resolve, made as people make them, and labels moved behind everybody's back."""

from typing import Any

from playground.core.context import RequestContext
from playground.policy.models import User
from playground.prompts.content import content_of
from playground.prompts.finding import find_prompt
from playground.prompts.models import Label, PromptVersion
from playground.prompts.saving import About, create_prompt, save_version

CHAT: dict[str, Any] = {
    "messages": [
        {"role": "system", "template": "Write to {{ name }} kindly."},
        {"role": "placeholder"},
    ],
    "settings": {"model": "chat-default"},
}
FRAGMENT: dict[str, Any] = {
    "kind": "fragment",
    "messages": [{"role": "text", "template": "Be fair."}],
}


def context_of(user: User, team: str = "hiring") -> RequestContext:
    return RequestContext(subject=user.urn, team=team)


def create(context: RequestContext, name: str, body: dict[str, Any], **about: Any) -> PromptVersion:
    return create_prompt(context, name=name, content=content_of(body), about=About(**about))


def save(context: RequestContext, name: str, text: str) -> PromptVersion:
    """Append a version of a chat that says only this."""
    body = {"messages": [{"role": "system", "template": text}]}
    return save_version(context, name, content=content_of(body))


def label(context: RequestContext, name: str, word: str, number: int) -> None:
    """Move a label by its row alone, as no verb would: nobody is told but by the database."""
    prompt = find_prompt(context, name)
    version = prompt.versions.get(number=number)
    Label.objects.update_or_create(
        prompt=prompt, name=word, defaults={"version": version, "moved_by": context.subject}
    )
