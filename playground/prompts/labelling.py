"""Move labels from version to version, one mover at a time."""

from enum import Enum
from typing import Final, Literal

from django.db import transaction

from playground.core.clock import now
from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput, NotFound, PolicyDenied
from playground.policy import auditing
from playground.policy.deciding import decide
from playground.prompts.changing import announce
from playground.prompts.crediting import credits_for
from playground.prompts.finding import check_label, find_prompt, version_of
from playground.prompts.models import (
    Label,
    LabelMove,
    Prompt,
    PromptVersion,
    Ramp,
)
from playground.prompts.protecting import is_protected
from playground.prompts.reasoning import check_reason
from playground.prompts.ruling import address_of_label, address_of_rule, missing_from, reviewer_of


class _Anything(Enum):
    VALUE = "anything"


ANYTHING: Final = _Anything.VALUE
"""Wherever the label points now."""
Expected = int | None | Literal[_Anything.VALUE]
"""Number of the version that a label must point at, None for no label yet."""


def move_label(
    context: RequestContext,
    path: str,
    *,
    label: str,
    version: int,
    expected: Expected = ANYTHING,
    reason: str = "",
) -> Label:
    """Point a label at a version; where it points there already nothing happens.

    Raises:
        PolicyDenied: the context may not edit the prompt; ``prompt.label-protected``, the label
            takes a reviewer, and others propose.
        NotFound: there is no such prompt or version.
        Conflict: ``prompt.label-moved``, it points elsewhere than expected; ``current`` says where;
            ``prompt.label-ramped``, a ramp is live on it.
        InvalidInput: ``prompt.label-invalid``; ``prompt.fragment-required``, the team's rule for
            this label demands a fragment that the version does not include.
    """
    check_label(label)
    prompt = find_prompt(context, path, action="edit")
    require_mover(context, prompt, label, doing="Moving", proposable=True)
    found = version_of(prompt, version=version)
    return put(context, found, label=label, expected=expected, reason=reason)


def remove_label(
    context: RequestContext,
    path: str,
    *,
    label: str,
    expected: Expected = ANYTHING,
    reason: str = "",
) -> None:
    """Take a label away; whoever asks by it then is told that it is unknown.

    Raises:
        PolicyDenied, NotFound, Conflict: see ``move_label``.
    """
    prompt = find_prompt(context, path, action="edit")
    require_mover(context, prompt, label, doing="Removing")
    check_reason(reason)
    with transaction.atomic():
        lock(prompt)
        current = _current(prompt, label)
        if current is None:
            raise NotFound("prompt.label-unknown", f"{prompt} has no such label.")
        _compare(current, expected)
        _refuse_ramped(prompt, label)
        before = current.version.number
        current.delete()
        _note_move(context, prompt, label, before=before, after=None, reason=reason)
    _record(context, prompt, label, before=before, after=None)


def put(
    context: RequestContext,
    version: PromptVersion,
    *,
    label: str,
    expected: Expected,
    reason: str,
    action: str = "move_label",
) -> Label:
    """Point a label at a version for somebody who has been found to be allowed to.

    Raises:
        Conflict: ``prompt.label-moved``; ``prompt.label-ramped``; ``prompt.version-archived``.
        InvalidInput: ``prompt.fragment-required``.
    """
    check_reason(reason)
    prompt = version.prompt
    with transaction.atomic():
        lock(prompt)
        current = _current(prompt, label)
        _compare(current, expected)
        if current is not None and current.version_id == version.pk:
            return current
        _refuse_ramped(prompt, label)
        if PromptVersion.objects.filter(pk=version.pk, archived_at__isnull=False).exists():
            raise Conflict("prompt.version-archived", f"{version} is archived; restore it first.")
        require_fragments(version, label)
        before = None if current is None else current.version.number
        moved, _ = Label.objects.update_or_create(
            prompt=prompt,
            name=label,
            defaults={
                "version": version,
                "revision": 1 if current is None else current.revision + 1,
                "moved_by": context.subject,
                "moved_at": now(),
                "reason": reason,
            },
        )
        _note_move(context, prompt, label, before=before, after=version.number, reason=reason)
    _record(context, prompt, label, before=before, after=version.number, action=action)
    return moved


def require_mover(
    context: RequestContext, prompt: Prompt, label: str, *, doing: str, proposable: bool = False
) -> None:
    """Refuse who may edit the prompt and not review, where the label is protected.

    Args:
        doing: what takes a reviewer, in words that the label's name follows.
        proposable: whether they may propose it instead.

    Raises:
        PolicyDenied: ``prompt.label-protected``.
    """
    if not is_protected(prompt.team, label):
        return
    decision = decide(context, "approve", prompt.resource(context))
    if not decision.allowed:
        instead = "a reviewer; propose it instead" if proposable else reviewer_of(context)
        raise PolicyDenied(
            "prompt.label-protected",
            f"{doing} “{label}” takes {instead}.",
            policies=list(decision.policies),
            rule=address_of_label(label),
        )


def lock(prompt: Prompt) -> None:
    """Let no other transaction move this prompt's labels or save versions until this one ends."""
    Prompt.objects.select_for_update().get(pk=prompt.pk)


def _current(prompt: Prompt, label: str) -> Label | None:
    return Label.objects.filter(prompt=prompt, name=label).select_related("version").first()


def _compare(current: Label | None, expected: Expected) -> None:
    if expected is ANYTHING:
        return
    number = None if current is None else current.version.number
    if number != expected:
        where = f"version {number}" if number else "no version"
        mover = current.moved_by if current else None
        by = f", moved by {credits_for([mover])[mover]}" if mover else ""
        raise Conflict(
            "prompt.label-moved",
            f"The label points at {where}{by}.",
            current=number,
            moved_by=mover,
        )


def _refuse_ramped(prompt: Prompt, label: str) -> None:
    if Ramp.objects.live().filter(prompt=prompt, label=label).exists():
        raise Conflict(
            "prompt.label-ramped", f"“{label}” is ramped; complete the ramp or roll it back first."
        )


def require_fragments(version: PromptVersion, label: str) -> None:
    """Refuse a version without the fragments that the team's rules for the label demand.

    Raises:
        InvalidInput: ``prompt.fragment-required``.
    """
    for rule in missing_from(version, label=label):
        raise InvalidInput(
            "prompt.fragment-required",
            f"What is labelled “{label}” includes {rule.fragment.path}; this version does not.",
            fragment=rule.fragment.path,
            rule=address_of_rule(rule),
        )


def _note_move(
    context: RequestContext,
    prompt: Prompt,
    label: str,
    *,
    before: int | None,
    after: int | None,
    reason: str,
) -> None:
    LabelMove.objects.create(
        prompt=prompt,
        label=label,
        before=before,
        after=after,
        moved_by=context.subject,
        reason=reason,
    )
    announce(prompt, "labelled")


def _record(
    context: RequestContext,
    prompt: Prompt,
    label: str,
    *,
    before: int | None,
    after: int | None,
    action: str = "move_label",
) -> None:
    # The audit log keeps what is rolled back: inside of a greater whole it is done only at its end.
    transaction.on_commit(
        lambda: auditing.record(
            context,
            action=action,
            resource=prompt.urn,
            outcome="done",
            details={"label": label, "before": before, "after": after},
        )
    )
