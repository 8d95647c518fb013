"""Choose the version of a prompt that somebody names, and render it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import connection

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.gateway.prompting import Resolved
from playground.prompts import holding
from playground.prompts.composing import includes_of
from playground.prompts.content import PromptKind
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.rendering import Rendered, render
from playground.prompts.validating import check_variables


@dataclass(frozen=True, slots=True)
class Chosen:
    """A version and why it is this one.

    Attributes:
        label: by which it was found; None where a number named it.
        arm: of a ramp, where one runs on the label.
        reason: in words, for spans and pages.
    """

    version: PromptVersion
    label: str | None
    arm: str | None = None
    reason: str = ""


class Assigner(Protocol):
    """Choose another version than the one behind a label, or None to leave it.

    The prompt is one and the same object until something about it changes: what was read for it
    may be kept with it. ``holding.version_of`` finds its other versions in memory.

    Args:
        key: what stays with one arm, such as ``member:42`` or ``thread:<uuid>``; None where the
            caller named nothing, and then the context's subject is who asks.
    """

    def __call__(
        self, context: RequestContext, *, prompt: Prompt, chosen: Chosen, key: str | None
    ) -> Chosen | None: ...


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
    chosen = _chosen(find(context, name=name, label=label, version=version), label, version)
    for assigner in _assigners if label else ():
        prompt = chosen.version.prompt
        chosen = assigner(context, prompt=prompt, chosen=chosen, key=key) or chosen
    return chosen


def choose_at_hand(
    context: RequestContext,
    *,
    name: str,
    label: str | None = None,
    version: int | None = None,
) -> Chosen | None:
    """Return what ``choose`` would, or None where it might have to ask the database."""
    _refuse_both(label, version)
    if label and _assigners:
        return None
    found = holding.at_hand(context, name=name, label=label, version=version)
    return None if found is None else _chosen(found, label, version)


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
) -> Resolved:
    """Render a prompt for a call of a model; see ``PromptResolver``.

    Raises:
        InvalidInput: ``prompt.not-chat``, it is a text, which has no role.
    """
    chosen = choose(context, name=name, label=label, version=version)
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
    )
