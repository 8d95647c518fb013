"""Choose the version of a prompt that somebody names, and render it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import connection

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.gateway.prompting import Resolved, caller_of
from playground.prompts.composing import includes_of
from playground.prompts.content import PromptKind
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.held import holding
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.templating.rendering import Rendered, render
from playground.prompts.templating.validating import check_variables


@dataclass(frozen=True, slots=True)
class Chosen:
    """A version and why it is this one.

    Attributes:
        label: by which it was found; None where a number named it.
        arm: of a ramp, where one runs on the label.
        reason: in words, for spans and pages.
        observed: JSON by which ``observing.record`` knows the call, where the ramp learns from it.
        ramp: id of the ramp that chose the arm.
    """

    version: PromptVersion
    label: str | None
    arm: str | None = None
    reason: str = ""
    observed: Mapping[str, Any] | None = None
    ramp: str | None = None


@dataclass(frozen=True, slots=True)
class Steered:
    """Where somebody is led who named a label: to the version of this number, and why."""

    number: int
    arm: str
    reason: str
    observed: Mapping[str, Any] | None = None
    ramp: str | None = None


class Assigner(Protocol):
    """Choose the version that somebody gets behind a label, or None to leave it.

    It asks nobody: what it takes has been read with the prompt.

    Args:
        key: what stays with one arm, such as ``member:42`` or ``thread:<uuid>``; None where the
            caller named nothing, and then the context's subject is who asks.
    """

    def __call__(
        self, context: RequestContext, *, prompt: Prompt, label: str, key: str | None
    ) -> Steered | None: ...


_assigners: list[Assigner] = []


def register_assigner(assigner: Assigner) -> None:
    """Let this assigner look at every version that is named by a label."""
    _assigners[:] = [assigner]


def find(
    context: RequestContext, *, name: str, label: str | None = None, version: int | None = None
) -> PromptVersion:
    """Return the version that is named, by number or by label; the newest is ``latest``.

    Held in memory, but for those in a transaction: they see what it has changed.

    Raises:
        NotFound: ``prompt.not-found``, ``prompt.version-not-found``, ``prompt.label-unknown``.
    """
    if not connection.in_atomic_block:
        return holding.find(context, name=name, label=label, version=version)
    prompt = find_prompt(context, name, audit=False)
    return version_of(prompt, label=label, version=version)


def choose(
    context: RequestContext,
    *,
    name: str,
    label: str | None = None,
    version: int | None = None,
    key: str | None = None,
) -> Chosen:
    """Return the version that somebody gets who names it so, and why; see ``find``.

    A number is exact; behind a label a ramp may choose for the key.

    Raises:
        InvalidInput: ``prompt.label-and-version``, both are named.
    """
    _refuse_both(label, version)
    found = find(context, name=name, label=label, version=version)
    steered = _steered(context, found.prompt, label, key)
    if steered is None:
        return _chosen(found, label, version)
    same = steered.number == found.number
    return _led(found if same else holding.version_of(found.prompt, steered.number), label, steered)


def choose_at_hand(
    context: RequestContext,
    *,
    name: str,
    label: str | None = None,
    version: int | None = None,
    key: str | None = None,
) -> Chosen | None:
    """Return what ``choose`` would, or None where it might have to ask the database."""
    _refuse_both(label, version)
    found = holding.at_hand(context, name=name, label=label, version=version)
    if found is None:
        return None
    steered = _steered(context, found.prompt, label, key)
    if steered is None:
        return _chosen(found, label, version)
    same = steered.number == found.number
    other = found if same else holding.version_at_hand(found.prompt, steered.number)
    return None if other is None else _led(other, label, steered)


def _steered(
    context: RequestContext, prompt: Prompt, label: str | None, key: str | None
) -> Steered | None:
    if not label:
        return None
    asked = (each(context, prompt=prompt, label=label, key=key) for each in _assigners)
    return next(filter(None, asked), None)


def _led(version: PromptVersion, label: str | None, steered: Steered) -> Chosen:
    return Chosen(version, label, steered.arm, steered.reason, steered.observed, steered.ramp)


def _refuse_both(label: str | None, version: int | None) -> None:
    if label is not None and version is not None:
        raise InvalidInput("prompt.label-and-version", "Name a label or a version, not both.")


def _chosen(found: PromptVersion, label: str | None, version: int | None) -> Chosen:
    if version is not None:
        return Chosen(found, None, reason=f"version {version} was asked for")
    return Chosen(found, label, reason=f"label {label}" if label else "the newest version")


def render_version(
    version: PromptVersion,
    variables: Mapping[str, Any],
    *,
    history: Sequence[Mapping[str, Any]] | None = None,
) -> Rendered:
    """Render a stored version with the fragments that it was saved with.

    Raises:
        InvalidInput: ``prompt.inputs``, the variables do not fit; or see ``rendering.render``.
    """
    given = variables if history is None else {"history": history, **variables}
    check_variables(version.inputs, given)
    return render(version.content, given, includes=includes_of(version))


def resolve(
    context: RequestContext,
    *,
    name: str,
    label: str | None,
    version: int | None,
    variables: Mapping[str, Any],
    key: str | None = None,
) -> Resolved:
    """Render a prompt for a call of a model; see ``PromptResolver``.

    Raises:
        InvalidInput: ``prompt.not-chat``, it is a text, which has no role.
    """
    chosen = choose(context, name=name, label=label, version=version, key=key)
    found = chosen.version
    if found.prompt.kind != PromptKind.CHAT:
        raise InvalidInput("prompt.not-chat", f"{found.prompt} is a {found.prompt.kind}.")
    rendered = render_version(found, variables)
    return Resolved(
        found.prompt.name,
        found.number,
        rendered.messages,
        label=chosen.label,
        arm=chosen.arm,
        reason=chosen.reason,
        caller=caller_of(context, key=key) if chosen.label else None,
        observed=chosen.observed,
        ramp=chosen.ramp,
    )
