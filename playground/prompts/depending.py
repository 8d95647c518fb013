"""Find what includes a fragment, and bring it to another version of the fragment."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from django.db import transaction
from django.db.models import Max

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, PlaygroundError
from playground.policy.deciding import decide
from playground.prompts.comparing import compare, texts_of, written
from playground.prompts.composing import includes_of
from playground.prompts.content import Content, PromptKind
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.models import Inclusion, Label, Prompt, PromptVersion
from playground.prompts.saving import append_version
from playground.prompts.templating.discovering import discover
from playground.prompts.templating.fragments import name_of

Outcome = Literal["bumped", "pinned", "denied", "archived", "failed"]


@dataclass(frozen=True, slots=True)
class Dependent:
    """A version in use that includes a fragment.

    Attributes:
        fragment_version: number of the fragment's version that it includes.
        through: ``team/name@number`` of the fragment by which it does, None if by its own text.
        labels: that point at this version.
        newest: whether it is the prompt's newest version.
    """

    path: str
    version: int
    fragment_version: int
    through: str | None
    labels: tuple[str, ...]
    newest: bool


@dataclass(frozen=True, slots=True)
class Bumped:
    """What a bump did to one prompt.

    Attributes:
        outcome: ``pinned``: its text names another version; ``failed``: ``detail`` says why.
        after: number of the new version; in a dry run the number that it would get.
        diff: unified, through fragments.
    """

    path: str
    outcome: Outcome
    before: int
    after: int | None = None
    diff: str = ""
    detail: str = ""


def dependents(context: RequestContext, path: str) -> list[Dependent]:
    """Return the versions in use that include a fragment: newest ones and those with labels.

    Raises:
        NotFound: there is no such prompt that the context may see.
    """
    prompt = find_prompt(context, path, audit=False)
    seen = Prompt.objects.visible_to(context)
    rows = Inclusion.objects.filter(fragment__prompt=prompt, version__prompt__in=seen)
    rows = rows.select_related("version__prompt__team", "fragment", "through__prompt__team")
    newest = _newest(row.version.prompt_id for row in rows)
    labels: dict[uuid.UUID, list[str]] = {}
    for label in Label.objects.filter(version__in=[row.version_id for row in rows]):
        labels.setdefault(label.version_id, []).append(label.name)
    found = [
        Dependent(
            path=row.version.prompt.path,
            version=row.version.number,
            fragment_version=row.fragment.number,
            through=row.through.ref if row.through else None,
            labels=tuple(sorted(labels.get(row.version_id, ()))),
            newest=newest[row.version.prompt_id] == row.version.number,
        )
        for row in rows
    ]
    used = [each for each in found if each.newest or each.labels]
    return sorted(used, key=lambda each: (each.path, -each.version, each.through or ""))


def bump_dependents(
    context: RequestContext, path: str, *, version: int | None = None, dry_run: bool = True
) -> list[Bumped]:
    """Make new versions of the team's prompts that include a fragment, with another version of it.

    Fragments between the two are bumped first, so that what includes them gets the new ones. No
    label moves.

    Args:
        version: number of the fragment's version; None for its newest.

    Raises:
        NotFound: there is no such prompt or version.
        InvalidInput: ``prompt.not-fragment``.
    """
    fragment = find_prompt(context, path, audit=False)
    if fragment.kind != PromptKind.FRAGMENT:
        raise InvalidInput("prompt.not-fragment", f"{fragment.path} is a {fragment.kind}.")
    target = version_of(fragment, version=version)
    taken = {fragment.pk: target}
    results: list[Bumped] = []
    with transaction.atomic():
        for prompt in _in_order(context, fragment):
            bumped = _bump(context, prompt, taken, dry_run=dry_run)
            if bumped is not None:
                results.append(bumped)
        if dry_run:
            # What is made of fragments in between is needed to see what comes of the others.
            transaction.set_rollback(True)
    return results


def _newest(prompts: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    tops = PromptVersion.objects.filter(prompt__in=set(prompts)).order_by()
    return dict(tops.values_list("prompt").annotate(top=Max("number")))


def _in_order(context: RequestContext, fragment: Prompt) -> list[Prompt]:
    """Return the team's prompts whose newest version includes it, what is included first."""
    own = Prompt.objects.of_team(context).select_related("team")
    users = own.filter(versions__inclusions__fragment__prompt=fragment).distinct()
    newest = {prompt: prompt.versions.newest_first()[0] for prompt in users}
    below = {
        prompt.pk: set(version.inclusions.values_list("fragment__prompt_id", flat=True))
        for prompt, version in newest.items()
    }
    waiting = sorted(
        (prompt for prompt in newest if fragment.pk in below[prompt.pk]), key=lambda each: each.name
    )
    ordered: list[Prompt] = []
    while waiting:
        left = {each.pk for each in waiting}
        # Two may include each other's versions; then one of them has to come first.
        ready = [each for each in waiting if not below[each.pk] & (left - {each.pk})]
        ordered.append((ready or waiting)[0])
        waiting.remove(ordered[-1])
    return ordered


def _bump(
    context: RequestContext, prompt: Prompt, taken: dict[uuid.UUID, PromptVersion], *, dry_run: bool
) -> Bumped | None:
    last = prompt.versions.newest_first()[0]
    own = list(last.inclusions.filter(through=None).select_related("fragment__prompt"))
    stale = [row for row in own if _differs(row, taken)]
    if not stale:
        return None
    if all(_is_pinned(row.name) for row in stale):
        names = ", ".join(sorted(row.name for row in stale))
        return Bumped(prompt.path, "pinned", last.number, detail=f"The text says {names}.")
    if prompt.archived_at is not None:
        return Bumped(prompt.path, "archived", last.number)
    if not decide(context, "edit", prompt.resource(context), audit=not dry_run).allowed:
        return Bumped(prompt.path, "denied", last.number)
    pins = {row.fragment.prompt_id: row.fragment for row in own} | taken
    note = f"Bump {', '.join(sorted({row.name for row in stale}))}"[:200]
    try:
        made = append_version(
            context, prompt, _content(last), note=note, based_on=last.number, taken=pins
        )
    except PlaygroundError as error:
        return Bumped(prompt.path, "failed", last.number, detail=error.detail)
    taken[prompt.pk] = made
    sections = compare(
        last.content,
        made.content,
        old_fragments=texts_of(includes_of(last)),
        new_fragments=texts_of(includes_of(made)),
    )
    text = written(sections, before=last.ref, after=made.ref)
    return Bumped(prompt.path, "bumped", last.number, made.number, text)


def _differs(row: Inclusion, taken: dict[uuid.UUID, PromptVersion]) -> bool:
    wanted = taken.get(row.fragment.prompt_id)
    return wanted is not None and wanted.pk != row.fragment_id


def _is_pinned(written: str) -> bool:
    name = name_of(written)
    return name.version is not None or name.label is not None


def _content(version: PromptVersion) -> Content:
    """Return the content; inputs that were discovered will be discovered again."""
    content = version.content
    discovered = discover(content, includes_of(version))
    if discovered == content.inputs:
        return content.model_copy(update={"inputs": None})
    return content
