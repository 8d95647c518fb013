"""Find prompts by their names, for somebody who may know of them."""

import re

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound
from playground.policy.deciding import require
from playground.prompts.content import is_label
from playground.prompts.models import Prompt, PromptVersion

LATEST = "latest"
PRODUCTION = "production"
RESERVED = frozenset(("new", "edit", "render"))
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def check_name(name: str) -> None:
    """Refuse a name that no prompt may have.

    Raises:
        InvalidInput: ``prompt.name-invalid``.
    """
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise InvalidInput(
            "prompt.name-invalid",
            "A name has 1 to 64 lower-case letters, digits, dashes and underscores, and is not "
            "reserved.",
            field="name",
        )


def check_label(label: str) -> None:
    """Refuse a label that cannot be set: ``latest`` always means the newest version.

    Raises:
        InvalidInput: ``prompt.label-invalid``.
    """
    if not is_label(label) or label == LATEST:
        raise InvalidInput(
            "prompt.label-invalid",
            "A label has 1 to 40 lower-case letters, digits, dashes and underscores, begins with "
            "a letter, and is not “latest”.",
        )


def find_prompt(
    context: RequestContext, path: str, *, action: str = "view", audit: bool = True
) -> Prompt:
    """Return a prompt by ``name`` or ``team/name``.

    Raises:
        NotFound: there is none that the context may see.
        PolicyDenied: the context may see it, and not do this with it.
    """
    team, _, name = path.rpartition("/")
    prompts = Prompt.objects.visible_to(context).select_related("team")
    prompt = prompts.filter(team__slug=team or context.team, name=name).first()
    if prompt is None:
        raise NotFound("prompt.not-found", "There is no such prompt.")
    require(context, action, prompt.resource(context), audit=audit)
    return prompt


def version_of(
    prompt: Prompt, *, label: str | None = None, version: int | None = None
) -> PromptVersion:
    """Return a version by number or label, archived ones too; without either the newest.

    Raises:
        NotFound: ``prompt.version-not-found`` or ``prompt.label-unknown``; no other is taken.
    """
    versions = prompt.versions.newest_first()
    if version is not None:
        found = versions.filter(number=version).first() if version < 2**31 else None
        if found is None:
            raise NotFound("prompt.version-not-found", f"{prompt} has no version {version}.")
        return found
    if label in (None, LATEST):
        newest = prompt.versions.current()
        if newest is None:
            raise NotFound("prompt.version-not-found", f"{prompt} has no version.")
        return newest
    labelled = versions.filter(labels__name=label).first()
    if labelled is None:
        raise NotFound("prompt.label-unknown", f"{prompt} has no such label.")
    return labelled
