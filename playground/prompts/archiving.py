"""Take prompts and versions out of use, describe them, and delete what nothing uses."""

from django.db import transaction
from django.db.models import ProtectedError

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput
from playground.policy import auditing
from playground.prompts.changing import announce
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.models import (
    Inclusion,
    Label,
    Prompt,
    PromptVersion,
    Ramp,
    RequiredFragment,
)
from playground.prompts.saving import About, check_about


def archive_prompt(context: RequestContext, path: str, *, archived: bool = True) -> Prompt:
    """Take a prompt out of lists and close it to new versions, or open it again.

    What names it still gets it, and what includes it keeps the version it was saved with.

    Raises:
        NotFound, PolicyDenied: there is none, or the context may not edit it.
    """
    prompt = find_prompt(context, path, action="edit")
    with transaction.atomic():
        Prompt.objects.filter(pk=prompt.pk).update(archived_at=now() if archived else None)
        announce(prompt, "archived")
    prompt.refresh_from_db()
    return prompt


def archive_version(
    context: RequestContext, path: str, *, version: int, archived: bool = True
) -> PromptVersion:
    """Take a version out of use, or back: ``latest`` passes it over and no label moves to it.

    Whoever names it by its number still gets it.

    Raises:
        NotFound, PolicyDenied: there is none, or the context may not edit it.
        Conflict: ``prompt.version-labelled``, labels point at it; ``prompt.version-ramped``, a
            live ramp leads to it.
    """
    prompt = find_prompt(context, path, action="edit")
    found = version_of(prompt, version=version)
    with transaction.atomic():
        Prompt.objects.select_for_update().get(pk=prompt.pk)
        labels = list(found.labels.values_list("name", flat=True))
        if archived and labels:
            raise Conflict(
                "prompt.version-labelled",
                f"Version {version} is labelled {', '.join(labels)}; move the labels first.",
                labels=labels,
            )
        if archived and Ramp.objects.live().filter(candidate=found).exists():
            raise Conflict(
                "prompt.version-ramped",
                f"A ramp leads to version {version}; complete it or roll it back first.",
            )
        PromptVersion.objects.filter(pk=found.pk).update(archived_at=now() if archived else None)
        announce(prompt, "archived")
    found.refresh_from_db()
    return found


def describe(
    context: RequestContext,
    path: str,
    *,
    title: str | None = None,
    description: str | None = None,
    shared: bool | None = None,
) -> Prompt:
    """Change what a prompt is called, and whether every team may read and include it.

    Raises:
        NotFound, PolicyDenied: there is none, or the context may not edit it.
        InvalidInput: ``prompt.about``; ``prompt.fragment-not-shared``, it includes what other
            teams may not read.
    """
    prompt = find_prompt(context, path, action="edit")
    about = About(
        title=prompt.title if title is None else title,
        description=prompt.description if description is None else description,
        shared=prompt.shared if shared is None else shared,
    )
    check_about(about, prompt.kind)
    with transaction.atomic():
        Prompt.objects.select_for_update().get(pk=prompt.pk)
        private = Inclusion.objects.filter(version__prompt=prompt, fragment__prompt__shared=False)
        if about.shared and private.exists():
            raise InvalidInput(
                "prompt.fragment-not-shared",
                f"{prompt} includes fragments that other teams may not read.",
            )
        Prompt.objects.filter(pk=prompt.pk).update(
            title=about.title, description=about.description, shared=about.shared
        )
        announce(prompt, "described")
    changed = {
        field: getattr(about, field)
        for field in ("title", "description", "shared")
        if getattr(about, field) != getattr(prompt, field)
    }
    if changed:
        # The names of the fields alone, and whom it is shared with: texts are the prompt's own.
        details = {"fields": sorted(changed), "shared": about.shared}
        auditing.record(
            context, action="describe", resource=prompt.urn, outcome="done", details=details
        )
    prompt.refresh_from_db()
    return prompt


def delete_prompt(context: RequestContext, path: str) -> None:
    """Delete a prompt with its versions, labels and drafts.

    Raises:
        NotFound, PolicyDenied: there is none, or the context may not delete it.
        Conflict: ``prompt.in-use``; ``dependents`` names what the context may see of it.
    """
    prompt = find_prompt(context, path, action="delete")
    with transaction.atomic():
        Prompt.objects.select_for_update().get(pk=prompt.pk)
        uses = Inclusion.objects.filter(fragment__prompt=prompt).exclude(version__prompt=prompt)
        if uses.exists():
            raise _in_use(prompt, _seen(context, prompt))
        if RequiredFragment.objects.filter(fragment=prompt).exists():
            raise _in_use(prompt, ["a rule that requires it"])
        if Ramp.objects.live().filter(prompt=prompt).exists():
            raise _in_use(prompt, ["a ramp"])
        announce(prompt, "deleted")
        Label.objects.filter(prompt=prompt).delete()
        Ramp.objects.filter(prompt=prompt).delete()
        try:
            PromptVersion.objects.filter(prompt=prompt).delete()
        except ProtectedError as error:
            raise _in_use(prompt, sorted(map(str, error.protected_objects))[:20]) from error
        prompt.delete()


def _seen(context: RequestContext, prompt: Prompt) -> list[str]:
    users = Prompt.objects.visible_to(context).filter(versions__inclusions__fragment__prompt=prompt)
    return [each.path for each in users.select_related("team").distinct().order_by("name")[:20]]


def _in_use(prompt: Prompt, dependents: list[str]) -> Conflict:
    named = ", ".join(dependents) or "prompts of other teams"
    return Conflict(
        "prompt.in-use", f"{prompt} is used by {named}; archive it instead.", dependents=dependents
    )
